#include "base/human.h"
#include "cli/cli.h"
#include "cli/json.h"
#include "cli/print.h"
#include "cli/runs.h"
#include "journal/boots.h"
#include "journal/journal.h"

#include <errno.h>

enum { DEFAULT_LINES = 20, MAX_LINES = 1000000 };

static const struct cli_option options[] = {
	{ "number", 0, "N", "the newest N runs (20, with --json all; 0: all)" },
	{ NULL, 0, NULL, NULL },
};

/* The last boot of each run's image. */
struct booted {
	int64_t run;
	char *result;
};

struct listing {
	const struct cli_context *ctx;
	struct booted *boots; /* owned; the newest first */
	size_t n, cap;
};

static void listing_clear(struct listing *listing)
{
	for (size_t i = 0; i < listing->n; i++)
		free(listing->boots[i].result);
	free(listing->boots);
}

static int add_boot(void *data, const struct journal_boot *boot)
{
	struct listing *listing = data;

	grow_array(&listing->boots, &listing->cap, listing->n, sizeof(*listing->boots));
	listing->boots[listing->n++] = (struct booted){ boot->run, xstrdup(boot->result) };
	return 0;
}

static const char *last_boot(const struct listing *listing, int64_t run)
{
	for (size_t i = 0; i < listing->n; i++)
		if (listing->boots[i].run == run)
			return listing->boots[i].result;
	return NULL;
}

static int print_run(void *data, const struct journal_run *run)
{
	const struct listing *listing = data;
	const char *boot = last_boot(listing, run->id), *said = run->error ? run->error : run->packages ? run->packages : "";
	CLEANUP_FREE char *time = human_time(run->started);
	CLEANUP_FREE char *duration = human_duration(run->ms);

	if (listing->ctx->json) {
		json_t *line = cli_run_json(run);

		json_object_set_new(line, "boot", cli_json_string(boot));
		cli_json_print(line);
		return 0;
	}
	cli_print_line("%5lld  %s  %-14s  %-9s %8s  %s%s%s%s%s", (long long)run->id, time, run->verb, journal_result_name(run->result), duration,
		       said, boot && *said ? "  " : "", boot ? "(boot: " : "", boot ? boot : "", boot ? ")" : "");
	return 0;
}

static int run(struct cli_context *ctx, struct err *err)
{
	CLEANUP(journal_freep) struct journal *journal = NULL;
	CLEANUP(listing_clear) struct listing listing = { .ctx = ctx };
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
	if (r >= 0)
		r = journal_boots(journal, NULL, 0, add_boot, &listing, err);
	return r < 0 ? r : journal_runs(journal, NULL, 0, limit, print_run, &listing, err);
}

extern const struct cli_verb cmd_log;
const struct cli_verb cmd_log = {
	.name = "log",
	.usage = "[--number N]",
	.summary = "what was injected when, with what result; the newest first",
	.description =
		"One line for each run: its number, when, which verb, the result (ok, failed, cancelled, nothing), how long it took, and the\n"
		"packages that were put, or the error; and how the image booted, where it was booted. `reinject show ID` tells the rest.",
	.options = options,
	.max_args = 0,
	.run = run,
};
