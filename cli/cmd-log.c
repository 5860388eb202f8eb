#include "cli/json.h"
#include "cli/print.h"
#include "cli/runs.h"
#include "cli/ui.h"
#include "journal/journal.h"

#include <errno.h>

enum { DEFAULT_LINES = 20, MAX_LINES = 1000000 };

static const struct cli_option options[] = {
	{ "number", 0, "N", "the newest N runs (20; 0: all)" },
	{ NULL, 0, NULL, NULL },
};

static int print_run(void *data, const struct journal_run *run)
{
	const struct cli_context *ctx = data;
	CLEANUP_FREE char *time = cli_ui_time(run->started);
	CLEANUP_FREE char *duration = cli_ui_duration(run->ms);

	if (ctx->json) {
		cli_json_print(cli_run_json(run));
		return 0;
	}
	cli_print_line("%5lld  %s  %-14s  %-9s %8s  %s", (long long)run->id, time, run->verb, journal_result_name(run->result), duration,
		       run->error      ? run->error
		       : run->packages ? run->packages
				       : "");
	return 0;
}

static int run(struct cli_context *ctx, struct err *err)
{
	CLEANUP(journal_freep) struct journal *journal = NULL;
	uint32_t limit = 0;
	int r = cli_args_number(ctx->args, "number", ctx->json ? 0 : DEFAULT_LINES, MAX_LINES, &limit, err);

	if (r < 0)
		return r;
	r = journal_open(ctx->config->state, true, &journal, err);
	if (r == -ENOENT) {
		if (!ctx->json)
			fprintf(stderr, "nothing was done yet: there is no journal in '%s'\n", ctx->config->state);
		return 0;
	}
	return r < 0 ? r : journal_runs(journal, NULL, 0, limit, print_run, ctx, err);
}

extern const struct cli_verb cmd_log;
const struct cli_verb cmd_log = {
	.name = "log",
	.usage = "[--number N]",
	.summary = "what was injected when, with what result; the newest first",
	.description =
		"One line for each run: its number, when, which verb, the result (ok, failed, cancelled, nothing), how long it took, and the\n"
		"packages that were put, or the error. `reinject show ID` tells the rest.",
	.options = options,
	.max_args = 0,
	.run = run,
};
