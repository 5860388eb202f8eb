/* base/cancel - how a signal reaches everything that waits.
 *
 * A struct cancel is a flag and a pipe: cancel_request() sets the one and makes the other readable for good, so that a thread that computes asks
 * cancel_requested() and one that waits polls cancel_fd() beside what it waits for. Whoever is cancelled undoes what it began and returns
 * -ECANCELED, which becomes exit status 130.
 * Chains:   what may end by itself and what ends with all the rest has a cancel of its own, such as a round of the watch; cancel_chain() makes the
 *           signal reach it at once, without anybody who would have to hand it on. cancel_renew() makes it good for the next time.
 * Threads:  cancel_request() may be called from any thread and from a signal handler. cancel_chain() and cancel_renew() are for the one thread that
 *           waits by it; all else after cancel_init() only reads.
 * Ownership: embedded; cancel_clear() closes the pipe. */
#ifndef REINJECT_BASE_CANCEL_H
#define REINJECT_BASE_CANCEL_H

#include "base/cleanup.h"
#include "base/err.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

struct cancel {
	atomic_int signal; /* the signal that asked, or 0; free of locks, so a signal handler may */
	int fds[2];        /* owned: read end, write end; O_CLOEXEC and non-blocking */
	_Atomic(struct cancel *) next; /* borrowed: is asked by whoever asks this one; NULL */
};

/** Makes the pipe. */
int cancel_init(struct cancel *cancel, struct err *err) MUST_CHECK;
void cancel_clear(struct cancel *cancel);

/** Makes SIGINT, SIGTERM and SIGHUP request @cancel, for the whole process; SIGPIPE is ignored from now on. The third such signal of an
 * impatient person ends the process as the signal would: recovery is the next start's work then. */
int cancel_on_signals(struct cancel *cancel, struct err *err) MUST_CHECK;

/** Asks; @signal is the reason, such as SIGINT. Safe in a signal handler. */
void cancel_request(struct cancel *cancel, int signal);

/** From now on who asks @cancel asks @next as well, at once; who has asked before is heard now. NULL for nobody any more. @next stays as it is until
 * then, and is cleared when no other thread is left in which a signal may still be on its way to it. */
void cancel_chain(struct cancel *cancel, struct cancel *next);

/** As if nobody had asked, for the next time; the pipe stays. A request that another thread makes amid this may be lost: of one that comes through a
 * chain, cancel_chain() afterwards makes sure. */
void cancel_renew(struct cancel *cancel);

/** True once somebody asked. @cancel may be NULL: never. */
bool cancel_requested(const struct cancel *cancel);

/** Readable once somebody asked; -1 for NULL. Owned by @cancel. */
int cancel_fd(const struct cancel *cancel);

#endif
