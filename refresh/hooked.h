/* refresh/hooked - the worker behind the git hooks: the spool's records become one refresh.
 *
 * Started:  by hooks/enqueue.c, when a record came and neither a watch nor a worker ran; and by whoever lets go of an image's lock while records wait
 *           (hooks/program). One at a time, by STATE/worker.lock.
 * Quiet:    2 s without a new record ([hooks] quiet_ms), 10 s after the first at most; and never in the middle of a rebase, merge or the like, however
 *           long that takes. A lock file of git's that stands still for 10 s is a dead git's.
 * Look:     the records are taken first, then HEAD of each source is compared with the commits of the newest run. Where that was a whole refresh and
 *           went well, and HEAD is the same, what is not committed is not followed: `git checkout -- FILE` and `merge --squash` fire hooks too. With
 *           nothing uncommitted the image is looked at all the same.
 * Refresh:  as `reinject refresh` does, journaled with the verb 'hook'; then [hooks] on_success or on_failure (refresh/notify).
 * Isolate:  with [hooks] isolate = yes it is what was committed that is built (refresh/isolate); uncommitted work that this took out of the image is named.
 * Held:     the records stay in the spool. Another run of ours wakes a worker when it lets go; who else holds the image tells nobody, and the next commit or
 *           refresh brings it.
 * Races:    a hook appends, then looks for a worker; a worker gives up its lock, then looks for records. So one of them sees the other.
 * Threads:  the caller's. */
#ifndef REINJECT_REFRESH_HOOKED_H
#define REINJECT_REFRESH_HOOKED_H

#include "refresh/run.h"

struct refresh_hooked_args {
	struct cancel *cancel;
	refresh_event_fn *on_event;
	void *data;
};

/** Works the spool off. Returns 0 when nothing waits any more, when another worker is at it, or when it was left to who is busy; -ECANCELED. What went
 * wrong with a refresh is told by events and the journal, and is no error here. */
int refresh_hooked_work(const struct config *config, const struct refresh_hooked_args *args, struct err *err) MUST_CHECK;

/** For a watch, before each of its looks: the records are done with, since that look sees all that they tell of. False when some are left, because a
 * worker is at them. */
bool refresh_hooked_drain(const char *state);

#endif
