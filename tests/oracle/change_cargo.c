/* Changes of manifests and of Cargo.lock, by hand and by cargo. */
#include "oracle/change.h"

#include "oracle/manifest.h"

static void update_workspace(struct changer *changer)
{
	if (world_cargo(changer->world, "update", "--workspace", "--offline", "--quiet", NULL) != 0)
		str_add(&changer->said, ": cargo refuses");
}

/* The lock with version @from of crate @name replaced by @to. */
static void replace_version(struct changer *changer, const char *name, const char *from, const char *to)
{
	CLEANUP_FREE char *head = xasprintf("name = \"%s\"", name), *version = xasprintf("version = \"%s\"", from);
	CLEANUP_FREE char *ref = xasprintf(" \"%s %s\",", name, from), *sum = world_checksum(name, to), *text = NULL;
	CLEANUP(str_clear) struct str bytes = { 0 }, out = { 0 };
	bool is_named = false, is_it = false;
	char *rest;

	if (!world_read(changer->world, "Cargo.lock", &bytes))
		return;
	rest = text = str_take(&bytes);
	for (char *line = strsep(&rest, "\n"); line && (rest || *line); line = strsep(&rest, "\n")) {
		is_it = is_it ? *line != '\0' : is_named && str_eq(line, version);
		is_named = str_eq(line, head);
		if (is_it && str_eq(line, version))
			str_printf(&out, "version = \"%s\"\n", to);
		else if (is_it && str_starts(line, "checksum = "))
			str_printf(&out, "checksum = \"%s\"\n", sum);
		else if (str_eq(line, ref))
			str_printf(&out, " \"%s %s\",\n", name, to);
		else
			str_printf(&out, "%s\n", line);
	}
	world_write(changer->world, "Cargo.lock", &out);
}

/* Another version of one crate of the registry, for whoever it reaches. `cargo update --precise` does nothing where a folder stands in for the registry,
 * so the version is written into the lock, and cargo asked for what follows from it. */
static void update_lock(struct changer *changer)
{
	static const char *const versions[] = { "r-alpha 1.0.0", "r-alpha 1.1.0", "r-alpha 1.2.0", "r-alpha 2.0.0",
						"r-alpha 2.1.0", "r-beta 1.0.0",  "r-beta 1.1.0",  "r-gamma 1.0.0",
						"r-gamma 1.1.0", "r-gamma 1.2.0", "r-delta 1.0.0", "r-delta 1.1.0" };
	const char *wanted = versions[world_pick(changer->world, N_ELEMENTS(versions))], *to = strchr(wanted, ' ') + 1;
	CLEANUP_FREE char *name = xstrndup(wanted, strcspn(wanted, " "));
	CLEANUP(lockfile_clear) struct lockfile lock = { 0 };

	str_add(&changer->said, wanted);
	if (!lockfile_read(changer->world, &lock))
		return;
	for (size_t i = 0; i < lock.n; i++) {
		if (!str_eq(lock.packages[i].name, name) || lock.packages[i].version[0] != *to)
			continue;
		replace_version(changer, name, lock.packages[i].version, to);
		update_workspace(changer);
		return;
	}
}

/* A dependency comes or goes, or another kind of it. */
static void edit_deps(struct changer *changer, size_t crate, struct manifest *m)
{
	static const char *const names[] = { "r-alpha", "r-alpha", "r-beta", "r-gamma", "r-delta", "r-patched2" };
	struct world *world = changer->world;
	enum manifest_kind kind = (enum manifest_kind)world_pick(world, MANIFEST_KINDS);

	if (m->n_deps > 0 && world_once_in(world, 2)) {
		manifest_drop(m, world_pick(world, m->n_deps));
	} else if (world_once_in(world, 3)) {
		size_t k = world_pick(world, N_ELEMENTS(names));

		manifest_add(m,
			     (struct manifest_dep){ .kind = kind, .crate = WORLD_CRATES, .package = (char *)names[k], .major = k == 1 ? 2 : 1 });
	} else if (world_once_in(world, 6)) {
		manifest_add(m, (struct manifest_dep){ .kind = kind, .crate = WORLD_PACKAGES + world_pick(world, 2) });
	} else {
		/* Tests may need what needs them. */
		size_t j = world_pick(world, kind == MANIFEST_DEV ? WORLD_PACKAGES : crate);

		if (j != crate)
			manifest_add(m, (struct manifest_dep){
						.kind = kind, .crate = j, .optional = kind == MANIFEST_NORMAL && world_once_in(world, 4) });
	}
}

