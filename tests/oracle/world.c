#include "oracle/world.h"

#include "oracle/manifest.h"

/* The registry: a folder with several versions of each crate, which cargo takes in place of crates.io. */
struct vendored {
	const char *name, *version, *deps;
};

static const struct vendored vendored[] = {
	{ "r-alpha", "1.0.0", "" },
	{ "r-alpha", "1.1.0", "" },
	{ "r-alpha", "1.2.0", "" },
	{ "r-alpha", "2.0.0", "" },
	{ "r-alpha", "2.1.0", "" },
	{ "r-beta", "1.0.0", "r-alpha = \"1\"\n" },
	{ "r-beta", "1.1.0", "r-alpha = \"2\"\n" },
	{ "r-gamma", "1.0.0", "r-patched = \"1\"\n" },
	{ "r-gamma", "1.1.0", "r-alpha = \"1\"\n" },
	{ "r-gamma", "1.2.0", "r-patched = \"1\"\nr-beta = \"1\"\n" },
	{ "r-delta", "1.0.0", "r-gamma = \"1\"\n" },
	{ "r-delta", "1.1.0", "r-gamma = \"1\"\nr-alpha = \"2\"\n" },
	{ "r-patched", "1.0.0", "" },
	{ "r-patched2", "1.0.0", "" },
};

static const char cargo_config[] = "[source.crates-io]\nreplace-with = \"beside\"\n[source.beside]\ndirectory = \"../../vendor\"\n";

size_t world_pick(struct world *world, size_t n)
{
	uint64_t z = world->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (size_t)((z ^ (z >> 31)) % n);
}

bool world_once_in(struct world *world, size_t n)
{
	return world_pick(world, n) == 0;
}

/* -- names ------------------------------------------------------------------------------------------------------------------------------------ */

const char *world_dir(const struct world *world, size_t crate)
{
	return world->folders[crate].path;
}

size_t world_crate_in(const struct world *world, const char *dir)
{
	size_t i = 0;

	while (i < WORLD_CRATES && !str_eq(world_dir(world, i), dir))
		i++;
	return i;
}

size_t world_crate_named(const struct world *world, const char *name)
{
	size_t i = 0;

	while (i < WORLD_CRATES && !str_eq(world->crates[i].name, name))
		i++;
	return i;
}

static size_t add_folder(struct world *world, char *path, bool is_own)
{
	for (size_t i = 0; i < world->n_folders; i++) {
		if (str_eq(world->folders[i].path, path)) {
			free(path);
			return i;
		}
	}
	assert_true(world->n_folders < WORLD_FOLDERS);
	world->folders[world->n_folders] = (struct world_folder){ .path = path, .is_own = is_own };
	return world->n_folders++;
}

static void bring(struct world *world, size_t crate, size_t folder)
{
	struct world_crate *c = &world->crates[crate];

	assert_true(c->n_folders < N_ELEMENTS(c->folders));
	c->folders[c->n_folders++] = folder;
}

static char *make_dir(const struct world *world, size_t i)
{
	static const char *const kinds[] = { "drivers/d", "lib/l", "apps/a" };

	if (i == WORLD_PATCHED || i == WORLD_PATCHED + 1)
		return xstrdup(i == WORLD_PATCHED ? "patched" : "patched2");
	if (i == WORLD_PACKAGES)
		return xstrdup("support/macros");
	if (i > WORLD_PACKAGES)
		return xasprintf("%s/helper", world_dir(world, 13));
	if (i >= 20 && i <= 50 && i % 10 == 0)
		return xasprintf("%s/inner", world_dir(world, i - 1));
	if (i == 60 || i == 61)
		return xasprintf("grp/g%zu", i);
	return xasprintf("%s%02zu", kinds[i % 3], i);
}

static void name_crates(struct world *world)
{
	for (size_t i = 0; i < WORLD_CRATES; i++) {
		if (i == WORLD_PATCHED || i == WORLD_PATCHED + 1)
			world->crates[i].name = xstrdup(i == WORLD_PATCHED ? "r-patched" : "r-patched2");
		else if (i >= WORLD_PACKAGES)
			world->crates[i].name = xstrdup(i == WORLD_PACKAGES ? "macros" : "inner-helper");
		else
			world->crates[i].name = xasprintf("pkg-%02zu", i);
		bring(world, i, add_folder(world, make_dir(world, i), i < WORLD_PACKAGES));
	}
}

