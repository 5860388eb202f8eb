/* What the tests of the watch's socket share: a server on a loop in a thread of its own that does what the test says, clients that block, and raw ends.
 * Nothing sleeps: a test waits for what the other side does, with a limit. */
#ifndef REINJECT_TESTS_TEST_SOCKET_H
#define REINJECT_TESTS_TEST_SOCKET_H

#include "config/config.h"
#include "server/client.h"
#include "server/server.h"
#include "server/socket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "lib/scratch.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

enum { LIMIT_MS = 20000, MAX_SEEN = 512 };

/* -- a watch that does what the test says ------------------------------------------------------------------------------------------------------ */

struct watch {
	uv_loop_t loop;
	uv_async_t async;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	char *dir;
	struct config config;
	struct server *server;
	void (*task)(struct watch *watch); /* to be done on the loop's thread */
	/* What has come in. */
	struct server_peer *clients[MAX_SEEN];
	enum server_wish_kind kinds[MAX_SEEN];
	size_t n_requests, n_gone, n_notes;
	char package[64], dest[64], last_note[256];
	bool retry;
	bool answers; /* a status is answered, all else ends with 0 at once */
	size_t most_kept;
};

static inline void on_request(void *data, struct server_peer *client, const struct server_wish *wish)
{
	struct watch *watch = data;
	struct server_watch_status status = { .pid = getpid(), .state = SERVER_WATCH_BUILDING, .doing = "netd", .run = 12, .since_ms = 34 };

	pthread_mutex_lock(&watch->lock);
	watch->clients[watch->n_requests] = client;
	watch->kinds[watch->n_requests++] = wish->kind;
	snprintf(watch->package, sizeof(watch->package), "%s", wish->packages.n ? wish->packages.v[0] : "");
	snprintf(watch->dest, sizeof(watch->dest), "%s", wish->dest ? wish->dest : "");
	watch->retry = wish->retry;
	pthread_cond_broadcast(&watch->changed);
	pthread_mutex_unlock(&watch->lock);
	if (!watch->answers)
		return;
	if (wish->kind == SERVER_WISH_STATUS)
		server_reply(client, server_wire_status(&status));
	server_end(client, 0, NULL);
}

static inline void on_gone(void *data, struct server_peer *client)
{
	struct watch *watch = data;

	pthread_mutex_lock(&watch->lock);
	for (size_t i = 0; i < watch->n_requests; i++)
		if (watch->clients[i] == client)
			watch->clients[i] = NULL;
	watch->n_gone++;
	pthread_cond_broadcast(&watch->changed);
	pthread_mutex_unlock(&watch->lock);
}

static inline void on_note(void *data, const char *text)
{
	struct watch *watch = data;

	pthread_mutex_lock(&watch->lock);
	watch->n_notes++;
	snprintf(watch->last_note, sizeof(watch->last_note), "%s", text);
	pthread_cond_broadcast(&watch->changed);
	pthread_mutex_unlock(&watch->lock);
}

static inline void on_async(uv_async_t *async)
{
	struct watch *watch = async->data;
	void (*task)(struct watch *);

	pthread_mutex_lock(&watch->lock);
	task = watch->task;
	pthread_mutex_unlock(&watch->lock);
	if (!task)
		return;
	task(watch);
	pthread_mutex_lock(&watch->lock);
	watch->task = NULL;
	pthread_cond_broadcast(&watch->changed);
	pthread_mutex_unlock(&watch->lock);
}

static inline void *watch_main(void *data)
{
	struct watch *watch = data;

	uv_run(&watch->loop, UV_RUN_DEFAULT);
	return NULL;
}

static inline void watch_config(struct watch *watch)
{
	watch->dir = scratch_make();
	watch->config.file = xasprintf("%s/reinject.ini", watch->dir);
	watch->config.state = xasprintf("%s/.reinject", watch->dir);
	watch->config.image.path = xasprintf("%s/disk.img", watch->dir);
}

