/* refresh/rollback - takes a run back: what it replaced is put back, what it added is removed, what it removed comes again.
 *
 * By the same transaction as any change, journaled as a run of its own (verb 'rollback'), so that it can be taken back as well.
 * Later runs: a file that was replaced again since is refused, by name: that run is to be taken back first. Nothing is written then.
 * Verdicts: the fingerprint that the image had with the run's files (the run's own, or a later one that gave the same) is held, so that no watch, hook or
 *           night brings it again; the one before it is fresh again where all files of the package are as it had left them. Taking back a rollback takes these verdicts back.
 * Contents: come from the blob store (journal/blobs). */
#ifndef REINJECT_REFRESH_ROLLBACK_H
#define REINJECT_REFRESH_ROLLBACK_H

#include "refresh/run.h"

/** Run number @run of session's image, 0 for the last that changed it. -ENOENT, class ERR_USAGE, when there is nothing to take back. */
int refresh_rollback(struct refresh_session *session, int64_t run, const struct refresh_args *args, enum refresh_result *ret,
		     struct err *err) MUST_CHECK;

#endif
