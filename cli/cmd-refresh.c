#include "cli/verbs.h"

static const struct cli_option options[] = {
	CLI_OPTION_DRY_RUN,
	{ "retry", 0, NULL, "try again what failed or was held" },
	CLI_OPTION_WAIT_LOCK,
	{ NULL, 0, NULL, NULL },
};

static int run(struct cli_context *ctx, struct err *err)
{
	struct refresh_request request = { .retry = cli_args_has(ctx->args, "retry") };

	return cli_refresh(ctx, "refresh", &request, err);
}

extern const struct cli_verb cmd_refresh;
const struct cli_verb cmd_refresh = {
	.name = "refresh",
	.usage = "[-n] [--retry] [--wait-lock SECONDS]",
	.summary = "bring the image up to date: build and put every stale package and asset",
	.description =
		"Looks at every source, compares what each package is made of with what the image holds, builds what differs (one cargo\n"
		"run for each package), strips it, and puts all of it into a copy of the image, which is mounted again, read back and\n"
		"compared before it replaces the image in one step. Until then the image is untouched; a failed package does not hold\n"
		"the others up. With nothing stale, nothing is built, mounted or written.\n\n"
		"A package that failed to build is tried again when its sources change, with --retry, or when it is named to\n"
		"`reinject build`.\n\n"
		"After the swap it says what the change still needs, as `activate` of the packages tells: nothing, lines for the running\n"
		"guest's console, a reboot. An asset needs what the package that owns its file needs. The unstripped binaries are kept\n"
		"for gdb: see `reinject symbols --help`.",
	.options = options,
	.max_args = 0,
	.run = run,
};
