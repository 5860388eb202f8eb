#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/json.h"
#include "cli/print.h"
#include "config/ini_reader.h"
#include "config/schema.h"
#include "refresh/map.h"
#include "setup/init.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_NAME "reinject.ini"
#define MAP_NAME    "packages.ini"

struct init {
	struct setup setup;
	struct refresh_map map;
	char *config; /* path of reinject.ini */
	char *text;   /* and what goes into it; NULL: it stays */
	bool written;
};

static void init_clear(struct init *init)
{
	setup_clear(&init->setup);
	refresh_map_clear(&init->map);
	free(init->config);
	free(init->text);
}

/* -- questions -------------------------------------------------------------------------------------------------------------------------------- */

static bool has_somebody(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

/* A read begins anew after a signal (base/cancel): only a poll is ended by one. False at the end of input, too. */
static bool read_byte(const struct cancel *cancel, char *ret)
{
	struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = cancel_fd(cancel), .events = POLLIN } };

	while (poll(fds, N_ELEMENTS(fds), -1) < 0)
		if (errno != EINTR)
			return false;
	return !cancel_requested(cancel) && read(STDIN_FILENO, ret, 1) == 1;
}

/* The answer without blanks around it, '' for none; NULL at the end of input or after a Ctrl-C. */
static char *ask(const char *question, const struct cancel *cancel)
{
	CLEANUP(str_clear) struct str line = { 0 };
	char c = '\0';
	const char *start;
	size_t n;

	fprintf(stderr, "%s (empty: none): ", question);
	fflush(stderr);
	while (read_byte(cancel, &c) && c != '\n')
		str_add_c(&line, c);
	if (cancel_requested(cancel) || (line.len == 0 && c != '\n'))
		return NULL;
	start = str_text(&line) + strspn(str_text(&line), " \t");
	n = strlen(start);
	while (n > 0 && strchr(" \t", start[n - 1]))
		n--;
	return xstrndup(start, n);
}

static int ask_item(struct init *init, enum setup_item item, const struct cancel *cancel, struct err *err)
{
	for (;;) {
		CLEANUP_FREE char *answer = ask(setup_what(item), cancel);
		struct err wrong = ERR_INIT;

		if (!answer)
			return err_class_set(err, ERR_INTERRUPTED, -ECANCELED, "interrupted; nothing was written");
		if (setup_set(&init->setup, item, answer, &wrong) == 0)
			return 0;
		log_warning("%s", wrong.message);
	}
}

