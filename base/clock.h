/* base/clock - the two clocks: monotonic for durations, real time for records. */
#ifndef REINJECT_BASE_CLOCK_H
#define REINJECT_BASE_CLOCK_H

#include <stdint.h>

/** Milliseconds of the monotonic clock; only differences mean anything. */
int64_t clock_ms(void);

/** Microseconds of the same clock, for what takes less than a millisecond. */
int64_t clock_us(void);

/** How long the machine has slept since it was started, in milliseconds; it grows by each sleep. 0 where the system does not tell. */
int64_t clock_slept_ms(void);

/** Milliseconds since 1970, for the journal. */
int64_t clock_wall_ms(void);

#endif
