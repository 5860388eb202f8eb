/* Who speaks to the watch over its socket: wishes for a run wait their turn and become one, the rest is answered at once. */
#include "server/watch_internal.h"

#include "base/clock.h"

#include <errno.h>
#include <string.h>

enum { LOCK_RETRY_MS = 200 };

struct server_watch_caller {
	struct server_peer *client; /* NULL: it has gone while its run goes on */
	enum server_wish_kind kind;
	bool retry;
	int64_t until_ms; /* it waits so long for another run that holds the image */
	int64_t next_ms;  /* and is not tried before */
	struct strvec packages; /* owned */
	char *dest;             /* owned; may be NULL */
};

static void caller_clear(struct server_watch_caller *caller)
{
	strvec_clear(&caller->packages);
	free(caller->dest);
}

static void remove_caller(struct server_watch *watch, size_t i)
{
	caller_clear(&watch->callers[i]);
	memmove(&watch->callers[i], &watch->callers[i + 1], (--watch->n_callers - i) * sizeof(*watch->callers));
}

static void add_caller(struct server_watch *watch, struct server_peer *client, const struct server_wish *wish)
{
	struct server_watch_caller *caller;

	grow_array(&watch->callers, &watch->callers_cap, watch->n_callers, sizeof(*watch->callers));
	caller = &watch->callers[watch->n_callers++];
	*caller = (struct server_watch_caller){ .client = client, .kind = wish->kind, .retry = wish->retry };
	caller->until_ms = clock_ms() + (int64_t)wish->wait_s * 1000;
	strvec_copy(&caller->packages, &wish->packages);
	caller->dest = wish->dest ? xstrdup(wish->dest) : NULL;
}

static void on_request(void *data, struct server_peer *client, const struct server_wish *wish)
{
	struct server_watch *watch = data;
	struct server_watch_status status = server_watch_status(watch);

	switch (wish->kind) {
	case SERVER_WISH_STATUS:
		server_reply(client, server_wire_status(&status));
		server_end(client, 0, NULL);
		break;
	case SERVER_WISH_PAUSE:
	case SERVER_WISH_RESUME:
		server_watch_pause(watch, wish->kind == SERVER_WISH_PAUSE);
		server_end(client, 0, NULL);
		break;
	case SERVER_WISH_WAIT:
		/* What was saved a moment ago may not have made its event yet. */
		watcher_debounce_ask(&watch->debounce);
		add_caller(watch, client, wish);
		break;
	case SERVER_WISH_REFRESH:
	case SERVER_WISH_BUILD:
		add_caller(watch, client, wish);
		break;
	}
	uv_async_send(&watch->woken);
}

/* A run that has begun goes on without whoever asked for it. */
static void on_gone(void *data, struct server_peer *client)
{
	struct server_watch *watch = data;

	if (watch->serving && watch->serving->client == client)
		watch->serving->client = NULL;
	for (size_t i = watch->n_callers; i-- > 0;)
		if (watch->callers[i].client == client)
			remove_caller(watch, i);
}

static void on_note(void *data, const char *text)
{
	server_watch_say(data, REFRESH_EVENT_NOTE, text, NULL);
}

bool server_watch_is_heard(const struct server_watch *watch, const struct config *config)
{
	return watch->server && server_serves(watch->server, config->state);
}

/* In another folder the new one comes first, so that there always is one; in the same folder they would be in each other's way. */
int server_watch_listen(struct server_watch *watch, const struct config *config, struct err *err)
{
	struct server_hooks hooks = { .on_request = on_request, .on_gone = on_gone, .on_note = on_note, .data = watch };
	struct server *server = NULL;
	int r;

	if (server_watch_is_heard(watch, config)) {
		server_set_config(watch->server, config);
		return 0;
	}
	if (watch->server && str_eq(watch->config->state, config->state))
		server_watch_hang_up(watch);
	r = server_open(&watch->loop, config, &hooks, &server, err);
	if (r < 0)
		return r;
	server_watch_hang_up(watch);
	watch->server = server;
	return 0;
}

void server_watch_hang_up(struct server_watch *watch)
{
	server_close(TAKE_PTR(watch->server), NULL);
	while (watch->n_callers > 0)
		remove_caller(watch, watch->n_callers - 1);
	free(watch->callers);
	watch->callers = NULL;
	watch->callers_cap = 0;
}

/* -- at rest ------------------------------------------------------------------------------------------------------------------------------------ */

