#include "watcher/events.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/hash.h"
#include "watcher/poller.h"
#include "watcher/session.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

/* The sessions and the poller together, and the note that they fill. */

#define READY_MS 10000

struct watcher_events {
	struct watcher_events_spec spec;
	struct watcher_roots *roots; /* owned; changed only while no session runs */
	struct watcher_coverage coverage;
	int trial;                               /* owned; watcher_coverage_plan()'s */
	struct watcher_session *trees, *folders; /* owned; NULL where there is none */
	struct watcher_session *ended[2];        /* owned; those before, whose descriptors are being closed */
	struct watcher_poller *poller;           /* owned; NULL: no polling */
	struct strvec problems;
	char id[HASH_HEX_SIZE]; /* which folders the roots were, just before the start */
	pthread_mutex_t lock; /* for all below */
	struct watcher_events_note note;
};

void watcher_events_note_clear(struct watcher_events_note *note)
{
	strvec_clear(&note->paths);
	*note = (struct watcher_events_note){ 0 };
}

/* -- on the library's threads ---------------------------------------------------------------------------------------------------------------- */

static bool is_folder(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Of our own making: a folder is asked for only until one was found. */
static bool wants_restart(struct watcher_events *events, const struct watcher_session_event *event, enum watcher_event_class class, bool above)
{
	bool known;

	if (event->overflow)
		return true;
	if (above)
		return event->came || event->gone;
	if (!event->came || class != WATCHER_EVENT_SOURCE)
		return false;
	pthread_mutex_lock(&events->lock);
	known = events->note.restart;
	pthread_mutex_unlock(&events->lock);
	return !known && is_folder(event->path);
}

static void add_to_note(struct watcher_events_note *note, const struct watcher_session_event *event, enum watcher_event_class class)
{
	note->last_ms = clock_ms();
	if (note->n++ == 0)
		note->first_ms = note->last_ms;
	note->classes |= 1u << class;
	if (event->overflow)
		note->overflow = true;
	else if (note->paths.n < WATCHER_EVENTS_PATHS && !strvec_has(&note->paths, event->path))
		strvec_add(&note->paths, event->path);
}

static void on_event(void *data, const struct watcher_session_event *event)
{
	struct watcher_events *events = data;
	enum watcher_event_class class = WATCHER_EVENT_SOURCE;
	bool above = false, restart;

	if (!event->overflow)
		class = watcher_roots_classify(events->roots, event->path, &above);
	if (class == WATCHER_EVENT_IGNORED)
		return;
	restart = wants_restart(events, event, class, above);
	pthread_mutex_lock(&events->lock);
	add_to_note(&events->note, event, class);
	events->note.restart |= restart;
	pthread_mutex_unlock(&events->lock);
}

static void on_batch(void *data)
{
	struct watcher_events *events = data;
	bool any;

	pthread_mutex_lock(&events->lock);
	any = events->note.n > 0;
	pthread_mutex_unlock(&events->lock);
	if (any)
		events->spec.wake(events->spec.data);
}

static void on_end(void *data)
{
	struct watcher_events *events = data;

	pthread_mutex_lock(&events->lock);
	events->note.ended = events->note.restart = true;
	pthread_mutex_unlock(&events->lock);
	events->spec.wake(events->spec.data);
}

static void on_poll(void *data)
{
	struct watcher_events *events = data;

	pthread_mutex_lock(&events->lock);
	events->note.polled = true;
	pthread_mutex_unlock(&events->lock);
	events->spec.wake(events->spec.data);
}

/* -- starting -------------------------------------------------------------------------------------------------------------------------------- */

static void add_problem(struct watcher_events *events, const char *sentence, const char *hint)
{
	strvec_addf(&events->problems, "%s%s%s", sentence, hint[0] ? "\n" : "", hint);
}

static int start_session(struct watcher_events *events, const char *name, const struct strvec *roots, bool recursive,
			 struct watcher_session **ret)
{
	CLEANUP_FREE char *sentinel = xasprintf("%s/work/watch/%s", events->spec.config->state, name);
	struct err err = ERR_INIT;
	struct watcher_session_spec spec = { .roots = roots,
					     .excludes = recursive ? &events->roots->excludes : NULL,
					     .recursive = recursive,
					     .sentinel = sentinel,
					     .ready_ms = events->spec.ready_ms ? events->spec.ready_ms : READY_MS,
					     .on_event = on_event,
					     .on_batch = on_batch,
					     .on_end = on_end,
					     .data = events };
	int r = roots->n > 0 ? watcher_session_start(&spec, ret, &err) : 0;

	/* What cannot be watched is polled. */
	if (r < 0) {
		strvec_copy(&events->coverage.blind, roots);
		add_problem(events, err.message, err.hint);
	}
	return r;
}

static void forget_ended(struct watcher_events *events)
{
	for (size_t i = 0; i < N_ELEMENTS(events->ended); i++)
		watcher_session_free(TAKE_PTR(events->ended[i]));
}

/* The watches of the sessions before may not all be back yet. */
static int plan(struct watcher_events *events, struct err *err)
{
	int r = watcher_coverage_plan(events->roots, &events->trial, &events->coverage, err);

	if ((r == 0 && events->coverage.blind.n == 0) || (!events->ended[0] && !events->ended[1]))
		return r;
	forget_ended(events);
	watcher_coverage_clear(&events->coverage);
	return watcher_coverage_plan(events->roots, &events->trial, &events->coverage, err);
}

static void start_sessions(struct watcher_events *events)
{
	CLEANUP_FREE char *sentence = NULL, *hint = NULL;
	struct err err = ERR_INIT;

	if (plan(events, &err) < 0) {
		add_problem(events, err.message, err.hint);
		return;
	}
	if (watcher_coverage_sentence(&events->coverage, &sentence, &hint))
		add_problem(events, sentence, hint);
	/* Each says itself what went wrong. */
	(void)start_session(events, "folders", &events->coverage.folders, false, &events->folders);
	(void)start_session(events, "trees", &events->coverage.trees, true, &events->trees);
}

static bool is_poll(const struct config *config)
{
	const char *backend = config_get(config, "watch", "backend");

	return backend && str_eq(backend, "poll");
}

/* Others may have taken what the trial had found free: then the library says so on standard error, ten times a second, unless it is stopped. Watches
 * also lack for folders that have just gone, so the trial is made once more. */
static void check_watches(struct watcher_events *events)
{
	CLEANUP(watcher_coverage_clear) struct watcher_coverage again = { 0 };
	CLEANUP_FREE char *sentence = NULL, *hint = NULL;
	size_t planned = events->coverage.n_watches;

	if (!events->trees || watcher_events_coverage(events)->n_watches >= planned)
		return;
	if (watcher_coverage_plan(events->roots, &events->trial, &again, NULL) < 0 || again.blind.n == 0)
		return;
	watcher_session_free(TAKE_PTR(events->trees));
	strvec_copy(&events->coverage.blind, &events->coverage.trees);
	if (watcher_coverage_sentence(watcher_events_coverage(events), &sentence, &hint))
		add_problem(events, sentence, hint);
}

static void identify(const struct watcher_roots *roots, char ret[HASH_HEX_SIZE])
{
	const struct strvec *const lists[] = { &roots->trees, &roots->folders };
	CLEANUP(hash_freep) struct hash *hash = hash_new();

	for (size_t i = 0; i < N_ELEMENTS(lists); i++)
		for (size_t j = 0; j < lists[i]->n; j++) {
			struct stat st = { 0 };

			/* What is not there is told apart from all that is. */
			(void)!stat(lists[i]->v[j], &st);
			hash_add(hash, &st.st_dev, sizeof(st.st_dev));
			hash_add(hash, &st.st_ino, sizeof(st.st_ino));
		}
	hash_end(hash, ret);
}

static int start(struct watcher_events *events, struct err *err)
{
	const struct config *config = events->spec.config;
	bool poll = is_poll(config);

	identify(events->roots, events->id);
	if (!poll) {
		start_sessions(events);
		check_watches(events);
		poll = events->coverage.blind.n + events->coverage.remote.n > 0;
	}
	if (!poll)
		return 0;
	return watcher_poller_start((uint32_t)config_get_uint(config, "watch", "poll_ms", 1000), on_poll, events, &events->poller, err);
}

static void stop(struct watcher_events *events)
{
	watcher_session_end(events->trees);
	watcher_session_end(events->folders);
	forget_ended(events);
	events->ended[0] = TAKE_PTR(events->trees);
	events->ended[1] = TAKE_PTR(events->folders);
	watcher_poller_stop(TAKE_PTR(events->poller));
	watcher_coverage_clear(&events->coverage);
	strvec_clear(&events->problems);
}

int watcher_events_start(const struct watcher_events_spec *spec, struct watcher_roots *roots, struct watcher_events **ret, struct err *err)
{
	CLEANUP(watcher_events_freep) struct watcher_events *events = xcalloc(1, sizeof(*events));
	int r;

	events->spec = *spec;
	events->roots = roots;
	events->trial = -1;
	pthread_mutex_init(&events->lock, NULL);
	r = start(events, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(events);
	return 0;
}

int watcher_events_restart(struct watcher_events *events, struct watcher_roots *roots, struct err *err)
{
	stop(events);
	watcher_roots_free(events->roots);
	events->roots = roots;
	/* No session runs now, and the next one sees all that made us start it. */
	events->note.restart = events->note.ended = false;
	return start(events, err);
}

void watcher_events_free(struct watcher_events *events)
{
	if (!events)
		return;
	stop(events);
	forget_ended(events);
	watcher_roots_free(events->roots);
	watcher_events_note_clear(&events->note);
	cleanup_close(&events->trial);
	pthread_mutex_destroy(&events->lock);
	free(events);
}

void watcher_events_freep(struct watcher_events **events)
{
	watcher_events_free(*events);
}

/* -- asking ---------------------------------------------------------------------------------------------------------------------------------- */

bool watcher_events_take(struct watcher_events *events, struct watcher_events_note *ret)
{
	pthread_mutex_lock(&events->lock);
	*ret = events->note;
	events->note = (struct watcher_events_note){ 0 };
	pthread_mutex_unlock(&events->lock);
	return ret->n > 0 || ret->restart || ret->polled;
}

bool watcher_events_lost(const struct watcher_events *events)
{
	char id[HASH_HEX_SIZE];

	identify(events->roots, id);
	return strcmp(id, events->id) != 0;
}

const struct watcher_roots *watcher_events_roots(const struct watcher_events *events)
{
	return events->roots;
}

/* The sentinels are watched too, and are no folder of the user's. */
const struct watcher_coverage *watcher_events_coverage(struct watcher_events *events)
{
	const struct watcher_session *const sessions[] = { events->trees, events->folders };
	size_t n = 0;

	if (!watcher_coverage_counts())
		return &events->coverage;
	for (size_t i = 0; i < N_ELEMENTS(sessions); i++) {
		size_t watches = sessions[i] ? watcher_coverage_count(watcher_session_fd(sessions[i])) : 0;

		n += watches > 0 ? watches - 1 : 0;
	}
	events->coverage.n_watches = n;
	return &events->coverage;
}

const struct strvec *watcher_events_problems(const struct watcher_events *events)
{
	return &events->problems;
}

bool watcher_events_polls(const struct watcher_events *events)
{
	return events->poller != NULL;
}
