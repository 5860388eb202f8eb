#include "cli/follow.h"

#include "base/human.h"
#include "base/log.h"
#include "cli/json.h"
#include "cli/print.h"
#include "cli/verbs.h"

#include <errno.h>

/* Nobody waits for `status`; a watch whose loop turns answers in a millisecond. */
enum { STATUS_LIMIT_MS = 2000 };

/* 1: there is a watch, and it serves the same; 0: go on alone. */
static int find_watch(struct cli_context *ctx, struct server_client **ret, struct err *err)
{
	CLEANUP(server_client_freep) struct server_client *client = NULL;
	struct server_client_args args = { .state = ctx->config->state, .cancel = ctx->cancel };
	struct err problem = ERR_INIT;
	int r = server_client_connect(&args, &client, NULL, &problem);

	if (r == -ENOENT)
		return 0;
	if (r == -ETIMEDOUT) {
		log_warning("%s; going on without it", problem.message);
		return 0;
	}
	if (r < 0) {
		*err = problem;
		return r;
	}
	if (!server_client_serves(client, ctx->config, true)) {
		log_info("the watch (process %d) works with another configuration; this is done without it",
			 (int)server_client_greeting(client)->pid);
		return 0;
	}
	*ret = TAKE_PTR(client);
	return 1;
}

static void fill_wish(const char *verb, const struct refresh_request *request, struct server_wish *wish)
{
	wish->kind = str_eq(verb, "build") ? SERVER_WISH_BUILD : SERVER_WISH_REFRESH;
	wish->retry = request->retry;
	wish->dest = request->dest ? xstrdup(request->dest) : NULL;
	if (request->packages)
		strvec_copy(&wish->packages, request->packages);
}

int cli_follow(struct cli_context *ctx, const char *verb, const struct refresh_request *request, struct cli_ui *ui, enum refresh_result *ret,
	       struct err *err)
{
	CLEANUP(server_client_freep) struct server_client *client = NULL;
	CLEANUP(server_wish_clear) struct server_wish wish = { 0 };
	int status = 0;
	int r = cli_wait_lock(ctx, &wish.wait_s, err);

	if (r >= 0)
		r = find_watch(ctx, &client, err);
	if (r <= 0)
		return r;
	log_debug("handed over to the watch (process %d)", (int)server_client_greeting(client)->pid);
	fill_wish(verb, request, &wish);
	r = server_client_ask(client, &wish, cli_ui_event, ui, &status, err);
	if (r < 0)
		return r;
	*ret = status == 0 ? REFRESH_OK : REFRESH_RUN_FAILED;
	return 1;
}

/* -- status ------------------------------------------------------------------------------------------------------------------------------------ */

void cli_watch_clear(struct cli_watch *watch)
{
	server_client_free(watch->client);
	*watch = (struct cli_watch){ 0 };
}

void cli_watch_ask(struct cli_context *ctx, struct cli_watch *ret)
{
	struct server_client_args args = {
		.state = ctx->config->state, .cancel = ctx->cancel, .answer_ms = STATUS_LIMIT_MS, .silence_ms = STATUS_LIMIT_MS
	};
	struct err err = ERR_INIT;
	int r = server_client_connect(&args, &ret->client, &ret->pid, &err);

	if (r == 0 && !server_client_serves(ret->client, ctx->config, false)) {
		cli_watch_clear(ret);
		return;
	}
	if (r == 0)
		r = server_client_status(ret->client, &ret->status, &err);
	ret->answered = r == 0;
	if (r == -ENOENT || r == -ECANCELED)
		cli_watch_clear(ret);
	else if (r < 0)
		log_warning("%s", err.message);
}

json_t *cli_watch_json(const struct cli_watch *watch)
{
	const struct server_watch_status *status = &watch->status;

	if (watch->pid == 0)
		return json_null();
	if (!watch->answered)
		return json_pack("{s:i, s:s, s:n, s:n, s:n}", "pid", (int)watch->pid, "state", "unknown", "doing", "run", "since_ms");
	return json_pack("{s:i, s:s, s:o, s:o, s:I}", "pid", (int)watch->pid, "state", server_watch_state_name(status->state), "doing",
			 cli_json_string(status->doing), "run", status->run > 0 ? json_integer(status->run) : json_null(), "since_ms",
			 (json_int_t)status->since_ms);
}

void cli_watch_print(const struct cli_watch *watch)
{
	const struct server_watch_status *status = &watch->status;
	CLEANUP_FREE char *since = human_duration(status->since_ms);
	CLEANUP_FREE char *run = status->run > 0 ? xasprintf(" run %lld", (long long)status->run) : NULL;

	if (watch->pid == 0)
		return;
	if (!watch->answered)
		printf("watch    process %d, which does not answer\n", (int)watch->pid);
	else
		cli_print_line("watch    process %d, %s%s for %s%s%s", (int)watch->pid, server_watch_state_name(status->state), run ? run : "",
			       since, status->doing ? ": " : "", status->doing ? status->doing : "");
}
