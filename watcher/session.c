#include "watcher/session.h"

#include "base/clock.h"
#include "base/fs.h"
#include "watcher/coverage.h"

#include <errno.h>
#include <fcntl.h>
#include <libfswatch/c/libfswatch.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* What libfswatch needs around it to be relied on. */

#define LATENCY_S 0.5 /* 0 would mean 1.0, and from 1.0 on events come late */
#define POKE_MS   1
#define MAX_POKES 50 /* the sentinel may have been deleted */

/* Beyond some 100,000 states the library's expressions fail. What is not in the filter only costs watches. */
#define MAX_FILTER 20000

#ifdef __SANITIZE_ADDRESS__
/* 24 bytes for each session, which the library forgets to give back. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:fsw_start_monitor\n";
}

const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
	return "print_suppressions=0";
}
#endif

struct watcher_session {
	FSW_HANDLE handle;
	pthread_t thread;
	bool started; /* the thread is to be joined */
	pthread_mutex_t lock;
	pthread_cond_t changed; /* ready or ended; its clock is the monotonic one */
	bool ready, ended, stopping;
	FSW_STATUS status; /* why it ended */
	char *sentinel;    /* owned */
	char *poke;        /* owned; a file in it */
	int fd;            /* the library's */
	void (*on_event)(void *data, const struct watcher_session_event *event);
	void (*on_batch)(void *data);
	void (*on_end)(void *data);
	void *data;
};

/* -- on the library's thread ----------------------------------------------------------------------------------------------------------------- */

static void note_ready(struct watcher_session *session)
{
	pthread_mutex_lock(&session->lock);
	session->ready = true;
	pthread_cond_broadcast(&session->changed);
	pthread_mutex_unlock(&session->lock);
}

static struct watcher_session_event describe(const fsw_cevent *from)
{
	struct watcher_session_event event = { .path = from->path };

	for (unsigned int i = 0; i < from->flags_num; i++) {
		event.overflow |= from->flags[i] == Overflow;
		event.came |= from->flags[i] == Created || from->flags[i] == MovedTo;
		event.gone |= from->flags[i] == Removed || from->flags[i] == MovedFrom;
	}
	return event;
}

static void on_events(fsw_cevent const *const events, const unsigned int n, void *data)
{
	struct watcher_session *session = data;
	bool any = false;

	for (unsigned int i = 0; i < n; i++) {
		struct watcher_session_event event = describe(&events[i]);

		if (!event.overflow && path_under(event.path, session->sentinel)) {
			note_ready(session);
			continue;
		}
		session->on_event(session->data, &event);
		any = true;
	}
	if (any)
		session->on_batch(session->data);
}

/* The library refuses after an exception; then only the descriptor can be given back. */
static void destroy(struct watcher_session *session)
{
	if (session->handle && fsw_destroy_session(session->handle) != FSW_OK && session->fd >= 0)
		close(session->fd);
}

static void *run(void *data)
{
	struct watcher_session *session = data;
	FSW_STATUS status = fsw_start_monitor(session->handle);
	bool by_itself;

	pthread_mutex_lock(&session->lock);
	session->ended = true;
	session->status = status;
	by_itself = session->ready && !session->stopping;
	pthread_cond_broadcast(&session->changed);
	pthread_mutex_unlock(&session->lock);
	if (by_itself)
		session->on_end(session->data);
	destroy(session);
	return NULL;
}

/* -- setting up ------------------------------------------------------------------------------------------------------------------------------ */

static int fsw_failed(struct err *err, const char *what)
{
	FSW_STATUS status = fsw_last_error();

	return err_set(err, status == FSW_ERR_MEMORY ? -ENOMEM : -EIO, "libfswatch cannot %s (its error %d)!", what, status);
}

/* 'a/b' with all that has a meaning in an extended regular expression taken literally. */
static void add_quoted(struct str *regex, const char *path)
{
	for (; *path; path++) {
		if (strchr("^$\\.*+?()[]{}|", *path))
			str_add_c(regex, '\\');
		str_add_c(regex, *path);
	}
}

