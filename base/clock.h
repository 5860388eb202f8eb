/* base/clock - the two clocks: monotonic for durations, real time for records; and waiting for a condition on the first of them.
 *
 * Platform: clock_linux.c, clock_darwin.c. The monotonic clock stands still while the machine sleeps, on both. */
#ifndef REINJECT_BASE_CLOCK_H
#define REINJECT_BASE_CLOCK_H

#include "base/cleanup.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/** Milliseconds of the monotonic clock; only differences mean anything. */
int64_t clock_ms(void);

/** Microseconds of the same clock, for what takes less than a millisecond. */
int64_t clock_us(void);

/** How long the machine has slept since it was started, in milliseconds; it grows by each sleep. 0 where the system does not tell. */
int64_t clock_slept_ms(void);

/** Milliseconds since 1970, for the journal. */
int64_t clock_wall_ms(void);

/** Makes @cond one that clock_wait() can wait for: setting the wall clock neither shortens nor lengthens the wait. */
int clock_cond_init(pthread_cond_t *cond) MUST_CHECK;

/** Waits for @cond, with @mutex held, until clock_us() is @until_us. True when the time is up, false when it was woken; wakes without a cause happen. */
bool clock_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t until_us);

#endif
