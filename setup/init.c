/* The table of places, and the walk over it. A place is a glob(3) with names in braces: {root}, {source}, {machine} and {target} (a target's name without
 * .json). Order within the enum matters: what a later item's places name must have been found before. */
#include "setup/init.h"

#include "base/fs.h"
#include "cargo/generate.h"
#include "image/file.h"
#include "image/holders.h"
#include "image/mounts.h"

#include <errno.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REDOX_SOURCE "recipes/core/base/source"

enum { MAX_PLACES = 8, MAX_MANIFEST = 1 << 20 };

enum kind { A_FILE, A_FOLDER, A_FOLDER_OF, A_PROGRAM, AN_IMAGE, A_NAME };

struct item {
	const char *name, *what;
	enum kind kind;      /* A_FOLDER_OF: the places name a file in it */
	bool redox;          /* only asked for in a Redox tree */
	const char *program; /* on PATH it needs no key */
	const char *places[MAX_PLACES];
};

/* clang-format off */
static const struct item items[SETUP_N] = {
	[SETUP_SOURCE] = { "source", "the cargo workspace, a folder", A_FOLDER, false, NULL, { NULL } },
	[SETUP_TARGET] = { "target", "the target's specification, a .json, or a triple", A_NAME, true, NULL,
		{ "{source}/*-unknown-redox-clif.json", "{source}/*-unknown-redox*.json", "{root}/*-unknown-redox*.json" } },
	[SETUP_IMAGE] = { "image", "the disk image", AN_IMAGE, false, NULL,
		{ "{root}/build/{machine}/pure-rust.img", "{root}/build/{machine}/harddrive.img", "{root}/build/{machine}/*.img",
		  "{root}/build/*/pure-rust.img", "{root}/build/*/harddrive.img", "{root}/build/*/*.img", "{root}/build/*.img", "{root}/*.img" } },
	[SETUP_TOOL] = { "redoxfs", "the program that mounts the image, redoxfs", A_PROGRAM, false, "redoxfs",
		{ "{root}/build/fstools/bin/redoxfs", "{root}/build/fstools/redoxfs" } },
	[SETUP_BACKEND] = { "backend", "the Cranelift backend's library", A_FILE, true, NULL,
		{ "{root}/../rustc_codegen_cranelift/dist/lib/librustc_codegen_cranelift.*", "{root}/rustc_codegen_cranelift/dist/lib/librustc_codegen_cranelift.*" } },
	[SETUP_TOOLCHAIN] = { "toolchain", "the toolchain that the backend was built for, as rustup calls it", A_NAME, false, NULL, { NULL } },
	[SETUP_RELIBC] = { "relibc", "the folder of relibc's crt0.o", A_FOLDER_OF, true, NULL,
		{ "{root}/recipes/core/relibc/source/target/{target}/release/crt0.o", "{root}/recipes/core/relibc/source/target/{machine}-*/release/crt0.o" } },
	[SETUP_STRIP] = { "strip", "the program that strips binaries, llvm-strip", A_PROGRAM, false, "llvm-strip",
		{ "/usr/lib/llvm-*/bin/llvm-strip", "/opt/homebrew/opt/llvm/bin/llvm-strip", "/usr/local/opt/llvm/bin/llvm-strip" } },
	[SETUP_BOOT] = { "boot", "the script that boots the image, run-dev.sh", A_FILE, false, NULL, { "{root}/run-dev.sh", "{root}/scripts/run-dev.sh" } },
	[SETUP_INITFS_DIR] = { "initfs", "the folder with the initfs's content", A_FOLDER, false, NULL,
		{ "{root}/build/{machine}/cranelift-initfs/initfs", "{root}/build/*/cranelift-initfs/initfs" } },
	[SETUP_INITFS_TOOL] = { "initfs-tool", "the initfs packer, redox-initfs-ar", A_FILE, false, NULL,
		{ "{root}/build/{machine}/cranelift-initfs/initfs-tools-target/release/redox-initfs-ar",
		  "{root}/build/*/cranelift-initfs/initfs-tools-target/release/redox-initfs-ar" } },
	[SETUP_BOOTSTRAP] = { "bootstrap", "the bootstrap ELF of the initfs", A_FILE, false, NULL,
		{ "{root}/build/{machine}/bootstrap-cranelift-stripped", "{root}/build/*/bootstrap-cranelift-stripped" } },
};
/* clang-format on */

