#include "cli/verbs.h"
#include "refresh/adopt.h"

static const struct cli_option options[] = {
	CLI_OPTION_WAIT_LOCK,
	{ NULL, 0, NULL, NULL },
};

/* @what: the revisions. */
static int adopt(struct refresh_session *session, const void *what, const struct refresh_args *args, enum refresh_result *ret, struct err *err)
{
	return refresh_adopt(session, what, args, ret, err);
}

static int run(struct cli_context *ctx, struct err *err)
{
	return cli_do(ctx, "adopt", adopt, &ctx->args->positional, err);
}

extern const struct cli_verb cmd_adopt;
const struct cli_verb cmd_adopt = {
	.name = "adopt",
	.usage = "[--wait-lock SECONDS] [REV | SOURCE=REV...]",
	.summary = "take the image as it is for the starting point, without building",
	.description = "For an image that was made by other means: records that it holds what the sources are now, or what they were at commit REV, and\n"
		       "the hashes of the files that are there. Nothing is built, and the image is not written; from now on `reinject refresh` builds\n"
		       "what differs from this. A package of which a file is missing in the image is not adopted, and stays stale.\n\n"
		       "Whether the image was really made from these sources, only you know. With several sources a plain REV means all of them,\n"
		       "SOURCE=REV one.",
	.operands = "REV...",
	.options = options,
	.max_args = -1,
	.run = run,
};
