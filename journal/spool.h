/* journal/spool - the records that git's hooks leave for the worker: 'look now'.
 *
 * Files:    STATE/spool/queue is appended to by hooks/enqueue.c, one line by one write; STATE/spool/taken is what somebody is busy with; STATE/spool/last
 *           keeps the newest record of each hook, for `hooks status`. A state folder serves one configuration, so each work tree has its own queue.
 * Record:   MS EVENT TOP ARGS: milliseconds since 1970, the hook's name, the work tree and the hook's arguments, the last two as str_add_percent()
 *           has it.
 * Meaning:  a record wakes, and nothing more: what changed is found by looking. It is written after HEAD has moved, so whoever takes the records first
 *           and looks afterwards misses nothing, even if a line that was on its way into a taken file is never read. Lost or doubled ones change nothing.
 * One:      STATE/worker.lock is locked (flock) by the worker as long as it lives, and holds its pid; whoever takes records must hold it. The lock ends
 *           with its process, so a dead worker's is no obstacle.
 * Threads:  no shared state. */
#ifndef REINJECT_JOURNAL_SPOOL_H
#define REINJECT_JOURNAL_SPOOL_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Below the state folder; hooks/enqueue.c, which links nothing of ours, uses them too. */
#define JOURNAL_SPOOL_DIR         "spool"
#define JOURNAL_SPOOL_QUEUE       "spool/queue"
#define JOURNAL_SPOOL_WORKER_LOCK "worker.lock"
#define JOURNAL_SPOOL_WATCH_LOCK  "watch.lock" /* server/socket */
#define JOURNAL_SPOOL_LOG         "hooks.log"  /* the worker's words */

struct journal_record {
	int64_t at;        /* ms since 1970 */
	const char *event; /* 'post-commit' */
	const char *top;   /* the work tree's folder */
};

/** How many records wait, those that somebody is busy with included. Without a spool: none. */
int journal_spool_count(const char *state, size_t *ret, struct err *err) MUST_CHECK;

/** How long ago the last record came, in ms; negative when none waits. A clock that was set back counts as now. */
int64_t journal_spool_age_ms(const char *state);

/** Takes what waits. Returns 1, or 0 when nothing waits. What a dead worker had taken is taken again. */
int journal_spool_take(const char *state, struct err *err) MUST_CHECK;

/** What was taken is done with. Without this it goes on waiting. */
int journal_spool_settle(const char *state, struct err *err) MUST_CHECK;

/** Calls @fn for the newest record of each hook of each work tree, waiting or done. */
int journal_spool_last(const char *state, void (*fn)(void *data, const struct journal_record *record), void *data, struct err *err) MUST_CHECK;

/** Becomes the worker: @ret_fd holds the lock until it is closed. -EBUSY when there is one. */
int journal_spool_lock(const char *state, int *ret_fd, struct err *err) MUST_CHECK;

/** True when somebody holds STATE/@name, a lock file; @ret_pid (may be NULL): who, 0 when that is not known. */
bool journal_spool_is_locked(const char *state, const char *name, pid_t *ret_pid);

#endif