static inline void watch_start(struct watch *watch)
{
	struct server_hooks hooks = { .on_request = on_request, .on_gone = on_gone, .on_note = on_note, .data = watch };
	struct err err = ERR_INIT;

	memset(watch, 0, sizeof(*watch));
	watch_config(watch);
	pthread_mutex_init(&watch->lock, NULL);
	pthread_cond_init(&watch->changed, NULL);
	assert_int_equal(uv_loop_init(&watch->loop), 0);
	assert_int_equal(uv_async_init(&watch->loop, &watch->async, on_async), 0);
	watch->async.data = watch;
	if (server_open(&watch->loop, &watch->config, &hooks, &watch->server, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(pthread_create(&watch->thread, NULL, watch_main, watch), 0);
}

/* Waits until @what has been changed to @least by the other thread. */
static inline void wait_for(struct watch *watch, const size_t *what, size_t least)
{
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LIMIT_MS / 1000;
	pthread_mutex_lock(&watch->lock);
	while (*what < least && r == 0)
		r = pthread_cond_timedwait(&watch->changed, &watch->lock, &until);
	pthread_mutex_unlock(&watch->lock);
	if (r != 0)
		fail_msg("waited in vain for %zu, got %zu (note: %s)", least, *what, watch->last_note);
}

/* Runs @task on the loop's thread, and waits for its end. */
static inline void on_loop(struct watch *watch, void (*task)(struct watch *watch))
{
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LIMIT_MS / 1000;
	pthread_mutex_lock(&watch->lock);
	watch->task = task;
	uv_async_send(&watch->async);
	while (watch->task && r == 0)
		r = pthread_cond_timedwait(&watch->changed, &watch->lock, &until);
	pthread_mutex_unlock(&watch->lock);
	assert_int_equal(r, 0);
}

static inline void close_server(struct watch *watch)
{
	server_close(watch->server, NULL);
	watch->server = NULL;
	uv_close((uv_handle_t *)&watch->async, NULL);
}

static inline void watch_stop(struct watch *watch)
{
	on_loop(watch, close_server);
	pthread_join(watch->thread, NULL);
	/* -EBUSY would mean that a handle was left. */
	assert_int_equal(uv_loop_close(&watch->loop), 0);
	pthread_cond_destroy(&watch->changed);
	pthread_mutex_destroy(&watch->lock);
	free(watch->config.file);
	free(watch->config.state);
	free(watch->config.image.path);
	scratch_remove(watch->dir);
}

/* -- somebody who asks ------------------------------------------------------------------------------------------------------------------------- */

struct asker {
	pthread_t thread;
	const char *state;
	struct cancel cancel;
	struct server_wish wish;
	uint32_t silence_ms;
	/* What came of it. */
	int r, status;
	struct err err;
	size_t n_events;
	struct str seen;      /* 'plan build:netd done:ok' */
	bool cancel_at_first; /* as soon as an event came */
};

static inline void on_event(void *data, const struct refresh_event *event)
{
	struct asker *asker = data;

	asker->n_events++;
	if (event->type == REFRESH_EVENT_DONE)
		str_add(&asker->seen, "last");
	else
		str_printf(&asker->seen, "%d", (int)event->type);
	str_printf(&asker->seen, ":%s:%lld ", event->result ? event->result : event->text ? event->text : "", (long long)event->run);
	if (asker->cancel_at_first)
		cancel_request(&asker->cancel, SIGINT);
}

static inline void *asker_main(void *data)
{
	CLEANUP(server_client_freep) struct server_client *client = NULL;
	struct asker *asker = data;
	struct server_client_args args = {
		.state = asker->state, .cancel = &asker->cancel, .answer_ms = LIMIT_MS, .silence_ms = asker->silence_ms
	};

	asker->r = server_client_connect(&args, &client, NULL, &asker->err);
	if (asker->r == 0)
		asker->r = server_client_ask(client, &asker->wish, on_event, asker, &asker->status, &asker->err);
	return NULL;
}

static inline void asker_start(struct asker *asker, const char *state)
{
	memset(asker, 0, sizeof(*asker));
	asker->state = state;
	asker->silence_ms = LIMIT_MS;
	asker->status = -1;
	assert_int_equal(cancel_init(&asker->cancel, NULL), 0);
}

static inline void asker_go(struct asker *asker)
{
	assert_int_equal(pthread_create(&asker->thread, NULL, asker_main, asker), 0);
}

static inline void asker_join(struct asker *asker)
{
	pthread_join(asker->thread, NULL);
}

static inline void asker_clear(struct asker *asker)
{
	cancel_clear(&asker->cancel);
	server_wish_clear(&asker->wish);
	str_clear(&asker->seen);
}

/* -- tasks for the loop ------------------------------------------------------------------------------------------------------------------------ */

static inline void send_run(struct watch *watch)
{
	struct refresh_plan plan = { 0 };

	for (size_t i = 0; i < watch->n_requests; i++) {
		struct server_peer *client = watch->clients[i];

		if (!client)
			continue;
		server_send(client, &(struct refresh_event){ .type = REFRESH_EVENT_PLAN, .run = 7, .plan = &plan });
		server_send(client, &(struct refresh_event){ .type = REFRESH_EVENT_TICK, .run = 7 });
		server_send(client, &(struct refresh_event){ .type = REFRESH_EVENT_DONE, .run = 7, .result = "ok" });
	}
}

/* What an asker has seen of it: CHANGE's number is 0, DONE's the last. */
#define OF_A_RUN "1::7 3::7 last:ok:7 "

static inline void end_all(struct watch *watch, int status, const struct err *err)
{
	for (size_t i = 0; i < watch->n_requests; i++)
		if (watch->clients[i])
			server_end(watch->clients[i], status, err);
	memset(watch->clients, 0, sizeof(watch->clients));
}

static inline void end_well(struct watch *watch)
{
	end_all(watch, 0, NULL);
}

/* -- raw ends ---------------------------------------------------------------------------------------------------------------------------------- */

static inline void raw_connect(const char *state, int *ret)
{
	struct server_credentials peer;
	struct err err = ERR_INIT;

	if (server_socket_connect(state, LIMIT_MS, ret, &peer, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(peer.pid, getpid());
}

/* Reads up to and with a newline, or the end. False at the end. */
static inline bool raw_line(int fd, struct str *ret)
{
	str_reset(ret);
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char c;

		assert_int_equal(poll(&p, 1, LIMIT_MS), 1);
		if (read(fd, &c, 1) != 1)
			return false;
		if (c == '\n')
			return true;
		str_add_c(ret, c);
	}
}

static inline void raw_say(int fd, const char *text, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t r = send(fd, text + done, n - done, MSG_NOSIGNAL);

		/* The other end may have heard enough already. */
		if (r <= 0)
			return;
		done += (size_t)r;
	}
}

#define WISH "{\"reinject\":1,\"wish\":\"refresh\"}\n"

static inline void make_state(const char *dir, char **ret)
{
	*ret = xasprintf("%s/state", dir);
	assert_int_equal(mkdir(*ret, 0700), 0);
}

static inline int setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

#endif