/* One expression for all of @paths: each filter is tried at each event. */
static char *filter_text(const struct strvec *paths)
{
	struct str regex = { 0 };

	str_add(&regex, "^(");
	for (size_t i = 0; i < paths->n && regex.len < MAX_FILTER; i++) {
		if (i > 0)
			str_add_c(&regex, '|');
		add_quoted(&regex, paths->v[i]);
	}
	str_add(&regex, ")(/|$)");
	return str_take(&regex);
}

static int add_filter(struct watcher_session *session, const struct strvec *paths, enum fsw_filter_type type, struct err *err)
{
	CLEANUP_FREE char *text = filter_text(paths);

	if (paths->n == 0)
		return 0;
	if (fsw_add_filter(session->handle, (fsw_cmonitor_filter){ .text = text, .type = type, .case_sensitive = true, .extended = true }) !=
	    FSW_OK)
		return fsw_failed(err, "leave folders out");
	return 0;
}

/* A root below what is left out (the branches in .git, where the whole work tree is a root) has to be let in by name: an include wins. */
static int add_filters(struct watcher_session *session, const struct watcher_session_spec *spec, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec inside = { 0 };
	int r = 0;

	for (size_t i = 0; spec->excludes && i < spec->roots->n; i++)
		for (size_t j = 0; j < spec->excludes->n; j++)
			if (path_under(spec->roots->v[i], spec->excludes->v[j]))
				strvec_add(&inside, spec->roots->v[i]);
	if (spec->excludes)
		r = add_filter(session, &inside, filter_include, err);
	if (r == 0 && spec->excludes)
		r = add_filter(session, spec->excludes, filter_exclude, err);
	return r;
}

/* Every reader makes events, since the library asks for all kinds; without Overflow here an overflow would be lost in silence, without AttributeModified
 * a chmod +x, which git counts. */
static int add_types(struct watcher_session *session, struct err *err)
{
	static const enum fsw_event_flag flags[] = { Created, Updated, Removed, MovedFrom, MovedTo, AttributeModified, Overflow };

	for (size_t i = 0; i < N_ELEMENTS(flags); i++)
		if (fsw_add_event_type_filter(session->handle, (fsw_event_type_filter){ flags[i] }) != FSW_OK)
			return fsw_failed(err, "choose events");
	return 0;
}

static int set_up(struct watcher_session *session, const struct watcher_session_spec *spec, struct err *err)
{
	int r;

	/* The sessions keep to the system's monitor, which on Linux is inotify's. */
	session->handle = fsw_init_session(system_default_monitor_type);
	if (!session->handle)
		return fsw_failed(err, "make a session");
	for (size_t i = 0; i < spec->roots->n; i++)
		if (fsw_add_path(session->handle, spec->roots->v[i]) != FSW_OK)
			return fsw_failed(err, "take a folder");
	if (fsw_add_path(session->handle, session->sentinel) != FSW_OK || fsw_set_callback(session->handle, on_events, session) != FSW_OK ||
	    fsw_set_latency(session->handle, LATENCY_S) != FSW_OK || fsw_set_recursive(session->handle, spec->recursive) != FSW_OK ||
	    fsw_set_follow_symlinks(session->handle, false) != FSW_OK || fsw_set_allow_overflow(session->handle, true) != FSW_OK)
		return fsw_failed(err, "be set up");
	r = add_types(session, err);
	return r < 0 ? r : add_filters(session, spec, err);
}

/* Signals are the loop's thread's. */
static int start_thread(struct watcher_session *session, struct err *err)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&session->thread, NULL, run, session);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	session->started = r == 0;
	return r < 0 ? err_set(err, r, "cannot start a thread for file events") : 0;
}

/* -- waiting --------------------------------------------------------------------------------------------------------------------------------- */

