/* watcher/debounce - when to look: pure, with no clock of its own.
 *
 * Rules:    a look comes quiet_ms after the last event, and 2 s after the first at most, or quiet_ms where that is longer; at once where no event can
 *           be trusted (the start, an overflow, a poll, somebody's wish: watcher_debounce_ask()); and 60 s after the last look when nothing came.
 * Git:      while git is at work nothing is looked at (watcher/operation says which kind is held how long). When it has ended, quiet_ms begins anew: git
 *           moves HEAD after it has let go of the index.
 * Passed over: an operation that stands still for 10 s holds nothing up any more, until it ends, becomes another kind, or HEAD moves (an event with
 *           @git). `passed` tells the loop to say so, once.
 * Sequence: watcher_debounce_init(); watcher_debounce_event() for each note taken from watcher/events; watcher_debounce_wait() after each wake and each
 *           time its answer has run out; on 0 watcher_debounce_looked(), then the look: what comes during it counts for the next.
 * Times:    milliseconds of one clock that does not go back; int64_t. */
#ifndef REINJECT_WATCHER_DEBOUNCE_H
#define REINJECT_WATCHER_DEBOUNCE_H

#include "watcher/operation.h"

#define WATCHER_DEBOUNCE_MAX_MS     2000
#define WATCHER_DEBOUNCE_EVERY_MS   60000
#define WATCHER_DEBOUNCE_STILL_MS   10000
#define WATCHER_DEBOUNCE_RECHECK_MS 100 /* how often a held look asks again whether git has ended, should its event be missed */

struct watcher_debounce {
	uint32_t quiet_ms;
	bool pending;      /* events came since the last look */
	bool asked;        /* look without waiting for quiet */
	int64_t first_ms;  /* of the pending events */
	int64_t last_ms;   /* of all events ever */
	int64_t looked_ms; /* the last look's start */
	bool held;         /* by git, since held_ms */
	int64_t held_ms;
	enum watcher_operation passed; /* this kind is passed over; NONE: none is */
};

/** Starts with a look wanted at once. */
void watcher_debounce_init(struct watcher_debounce *debounce, uint32_t quiet_ms, int64_t now_ms);
/** Events came, the first and the last of them then. @git: HEAD may have moved. */
void watcher_debounce_event(struct watcher_debounce *debounce, int64_t first_ms, int64_t last_ms, bool git);
void watcher_debounce_ask(struct watcher_debounce *debounce);
/** 0: look now; otherwise to be asked again after so many milliseconds, or after the next event. */
int64_t watcher_debounce_wait(struct watcher_debounce *debounce, int64_t now_ms, enum watcher_operation operation);
void watcher_debounce_looked(struct watcher_debounce *debounce, int64_t now_ms);

#endif
