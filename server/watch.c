/* The loop: what wakes it, how long it sleeps, and what it does when it is woken. */
#include "server/watch_internal.h"

#include "base/clock.h"
#include "hooks/program.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum {
	ASIDE_MS = 3600000,   /* nothing to wait for but a wake */
	BUSY_RETRY_MS = 2000, /* how often an image that somebody else holds is tried */
};

void server_watch_send(struct server_watch *watch, struct refresh_event event)
{
	watch->args.on_event(watch->args.data, &event);
}

void server_watch_say(struct server_watch *watch, enum refresh_event_type type, const char *text, const char *hint)
{
	server_watch_send(watch, (struct refresh_event){ .type = type, .text = text, .hint = hint });
}

void server_watch_enter(struct server_watch *watch, enum server_watch_state state, const char *doing)
{
	if (watch->status.state == state && str_eq(watch->doing, doing))
		return;
	free(watch->doing);
	watch->doing = doing ? xstrdup(doing) : NULL;
	watch->status.state = state;
	watch->status.doing = watch->doing;
	watch->status.since_ms = clock_ms();
	server_watch_send(
		watch, (struct refresh_event){ .type = REFRESH_EVENT_STATE, .subject = watch->doing, .result = server_watch_state_name(state) });
}

/* -- what wakes it --------------------------------------------------------------------------------------------------------------------------- */

static void on_woken(uv_async_t *handle)
{
	(void)handle;
}

/* A timer that is due when the loop is entered runs before the poll, which would then wait for ever: the stop makes it return at once. */
static void on_timer(uv_timer_t *handle)
{
	uv_stop(handle->loop);
}

/* The pipe stays readable for good: once is enough. */
static void on_signal(uv_poll_t *handle, int status, int events)
{
	struct server_watch *watch = handle->data;

	(void)status;
	(void)events;
	uv_poll_stop(handle);
	server_watch_stop(watch);
}

/* Events of the time it was stopped may be lost. */
static void on_continued(uv_signal_t *handle, int signal)
{
	struct server_watch *watch = handle->data;

	(void)signal;
	watch->rearm = true;
	watcher_debounce_ask(&watch->debounce);
}

/* -- making and unmaking ---------------------------------------------------------------------------------------------------------------------- */

static int open_loop(struct server_watch *watch, struct err *err)
{
	int r = uv_loop_init(&watch->loop);

	if (r < 0)
		return err_set(err, r, "cannot make an event loop");
	watch->loop.data = watch;
	watch->timer.data = watch->woken.data = watch->signalled.data = watch->continued.data = watch->spooled.data = watch;
	watch->slept_ms = clock_slept_ms();
	r = uv_async_init(&watch->loop, &watch->woken, on_woken);
	if (r == 0)
		r = uv_timer_init(&watch->loop, &watch->timer);
	if (r == 0)
		r = uv_poll_init(&watch->loop, &watch->signalled, cancel_fd(watch->args.cancel));
	if (r == 0)
		r = uv_poll_start(&watch->signalled, UV_READABLE, on_signal);
	if (r == 0)
		r = uv_signal_init(&watch->loop, &watch->continued);
	if (r == 0)
		r = uv_signal_start(&watch->continued, on_continued, SIGCONT);
	if (r == 0)
		r = uv_fs_event_init(&watch->loop, &watch->spooled);
	return r < 0 ? err_set(err, r, "cannot make an event loop") : 0;
}

