/* base/deadline - a cancel with a limit: it is requested when another cancel is, or when its time is up.
 *
 * Sequence: deadline_start(), hand deadline->cancel to whatever is to end in time; deadline_stop(). A thread of its own waits meanwhile.
 * Threads:  deadline_is_over() may be asked from any. Ownership: embedded, and must not move. */
#ifndef REINJECT_BASE_DEADLINE_H
#define REINJECT_BASE_DEADLINE_H

#include "base/cancel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct deadline {
	struct cancel cancel;
	const struct cancel *other; /* borrowed; may be NULL */
	int64_t at_ms;              /* by clock_ms() */
	struct cancel stop;
	atomic_bool over;
	pthread_t thread;
	bool started;
};

/** From now on deadline->cancel is requested when @other is (NULL: never), or after @ms milliseconds. */
int deadline_start(struct deadline *deadline, const struct cancel *other, int64_t ms, struct err *err) MUST_CHECK;
/** Ends the thread. Does nothing when none was started; twice is no harm. */
void deadline_stop(struct deadline *deadline);

/** True when it was the time that was up. */
bool deadline_is_over(struct deadline *deadline);

#endif
