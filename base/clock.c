#include "base/clock.h"

#include <time.h>

/* What is the same on all systems; the clock for durations and the waits on it are clock_linux.c's and clock_darwin.c's. */

int64_t clock_ms(void)
{
	return clock_us() / 1000;
}

int64_t clock_wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