static int ask_rest(struct init *init, const struct cancel *cancel, struct err *err)
{
	for (size_t i = SETUP_TARGET; i < SETUP_N; i++) {
		enum setup_item item = (enum setup_item)i;
		int r;

		if (init->setup.values[i] || init->setup.told[i] || !setup_is_wanted(&init->setup, item))
			continue;
		r = ask_item(init, item, cancel, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* -- a new configuration ---------------------------------------------------------------------------------------------------------------------- */

static int take_flags(struct cli_context *ctx, struct setup *setup, struct err *err)
{
	const char *rules = cli_args_value(ctx->args, "rules");

	for (size_t i = 0; i < SETUP_N; i++) {
		const char *value = cli_args_value(ctx->args, setup_name((enum setup_item)i));
		int r = value ? setup_set(setup, (enum setup_item)i, value, err) : 0;

		if (r < 0)
			return r;
	}
	if (rules)
		setup->rules = strcmp(rules, "none") == 0 ? xstrdup("/dev/null") : fs_absolute(setup->start, rules);
	return 0;
}

static int refuse_existing(const struct init *init, struct err *err)
{
	if (!fs_exists(init->config))
		return 0;
	err_class_set(err, ERR_USAGE, -EEXIST, "'%s' is there already, and is not written over", init->config);
	err_hint(err, "`reinject init --update` writes the generated map anew; to begin afresh, move that file away");
	return -EEXIST;
}

/* A map that was generated and left as it was may be replaced; whatever else is there is somebody's. */
static int refuse_map(const struct refresh_map *map, struct err *err)
{
	if (map->state == REFRESH_MAP_FOREIGN)
		err_class_set(err, ERR_USAGE, -EEXIST, "'%s' is no map that reinject has written, and is not written over", map->path);
	else if (map->state == REFRESH_MAP_EDITED)
		err_class_set(err, ERR_USAGE, -EEXIST, "'%s' was changed by hand, and is not written over", map->path);
	else
		return 0;
	err_hint(err, "move what you want to keep into " CONFIG_NAME ", whose keys win, and the file away; then again");
	return -EEXIST;
}

static int prepare_new(struct cli_context *ctx, struct init *init, struct err *err)
{
	CLEANUP(config_freep) struct config *config = NULL;
	CLEANUP_FREE char *map = NULL;
	const char *rules;
	int r = setup_begin(cli_args_value(ctx->args, "directory"), &init->setup, err);

	if (r < 0)
		return r;
	init->config = fs_absolute(init->setup.root, CONFIG_NAME);
	map = fs_absolute(init->setup.root, MAP_NAME);
	r = refuse_existing(init, err);
	if (r == 0)
		r = take_flags(ctx, &init->setup, err);
	if (r == 0 && has_somebody() && !init->setup.values[SETUP_SOURCE] && setup_find(&init->setup, NULL) < 0)
		r = ask_item(init, SETUP_SOURCE, ctx->cancel, err);
	if (r == 0)
		r = setup_find(&init->setup, err);
	if (r == 0 && has_somebody())
		r = ask_rest(init, ctx->cancel, err);
	if (r == 0)
		r = setup_check(&init->setup, err);
	if (r < 0)
		return r;
	init->text = setup_text(&init->setup, MAP_NAME);
	config = setup_config(&init->setup);
	rules = init->setup.rules;
	r = refresh_map_make(config, map, rules, ctx->cancel, &init->map, err);
	return r < 0 ? r : refuse_map(&init->map, err);
}

/* -- an existing one -------------------------------------------------------------------------------------------------------------------------- */

/* The configuration without the map that is missing: all it includes that is there. @ret_map: the generated file, or what is to become it. */
static int load_without_map(struct cli_context *ctx, const char *file, char **ret_map, struct err *err)
{
	CLEANUP(config_ini_clear) struct config_ini ini = { 0 };
	CLEANUP(config_report_clear) struct config_report report = { 0 };
	CLEANUP(config_problems_clear) struct config_problems problems = { 0 };
	CLEANUP(strvec_clear) struct strvec named = { 0 }, there = { 0 }, overrides = { 0 };
	CLEANUP_FREE char *dir = fs_dirname(file), *list = NULL;
	struct config_args args = { .file = file, .overrides = &overrides };
	const struct config_ini_entry *include;
	int r = config_ini_read(file, &ini, &report, err);

	if (r < 0)
		return r;
	include = config_ini_find(&ini, "reinject", "include");
	if (include)
		schema_split_list(include->value, &named);
	for (size_t i = 0; i < named.n; i++) {
		char *path = fs_absolute(dir, named.v[i]);

		if (fs_exists(path))
			strvec_take(&there, path);
		else if (!*ret_map)
			*ret_map = path;
		else
			free(path);
	}
	list = schema_join_list(&there);
	strvec_addf(&overrides, "reinject.include=%s", list);
	r = config_load(&args, &ctx->config, &problems, err);
	for (size_t i = 0; i < problems.errors.n; i++)
		log_error("%s", problems.errors.v[i]);
	return r;
}

static int find_file(struct cli_context *ctx, char **ret, struct err *err)
{
	const char *dir = cli_args_value(ctx->args, "directory"), *named = cli_args_value(ctx->args, "config");
	CLEANUP_FREE char *at = realpath(dir ? dir : ".", NULL);

	if (!at)
		return err_class_set(err, ERR_USAGE, -EINVAL, "there is no folder '%s'", dir ? dir : ".");
	if (named) {
		*ret = fs_absolute(at, named);
		return 0;
	}
	for (;;) {
		CLEANUP_FREE char *path = fs_absolute(at, CONFIG_NAME);
		char *parent = fs_dirname(at);

		if (fs_exists(path) || str_eq(parent, at)) {
			*ret = fs_exists(path) ? TAKE_PTR(path) : NULL;
			free(parent);
			break;
		}
		free(at);
		at = parent;
	}
	if (*ret)
		return 0;
	err_class_set(err, ERR_USAGE, -ENOENT, "there is no " CONFIG_NAME " here or in a folder above");
	err_hint(err, "`reinject init` writes one");
	return -ENOENT;
}

static int prepare_update(struct cli_context *ctx, struct init *init, struct err *err)
{
	CLEANUP_FREE char *map = NULL, *generated = NULL;
	int r = find_file(ctx, &init->config, err);

	if (r == 0)
		r = load_without_map(ctx, init->config, &map, err);
	if (r < 0)
		return r;
	generated = refresh_map_find(ctx->config);
	if (!generated && !map) {
		err_class_set(err, ERR_USAGE, -ENOENT, "'%s' includes no map that reinject has written", init->config);
		err_hint(err, "add to its [reinject]: include = " MAP_NAME);
		return -ENOENT;
	}
	r = refresh_map_make(ctx->config, generated ? generated : map, NULL, ctx->cancel, &init->map, err);
	return r < 0 ? r : refuse_map(&init->map, err);
}

/* -- what was done ---------------------------------------------------------------------------------------------------------------------------- */

static json_t *values_json(const struct setup *setup)
{
	json_t *object = json_object();

	for (size_t i = 0; i < SETUP_N; i++)
		json_object_set_new(object, setup_name((enum setup_item)i), cli_json_string(setup->values[i]));
	json_object_set_new(object, "mount_point", cli_json_string(setup->mount_point));
	return object;
}

static void print_json(const struct init *init)
{
	json_t *object = json_pack("{s:o, s:o, s:b, s:b, s:I, s:b, s:o, s:o, s:o}", "config", cli_json_string(init->config), "map",
				   cli_json_string(init->map.path), "written", init->written, "changed", init->map.state != REFRESH_MAP_CURRENT,
				   "members", (json_int_t)init->map.n_members, "resolved", init->map.resolved, "difference",
				   cli_json_string(init->map.difference), "problems", cli_json_strings(&init->map.problems), "rules",
				   cli_json_string(init->map.rules));

	if (init->text)
		json_object_set_new(object, "found", values_json(&init->setup));
	cli_json_print(object);
}

static void tell_missing(const struct init *init)
{
	for (size_t i = 0; i < init->setup.notes.n; i++)
		log_info("%s", init->setup.notes.v[i]);
	for (size_t i = SETUP_TARGET; init->text && i < SETUP_N; i++)
		if (!init->setup.values[i] && !init->setup.told[i] && setup_is_wanted(&init->setup, (enum setup_item)i))
			log_warning("not found: %s; --%s names it, or a line in " CONFIG_NAME, setup_what((enum setup_item)i),
				    setup_name((enum setup_item)i));
	for (size_t i = 0; i < init->map.problems.n; i++)
		log_warning("%s", init->map.problems.v[i]);
}

static void print_new(const struct init *init)
{
	if (init->written) {
		cli_print_line("%s", init->config);
		cli_print_line("%s", init->map.path);
	} else {
		printf("; ---- %s\n%s\n; ---- %s\n%s", init->config, init->text, init->map.path, init->map.text);
	}
}

static void print_text(const struct init *init)
{
	CLEANUP_FREE char *diff = NULL;

	if (init->text) {
		print_new(init);
		return;
	}
	diff = refresh_map_diff(&init->map);
	fputs(diff, stdout);
	if (init->map.state == REFRESH_MAP_CURRENT)
		log_info("'%s' is up to date", init->map.path);
}

/* The map first: a reinject.ini that includes what is not there would be wrong. */
static int write_all(struct init *init, struct err *err)
{
	int r = init->map.state == REFRESH_MAP_CURRENT ? 0 : refresh_map_write(&init->map, err);

	if (r == 0 && init->text)
		r = fs_write_for_owner(init->config, init->text, strlen(init->text), 0644, err);
	init->written = r == 0 && (init->text || init->map.state != REFRESH_MAP_CURRENT);
	return r;
}

/* Whether what was written can be used: two binaries for one place, for instance, are for the user to decide. */
static int check_written(struct cli_context *ctx, const struct init *init, struct err *err)
{
	CLEANUP(config_problems_clear) struct config_problems problems = { 0 };
	CLEANUP(config_freep) struct config *config = NULL;
	struct config_args args = { .file = init->config };
	int r = config_load(&args, &config, &problems, err);

	(void)ctx;
	for (size_t i = 0; i < problems.errors.n; i++)
		log_error("%s", problems.errors.v[i]);
	for (size_t i = 0; i < problems.warnings.n; i++)
		log_warning("%s", problems.warnings.v[i]);
	if (r < 0)
		err_hint(err,
			 "the files are written; a key in '%s' wins over the map, such as: [package NAME] and below it dest = /another/place",
			 init->config);
	else if (init->text)
		log_info("`reinject doctor` says what a refresh still needs, `reinject refresh -n` what it would do");
	return r;
}

static int run(struct cli_context *ctx, struct err *err)
{
	CLEANUP(init_clear) struct init init = { 0 };
	bool dry = cli_args_has(ctx->args, "dry-run");
	int r = cli_args_has(ctx->args, "update") ? prepare_update(ctx, &init, err) : prepare_new(ctx, &init, err);

	if (r == 0 && !dry)
		r = write_all(&init, err);
	if (r < 0)
		return r;
	tell_missing(&init);
	if (ctx->json)
		print_json(&init);
	else
		print_text(&init);
	return init.written ? check_written(ctx, &init, err) : 0;
}

static const struct cli_option options[] = {
	{ "update", 0, NULL, "write the generated map anew, nothing else, and show what changed" },
	{ "dry-run", 'n', NULL, "print what would be written, and write nothing" },
	{ "source", 0, "FOLDER", "the cargo workspace" },
	{ "image", 0, "FILE", "the disk image" },
	{ "redoxfs", 0, "PROGRAM", "what mounts it" },
	{ "target", 0, "TARGET", "a triple, or the target's .json" },
	{ "toolchain", 0, "NAME", "as rustup calls it" },
	{ "backend", 0, "FILE", "the codegen backend's library" },
	{ "relibc", 0, "FOLDER", "where relibc's crt0.o is" },
	{ "strip", 0, "PROGRAM", "what strips binaries" },
	{ "boot", 0, "FILE", "the script that boots the image" },
	{ "initfs", 0, "FOLDER", "the initfs's content" },
	{ "initfs-tool", 0, "FILE", "what packs it" },
	{ "bootstrap", 0, "FILE", "its bootstrap ELF" },
	{ "rules", 0, "FILE", "where programs and files go, see config/rules/redox.ini; none: no rules" },
	{ NULL, 0, NULL, NULL },
};

extern const struct cli_verb cmd_init;
const struct cli_verb cmd_init = {
	.name = "init",
	.usage = "[-n] [--image FILE] [--source FOLDER] ... | --update [-n]",
	.summary = "write reinject.ini and the generated map of a cargo workspace",
	.description = "Looks for the workspace, the image, redoxfs, the target, relibc, the backend, strip and run-dev.sh\n"
		       "where they usually lie (the Redox tree's layout is known), asks for what it does not find, and\n"
		       "writes two files: reinject.ini, which is yours from then on, and packages.ini, which is generated:\n"
		       "every member that cargo knows, with its folder, binaries and dependencies, and where things go, by\n"
		       "the tree's own recipe.toml and a rule file. Without a terminal nothing is asked; an option says what\n"
		       "is where, an empty one (--image '') that there is none. What is there already is never written over.\n\n"
		       "Keys in reinject.ini win over those of the map. `refresh` and `watch` let the map follow the\n"
		       "workspace (auto_update = yes); --update does so now, and prints the difference. A map that was\n"
		       "changed by hand is recognised and left as it is.",
	.options = options,
	.max_args = 0,
	.no_config = true,
	.run = run,
};
