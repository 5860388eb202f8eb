#include "cli/json.h"
#include "cli/print.h"
#include "cli/verbs.h"
#include "image/check.h"
#include "image/hand.h"
#include "refresh/outside.h"
#include "refresh/compact.h"
#include "refresh/space.h"
#include "refresh/stamp.h"

#include "base/fs.h"
#include "base/log.h"

#include <errno.h>
#include <string.h>

static const struct cli_option options[] = {
	{ "deep", 0, NULL, "read every block with its checksum, in a scratch copy (RedoxFS), or run e2fsck -fn (ext4)" },
	CLI_OPTION_WAIT_LOCK,
	{ NULL, 0, NULL, NULL },
};

enum { UNMOUNT_WAIT_S = 10, MAX_WAIT_S = 86400 };

static void print_facts(const struct cli_context *ctx, const char *path, const struct strvec *facts, int r, const struct err *err)
{
	if (ctx->json) {
		cli_json_print(json_pack("{s:o, s:b, s:b, s:o, s:o}", "image", cli_json_string(path), "ok", r >= 0, "deep",
					 cli_args_has(ctx->args, "deep"), "facts", cli_json_strings(facts), "error",
					 r < 0 ? cli_json_string(err->message) : json_null()));
		return;
	}
	for (size_t i = 0; i < facts->n; i++)
		cli_print_line("%s", facts->v[i]);
	if (r >= 0)
		puts(cli_args_has(ctx->args, "deep") ? "no fault found" : "no fault found; --deep reads every block");
}

/* What the runs have counted; of the configured image alone. */
static void tell_leaked(struct cli_context *ctx, struct strvec *facts)
{
	CLEANUP(refresh_session_freep) struct refresh_session *session = NULL;
	CLEANUP(strvec_clear) struct strvec notes = { 0 };
	struct refresh_session_args args = { .read_only = true };
	uint64_t leaked = 0;

	if (refresh_session_open(ctx->config, &args, ctx->cancel, &session, &notes, NULL) == 0)
		leaked = refresh_space_leaked(session);
	if (leaked > 0)
		strvec_addf(facts, "about %.1f MB of its room have leaked through the files that reinject has replaced", (double)leaked / 1e6);
}

static int check(struct cli_context *ctx, const char *file, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec facts = { 0 };
	const char *path = file ? file : ctx->config->image.path;
	int r = image_check_run(&ctx->config->image, path, cli_args_has(ctx->args, "deep"), ctx->cancel, &facts, err);

	if (!file && r >= 0 && !cli_args_has(ctx->args, "deep"))
		tell_leaked(ctx, &facts);
	print_facts(ctx, path, &facts, r, err);
	return r;
}

static int compact(struct refresh_session *session, const void *what, const struct refresh_args *args, enum refresh_result *ret, struct err *err)
{
	(void)what;
	return refresh_compact(session, args, ret, err);
}

static int do_compact(struct cli_context *ctx, const char *file, struct err *err)
{
	(void)file;
	return cli_do(ctx, "compact", compact, NULL, err);
}

static int stamp(struct refresh_session *session, const void *what, const struct refresh_args *args, enum refresh_result *ret, struct err *err)
{
	(void)what;
	return refresh_stamp(session, args, ret, err);
}

static int do_stamp(struct cli_context *ctx, const char *file, struct err *err)
{
	(void)file;
	return cli_do(ctx, "stamp", stamp, NULL, err);
}

static int find_point(const struct cli_context *ctx, const char *file, char **ret, struct err *err)
{
	CLEANUP_FREE char *cwd = NULL;
	int r;

	if (!file && !ctx->config->image.mount_point) {
		r = err_class_set(err, ERR_USAGE, -EINVAL, "no folder to mount it at");
		err_hint(err, "name one: reinject image mount FOLDER; or add `mount_point = FOLDER` to [image]");
		return r;
	}
	if (!file) {
		*ret = xstrdup(ctx->config->image.mount_point);
		return 0;
	}
	cwd = realpath(".", NULL);
	*ret = fs_absolute(cwd ? cwd : "/", file);
	return 0;
}