static void close_handle(uv_handle_t *handle, void *data)
{
	(void)data;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void close_loop(struct server_watch *watch)
{
	if (!watch->loop.data)
		return;
	uv_walk(&watch->loop, close_handle, NULL);
	uv_run(&watch->loop, UV_RUN_DEFAULT);
	uv_loop_close(&watch->loop);
}

int server_watch_new(const struct config *config, const struct server_watch_args *args, struct server_watch **ret, struct err *err)
{
	CLEANUP(server_watch_freep) struct server_watch *watch = xcalloc(1, sizeof(*watch));
	int r;

	watch->args = *args;
	watch->status.state = SERVER_WATCH_WAITING;
	watch->status.doing = watch->doing = xstrdup("the first look");
	watch->status.since_ms = clock_ms();
	watch->round_cancel = (struct cancel){ .fds = { -1, -1 } };
	r = cancel_init(&watch->round_cancel, err);
	if (r == 0)
		cancel_chain(watch->args.cancel, &watch->round_cancel);
	if (r == 0)
		r = open_loop(watch, err);
	if (r == 0)
		r = server_watch_open_config(watch, config, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(watch);
	return 0;
}

void server_watch_free(struct server_watch *watch)
{
	if (!watch)
		return;
	if (watch->server) {
		server_watch_hang_up(watch);
		/* A hook that saw the watch has left its record to it. */
		hooks_program_wake(watch->config->state, watch->config->file);
	}
	server_watch_boot_end(watch);
	server_watch_forget_config(watch);
	close_loop(watch);
	cancel_chain(watch->args.cancel, NULL);
	cancel_clear(&watch->round_cancel);
	config_free(watch->own_config);
	free(watch->building);
	free(watch->planned);
	strvec_clear(&watch->failed);
	strvec_clear(&watch->told);
	strvec_clear(&watch->problems);
	free(watch->problem);
	free(watch->doing);
	free(watch);
}

void server_watch_freep(struct server_watch **watch)
{
	server_watch_free(*watch);
}

uv_loop_t *server_watch_loop(struct server_watch *watch)
{
	return &watch->loop;
}

/* -- events ------------------------------------------------------------------------------------------------------------------------------------ */

static bool is_bit(const struct watcher_events_note *note, enum watcher_event_class class)
{
	return note->classes & (1u << class);
}

static void take_note(struct server_watch *watch)
{
	CLEANUP(watcher_events_note_clear) struct watcher_events_note note = { 0 };
	bool counts;

	if (!watch->events || !watcher_events_take(watch->events, &note))
		return;
	counts = is_bit(&note, WATCHER_EVENT_GIT) || is_bit(&note, WATCHER_EVENT_CONFIG) ||
		 (is_bit(&note, WATCHER_EVENT_SOURCE) && !server_watch_waits_for_commits(watch));
	if (counts)
		watcher_debounce_event(&watch->debounce, note.first_ms, note.last_ms, is_bit(&note, WATCHER_EVENT_GIT));
	/* What is lost or new is seen by the look after it has become quiet: amid a copy of a thousand folders there is nothing to build yet. */
	if (note.overflow || note.ended || note.restart)
		watcher_debounce_event(&watch->debounce, clock_ms(), clock_ms(), false);
	if (note.polled)
		watcher_debounce_ask(&watch->debounce);
	watch->rearm = watch->rearm || note.restart || note.ended;
	watch->reload = watch->reload || is_bit(&note, WATCHER_EVENT_CONFIG);
	if (note.overflow)
		server_watch_say(watch, REFRESH_EVENT_NOTE, "more changed at once than the system tells of: looking at everything", NULL);
}

/* A lock comes and goes with each commit, and is not worth a line. */
static void say_waiting(struct server_watch *watch, const char *what)
{
	CLEANUP_FREE char *text = NULL;

	if (!what || !str_starts(what, "a") || str_eq(watch->doing, what))
		return;
	text = xasprintf("git is in the middle of %s: waiting for its end", what);
	server_watch_say(watch, REFRESH_EVENT_NOTE, text, NULL);
}

static void say_operation(struct server_watch *watch, enum watcher_operation passed_before, const char *what)
{
	CLEANUP_FREE char *text = NULL;

	if (watch->debounce.held) {
		say_waiting(watch, what);
		server_watch_enter(watch, SERVER_WATCH_WAITING, what);
	} else if (watch->status.state == SERVER_WATCH_WAITING && watch->busy_ms == 0) {
		server_watch_enter(watch, SERVER_WATCH_IDLE, NULL);
	}
	if (watch->debounce.passed == passed_before || watch->debounce.passed == WATCHER_OPERATION_NONE)
		return;
	text = xasprintf("git has been in the middle of something (%s) for a while: going on beside it", what ? what : "git");
	server_watch_say(watch, REFRESH_EVENT_NOTE, text, NULL);
}

enum { SLEPT_MS = 1000 }; /* less is the two clocks' own unrest */

static void notice_sleep(struct server_watch *watch)
{
	int64_t slept_ms = clock_slept_ms();

	if (slept_ms > watch->slept_ms + SLEPT_MS) {
		server_watch_say(watch, REFRESH_EVENT_NOTE, "the machine has slept: looking again", NULL);
		watch->rearm = true;
		watcher_debounce_ask(&watch->debounce);
	}
	watch->slept_ms = slept_ms;
}

/* No event tells that somebody has let go of the image. */
static void wait_for_image(struct server_watch *watch)
{
	if (watch->busy_ms == 0 || clock_ms() < watch->busy_ms + BUSY_RETRY_MS)
		return;
	watch->busy_ms = 0;
	watcher_debounce_ask(&watch->debounce);
}

int server_watch_due(struct server_watch *watch, int64_t *ret_wait_ms, struct err *err)
{
	enum watcher_operation operation = WATCHER_OPERATION_NONE, passed = watch->debounce.passed;
	const char *what = NULL;
	int r = 0;

	take_note(watch);
	notice_sleep(watch);
	if (watch->paused && !watch->asked) {
		*ret_wait_ms = ASIDE_MS;
		return 0;
	}
	if (watch->session->watcher)
		r = watcher_operation_of(watch->session->watcher, &operation, &what, NULL, err);
	if (r < 0)
		return r;
	wait_for_image(watch);
	*ret_wait_ms = watcher_debounce_wait(&watch->debounce, clock_ms(), operation);
	if (watch->busy_ms > 0 && *ret_wait_ms > BUSY_RETRY_MS)
		*ret_wait_ms = BUSY_RETRY_MS;
	if (!watch->running)
		say_operation(watch, passed, what);
	return 0;
}

/* -- the loop ---------------------------------------------------------------------------------------------------------------------------------- */

static int look(struct server_watch *watch, struct watcher_look **ret, struct err *err)
{
	int r = server_watch_get_ready(watch, err);

	if (r < 0)
		return r;
	/* Who asks does so because there may be changes without an event. */
	if (watch->debounce.asked)
		server_watch_forget_early(watch);
	watcher_debounce_looked(&watch->debounce, clock_ms());
	server_watch_hear_hooks(watch);
	return server_watch_look(watch, ret, err);
}

static int look_and_act(struct server_watch *watch, struct err *err)
{
	CLEANUP(watcher_look_freep) struct watcher_look *seen = NULL;
	int r = look(watch, &seen, err);

	if (r >= 0 && seen)
		r = server_watch_follow_workspace(watch, err);
	if (r >= 0 && watch->reload) {
		watcher_look_freep(&seen);
		seen = NULL;
		/* Its commits are still to be done, also where the new configuration cannot be used. */
		strvec_clear(&watch->heads);
		r = look(watch, &seen, err);
	}
	/* Saved faster than it can be read. */
	if (watch->reload)
		watcher_debounce_ask(&watch->debounce);
	return r < 0 || !seen ? r : server_watch_round(watch, TAKE_PTR(seen), err);
}

/* What goes wrong with one look or one round is said, once, and the watch goes on: the next change may mend it. */
static void survive(struct server_watch *watch, int r, const struct err *err)
{
	if (r == -ECANCELED || (r < 0 && str_eq(watch->problem, err->message)))
		return;
	free(watch->problem);
	watch->problem = r < 0 ? xstrdup(err->message) : NULL;
	if (r < 0)
		server_watch_say(watch, REFRESH_EVENT_WARNING, err->message, err->hint);
}

/* Nothing came, nothing is asked for, nobody holds anything up. */
static bool is_at_rest(const struct server_watch *watch)
{
	const struct watcher_debounce *debounce = &watch->debounce;

	return watch->paused || (!debounce->pending && !debounce->asked && !debounce->held && watch->busy_ms == 0);
}

static int64_t step(struct server_watch *watch)
{
	struct err err = ERR_INIT;
	int64_t wait_ms = ASIDE_MS;
	int r = server_watch_due(watch, &wait_ms, &err);

	if (r == 0 && wait_ms == 0) {
		r = look_and_act(watch, &err);
		survive(watch, r, &err);
	} else if (r < 0) {
		survive(watch, r, &err);
	} else if (server_watch_serve(watch, &wait_ms)) {
		wait_ms = 0;
	} else if (is_at_rest(watch)) {
		server_watch_tell_rest(watch);
	} else {
		wait_ms = server_watch_look_early(watch, wait_ms);
	}
	if (r == 0)
		return wait_ms;
	/* What cannot be seen now, such as a source that is being replaced, is looked at again soon. */
	watcher_debounce_looked(&watch->debounce, clock_ms());
	watch->busy_ms = clock_ms();
	strvec_clear(&watch->heads);
	return BUSY_RETRY_MS;
}

int server_watch_run(struct server_watch *watch, struct err *err)
{
	while (!watch->stopping) {
		int64_t wait_ms = step(watch);

		if (watch->stopping)
			break;
		uv_update_time(&watch->loop);
		uv_timer_start(&watch->timer, on_timer, (uint64_t)wait_ms, 0);
		uv_run(&watch->loop, UV_RUN_ONCE);
	}
	return cancel_requested(watch->args.cancel) ? err_set(err, -ECANCELED, "interrupted!") : 0;
}

void server_watch_stop(struct server_watch *watch)
{
	watch->stopping = true;
	if (watch->running)
		cancel_request(&watch->round_cancel, SIGINT);
	uv_async_send(&watch->woken);
}

void server_watch_ask(struct server_watch *watch)
{
	watch->asked = true;
	watch->stuck[0] = '\0';
	watcher_debounce_ask(&watch->debounce);
	uv_async_send(&watch->woken);
}

void server_watch_pause(struct server_watch *watch, bool paused)
{
	if (watch->paused == paused)
		return;
	watch->paused = paused;
	if (!watch->running)
		server_watch_enter(watch, paused ? SERVER_WATCH_PAUSED : SERVER_WATCH_IDLE, NULL);
	if (!paused)
		watcher_debounce_ask(&watch->debounce);
	uv_async_send(&watch->woken);
}

bool server_watch_is_paused(const struct server_watch *watch)
{
	return watch->paused;
}

const struct config *server_watch_config(const struct server_watch *watch)
{
	return watch->config;
}

struct server_watch_status server_watch_status(const struct server_watch *watch)
{
	struct server_watch_status status = watch->status;

	status.pid = getpid();
	status.since_ms = clock_ms() - watch->status.since_ms;
	return status;
}
