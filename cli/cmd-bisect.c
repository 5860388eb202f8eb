#include "cli/json.h"
#include "cli/print.h"
#include "cli/runs.h"
#include "cli/ui.h"
#include "cli/verbs.h"
#include "night/bisect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_option options[] = {
	CLI_OPTION_WAIT_LOCK,
	{ NULL, 0, NULL, NULL },
};

static const char *const result_names[] = {
	[NIGHT_BISECT_FOUND] = "found", [NIGHT_BISECT_BOOTS] = "boots", [NIGHT_BISECT_HOST] = "host",
	[NIGHT_BISECT_FLAKY] = "flaky", [NIGHT_BISECT_SPENT] = "spent",
};

static int status_of(enum night_bisect_result result)
{
	if (result == NIGHT_BISECT_FOUND)
		return 0;
	return result == NIGHT_BISECT_HOST ? ERR_ENVIRONMENT : ERR_FAILED;
}

static void print_json(const struct night_bisect *bisect)
{
	cli_json_print(json_pack("{s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I}", "result", result_names[bisect->result], "good",
				 (json_int_t)bisect->good, "bad", (json_int_t)bisect->bad, "run",
				 bisect->run > 0 ? json_integer(bisect->run) : json_null(), "verb", cli_json_string(bisect->verb), "packages",
				 cli_run_words_json(bisect->packages), "commits", cli_run_words_json(bisect->commits), "line",
				 cli_json_string(bisect->line), "log", cli_json_string(bisect->log), "boots", (json_int_t)bisect->boots,
				 "trials", (json_int_t)bisect->trials));
}

static void print_found(const struct night_bisect *bisect)
{
	CLEANUP_FREE char *line = str_visible(bisect->line ? bisect->line : "");

	printf("run %lld (%s) is the first after which the image does not boot: %s\n", (long long)bisect->run, bisect->verb ? bisect->verb : "", line);
	if (bisect->packages && *bisect->packages)
		cli_print_line("packages  %s", bisect->packages);
	if (bisect->commits && *bisect->commits)
		cli_print_line("commits   %s", bisect->commits);
	if (bisect->log)
		cli_print_line("log       %s", bisect->log);
	printf("`reinject show %lld` shows all of it, `reinject rollback %lld` takes it back\n", (long long)bisect->run, (long long)bisect->run);
}

static void print_result(const struct night_bisect *bisect)
{
	switch (bisect->result) {
	case NIGHT_BISECT_FOUND:
		print_found(bisect);
		break;
	case NIGHT_BISECT_BOOTS:
		printf("the image as run %lld left it boots: there is nothing to find\n", (long long)bisect->bad);
		break;
	case NIGHT_BISECT_HOST:
		printf("the image as run %lld left it does not boot either, or no machine came to life: it is the host or the guest, and no run\n",
		       (long long)bisect->good);
		break;
	case NIGHT_BISECT_FLAKY:
		puts("it does not boot each time, or not for the same reason: no run is named");
		break;
	case NIGHT_BISECT_SPENT:
		puts("[nightly] max_boots or timeout_s came before a verdict: no run is named");
		break;
	}
}

static int take_runs(const struct cli_context *ctx, struct night_bisect_args *ret, struct err *err)
{
	int64_t *const ends[] = { &ret->good, &ret->bad };

	int r = 0;

	for (size_t i = 0; r == 0 && i < ctx->args->positional.n; i++)
		r = cli_run_operand(ctx->args->verb, ctx->args->positional.v[i], ends[i], err);
	return r;
}

static int run(struct cli_context *ctx, struct err *err)
{
	CLEANUP(refresh_session_freep) struct refresh_session *session = NULL;
	CLEANUP(night_bisect_clear) struct night_bisect bisect = { 0 };
	CLEANUP(cli_ui_clear) struct cli_ui ui;
	struct night_bisect_args args = { .cancel = ctx->cancel, .on_event = cli_ui_event, .data = &ui };
	int r = take_runs(ctx, &args, err);

	cli_ui_init(&ui, ctx);
	if (r >= 0)
		r = cli_open_session(ctx, false, &session, err);
	if (r >= 0)
		r = night_bisect_run(session, &args, &bisect, err);
	if (r < 0)
		return r;
	cli_ui_wipe(&ui);
	ctx->status = status_of(bisect.result);
	if (ctx->json)
		print_json(&bisect);
	else
		print_result(&bisect);
	return 0;
}

extern const struct cli_verb cmd_bisect;
const struct cli_verb cmd_bisect = {
	.name = "bisect",
	.usage = "[--wait-lock SECONDS] [GOOD [BAD]]",
	.operands = "RUN RUN",
	.summary = "find the run after which the image does not boot, by booting earlier images",
	.description = "GOOD and BAD are runs, as `reinject log` prints them: by default the one that made IMAGE.good, or the last that a boot has found up,\n"
		       "and the last that changed the image. The images that lie between are made beside the image, of the contents that the journal keeps\n"
		       "([reinject] keep_runs), and booted as [boot] says, with [nightly] attempts, max_boots and timeout_s. The image itself is only read.\n\n"
		       "Exit status: 0 the run is found; 1 it is not (it boots, or not always, or the limits came first); 3 the good image does not boot\n"
		       "either.",
	.options = options,
	.max_args = 2,
	.run = run,
};
