/* The reinject.ini of a tree: what was found, and in comments what else there is and what was not found. Paths below the root, or beside it, are written
 * relative to it, so that the tree can be moved. */
#include "setup/init.h"

#include "base/fs.h"
#include "config/ini_reader.h"
#include "config/schema.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* Comments stand in one column; the longest key needs so much. */
enum { COMMENT_COLUMN = 36, KEY_ROOM = 24 };

static char *relative_to(const char *root, const char *path)
{
	CLEANUP_FREE char *above = fs_dirname(root);

	if (str_eq(path, root))
		return xstrdup(".");
	if (path_under(path, root)) {
		const char *below = path + strlen(root) + (strcmp(root, "/") != 0);

		/* What would mean something else at a value's begin. */
		return xasprintf("%s%s", strchr("~; \t", *below) ? "./" : "", below);
	}
	if (strcmp(above, "/") != 0 && path_under(path, above))
		return xasprintf("../%s", path + strlen(above) + 1);
	return xstrdup(path);
}

/* There are no quotes: a ' ;' begins a comment, '${' a variable, and a blank at the end is lost. */
static bool fits(const char *value)
{
	size_t n = strlen(value);

	return n + KEY_ROOM < CONFIG_INI_MAX_LINE && !strpbrk(value, "\n\r") && !strstr(value, " ;") && !strstr(value, "\t;") &&
	       !strstr(value, "${") && (n == 0 || !isspace((unsigned char)value[n - 1]));
}

int setup_check(const struct setup *setup, struct err *err)
{
	const char *values[SETUP_N + 2] = { setup->rules, setup->mount_point };

	memcpy(values + 2, setup->values, sizeof(setup->values));
	for (size_t i = 0; i < N_ELEMENTS(values); i++) {
		CLEANUP_FREE char *relative = values[i] && *values[i] == '/' ? relative_to(setup->root, values[i]) : NULL, *visible = NULL;

		if (!values[i] || fits(relative ? relative : values[i]))
			continue;
		visible = str_visible(values[i]);
		err_class_set(err, ERR_USAGE, -EINVAL, "'%s' cannot stand in a configuration; nothing was written", visible);
		err_hint(err, "a value there has no line break, ' ;' or '${', ends in no blank, and has at most %d bytes; rename it, or name a link to it",
			 CONFIG_INI_MAX_LINE - KEY_ROOM - 1);
		return -EINVAL;
	}
	return 0;
}

/* A value of one line; a comment that would make it too long is left out. */
static void add_line(struct str *s, const char *key, const char *value, const char *comment)
{
	size_t before = s->len, n;

	str_printf(s, "%s =%s%s", key, *value ? " " : "", value);
	n = s->len - before < COMMENT_COLUMN ? COMMENT_COLUMN : s->len - before;
	if (comment && n + strlen(" ; ") + strlen(comment) <= CONFIG_INI_MAX_LINE) {
		while (s->len - before < COMMENT_COLUMN - 1)
			str_add_c(s, ' ');
		str_printf(s, " ; %s", comment);
	}
	str_add_c(s, '\n');
}

static void add_path(struct str *s, const struct setup *setup, const char *key, enum setup_item item, const char *comment)
{
	const char *value = setup->values[item];
	CLEANUP_FREE char *relative = value && *value == '/' ? relative_to(setup->root, value) : NULL, *off = NULL;

	if (value) {
		add_line(s, key, relative ? relative : value, comment);
		return;
	}
	off = xasprintf("; %s", key);
	add_line(s, off, "", comment);
}