/* -- what the configuration says ---------------------------------------------------------------------------------------------------------------- */

static void use(struct world *world, size_t crate, const char *path, size_t dependency)
{
	struct world_crate *c = &world->crates[crate];
	size_t folder = add_folder(world, xstrdup(path), false);

	if (strvec_has(&c->ini, path) || c->n_uses == N_ELEMENTS(c->uses) || c->n_folders == N_ELEMENTS(c->folders))
		return;
	strvec_add(&c->ini, path);
	if (dependency < WORLD_CRATES)
		c->uses[c->n_uses++] = dependency;
	bring(world, crate, folder);
}

static void make_uses(struct world *world)
{
	CLEANUP_FREE char *below = xasprintf("%s/src", world_dir(world, 13));

	for (size_t i = 15; i <= 25; i += 10)
		bring(world, i, add_folder(world, xasprintf("extra/e%zu", i), true));
	use(world, 12, "data", WORLD_CRATES);
	use(world, 22, "data", WORLD_CRATES);
	use(world, 33, below, 13);
	for (size_t i = 65; i <= 66; i++) {
		use(world, i, "grp", 60);
		world->crates[i].uses[world->crates[i].n_uses++] = 61;
	}
	for (size_t i = WORLD_FIRST_APP; i < WORLD_PACKAGES; i += 4) {
		size_t j = world_pick(world, i);

		use(world, i, world_dir(world, j), j);
	}
}

static void print_package(const struct world *world, size_t i, struct str *ini)
{
	const struct world_crate *crate = &world->crates[i];
	CLEANUP_FREE char *uses = strvec_join(&crate->ini, " ");

	str_printf(ini, "[package %s]\npaths = %s", crate->name, world_dir(world, i));
	for (size_t j = 1; j < crate->n_folders; j++)
		if (world->folders[crate->folders[j]].is_own && crate->folders[j] >= WORLD_CRATES)
			str_printf(ini, " %s", world->folders[crate->folders[j]].path);
	str_printf(ini, "\ndest = /usr/bin\n");
	if (crate->ini.n > 0)
		str_printf(ini, "uses = %s\n", uses);
	if (i == WORLD_EVERYBODYS)
		str_add(ini, "invalidates = *\n");
}

static void write_configuration(const struct world *world)
{
	CLEANUP(str_clear) struct str ini = { 0 };

	str_add(&ini, "[reinject]\nstate = state\ninclude = packages.ini\n[source base]\npath = top/repo\n"
		      "shared = Cargo.toml .cargo tool.cfg local.conf\nignore = rust lib/l07/left-out\n");
	for (size_t i = 0; i < WORLD_ASSETS; i++)
		str_printf(&ini, "[asset a%zu]\npath = %s\ndest = /etc/\n", i, world->assets[i]);
	scratch_write(world->git->dir, "reinject.ini", str_text(&ini));
	str_reset(&ini);
	for (size_t i = 0; i < WORLD_PACKAGES; i++)
		print_package(world, i, &ini);
	scratch_write(world->git->dir, "packages.ini", str_text(&ini));
	scratch_write(world->git->dir, "state/.keep", "");
}

/* -- files ------------------------------------------------------------------------------------------------------------------------------------ */

bool world_read(const struct world *world, const char *path, struct str *ret)
{
	CLEANUP_FREE char *full = xasprintf("%s/%s", world->git->repo, path);

	return fs_read(full, 1 << 24, ret, NULL) == 0;
}

void world_write(const struct world *world, const char *path, const struct str *text)
{
	CLEANUP_FREE char *full = xasprintf("%s/%s", world->git->repo, path), *parent = fs_dirname(full);
	CLEANUP_CLOSE int fd = -1;

	assert_int_equal(fs_make_dirs(parent, 0755, NULL), 0);
	fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		fail_msg("cannot write '%s': %s", full, strerror(errno));
	assert_int_equal(fs_write_all(fd, str_text(text), text->len), 0);
}