const char *setup_name(enum setup_item item)
{
	return items[item].name;
}

const char *setup_what(enum setup_item item)
{
	return items[item].what;
}

bool setup_is_wanted(const struct setup *setup, enum setup_item item)
{
	if (item == SETUP_TOOLCHAIN)
		return setup->values[SETUP_BACKEND] != NULL;
	if (item == SETUP_BOOT || item >= SETUP_INITFS_DIR)
		return false;
	if (items[item].program) {
		CLEANUP_FREE char *program = fs_find_program(items[item].program);

		return !program && (item != SETUP_TOOL || setup->format == CONFIG_IMAGE_REDOXFS);
	}
	return setup->redox || !items[item].redox;
}

void setup_clear(struct setup *setup)
{
	for (size_t i = 0; i < SETUP_N; i++)
		free(setup->values[i]);
	free(setup->root);
	free(setup->start);
	free(setup->rules);
	free(setup->mount_point);
	strvec_clear(&setup->notes);
	*setup = (struct setup){ 0 };
}

/* -- the root --------------------------------------------------------------------------------------------------------------------------------- */

static bool is_workspace(const char *dir)
{
	CLEANUP_FREE char *manifest = xasprintf("%s/Cargo.toml", dir);
	CLEANUP(str_clear) struct str text = { 0 };

	if (fs_read(manifest, MAX_MANIFEST, &text, NULL) < 0)
		return false;
	return str_starts(str_text(&text), "[workspace") || strstr(str_text(&text), "\n[workspace");
}

static bool is_redox(const char *dir)
{
	CLEANUP_FREE char *manifest = xasprintf("%s/" REDOX_SOURCE "/Cargo.toml", dir);

	return fs_exists(manifest);
}

/* The nearest folder from @dir up that is what @is asks; NULL. */
static char *nearest(const char *dir, bool (*is)(const char *dir))
{
	char *at = xstrdup(dir);

	while (!is(at)) {
		char *parent = fs_dirname(at);
		bool top = str_eq(parent, at);

		free(at);
		at = parent;
		if (top) {
			free(at);
			return NULL;
		}
	}
	return at;
}

int setup_begin(const char *dir, struct setup *ret, struct err *err)
{
	CLEANUP_FREE char *start = realpath(dir ? dir : ".", NULL);

	if (!start || !fs_is_dir(start))
		return err_class_set(err, ERR_USAGE, -EINVAL, "there is no folder '%s'", dir ? dir : ".");
	*ret = (struct setup){ .start = TAKE_PTR(start) };
	ret->root = nearest(ret->start, is_redox);
	ret->redox = ret->root != NULL;
	if (!ret->root)
		ret->root = nearest(ret->start, is_workspace);
	if (!ret->root)
		ret->root = xstrdup(ret->start);
	return 0;
}

/* -- what is told ----------------------------------------------------------------------------------------------------------------------------- */

static bool is_image(const char *path, enum config_image_format *ret)
{
	struct stat st;
	CLEANUP_CLOSE int fd = image_file_open(path, &st, NULL);
	struct image_redoxfs header;

	if (fd < 0)
		return false;
	*ret = CONFIG_IMAGE_REDOXFS;
	if (image_redoxfs_read(fd, &header) == 0)
		return true;
	*ret = CONFIG_IMAGE_EXT4;
	return image_file_check_format(fd, path, CONFIG_IMAGE_EXT4, NULL) == 0;
}