/* 'base' in the Redox tree, else the folder's name as far as a section may be called so. */
static char *source_name(const struct setup *setup)
{
	const char *source = setup->values[SETUP_SOURCE];
	char *name = xstrdup(setup->redox && str_ends(source, "/recipes/core/base/source") ? "base" : fs_basename(source));

	size_t lead = 0;

	for (char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-_.", *p))
			*p = '-';
	/* A name begins with a letter or digit. */
	while (name[lead] && !isalnum((unsigned char)name[lead]))
		lead++;
	memmove(name, name + lead, strlen(name + lead) + 1);
	if (!*name) {
		free(name);
		return xstrdup("source");
	}
	return name;
}

/* A copy of the compiler's source in the tree: tens of thousands of files that no package reads. */
static bool has_compiler(const struct setup *setup)
{
	CLEANUP_FREE char *path = xasprintf("%s/rust/compiler", setup->values[SETUP_SOURCE]);

	return fs_is_dir(path);
}

static void add_head(struct str *s, const struct setup *setup, const char *map)
{
	CLEANUP_FREE char *rules = setup->rules ? relative_to(setup->root, setup->rules) : NULL;

	str_add(s, "; reinject.ini - written by `reinject init`, and yours from here on: it is never written over.\n"
		   "; Paths count from this file's folder. ` ;` starts a comment, a line that starts with a blank continues a list, no key "
		   "stands twice,\n"
		   "; a line has at most 198 bytes. `reinject config` prints every value in force, `reinject doctor` what is missing for a "
		   "refresh.\n\n"
		   "[reinject]\n");
	add_line(s, "include", map, "the generated map; what stands here wins over what stands there");
	add_line(s, "auto_update", "yes", "it follows the workspace; no: only a word about it");
	if (rules)
		add_line(s, "rules", rules, "where things go: what the map is made with");
	else
		add_line(s, "; rules", "", "a rule file of your own: where things go, what the map is made with");
	add_line(s, "state", ".reinject", "journal, logs, socket; makes itself invisible to git");
}

static void add_source(struct str *s, const struct setup *setup)
{
	CLEANUP_FREE char *name = source_name(setup);

	str_printf(s, "\n[source %s]\n", name);
	add_path(s, setup, "path", SETUP_SOURCE, "a git work tree with a cargo workspace; several [source NAME] may stand here");
	add_line(s, "shared", "Cargo.toml .cargo rust-toolchain.toml", "concern every package");
	add_line(s, has_compiler(setup) ? "ignore" : "; ignore", has_compiler(setup) ? "rust" : "", "folders that are never looked at");
}

/* rustc finds the backend's own libraries only with a word from us. */
static void add_library_path(struct str *s, const struct setup *setup)
{
	const char *backend = setup->values[SETUP_BACKEND];

	if (backend && setup->values[SETUP_TOOLCHAIN] && str_ends(backend, ".dylib"))
		str_printf(s, "env.DYLD_LIBRARY_PATH = ~/.rustup/toolchains/%s-aarch64-apple-darwin/lib\n", setup->values[SETUP_TOOLCHAIN]);
}

static void add_build(struct str *s, const struct setup *setup)
{
	const char *target = setup->values[SETUP_TARGET];
	bool is_ours = target && str_ends(target, ".json");

	str_add(s, "\n[build]                             ; without these, a plain build for the host\n");
	add_path(s, setup, "toolchain", SETUP_TOOLCHAIN, "as rustup calls it; a backend loads with the one that it was built for");
	add_line(s, target ? "target" : "; target", target ? is_ours ? fs_basename(target) : target : "",
		 "a triple, or a .json in the source or beside this file");
	add_path(s, setup, "codegen_backend", SETUP_BACKEND, NULL);
	add_path(s, setup, "relibc", SETUP_RELIBC, "the folder of crt0.o; gives the flags to link with it");
	if (is_ours) {
		add_line(s, "build_std", "core,alloc,std,panic_abort", "no ready std exists for a target of our own");
		add_line(s, setup->values[SETUP_BACKEND] ? "build_std_features" : "; build_std_features", "compiler_builtins/no-f16-f128",
			 "Cranelift lacks these types");
		add_line(s, "rustflags", "-Cpanic=abort", "after those of codegen_backend and relibc");
	}
	add_library_path(s, setup);
	add_line(s, "profile", "release", NULL);
	add_path(s, setup, "strip", SETUP_STRIP, "llvm-strip on PATH by default");
}

static void add_image(struct str *s, const struct setup *setup)
{
	str_add(s, "\n[image]\n");
	add_path(s, setup, "path", SETUP_IMAGE, "the disk image; without one nothing can be put anywhere");
	add_line(s, "format", setup->format == CONFIG_IMAGE_EXT4 ? "ext4" : "redoxfs", NULL);
	if (setup->mount_point) {
		CLEANUP_FREE char *point = relative_to(setup->root, setup->mount_point);

		add_line(s, "mode", "live", "through your own mount; shadow: a copy takes the image's place when it is whole");
		add_line(s, "mount_point", point, "where you keep it mounted");
	} else {
		add_line(s, "mode", "shadow", "a copy takes the image's place when it is whole; live: through your own mount");
	}
	add_path(s, setup, "tool", SETUP_TOOL, "what mounts it: redoxfs or fuse2fs on PATH by default");
	add_line(s, "keep_previous", "yes", "the image before, as IMAGE.prev");
}

static void add_rest(struct str *s, const struct setup *setup)
{
	bool initfs = setup->values[SETUP_INITFS_DIR] && setup->values[SETUP_INITFS_TOOL];

	if (initfs) {
		str_add(s, "\n[initfs]\n");
		add_path(s, setup, "dir", SETUP_INITFS_DIR, "its content");
		add_path(s, setup, "tool", SETUP_INITFS_TOOL, NULL);
		add_path(s, setup, "bootstrap", SETUP_BOOTSTRAP, "without it the kernel jumps to ff..ff");
	}
	if (setup->values[SETUP_BOOT]) {
		CLEANUP_FREE char *script = relative_to(setup->root, setup->values[SETUP_BOOT]);
		CLEANUP_FREE char *path = strchr(script, '/') ? xstrdup(script) : xasprintf("./%s", script);
		CLEANUP(str_clear) struct str command = { 0 };

		if (strpbrk(path, " \t'\"\\"))
			str_add_shell_quoted(&command, path);
		else
			str_add(&command, path);
		str_add(s, "\n[boot]\n");
		add_line(s, "when", "never", "or after-inject");
		add_line(s, "command", str_text(&command), NULL);
		add_line(s, "ready", "redox login:", "the console's line that means: up");
		add_line(s, "failure", "panicked at|INCORRECT HASH|page fault", NULL);
	}
	str_add(s, "\n; [destinations]                    ; for packages without a place in the map: a glob over their folder, the first match "
		   "wins\n"
		   "; drivers/** = /usr/lib/drivers\n\n"
		   "; [package NAME]                    ; keys here win over those of the map; NAME is cargo's\n"
		   "; dest = /usr/bin\n");
}

char *setup_text(const struct setup *setup, const char *map)
{
	struct str s = { 0 };

	add_head(&s, setup, map);
	add_source(&s, setup);
	add_build(&s, setup);
	add_image(&s, setup);
	add_rest(&s, setup);
	return str_take(&s);
}

struct config *setup_config(const struct setup *setup)
{
	struct config *config = xcalloc(1, sizeof(*config));
	const char *toolchain = setup->values[SETUP_TOOLCHAIN], *target = setup->values[SETUP_TARGET];

	config->sources = xcalloc(1, sizeof(*config->sources));
	config->n_sources = 1;
	config->sources[0].name = source_name(setup);
	config->sources[0].path = xstrdup(setup->values[SETUP_SOURCE]);
	if (has_compiler(setup))
		strvec_add(&config->sources[0].ignore, "rust");
	config->build.toolchain = toolchain ? xstrdup(toolchain) : NULL;
	config->build.target = target ? xstrdup(target) : NULL;
	return config;
}
