/* server/watch - the same for ever: on each save, commit or checkout the image follows.
 *
 * Sequence: server_watch_new(), server_watch_run(), which returns when it is stopped or interrupted; server_watch_free().
 * Loop:     one libuv loop on one thread. Between rounds it waits; while a build goes on, each TICK of the run turns it once (UV_RUN_NOWAIT), so that keys,
 *           callers and events are served a tenth of a second later at most, and nothing needs a lock.
 * Look:     when the debounce says so (watcher/debounce); the look decides by fingerprints what is stale, events only say when. Arm first, look
 *           afterwards: watching starts anew before the look that follows.
 * Round:    a look that found something to do becomes a run (refresh/run): the image's lock is taken for it and given back. When somebody else holds
 *           the image, that is said once and tried again.
 * Busy:     with on_busy = restart, a look during a build that finds one of its packages changed again interrupts the run and begins another; with queue,
 *           and for all other changes, the round after it follows at once. With queue such a look makes a package doubtful: if it was changed and
 *           changed back, its fingerprint does not tell which of the two was compiled, and it is built once more.
 * Signals:  end a round and a look at once, by a chain of cancels (base/cancel), also where nothing turns the loop: a put, a wait for the image's thread or
 *           for `cargo metadata`.
 * Failing:  a round that failed is not tried again until something changes or somebody asks.
 * Commits:  with trigger = commit, HEAD's content decides what is stale (watcher_look_at). With [hooks] isolate that is what is built, too
 *           (refresh/isolate). Else the work tree is: where that differs, the result goes into the image but is not recorded, and so is built again after
 *           the next commit.
 * Configuration: read again when its files change; one that is wrong is reported, and the one before stays in force.
 * Boots:    by server_watch_boot(), and with [boot] when = after-inject after each round that changed the image; in a thread, nothing waits for it.
 * Events:   as of a run, each round one; READY once all is watched, STATE for what it does now.
 * Threads:  all on the caller's, but for the event source's own (watcher/events) and the image's (refresh/prepare). */
#ifndef REINJECT_SERVER_WATCH_H
#define REINJECT_SERVER_WATCH_H

#include "refresh/run.h"
#include "server/wire.h"

#include <uv.h>

struct server_watch;

/** The text of a NOTE about a package (subject) that failed before and does not any more, whether it was built again or the edit was taken back. */
#define SERVER_WATCH_ERROR_GONE "the error is gone"
/** That of one whose sources are again, or still, what could not be built before: it is not built, and the compiler says nothing. */
#define SERVER_WATCH_FAILED_BEFORE "failed before with exactly these sources: key r, or `reinject refresh --retry`, tries again"

struct server_watch_args {
	const struct config_args *config_args; /* how the configuration was found, to find it again */
	const struct strvec *packages;         /* only these; empty: all */
	struct cancel *cancel;                 /* ends the watch */
	refresh_event_fn *on_event;
	void *data;
};

/** @config and all of @args are borrowed until the end. */
int server_watch_new(const struct config *config, const struct server_watch_args *args, struct server_watch **ret, struct err *err) MUST_CHECK;
void server_watch_free(struct server_watch *watch);
void server_watch_freep(struct server_watch **watch); /* for CLEANUP */

/** For more handles of the caller's: they must be closed, and the loop turned once, before server_watch_free(). */
uv_loop_t *server_watch_loop(struct server_watch *watch);

/** Runs until server_watch_stop() (0) or a signal (-ECANCELED). */
int server_watch_run(struct server_watch *watch, struct err *err) MUST_CHECK;
void server_watch_stop(struct server_watch *watch);

/** Somebody asks: looks at once, tries what failed or waits as well. */
void server_watch_ask(struct server_watch *watch);

/** Boots the image beside the watch (boot/machine); a boot that goes on is given up for it. BOOT is sent with the verdict. */
void server_watch_boot(struct server_watch *watch);

/** Nothing is looked at while paused; what came meanwhile is, when it goes on. */
void server_watch_pause(struct server_watch *watch, bool paused);
bool server_watch_is_paused(const struct server_watch *watch);

/** The one in force; valid until the loop is turned. */
const struct config *server_watch_config(const struct server_watch *watch);

struct server_watch_status server_watch_status(const struct server_watch *watch);

#endif