static bool is_of_kind(struct setup *setup, enum kind kind, const char *path)
{
	switch (kind) {
	case A_FOLDER:
		return fs_is_dir(path);
	case A_PROGRAM:
		return access(path, X_OK) == 0 && !fs_is_dir(path);
	case AN_IMAGE:
		return is_image(path, &setup->format);
	default:
		return fs_exists(path) && !fs_is_dir(path);
	}
}

int setup_set(struct setup *setup, enum setup_item item, const char *value, struct err *err)
{
	bool is_path = items[item].kind != A_NAME || str_ends(value, ".json");
	CLEANUP_FREE char *path = NULL;

	setup->told[item] = true;
	if (!*value)
		return 0;
	is_path = is_path && (items[item].kind != A_PROGRAM || strchr(value, '/'));
	path = is_path ? fs_absolute(setup->start, value) : xstrdup(value);
	if (is_path && !is_of_kind(setup, items[item].kind == A_FOLDER_OF ? A_FOLDER : items[item].kind, path)) {
		err_class_set(err, ERR_USAGE, -EINVAL, "'%s' is not %s", path, items[item].what);
		err_hint(err, "name another: --%s PATH", items[item].name);
		return -EINVAL;
	}
	free(setup->values[item]);
	setup->values[item] = TAKE_PTR(path);
	return 0;
}

/* -- what is found ---------------------------------------------------------------------------------------------------------------------------- */

/* @place as a pattern; NULL when a name in it stands for nothing. */
static char *fill_in(const struct setup *setup, const char *place)
{
	const char *target = setup->values[SETUP_TARGET], *base = target ? fs_basename(target) : NULL;
	CLEANUP_FREE char *machine = cargo_generate_machine(target);
	CLEANUP_FREE char *stem = base ? xstrndup(base, strlen(base) - (str_ends(base, ".json") ? strlen(".json") : 0)) : NULL;
	const struct {
		const char *name, *value;
	} known[] = { { "{root}", setup->root }, { "{source}", setup->values[SETUP_SOURCE] }, { "{machine}", machine }, { "{target}", stem } };
	CLEANUP(str_clear) struct str s = { 0 };

	while (*place) {
		size_t i = 0;

		while (i < N_ELEMENTS(known) && !str_starts(place, known[i].name))
			i++;
		if (i == N_ELEMENTS(known)) {
			str_add_c(&s, *place++);
			continue;
		}
		if (!known[i].value)
			return NULL;
		str_add_literal(&s, known[i].value);
		place += strlen(known[i].name);
	}
	return str_take(&s);
}

/* The first of what @pattern finds that is of the item's kind. */
static char *look_at(struct setup *setup, enum setup_item item, const char *pattern)
{
	glob_t found = { 0 };
	char *path = NULL;
	size_t n = 0;

	if (glob(pattern, 0, NULL, &found) != 0)
		return NULL;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		enum config_image_format format = setup->format;

		if (!is_of_kind(setup, items[item].kind, found.gl_pathv[i]))
			continue;
		if (n++ == 0)
			path = fs_absolute("/", found.gl_pathv[i]);
		else
			setup->format = format;
	}
	if (n > 1)
		strvec_addf(&setup->notes, "%s: '%s' is the first of %zu; --%s PATH names another", items[item].name, path, n, items[item].name);
	globfree(&found);
	if (path && items[item].kind == A_FOLDER_OF) {
		char *dir = fs_dirname(path);

		free(path);
		path = dir;
	}
	return path;
}

static void find_item(struct setup *setup, enum setup_item item)
{
	CLEANUP_FREE char *on_path = NULL;

	if (setup->told[item])
		return;
	for (size_t i = 0; i < MAX_PLACES && items[item].places[i] && !setup->values[item]; i++) {
		CLEANUP_FREE char *pattern = NULL;

		/* The tree's own mount program comes before that of PATH, another strip only where PATH has none. */
		if (item == SETUP_STRIP && (on_path || (on_path = fs_find_program(items[item].program))))
			return;
		pattern = fill_in(setup, items[item].places[i]);
		if (pattern)
			setup->values[item] = look_at(setup, item, pattern);
	}
}

