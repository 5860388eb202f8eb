#include "cli/ui.h"
#include "cli/verbs.h"
#include "night/night.h"

static const struct cli_option options[] = {
	{ "dry-run", 'n', NULL, "print what would be done, and do nothing" },
	{ NULL, 0, NULL, NULL },
};

static int status_of(enum night_result night)
{
	switch (night) {
	case NIGHT_NOTHING:
	case NIGHT_GOOD:
		return 0;
	case NIGHT_HOST:
		return ERR_ENVIRONMENT;
	default:
		return ERR_FAILED;
	}
}

static int run(struct cli_context *ctx, struct err *err)
{
	CLEANUP(cli_ui_clear) struct cli_ui ui;
	struct night_args args = { .cancel = ctx->cancel, .on_event = cli_ui_event, .data = &ui };
	enum night_result night = NIGHT_NOTHING;
	int r;

	cli_ui_init(&ui, ctx);
	if (cli_args_has(ctx->args, "dry-run"))
		return night_preview(ctx->config, &args, err);
	r = night_run(ctx->config, &args, &night, err);
	if (r >= 0)
		ctx->status = status_of(night);
	return r;
}

extern const struct cli_verb cmd_nightly;
const struct cli_verb cmd_nightly = {
	.name = "nightly",
	.usage = "[-n]",
	.summary = "refresh unattended: what is committed, checked and booted; what does not boot does not stay",
	.description =
		"Builds HEAD of every source apart from the work tree, puts what is stale into the image in one transaction, checks the image in\n"
		"full, and boots it ([boot]). Up: it becomes IMAGE.good. [nightly] attempts boots that fail at the same line: IMAGE.good takes its\n"
		"place and is booted as the control, and what was new is held until it changes or is built by name. If the control fails too, it is\n"
		"the host, and nothing is held. With nothing stale, nothing is built, checked or booted.\n\n"
		"At the end the report ([nightly] report) is written, and a night that was not good runs [nightly] on_failure. Which of several new\n"
		"packages is at fault is not searched for yet.\n\n"
		"Exit status: 0 good, or nothing to do; 1 something did not build or boot; 3 no machine could be started, or the last good image\n"
		"does not boot either; 75 another run has the image.",
	.options = options,
	.max_args = 0,
	.run = run,
};