char *world_checksum(const char *name, const char *version)
{
	unsigned int i = 0;

	while (i < N_ELEMENTS(vendored) && !(str_eq(vendored[i].name, name) && str_eq(vendored[i].version, version)))
		i++;
	return xasprintf("%064x", i + 1);
}

static void write_vendored(const struct world *world, const struct vendored *crate)
{
	CLEANUP_FREE char *dir = xasprintf("%s/vendor/%s-%s", world->git->dir, crate->name, crate->version);
	CLEANUP_FREE char *manifest = xasprintf("[package]\nname = \"%s\"\nversion = \"%s\"\nedition = \"2021\"\n\n[dependencies]\n%s",
						crate->name, crate->version, crate->deps);
	CLEANUP_FREE char *sum = world_checksum(crate->name, crate->version);
	CLEANUP_FREE char *sums = xasprintf("{\"files\":{},\"package\":\"%s\"}", sum);

	scratch_write(dir, "Cargo.toml", manifest);
	scratch_write(dir, "src/lib.rs", "");
	scratch_write(dir, ".cargo-checksum.json", sums);
}

/* Names that git sorts otherwise than files would be, and bytes that are no UTF-8. */
static void write_sources(struct world *world, const char *dir)
{
	static const char *const names[] = { "src/lib.rs", "src/m/a.rs",       "src/m-b.rs",   "src/m.rs",
					     "README.txt", "l\xc3\xa4nge.txt", "\xff\xfe.bin", "with space.rs" };

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		CLEANUP_FREE char *name = xasprintf("%s/%s", dir, names[i]),
				  *text = xasprintf("// %s %zu\nline\n", names[i], world_pick(world, 4));

		if (i == 0 || !world_once_in(world, 3))
			scratch_write(world->git->repo, name, text);
	}
	if (world_once_in(world, 4)) {
		CLEANUP_FREE char *link = xasprintf("%s/%s/link", world->git->repo, dir);

		assert_int_equal(symlink("src/lib.rs", link), 0);
	}
}

static void write_root(struct world *world)
{
	CLEANUP(str_clear) struct str text = { 0 };

	str_add(&text, "[workspace]\nresolver = \"2\"\nmembers = [\n");
	for (size_t i = 0; i < WORLD_CRATES; i++)
		str_printf(&text, "    \"%s\",\n", world_dir(world, i));
	str_add(&text, "]\n[patch.crates-io]\nr-patched = { path = \"patched\" }\nr-patched2 = { path = \"patched2\" }\n");
	scratch_write(world->git->repo, "Cargo.toml", str_text(&text));
	scratch_write(world->git->repo, ".cargo/config.toml", cargo_config);
	scratch_write(world->git->repo, ".gitignore", "*.o\n/target\n/local.conf\n*.ign\n");
	scratch_write(world->git->repo, ".gitattributes", "*.txt text\n*.win text eol=crlf\n");
	scratch_write(world->git->repo, "tool.cfg", "1\n");
	scratch_write(world->git->repo, "rust/huge", "1\n");
	scratch_write(world->git->repo, "lib/l07/left-out/huge", "1\n");
	scratch_write(world->git->repo, "target/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n");
	scratch_write(world->git->repo, "grp/common.rs", "1\n");
	scratch_write(world->git->repo, "data/table.txt", "1\n");
	for (size_t i = 0; i < WORLD_ASSETS; i++)
		scratch_write(world->git->repo, world->assets[i], "1\n");
}

