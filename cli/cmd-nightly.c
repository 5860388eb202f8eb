#include "base/human.h"
#include "cli/json.h"
#include "cli/ui.h"
#include "cli/verbs.h"
#include "night/night.h"

#include <stdio.h>

static const struct cli_option options[] = {
	{ "dry-run", 'n', NULL, "print what would be done, and do nothing" },
	{ NULL, 0, NULL, NULL },
};

static int status_of(enum night_result result)
{
	switch (result) {
	case NIGHT_NOTHING:
	case NIGHT_GOOD:
		return 0;
	case NIGHT_HOST:
		return ERR_ENVIRONMENT;
	default:
		return ERR_FAILED;
	}
}

static void tell_culprit(const struct night_culprit *culprit)
{
	CLEANUP_FREE char *list = night_names(&culprit->subjects), *line = str_visible(culprit->line ? culprit->line : "");

	fprintf(stderr, "culprit: %s: %s\n", list, line);
	for (size_t i = 0; i < culprit->commits.n; i++) {
		CLEANUP_FREE char *commit = str_visible(culprit->commits.v[i]);

		fprintf(stderr, "  commit %s\n", commit);
	}
	for (size_t i = 0; i < culprit->last_lines.n; i++) {
		CLEANUP_FREE char *said = str_visible(culprit->last_lines.v[i]);

		fprintf(stderr, "  | %s\n", said);
	}
	if (culprit->log) {
		CLEANUP_FREE char *log = str_visible(culprit->log);

		fprintf(stderr, "  log: %s\n", log);
	}
	fprintf(stderr, "  held until it changes; `reinject build %s` tries it again\n", list);
}

static void tell(struct cli_ui *ui, const struct night_summary *summary)
{
	CLEANUP_FREE char *duration = human_duration(summary->ms), *text = str_visible(summary->text);

	cli_ui_wipe(ui);
	for (size_t i = 0; i < summary->n_culprits; i++)
		tell_culprit(&summary->culprits[i]);
	fprintf(stderr, "night %lld: %s: %s (%u boots of %u images, %s)\n", (long long)summary->id, night_result_name(summary->result), text,
		summary->boots, summary->trials, duration);
}

static int run(struct cli_context *ctx, struct err *err)
{
	CLEANUP(cli_ui_clear) struct cli_ui ui;
	struct night_args args = { .cancel = ctx->cancel, .on_event = cli_ui_event, .data = &ui };
	CLEANUP(night_summary_clear) struct night_summary summary = { 0 };
	int r;

	cli_ui_init(&ui, ctx);
	if (cli_args_has(ctx->args, "dry-run"))
		return night_preview(ctx->config, &args, err);
	r = night_run(ctx->config, &args, &summary, err);
	if (r < 0)
		return r;
	ctx->status = status_of(summary.result);
	tell(&ui, &summary);
	if (ctx->json)
		cli_json_print(night_summary_json(&summary));
	return 0;
}

extern const struct cli_verb cmd_nightly;
const struct cli_verb cmd_nightly = {
	.name = "nightly",
	.usage = "[-n]",
	.summary = "refresh unattended: what is committed, checked and booted; what does not boot does not stay",
	.description =
		"Builds HEAD of every source apart from the work tree, puts what is stale into the image in one transaction, checks the image in\n"
		"full, and boots it ([boot]). Up: it becomes IMAGE.good. With nothing stale, nothing is built, checked or booted.\n\n"
		"After [nightly] attempts boots that fail at the same line, IMAGE.good takes its place and is booted as the control. If that fails\n"
		"too, it is the host, and nothing is held. Otherwise the culprits are searched for: images with some of what was new are made beside\n"
		"the image and booted, packages that a commit concerns together as one. What is not at fault is kept; a culprit is held until it\n"
		"changes or is built by name. Boots that are not always the same blame nobody, and leave the good image.\n\n"
		"[nightly] max_boots and timeout_s are the limits. At the end the report ([nightly] report) is written, and a night that was not\n"
		"good runs [nightly] on_failure.\n\n"
		"Exit status: 0 good, or nothing to do; 1 something did not build or boot; 3 no machine could be started, or the last good image\n"
		"does not boot either; 75 another run has the image.",
	.options = options,
	.max_args = 0,
	.run = run,
};