static size_t pick_app(struct changer *changer)
{
	size_t crate = WORLD_FIRST_APP + world_pick(changer->world, WORLD_PACKAGES - WORLD_FIRST_APP);

	str_add(&changer->said, changer->world->crates[crate].name);
	return crate;
}

static void edit_manifest(struct changer *changer)
{
	CLEANUP(manifest_clear) struct manifest m = { 0 };
	size_t crate = pick_app(changer);

	if (!manifest_read(changer->world, crate, &m))
		return;
	edit_deps(changer, crate, &m);
	manifest_write(changer->world, crate, &m);
}

static void edit_manifest_and_lock(struct changer *changer)
{
	edit_manifest(changer);
	update_workspace(changer);
}

static void turn_features(struct changer *changer)
{
	CLEANUP(manifest_clear) struct manifest m = { 0 };
	size_t crate = pick_app(changer);

	/* One where it makes a difference. */
	for (size_t i = 0; i < WORLD_PACKAGES; i++) {
		bool optional = false;

		manifest_clear(&m);
		if (!manifest_read(changer->world, crate, &m))
			return;
		for (size_t j = 0; j < m.n_deps; j++)
			optional = optional || m.deps[j].optional;
		if (optional)
			break;
		crate = WORLD_FIRST_APP + (crate + 1 - WORLD_FIRST_APP) % (WORLD_PACKAGES - WORLD_FIRST_APP);
	}
	str_printf(&changer->said, ", %s", changer->world->crates[crate].name);
	m.active = !m.active;
	manifest_write(changer->world, crate, &m);
}

static void edit_comment(struct changer *changer)
{
	CLEANUP(manifest_clear) struct manifest m = { 0 };
	size_t crate = pick_app(changer);

	if (!manifest_read(changer->world, crate, &m))
		return;
	m.note = (unsigned int)world_pick(changer->world, 3);
	manifest_write(changer->world, crate, &m);
}

static void break_manifest(struct changer *changer)
{
	CLEANUP_FREE char *path = xasprintf("%s/Cargo.toml", world_dir(changer->world, pick_app(changer)));
	CLEANUP(str_clear) struct str text = { 0 };

	if (!world_read(changer->world, path, &text))
		return;
	str_add(&text, "[depend\n");
	world_write(changer->world, path, &text);
}

static void lose_folder(struct changer *changer)
{
	CLEANUP_FREE char *dir = change_full(changer, world_dir(changer->world, pick_app(changer)));

	assert_int_equal(fs_remove_tree(dir, NULL), 0);
}

static void edit_lock_words(struct changer *changer)
{
	CLEANUP(str_clear) struct str text = { 0 };

	if (!world_read(changer->world, "Cargo.lock", &text))
		return;
	str_add(&text, "# a word\n");
	world_write(changer->world, "Cargo.lock", &text);
}

void change_mend(struct changer *changer)
{
	CLEANUP_FREE char *path = change_full(changer, "Cargo.lock");

	/* Back to what was committed, or forward by cargo's help. */
	if (world_once_in(changer->world, 3))
		world_git(changer->world, "checkout", "-q", "HEAD", "--", ":(glob)**/Cargo.toml", "Cargo.lock");
	for (size_t i = 0; i < WORLD_CRATES; i++) {
		CLEANUP(manifest_clear) struct manifest m = { 0 };

		if (!manifest_read(changer->world, i, &m))
			manifest_write(changer->world, i, &m);
	}
	if (world_cargo(changer->world, "update", "--workspace", "--offline", "--quiet", NULL) == 0)
		return;
	/* A lock that cargo cannot read either. */
	str_add(&changer->said, "a new lock");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(world_cargo(changer->world, "generate-lockfile", "--offline", "--quiet", NULL), 0);
}

const struct change_kind change_cargo[] = {
	{ "lock update", 10, update_lock },      { "manifest edit", 12, edit_manifest_and_lock },    { "features", 5, turn_features },
	{ "manifest comment", 3, edit_comment }, { "manifest edit without lock", 4, edit_manifest }, { "broken manifest", 2, break_manifest },
	{ "lost folder", 1, lose_folder },       { "words in the lock", 1, edit_lock_words },
};
const size_t change_n_cargo = N_ELEMENTS(change_cargo);
