/* refresh/watch - the same for ever: on each save, commit or checkout the image follows.
 *
 * Sequence: refresh_watch_new(), refresh_watch_run(), which returns when it is stopped or interrupted; refresh_watch_free().
 * Loop:     one libuv loop on one thread. Between rounds it waits; while a build goes on, each TICK of the run turns it once (UV_RUN_NOWAIT), so that keys,
 *           callers and events are served a tenth of a second later at most, and nothing needs a lock.
 * Look:     when the debounce says so (watcher/debounce); the look decides by fingerprints what is stale, events only say when. Arm first, look
 *           afterwards: watching starts anew before the look that follows.
 * Round:    a look that found something to do becomes a run (refresh/run): the image's lock is taken for it and given back. When somebody else holds
 *           the image, that is said once and tried again.
 * Busy:     with on_busy = restart, a look during a build that finds one of its packages changed again interrupts the run and begins another; with queue,
 *           and for all other changes, the round after it follows at once. With queue such a look makes a package doubtful: if it was changed and
 *           changed back, its fingerprint does not tell which of the two was compiled, and it is built once more.
 * Failing:  a round that failed is not tried again until something changes or somebody asks.
 * Commits:  with trigger = commit, HEAD's content decides what is stale (watcher_look_at). What is built is the work tree: where that differs, the result
 *           goes into the image but is not recorded, and so is built again after the next commit.
 * Configuration: read again when its files change; one that is wrong is reported, and the one before stays in force.
 * Boots:    by refresh_watch_boot(), and with [boot] when = after-inject after each round that changed the image; in a thread, nothing waits for it.
 * Events:   as of a run, each round one; READY once all is watched, STATE for what it does now.
 * Threads:  all on the caller's, but for the event source's own (watcher/events) and the image's (refresh/prepare). */
#ifndef REINJECT_REFRESH_WATCH_H
#define REINJECT_REFRESH_WATCH_H

#include "refresh/run.h"
#include "refresh/wire.h"

#include <uv.h>

struct refresh_watch;

struct refresh_watch_args {
	const struct config_args *config_args; /* how the configuration was found, to find it again */
	const struct strvec *packages;         /* only these; empty: all */
	struct cancel *cancel;                 /* ends the watch */
	refresh_event_fn *on_event;
	void *data;
};

/** @config and all of @args are borrowed until the end. */
int refresh_watch_new(const struct config *config, const struct refresh_watch_args *args, struct refresh_watch **ret, struct err *err) MUST_CHECK;
void refresh_watch_free(struct refresh_watch *watch);
void refresh_watch_freep(struct refresh_watch **watch); /* for CLEANUP */

/** For more handles of the caller's: they must be closed, and the loop turned once, before refresh_watch_free(). */
uv_loop_t *refresh_watch_loop(struct refresh_watch *watch);

/** Runs until refresh_watch_stop() (0) or a signal (-ECANCELED). */
int refresh_watch_run(struct refresh_watch *watch, struct err *err) MUST_CHECK;
void refresh_watch_stop(struct refresh_watch *watch);

/** Somebody asks: looks at once, tries what failed or waits as well. */
void refresh_watch_ask(struct refresh_watch *watch);

/** Boots the image beside the watch (refresh/boot); a boot that goes on is given up for it. BOOT is sent with the verdict. */
void refresh_watch_boot(struct refresh_watch *watch);

/** Nothing is looked at while paused; what came meanwhile is, when it goes on. */
void refresh_watch_pause(struct refresh_watch *watch, bool paused);
bool refresh_watch_is_paused(const struct refresh_watch *watch);

/** The one in force; valid until the loop is turned. */
const struct config *refresh_watch_config(const struct refresh_watch *watch);

struct refresh_watch_status refresh_watch_status(const struct refresh_watch *watch);

#endif
