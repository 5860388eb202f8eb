/* The thread that asks may hang in the kernel where nobody can get it out; so what the threads share is counted, and the last one frees it. */
#include "image/pulse.h"

#include "base/clock.h"
#include "base/str.h"
#include "image/mounts.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

/* Often enough that a limit of seconds is kept, seldom enough that it costs nothing. */
enum { ASK_EVERY_MS = 500, N_THREADS = 2 };

struct image_pulse {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	char *point; /* owned */
	uint32_t limit_ms;
	void (*on_silence)(void *data);
	void *data;
	unsigned int users; /* the owner and the threads */
	unsigned int asked; /* questions begun; one that is answered counts in `answered` */
	unsigned int answered;
	bool wanted; /* somebody waits for a question to be asked now */
	bool stopped, silent;
	pthread_t watcher;
};

static int64_t in_ms(uint32_t ms)
{
	return clock_us() + (int64_t)ms * 1000;
}

/* With the mutex held, which it gives up. */
static void leave(struct image_pulse *pulse)
{
	bool last = --pulse->users == 0;

	pthread_mutex_unlock(&pulse->mutex);
	if (!last)
		return;
	free(pulse->point);
	pthread_cond_destroy(&pulse->changed);
	pthread_mutex_destroy(&pulse->mutex);
	free(pulse);
}

static void *ask_thread(void *data)
{
	struct image_pulse *pulse = data;

	pthread_mutex_lock(&pulse->mutex);
	while (!pulse->stopped) {
		int64_t next;

		pulse->wanted = false;
		pulse->asked++;
		pthread_cond_broadcast(&pulse->changed);
		pthread_mutex_unlock(&pulse->mutex);
		image_mounts_ask(pulse->point);
		pthread_mutex_lock(&pulse->mutex);
		pulse->answered = pulse->asked;
		pthread_cond_broadcast(&pulse->changed);
		next = in_ms(ASK_EVERY_MS);
		while (!pulse->stopped && !pulse->wanted && !clock_wait(&pulse->changed, &pulse->mutex, next))
			;
	}
	leave(pulse);
	return NULL;
}

/* With the mutex held: waits until question @number is answered. */
static bool wait_answer(struct image_pulse *pulse, unsigned int number)
{
	int64_t end = in_ms(pulse->limit_ms);

	while (!pulse->stopped && !pulse->silent && (int)(pulse->answered - number) < 0)
		if (clock_wait(&pulse->changed, &pulse->mutex, end))
			return pulse->stopped || (int)(pulse->answered - number) >= 0;
	return !pulse->silent;
}

static void *watch_thread(void *data)
{
	struct image_pulse *pulse = data;

	pthread_mutex_lock(&pulse->mutex);
	while (!pulse->stopped && !pulse->silent) {
		if (pulse->answered == pulse->asked) {
			pthread_cond_wait(&pulse->changed, &pulse->mutex);
			continue;
		}
		pulse->silent = !wait_answer(pulse, pulse->asked);
	}
	if (pulse->silent && !pulse->stopped && pulse->on_silence)
		pulse->on_silence(pulse->data);
	pthread_cond_broadcast(&pulse->changed);
	leave(pulse);
	return NULL;
}

/* Signals are for the thread that knows what to do with them. */
static int start_thread(pthread_t *ret, void *(*fn)(void *data), void *data)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(ret, NULL, fn, data);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

static int start_threads(struct image_pulse *pulse)
{
	pthread_t asker;
	int r = start_thread(&pulse->watcher, watch_thread, pulse);

	if (r < 0) {
		pulse->users -= N_THREADS;
		return r;
	}
	r = start_thread(&asker, ask_thread, pulse);
	if (r == 0)
		return -pthread_detach(asker);
	pthread_detach(pulse->watcher);
	pthread_mutex_lock(&pulse->mutex);
	pulse->users--;
	pthread_mutex_unlock(&pulse->mutex);
	return r;
}

int image_pulse_start(const char *point, uint32_t limit_ms, void (*on_silence)(void *data), void *data, struct image_pulse **ret)
{
	struct image_pulse *pulse = xcalloc(1, sizeof(*pulse));
	int r;

	pulse->users = 1 + N_THREADS;
	pulse->limit_ms = limit_ms;
	pulse->on_silence = on_silence;
	pulse->data = data;
	pulse->point = xstrdup(point);
	pthread_mutex_init(&pulse->mutex, NULL);
	r = clock_cond_init(&pulse->changed);
	if (r < 0) {
		pthread_mutex_destroy(&pulse->mutex);
		free(pulse->point);
		free(pulse);
		return r;
	}
	r = start_threads(pulse);
	if (r < 0) {
		pthread_mutex_lock(&pulse->mutex);
		pulse->stopped = true;
		pthread_cond_broadcast(&pulse->changed);
		leave(pulse);
		return r;
	}
	*ret = pulse;
	return 0;
}

int image_pulse_ask(struct image_pulse *pulse)
{
	bool answered;

	if (!pulse)
		return 0;
	pthread_mutex_lock(&pulse->mutex);
	pulse->wanted = true;
	pthread_cond_broadcast(&pulse->changed);
	/* One that is under way was asked before whatever the caller has just done. */
	answered = wait_answer(pulse, pulse->asked + 1);
	pthread_mutex_unlock(&pulse->mutex);
	return answered ? 0 : -ETIMEDOUT;
}

bool image_pulse_is_silent(const struct image_pulse *pulse)
{
	struct image_pulse *p = (struct image_pulse *)pulse;
	bool silent = false;

	if (!p)
		return false;
	pthread_mutex_lock(&p->mutex);
	silent = p->silent;
	pthread_mutex_unlock(&p->mutex);
	return silent;
}

/* With the mutex held. A plain unmount is busy while a question is open. */
static void wait_asker(struct image_pulse *pulse)
{
	while (pulse->answered != pulse->asked && !pulse->silent)
		pthread_cond_wait(&pulse->changed, &pulse->mutex);
}

void image_pulse_quiet(struct image_pulse *pulse)
{
	if (!pulse)
		return;
	pthread_mutex_lock(&pulse->mutex);
	wait_asker(pulse);
	pulse->stopped = true;
	pthread_cond_broadcast(&pulse->changed);
	pthread_mutex_unlock(&pulse->mutex);
}

void image_pulse_stop(struct image_pulse *pulse)
{
	if (!pulse)
		return;
	image_pulse_quiet(pulse);
	/* It calls @on_silence, whose data may be gone afterwards. */
	pthread_join(pulse->watcher, NULL);
	pthread_mutex_lock(&pulse->mutex);
	leave(pulse);
}
