/* A watch for tests of the socket end to end: it does the runs that are asked for, and nothing by itself. Its loop turns between runs and, by the
 * run's own ticks, amid them.
 *
 *     small-watch INI
 *
 * Prints 'ready' when it listens, then a line for each thing that comes in. SIGTERM ends it. SIGUSR1 lets the next wish wait until the next SIGUSR1,
 * which is how a test holds one back. */
#include "base/log.h"
#include "base/proc.h"
#include "refresh/run.h"
#include "server/server.h"

#include <errno.h>
#include <signal.h>

struct waiting {
	struct server_peer *client; /* NULL: left meanwhile */
	struct server_wish wish;
	struct waiting *next;
};

struct small_watch {
	uv_loop_t loop;
	uv_signal_t term, usr1;
	struct config *config;
	struct cancel cancel;
	struct server *server;
	struct waiting *first;
	struct waiting *now;
	bool holds, ends;
	int64_t run;
};

static void on_event(void *data, const struct refresh_event *event)
{
	struct small_watch *watch = data;

	watch->run = event->run > 0 ? event->run : watch->run;
	if (watch->now->client)
		server_send(watch->now->client, event);
	uv_run(&watch->loop, UV_RUN_NOWAIT);
}

static void run(struct small_watch *watch, struct waiting *waiting)
{
	CLEANUP(refresh_session_freep) struct refresh_session *session = NULL;
	CLEANUP(strvec_clear) struct strvec notes = { 0 };
	bool builds = waiting->wish.kind == SERVER_WISH_BUILD;
	struct refresh_args args = { .verb = builds ? "build" : "refresh", .on_event = on_event, .data = watch };
	struct refresh_session_args open = { 0 };
	enum refresh_result result = REFRESH_NOTHING;
	struct err err = ERR_INIT;
	int r;

	args.request = (struct refresh_request){ .packages = &waiting->wish.packages, .dest = waiting->wish.dest, .retry = waiting->wish.retry };
	watch->now = waiting;
	r = refresh_session_open(watch->config, &open, &watch->cancel, &session, &notes, &err);
	if (r >= 0)
		r = refresh_run(session, &args, &result, &err);
	printf("ran %s\n", r < 0 ? err.message : "through");
	if (waiting->client && r < 0)
		server_end(waiting->client, err_exit_status(&err, r), &err);
	else if (waiting->client)
		server_end(waiting->client, result == REFRESH_RUN_FAILED, NULL);
	watch->now = NULL;
	watch->run = 0;
}

static void reply_status(struct small_watch *watch, struct server_peer *client)
{
	struct server_watch_status status = { .pid = getpid(), .state = SERVER_WATCH_IDLE, .run = watch->run };

	if (watch->now)
		status.state = SERVER_WATCH_BUILDING;
	else if (watch->first)
		status.state = SERVER_WATCH_WAITING;
	status.doing = watch->now ? "a run for somebody" : NULL;
	server_reply(client, server_wire_status(&status));
	server_end(client, 0, NULL);
}

static void on_request(void *data, struct server_peer *client, const struct server_wish *wish)
{
	struct small_watch *watch = data;
	struct waiting **end = &watch->first;
	struct waiting *waiting;

	printf("asked %d by %d\n", (int)wish->kind, (int)server_peer_pid(client));
	if (wish->kind > SERVER_WISH_BUILD) {
		reply_status(watch, client);
		return;
	}
	waiting = xcalloc(1, sizeof(*waiting));
	*waiting = (struct waiting){ .client = client, .wish = { .kind = wish->kind, .retry = wish->retry } };
	waiting->wish.dest = wish->dest ? xstrdup(wish->dest) : NULL;
	strvec_copy(&waiting->wish.packages, &wish->packages);
	while (*end)
		end = &(*end)->next;
	*end = waiting;
}

static void on_gone(void *data, struct server_peer *client)
{
	struct small_watch *watch = data;

	printf("gone %s\n", watch->now && watch->now->client == client ? "amid its run" : "before its run");
	if (watch->now && watch->now->client == client)
		watch->now->client = NULL;
	for (struct waiting *w = watch->first; w; w = w->next)
		if (w->client == client)
			w->client = NULL;
}

static void on_note(void *data, const char *text)
{
	(void)data;
	printf("note %s\n", text);
}

static void on_term(uv_signal_t *handle, int number)
{
	struct small_watch *watch = handle->data;

	watch->ends = true;
	cancel_request(&watch->cancel, number);
}

static void on_usr1(uv_signal_t *handle, int number)
{
	struct small_watch *watch = handle->data;

	(void)number;
	watch->holds = !watch->holds;
	printf("%s\n", watch->holds ? "holding" : "going on");
}

/* The wishes in their order; one whose asker left is withdrawn. */
static void work(struct small_watch *watch)
{
	while (!watch->ends) {
		struct waiting *waiting = watch->first;

		if (!waiting || (watch->holds && waiting->client)) {
			uv_run(&watch->loop, UV_RUN_ONCE);
			continue;
		}
		watch->first = waiting->next;
		if (waiting->client)
			run(watch, waiting);
		server_wish_clear(&waiting->wish);
		free(waiting);
	}
}

static void start(struct small_watch *watch, const char *ini, struct err *err)
{
	CLEANUP(config_problems_clear) struct config_problems problems = { 0 };
	struct server_hooks hooks = { .on_request = on_request, .on_gone = on_gone, .on_note = on_note, .data = watch };
	struct config_args args = { .file = ini };

	signal(SIGPIPE, SIG_IGN);
	if (cancel_init(&watch->cancel, err) < 0 || config_load(&args, &watch->config, &problems, err) < 0 || uv_loop_init(&watch->loop) < 0)
		return;
	if (server_open(&watch->loop, watch->config, &hooks, &watch->server, err) < 0) {
		uv_run(&watch->loop, UV_RUN_DEFAULT);
		uv_loop_close(&watch->loop);
		return;
	}
	uv_signal_init(&watch->loop, &watch->term);
	uv_signal_init(&watch->loop, &watch->usr1);
	watch->term.data = watch->usr1.data = watch;
	uv_signal_start(&watch->term, on_term, SIGTERM);
	uv_signal_start(&watch->usr1, on_usr1, SIGUSR1);
}

static void stop(struct small_watch *watch)
{
	server_close(watch->server, NULL);
	uv_close((uv_handle_t *)&watch->term, NULL);
	uv_close((uv_handle_t *)&watch->usr1, NULL);
	uv_run(&watch->loop, UV_RUN_DEFAULT);
	for (struct waiting *waiting = watch->first, *next; waiting; waiting = next) {
		next = waiting->next;
		server_wish_clear(&waiting->wish);
		free(waiting);
	}
	if (uv_loop_close(&watch->loop) < 0)
		printf("a handle was left\n");
	cancel_clear(&watch->cancel);
	config_free(watch->config);
}

int main(int argc, char **argv)
{
	struct small_watch watch = { 0 };
	struct err err = ERR_INIT;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 2)
		return 2;
	start(&watch, argv[1], &err);
	if (!watch.server) {
		log_err(&err);
		config_free(watch.config);
		return err_exit_status(&err, -1);
	}
	printf("ready\n");
	work(&watch);
	stop(&watch);
	return 0;
}
