#include "watcher/poller.h"

#include "base/cancel.h"
#include "base/str.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

/* Waits with a limit: the limit is the interval, the cancel the end. */

struct watcher_poller {
	pthread_t thread;
	struct cancel end;
	uint32_t interval_ms;
	void (*fn)(void *data);
	void *data;
};

static void *run(void *data)
{
	struct watcher_poller *poller = data;
	struct pollfd fd = { .fd = cancel_fd(&poller->end), .events = POLLIN };

	for (;;) {
		int r = poll(&fd, 1, (int)poller->interval_ms);

		if (r > 0)
			return NULL;
		if (r == 0)
			poller->fn(poller->data);
	}
}

int watcher_poller_start(uint32_t interval_ms, void (*fn)(void *data), void *data, struct watcher_poller **ret, struct err *err)
{
	struct watcher_poller *poller = xcalloc(1, sizeof(*poller));
	sigset_t all, before;
	int r;

	*poller = (struct watcher_poller){ .interval_ms = interval_ms, .fn = fn, .data = data };
	r = cancel_init(&poller->end, NULL);
	if (r >= 0) {
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		r = -pthread_create(&poller->thread, NULL, run, poller);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	if (r < 0) {
		cancel_clear(&poller->end);
		free(poller);
		return err_set(err, r, "cannot start a thread that polls");
	}
	*ret = poller;
	return 0;
}

void watcher_poller_stop(struct watcher_poller *poller)
{
	if (!poller)
		return;
	cancel_request(&poller->end, SIGTERM);
	pthread_join(poller->thread, NULL);
	cancel_clear(&poller->end);
	free(poller);
}