/* Makes an event in the sentinel. An error is ignored: we wait with a limit, and a stop takes as long as the latency then. */
static void poke(const struct watcher_session *session)
{
	int fd = open(session->poke, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
}

/* With the lock held; returns after a change, or soon. */
static void wait_a_moment(struct watcher_session *session)
{
	(void)clock_wait(&session->changed, &session->lock, clock_us() + POKE_MS * 1000);
}

static void find_descriptor(struct watcher_session *session)
{
	int fd = watcher_coverage_find(session->sentinel);

	pthread_mutex_lock(&session->lock);
	session->fd = fd;
	pthread_mutex_unlock(&session->lock);
}

static int wait_ready(struct watcher_session *session, uint32_t limit_ms, struct err *err)
{
	int64_t start = clock_ms();
	bool ready, ended;

	do {
		poke(session);
		(void)watcher_coverage_find(NULL); /* what another thread starts in this moment must not inherit it */
		pthread_mutex_lock(&session->lock);
		if (!session->ready && !session->ended)
			wait_a_moment(session);
		ready = session->ready;
		ended = session->ended;
		pthread_mutex_unlock(&session->lock);
		if (ended)
			return err_set(err, -EIO, "libfswatch's monitor ended at once (its error %d)!", session->status);
		if (ready) {
			find_descriptor(session);
			return 0;
		}
	} while (clock_ms() - start < limit_ms);
	return err_set(err, -ETIMEDOUT, "libfswatch was not ready after %u ms!", (unsigned int)limit_ms);
}

static int init_sync(struct watcher_session *session)
{
	pthread_mutex_init(&session->lock, NULL);
	return clock_cond_init(&session->changed);
}

static void free_session(struct watcher_session **session)
{
	watcher_session_free(*session);
}

int watcher_session_start(const struct watcher_session_spec *spec, struct watcher_session **ret, struct err *err)
{
	CLEANUP(free_session) struct watcher_session *session = xcalloc(1, sizeof(*session));
	int r = init_sync(session);

	session->fd = -1;
	session->sentinel = xstrdup(spec->sentinel);
	session->poke = xasprintf("%s/poke", spec->sentinel);
	session->on_event = spec->on_event;
	session->on_batch = spec->on_batch;
	session->on_end = spec->on_end;
	session->data = spec->data;
	if (r == 0)
		r = fs_make_dirs(session->sentinel, 0700, err);
	if (r == 0)
		r = set_up(session, spec, err);
	if (r == 0)
		r = start_thread(session, err);
	if (r == 0)
		r = wait_ready(session, spec->ready_ms, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(session);
	return 0;
}

/* With the lock held. A monitor that is stopped before it has put away the watches of folders that have gone complains on standard error when it is
 * destroyed. It does so before it reads on: so one more event goes through it first. */
static void let_it_finish(struct watcher_session *session)
{
	bool was_ready = session->ready;

	session->ready = !was_ready;
	for (int i = 0; i < MAX_POKES && !session->ready && !session->ended; i++) {
		poke(session);
		wait_a_moment(session);
	}
}

/* A stop before the monitor runs is forgotten by the library, so it is asked until it has ended. The lock keeps the handle alive meanwhile. */
void watcher_session_end(struct watcher_session *session)
{
	if (!session || !session->started)
		return;
	pthread_mutex_lock(&session->lock);
	if (!session->stopping)
		let_it_finish(session);
	session->stopping = true;
	while (!session->ended) {
		(void)fsw_stop_monitor(session->handle); /* asked again if it failed */
		poke(session);
		wait_a_moment(session);
	}
	pthread_mutex_unlock(&session->lock);
}

void watcher_session_free(struct watcher_session *session)
{
	if (!session)
		return;
	watcher_session_end(session);
	if (session->started)
		pthread_join(session->thread, NULL);
	else
		destroy(session);
	pthread_cond_destroy(&session->changed);
	pthread_mutex_destroy(&session->lock);
	free(session->sentinel);
	free(session->poke);
	free(session);
}

int watcher_session_fd(const struct watcher_session *session)
{
	return session->fd;
}
