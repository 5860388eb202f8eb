#include "cli/verbs.h"

static const struct cli_option options[] = {
	CLI_OPTION_WAIT_LOCK,
	{ NULL, 0, NULL, NULL },
};

static int run(struct cli_context *ctx, struct err *err)
{
	const char *file = ctx->args->positional.v[0], *dest = ctx->args->positional.v[1];
	int r = cli_check_dest(ctx, dest, err);

	return r < 0 ? r : cli_inject(ctx, file, dest, err);
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
	.options = options,
	.min_args = 2,
	.max_args = 2,
	.run = run,
};