static void add_random_deps(struct world *world, size_t i, struct manifest *m)
{
	static const char *const names[] = { "r-alpha", "r-alpha", "r-beta", "r-gamma", "r-delta", "r-patched2" };

	for (size_t n = world_pick(world, 3); i > 0 && i < WORLD_PACKAGES && n > 0; n--) {
		size_t j = world_once_in(world, 3) ? world_pick(world, i) : i - 1 - world_pick(world, i < 6 ? i : 6);
		enum manifest_kind kind = world_once_in(world, 4) ? MANIFEST_BUILD : world_once_in(world, 5) ? MANIFEST_DEV : MANIFEST_NORMAL;

		manifest_add(m,
			     (struct manifest_dep){ .kind = kind, .crate = j, .optional = kind == MANIFEST_NORMAL && world_once_in(world, 6) });
	}
	if (i >= WORLD_FIRST_APP && i < WORLD_PACKAGES && world_once_in(world, 2)) {
		size_t k = world_pick(world, N_ELEMENTS(names));

		manifest_add(m, (struct manifest_dep){ .crate = WORLD_CRATES,
						       .package = (char *)names[k],
						       .major = k == 1 ? 2 : 1,
						       .kind = world_once_in(world, 5) ? MANIFEST_DEV : MANIFEST_NORMAL });
	}
	if (i >= WORLD_FIRST_APP && i < WORLD_PACKAGES && world_once_in(world, 8))
		manifest_add(m, (struct manifest_dep){ .crate = WORLD_PACKAGES + world_pick(world, 2) });
	/* One version for itself, and another for its tests. */
	if (i == 14 || i == 44 || i == 54) {
		for (unsigned int major = 1; major <= 2; major++)
			manifest_add(m, (struct manifest_dep){ .crate = WORLD_CRATES,
							       .package = (char *)names[0],
							       .major = major,
							       .kind = major == 1 ? MANIFEST_NORMAL : MANIFEST_DEV });
	}
	if (i >= WORLD_PACKAGES)
		manifest_add(m, (struct manifest_dep){ .crate = i - WORLD_PACKAGES + 2 });
}

static void write_crates(struct world *world)
{
	for (size_t i = 0; i < WORLD_CRATES; i++) {
		CLEANUP(manifest_clear) struct manifest m = { .active = world_once_in(world, 2) };

		add_random_deps(world, i, &m);
		manifest_write(world, i, &m);
		write_sources(world, world_dir(world, i));
	}
	write_sources(world, "extra/e15");
	write_sources(world, "extra/e25");
}

/* -- all of it -------------------------------------------------------------------------------------------------------------------------------- */

/* The compiler's own folder has cargo itself, without rustup before it; the user's home must count for nothing. */
static void set_environment(void)
{
	CLEANUP_FREE char *sysroot = scratch_run((char *const[]){ "rustc", "--print", "sysroot", NULL }, "/", NULL);
	CLEANUP_FREE char *path = xasprintf("%s/bin:%s", sysroot, getenv("PATH"));

	setenv("PATH", path, 1);
	unsetenv("CARGO_HOME");
}

/* Under every second seed the workspace is not the repository's root. */
static void make_repository(struct world *world)
{
	CLEANUP_FREE char *top = xasprintf("%s/top", world->git->dir);

	world->prefix = world_once_in(world, 2) ? "repo/" : "";
	free(world->git->repo);
	world->git->repo = xasprintf("%s/repo", top);
	assert_int_equal(fs_make_dirs(world->git->repo, 0755, NULL), 0);
	gitbox_git(world->git, "init", "-q", "--template=", *world->prefix ? top : world->git->repo);
}

int world_run(const struct world *world, char *const *argv)
{
	return gitbox_try(world->git, argv);
}

struct world *world_make(uint64_t seed)
{
	struct world *world = xcalloc(1, sizeof(*world));

	set_environment();
	world->git = gitbox_make();
	world->random = seed;
	make_repository(world);
	world->assets[0] = "data/asset.cfg";
	world->assets[1] = "data/asset.ign";
	world->assets[2] = "drivers/d12/asset.txt";
	name_crates(world);
	make_uses(world);
	world->registered = xasprintf("%s/%s/made.o", world->git->repo, world_dir(world, WORLD_REGISTERED));
	for (size_t i = 0; i < N_ELEMENTS(vendored); i++)
		write_vendored(world, &vendored[i]);
	write_root(world);
	write_crates(world);
	write_configuration(world);
	if (world_cargo(world, "generate-lockfile", "--offline", "--quiet", NULL) != 0)
		free(scratch_run((char *const[]){ "cargo", "generate-lockfile", "--offline", NULL }, world->git->repo, world->git->env.v));
	gitbox_commit(world->git);
	return world;
}

void world_free(struct world *world)
{
	if (!world)
		return;
	gitbox_free(world->git);
	for (size_t i = 0; i < WORLD_CRATES; i++) {
		free(world->crates[i].name);
		strvec_clear(&world->crates[i].ini);
	}
	for (size_t i = 0; i < world->n_folders; i++)
		free(world->folders[i].path);
	free(world->registered);
	free(world);
}
