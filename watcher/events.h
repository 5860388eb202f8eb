/* watcher/events - something may have changed: wake the loop and keep a small note of what.
 *
 * Events are hints; the truth is the look's fingerprint (DESIGN.md section 3). So little is kept: which classes, the first paths for saying why, times.
 * Sequence: watcher_events_start(); then a look, since what changed before is nobody's event. On each wake watcher_events_take() gives and clears the
 *           note. With `restart` in it: watcher_roots_of(), watcher_events_restart(), and only then the look: arm first, look afterwards.
 *           watcher_events_free() at any time.
 * Restart:  wanted after an overflow, when the monitor ended, and when a folder was made, moved here or is one of those above what counts: what was put
 *           into a new folder at once is missed 19 times of 20, and a moved one keeps its old name in the library.
 * Two sessions: trees with all below, folders alone (watcher/roots). Each has a thread and an inotify descriptor, which no child inherits.
 * Polling:  a third thread wakes the loop every poll_ms (`polled`: look, events or not) where events cannot be trusted: with `backend = poll`, for
 *           network and FUSE file systems (watched as well), for what the watch limit leaves out, and when no session can be had. So a start does not
 *           fail for want of watches: watcher_events_problems() has the sentences.
 * Measured: write to wake 0.1 ms; ready in 25 ms, a restart 20 ms, with 180 folders on loaded cores (docs/benchmarks.md).
 * Threads:  @wake is called on the library's threads, outside our lock, as often as something came; it must only pass the word on (uv_async_send).
 *           All else from the loop's thread. */
#ifndef REINJECT_WATCHER_EVENTS_H
#define REINJECT_WATCHER_EVENTS_H

#include "watcher/coverage.h"

/** So many different paths are kept. */
#define WATCHER_EVENTS_PATHS 64

struct watcher_events;

struct watcher_events_spec {
	const struct config *config; /* borrowed until the end */
	void (*wake)(void *data);
	void *data;
	uint32_t ready_ms; /* the limit for each session's start; 0: 10 s */
};

/** What came since the last time. */
struct watcher_events_note {
	unsigned int classes; /* bits 1u << enum watcher_event_class; nothing is kept of what is ignored */
	size_t n;             /* events */
	int64_t first_ms;     /* clock_ms() of the first and the last of them; 0 without any */
	int64_t last_ms;
	struct strvec paths; /* the first WATCHER_EVENTS_PATHS different ones; owned */
	bool overflow;       /* events were lost: look at once */
	bool restart;        /* see above */
	bool ended;          /* a monitor ended by itself */
	bool polled;         /* time for a look */
};
void watcher_events_note_clear(struct watcher_events_note *note);

/** Starts watching @roots, which become ours. -ENOMEM, -EAGAIN and such when not even a thread can be had. */
int watcher_events_start(const struct watcher_events_spec *spec, struct watcher_roots *roots, struct watcher_events **ret,
			 struct err *err) MUST_CHECK;
/** Stops the sessions and starts new ones for @roots, which become ours. What came before stays in the note, but for
 * its wish for a restart. */
int watcher_events_restart(struct watcher_events *events, struct watcher_roots *roots, struct err *err) MUST_CHECK;
void watcher_events_free(struct watcher_events *events);
void watcher_events_freep(struct watcher_events **events); /* for CLEANUP */

/** Gives what came, and forgets it. False when nothing did. */
bool watcher_events_take(struct watcher_events *events, struct watcher_events_note *ret);

/** True when a root is not the folder any more that is watched: moved away and made anew from further above, where nobody tells of it. */
bool watcher_events_lost(const struct watcher_events *events);

const struct watcher_roots *watcher_events_roots(const struct watcher_events *events);
/** As of the last start; the watches are counted anew. */
const struct watcher_coverage *watcher_events_coverage(struct watcher_events *events);
/** Sentences about what is not watched as it should be, each with its remedy after a line break; owned by @events. */
const struct strvec *watcher_events_problems(const struct watcher_events *events);
/** True when the loop is woken every poll_ms. */
bool watcher_events_polls(const struct watcher_events *events);

#endif