/* True when all that was looked at is in the image; else why not. */
static bool is_done(const struct server_watch *watch, struct err *err)
{
	CLEANUP_FREE char *failed = strvec_join(&watch->failed, " ");

	if (watch->problem)
		err_class_set(err, ERR_FAILED, -EIO, "%s", watch->problem);
	else if (watch->failed.n > 0)
		err_class_set(err, ERR_FAILED, -EIO, "the watch is at rest, but this failed and is not in the image: %s", failed);
	else if (watch->behind)
		err_class_set(err, ERR_FAILED, -EIO, "the watch is at rest, but not all that is stale could be put into the image");
	if (!watch->problem && !watch->behind)
		return true;
	err_hint(err, "`reinject status` and `reinject log` tell more");
	return false;
}

void server_watch_tell_rest(struct server_watch *watch)
{
	struct err err = ERR_INIT;
	bool done = is_done(watch, &err);

	for (size_t i = 0; i < watch->n_callers;) {
		struct server_peer *client = watch->callers[i].client;

		if (watch->callers[i].kind != SERVER_WISH_WAIT) {
			i++;
			continue;
		}
		remove_caller(watch, i);
		server_end(client, done ? 0 : ERR_FAILED, done ? NULL : &err);
	}
}

/* -- runs ------------------------------------------------------------------------------------------------------------------------------------------ */

static void on_served_event(void *data, const struct refresh_event *event)
{
	struct server_watch *watch = data;

	/* The end of a run that begins again is not the end of what was asked for: a follower sees one. */
	if (event->type == REFRESH_EVENT_DONE && watch->restarting)
		return;
	if (watch->serving && watch->serving->client)
		server_send(watch->serving->client, event);
}

/* Until it was not interrupted by an edit of one of its packages. */
static int serve(struct server_watch *watch, struct server_watch_caller *caller, enum refresh_result *ret, struct err *err)
{
	struct refresh_request request = {
		.packages = &caller->packages,
		.dest = caller->dest,
		.retry = caller->retry,
	};
	int r;

	do {
		CLEANUP(watcher_look_freep) struct watcher_look *look = NULL;

		r = server_watch_arm(watch, err);
		if (r >= 0)
			r = refresh_session_look(watch->session, &look, err);
		if (r >= 0)
			r = server_watch_run_request(watch, caller->kind == SERVER_WISH_BUILD ? "build" : "refresh", &request, &look, ret, err);
	} while (r == -EAGAIN);
	return r;
}

/* The first whose turn it is; @wait_ms becomes less when it is somebody's turn soon. */
static size_t find_waiting(const struct server_watch *watch, int64_t *wait_ms)
{
	int64_t now_ms = clock_ms();
	size_t i;

	for (i = 0; i < watch->n_callers; i++) {
		int64_t left_ms = watch->callers[i].next_ms - now_ms;

		if (watch->callers[i].kind == SERVER_WISH_WAIT)
			continue;
		if (left_ms <= 0)
			break;
		*wait_ms = left_ms < *wait_ms ? left_ms : *wait_ms;
	}
	return i;
}

/* Another run has the image, and the caller has time: it gets in line again. */
static bool wait_for_lock(struct server_watch *watch, struct server_watch_caller *caller)
{
	int64_t now_ms = clock_ms();

	if (!caller->client || now_ms >= caller->until_ms || watch->stopping)
		return false;
	caller->next_ms = now_ms + LOCK_RETRY_MS;
	grow_array(&watch->callers, &watch->callers_cap, watch->n_callers, sizeof(*watch->callers));
	watch->callers[watch->n_callers++] = *caller;
	return true;
}

bool server_watch_serve(struct server_watch *watch, int64_t *wait_ms)
{
	size_t i = find_waiting(watch, wait_ms);
	struct server_watch_caller caller;
	enum refresh_result result = REFRESH_NOTHING;
	struct err err = ERR_INIT;
	int r;

	if (i == watch->n_callers)
		return false;
	/* Taken out of the list, which others may join meanwhile. */
	caller = watch->callers[i];
	memmove(&watch->callers[i], &watch->callers[i + 1], (--watch->n_callers - i) * sizeof(*watch->callers));
	watch->serving = &caller;
	watch->on_served = on_served_event;
	r = serve(watch, &caller, &result, &err);
	watch->serving = NULL;
	watch->on_served = NULL;
	if (r == -EBUSY && watch->locked_out && wait_for_lock(watch, &caller))
		return true;
	if (caller.client)
		server_end(caller.client, r < 0 ? err_exit_status(&err, r) : result == REFRESH_RUN_FAILED, r < 0 ? &err : NULL);
	caller_clear(&caller);
	watcher_debounce_ask(&watch->debounce);
	return true;
}
