/* refresh/prepare - the image's part while cargo runs: copy and mount the shadow in a thread of its own.
 *
 * Sequence: refresh_prepare_start(), refresh_prepare_go() once cargo runs, refresh_prepare_finish(), which waits for it and hands the transaction over; or
 *           refresh_prepare_freep(), which waits and aborts.
 * Go:       a copy that begins before cargo takes processor and disk from cargo's own start, and nothing is won: cargo takes longer than the copy.
 * Threads:  start, go, failed, finish and free are called on one thread; in between, the transaction belongs to the other.
 * Room:     the file that the swap lets go (see image_txn_hooks) is closed by free, which comes after the run's end was told.
 * Ownership: the session must outlive it. */
#ifndef REINJECT_REFRESH_PREPARE_H
#define REINJECT_REFRESH_PREPARE_H

#include "image/txn.h"
#include "refresh/session.h"

struct refresh_prepare;

/** @expected (may be NULL): files in the image that will likely be replaced. While cargo runs, their digests and contents are read for the put. */
int refresh_prepare_start(struct refresh_session *session, int64_t run, const struct strvec *expected, struct refresh_prepare **ret,
			  struct err *err) MUST_CHECK;

/** Lets the copy begin; finish does it as well. Takes NULL, and a second time. */
void refresh_prepare_go(struct refresh_prepare *prepare);
/** True once it is known that finish will fail: the builds that are left need not be started. */
bool refresh_prepare_failed(const struct refresh_prepare *prepare);

/** Waits and hands the transaction over. @prepare must outlive it: the transaction's hooks lead here. */
int refresh_prepare_finish(struct refresh_prepare *prepare, struct image_txn **ret, struct err *err) MUST_CHECK;

void refresh_prepare_freep(struct refresh_prepare **prepare); /* for CLEANUP: waits, and aborts what was not finished; takes NULL */

/** False when the host has room for one copy but not for a copy beside a growing target folder: then the copy had better wait for the build; and
 * for an image that is changed without a copy. */
bool refresh_prepare_early(const struct config_image *image);

#endif
