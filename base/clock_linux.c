/* CLOCK_MONOTONIC, which stands still in a sleep, CLOCK_BOOTTIME, which does not, and conditions on the first. The Darwin twin is clock_darwin.c. */
#include "base/clock.h"

#include <errno.h>
#include <time.h>

int64_t clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* A few microseconds pass between the two calls. */
int64_t clock_slept_ms(void)
{
	struct timespec boot, mono;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return ((int64_t)boot.tv_sec - mono.tv_sec) * 1000 + (boot.tv_nsec - mono.tv_nsec) / 1000000;
}

int clock_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attributes;
	int r = -pthread_condattr_init(&attributes);

	if (r < 0)
		return r;
	r = -pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	if (r == 0)
		r = -pthread_cond_init(cond, &attributes);
	pthread_condattr_destroy(&attributes);
	return r;
}

bool clock_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t until_us)
{
	struct timespec until = { .tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000 };

	return pthread_cond_timedwait(cond, mutex, &until) == ETIMEDOUT;
}
