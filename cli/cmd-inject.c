#include "cli/verbs.h"

static const struct cli_option options[] = {
	CLI_OPTION_WAIT_LOCK,
	{ NULL, 0, NULL, NULL },
};

/* @what: FILE and /DEST. */
static int inject(struct refresh_session *session, const void *what, const struct refresh_args *args, enum refresh_result *ret, struct err *err)
{
	const struct strvec *words = what;

	return refresh_inject(session, words->v[0], words->v[1], args, ret, err);
}

static int run(struct cli_context *ctx, struct err *err)
{
	int r = cli_check_dest(ctx, ctx->args->positional.v[1], err);

	return r < 0 ? r : cli_do(ctx, "inject", inject, &ctx->args->positional, err);
}

extern const struct cli_verb cmd_inject;
const struct cli_verb cmd_inject = {
	.name = "inject",
	.usage = "[--wait-lock SECONDS] FILE /DEST",
	.summary = "put any file into the image, by the same transaction",
	.description =
		"FILE is a file of this machine, DEST a path inside the image: a folder there (the file keeps its name), or the new path.\n"
		"A replaced file keeps its mode and owner; a new one gets FILE's permissions and belongs to root. Nothing is written when\n"
		"the image has the same content there already.",
	.operands = "FILE IMAGE-PATH",
	.options = options,
	.min_args = 2,
	.max_args = 2,
	.run = run,
};