static int do_mount(struct cli_context *ctx, const char *file, struct err *err)
{
	CLEANUP(refresh_session_freep) struct refresh_session *session = NULL;
	CLEANUP_FREE char *point = NULL, *log = NULL;
	int r = find_point(ctx, file, &point, err);

	if (r >= 0)
		r = cli_open_session(ctx, false, &session, err);
	if (r < 0)
		return r;
	log = xasprintf("%s/hand-mount.log", session->work);
	r = image_hand_mount(&ctx->config->image, point, log, ctx->cancel, err);
	if (r >= 0)
		refresh_outside_note_hand(session);
	if (r >= 0)
		log_info("'%s' is mounted at '%s'; `reinject image unmount` ends that", ctx->config->image.path, point);
	return r;
}

static int do_unmount(struct cli_context *ctx, const char *file, struct err *err)
{
	CLEANUP(refresh_session_freep) struct refresh_session *session = NULL;
	CLEANUP_FREE char *point = NULL;
	uint32_t wait_s = 0;
	int r = cli_args_number(ctx->args, "wait-lock", UNMOUNT_WAIT_S, MAX_WAIT_S, &wait_s, err);

	if (r >= 0)
		r = find_point(ctx, file, &point, err);
	if (r >= 0)
		r = cli_open_session(ctx, false, &session, err);
	if (r >= 0)
		r = image_hand_unmount(&ctx->config->image, point, wait_s, err);
	if (r >= 0)
		log_info("'%s' is unmounted, and on the disk", ctx->config->image.path);
	return r;
}

static const struct action {
	const char *name;
	size_t max_words; /* behind it */
	int (*run)(struct cli_context *ctx, const char *file, struct err *err);
} actions[] = {
	{ "check", 1, check }, { "compact", 0, do_compact }, { "stamp", 0, do_stamp }, { "mount", 1, do_mount }, { "unmount", 1, do_unmount },
};

static int run(struct cli_context *ctx, struct err *err)
{
	const struct strvec *words = &ctx->args->positional;

	for (size_t i = 0; i < N_ELEMENTS(actions); i++) {
		const struct action *action = &actions[i];
		bool is_check = action->run == check;

		if (strcmp(words->v[0], action->name) != 0)
			continue;
		if (words->n - 1 > action->max_words)
			return cli_usage_error(ctx->args->verb, err, "`reinject image %s` does not know what '%s' is for", action->name,
					       words->v[words->n - 1]);
		if (!is_check && cli_args_has(ctx->args, "deep"))
			return cli_usage_error(ctx->args->verb, err, "--deep is for `reinject image check`");
		if (!ctx->config->image.path && (!is_check || words->n < 2))
			return err_class_set(err, ERR_USAGE, -EINVAL, "'%s' names no image: add a section [image] with `path = ...`",
					     ctx->config->file);
		return action->run(ctx, words->n > 1 ? words->v[1] : NULL, err);
	}
	return cli_unknown_word(ctx->args->verb, words->v[0], err);
}

extern const struct cli_verb cmd_image;
const struct cli_verb cmd_image = {
	.name = "image",
	.usage = "check [--deep] [FILE] | compact | stamp | mount [FOLDER] | unmount [FOLDER]",
	.summary = "care of the image: check it, get leaked room back, stamp it, mount it by hand",
	.description =
		"`reinject image check` reads the file system's header and names everyone who has the image open, without mounting it (a mount\n"
		"writes). FILE is another image of the same format, such as IMAGE.prev. A mount proves nothing; --deep does, and measures the\n"
		"room that replaced files have leaked.\n\n"
		"compact     gets that room back: all files go into a new image, are compared, and it takes the image's place. Files stay as they\n"
		"            are; the file system has a new UUID. Partitions around it are kept.\n"
		"stamp       puts `echo 'Build: COMMIT @ DATE'` at the head of the file that [image] stamp names, as every refresh does\n"
		"mount       mounts the image at FOLDER, by default [image] mount_point; no run can use it meanwhile\n"
		"unmount     waits up to ten seconds (--wait-lock) for those who use it, and until the last block is written; never by force",
	.operands = "check|compact|stamp|mount|unmount FILE",
	.options = options,
	.min_args = 1,
	.max_args = 2,
	.run = run,
};
