/* Darwin: CLOCK_MONOTONIC goes on in a sleep, CLOCK_UPTIME_RAW does not; conditions take no clock, but a length of time. Compiled by `make check-darwin`;
 * nothing of it was run on a Mac: above all not whether the two clocks differ by the sleeps alone. */
#include "base/clock.h"

#include <errno.h>
#include <time.h>

int64_t clock_us(void)
{
	return (int64_t)(clock_gettime_nsec_np(CLOCK_UPTIME_RAW) / 1000);
}

int64_t clock_slept_ms(void)
{
	uint64_t awake = clock_gettime_nsec_np(CLOCK_UPTIME_RAW), all = clock_gettime_nsec_np(CLOCK_MONOTONIC_RAW);

	return all > awake ? (int64_t)((all - awake) / 1000000) : 0;
}

int clock_cond_init(pthread_cond_t *cond)
{
	return -pthread_cond_init(cond, NULL);
}

bool clock_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t until_us)
{
	int64_t left = until_us - clock_us();
	struct timespec span = { .tv_sec = left / 1000000, .tv_nsec = left % 1000000 * 1000 };

	return left <= 0 || pthread_cond_timedwait_relative_np(cond, mutex, &span) == ETIMEDOUT;
}