/* The workspaces in @dir's own folders. */
static void workspaces_in(const char *dir, struct strvec *ret)
{
	static const char *const depths[] = { "/*/Cargo.toml", "/*/*/Cargo.toml" };

	for (size_t i = 0; i < N_ELEMENTS(depths) && ret->n == 0; i++) {
		CLEANUP(str_clear) struct str pattern = { 0 };
		glob_t found = { 0 };

		str_add_literal(&pattern, dir);
		str_add(&pattern, depths[i]);
		if (glob(str_text(&pattern), 0, NULL, &found) != 0)
			continue;
		for (size_t j = 0; j < found.gl_pathc; j++) {
			CLEANUP_FREE char *folder = fs_dirname(found.gl_pathv[j]);

			if (is_workspace(folder))
				strvec_add(ret, folder);
		}
		globfree(&found);
	}
}

static int find_source(struct setup *setup, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec found = { 0 };
	CLEANUP_FREE char *list = NULL;

	if (setup->values[SETUP_SOURCE])
		return 0;
	if (setup->redox)
		strvec_addf(&found, "%s/" REDOX_SOURCE, setup->root);
	else if (is_workspace(setup->root))
		strvec_add(&found, setup->root);
	else
		workspaces_in(setup->root, &found);
	if (found.n == 1) {
		setup->values[SETUP_SOURCE] = xstrdup(found.v[0]);
		return 0;
	}
	list = strvec_join(&found, "', '");
	if (found.n == 0)
		err_class_set(err, ERR_USAGE, -EINVAL, "there is no cargo workspace in '%s', in its folders or above it", setup->start);
	else
		err_class_set(err, ERR_USAGE, -EINVAL, "there are %zu cargo workspaces: '%s'", found.n, list);
	err_hint(err, "say which: reinject init --source FOLDER");
	return -EINVAL;
}

/* The backend loads with one toolchain only, which the file at its root names: dist/lib/X, three folders up. */
static void find_toolchain(struct setup *setup)
{
	static const char *const names[] = { "rust-toolchain.toml", "rust-toolchain" };
	const char *backend = setup->values[SETUP_BACKEND];

	for (size_t i = 0; backend && i < N_ELEMENTS(names) && !setup->told[SETUP_TOOLCHAIN]; i++) {
		CLEANUP_FREE char *relative = xasprintf("../../../%s", names[i]), *path = fs_absolute(backend, relative);
		CLEANUP(str_clear) struct str text = { 0 };
		const char *p, *end;

		if (setup->values[SETUP_TOOLCHAIN] || fs_read(path, MAX_MANIFEST, &text, NULL) < 0)
			continue;
		p = strstr(str_text(&text), "channel");
		p = p ? strchr(p, '"') : NULL;
		end = p ? strchr(p + 1, '"') : NULL;
		if (end)
			setup->values[SETUP_TOOLCHAIN] = xstrndup(p + 1, (size_t)(end - p - 1));
	}
}

/* An image that its user keeps mounted is changed through that mount: a copy could not take its place. */
static void find_mount(struct setup *setup)
{
	CLEANUP(image_daemons_clear) struct image_daemons daemons = { 0 };
	const char *image = setup->values[SETUP_IMAGE], *tool = setup->values[SETUP_TOOL];

	if (!image || image_daemons_find(image, tool ? tool : setup->format == CONFIG_IMAGE_EXT4 ? "fuse2fs" : "redoxfs", &daemons, NULL) < 0)
		return;
	if (daemons.n == 1 && daemons.v[0].mount_point && image_mounts_has(daemons.v[0].mount_point))
		setup->mount_point = xstrdup(daemons.v[0].mount_point);
}

int setup_find(struct setup *setup, struct err *err)
{
	int r = find_source(setup, err);

	if (r < 0)
		return r;
	for (size_t i = SETUP_TARGET; i < SETUP_N; i++) {
		find_item(setup, (enum setup_item)i);
		if (i == SETUP_TOOLCHAIN)
			find_toolchain(setup);
	}
	find_mount(setup);
	return 0;
}
