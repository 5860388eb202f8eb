#include "cli/runs.h"
#include "cli/verbs.h"
#include "refresh/restore.h"
#include "refresh/rollback.h"

static const struct cli_option options[] = {
	{ "image", 0, NULL, "the whole image before the last change, IMAGE.prev" },
	{ "good", 0, NULL, "the last image that booted, IMAGE.good" },
	CLI_OPTION_WAIT_LOCK,
	{ NULL, 0, NULL, NULL },
};

/* @what: the run's number; 0: the last that changed the image. */
static int rollback(struct refresh_session *session, const void *what, const struct refresh_args *args, enum refresh_result *ret, struct err *err)
{
	const int64_t *id = what;

	return refresh_rollback(session, *id, args, ret, err);
}

/* @what: struct refresh_restore_what. */
static int restore(struct refresh_session *session, const void *what, const struct refresh_args *args, enum refresh_result *ret, struct err *err)
{
	return refresh_restore(session, what, args, ret, err);
}

static int run(struct cli_context *ctx, struct err *err)
{
	bool image = cli_args_has(ctx->args, "image"), good = cli_args_has(ctx->args, "good");
	struct refresh_restore_what what = { .good = good };
	const char *word = ctx->args->positional.n > 0 ? ctx->args->positional.v[0] : NULL;
	int64_t id = 0;
	int r = word ? cli_run_operand(ctx->args->verb, word, &id, err) : 0;

	if (r < 0)
		return r;
	if (image + good + (word != NULL) > 1)
		return cli_usage_error(ctx->args->verb, err, "one of ID, --image and --good is enough");
	if (image || good)
		return cli_do(ctx, REFRESH_RESTORE_VERB, restore, &what, err);
	return cli_do(ctx, "rollback", rollback, &id, err);
}

extern const struct cli_verb cmd_rollback;
const struct cli_verb cmd_rollback = {
	.name = "rollback",
	.usage = "[--wait-lock SECONDS] [ID | --image | --good]",
	.summary = "put back what a run replaced, and remove what it added",
	.description = "ID is a run's number, as `reinject log` prints it; without it, the last run that changed the image. The files of that run get the\n"
		       "contents they had before it, by the same transaction as any other change, in a run of its own: a rollback can be rolled back.\n"
		       "A file that a later run has replaced again is not touched: roll that one back first.\n\n"
		       "The sources that gave the rolled-back files are held: they are not built again until they change, are named to\n"
		       "`reinject build`, or `reinject refresh --retry` asks for them.\n\n"
		       "--image puts the whole image before the last change back, --good the last one that booted, whatever changed it since. The image\n"
		       "that was there is IMAGE.prev then: `reinject rollback --image` takes this back as well.",
	.operands = "RUN",
	.options = options,
	.max_args = 1,
	.run = run,
};
