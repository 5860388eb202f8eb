#include "base/deadline.h"

#include "base/clock.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>

/* A thread, since what is to be ended may be anywhere: in a child's end, in a copy, in a wait for a console. */

static int left_ms(const struct deadline *deadline)
{
	int64_t left = deadline->at_ms - clock_ms();

	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

static void *wait_for_it(void *data)
{
	struct deadline *deadline = data;
	struct pollfd fds[] = { { .fd = cancel_fd(deadline->other), .events = POLLIN }, { .fd = cancel_fd(&deadline->stop), .events = POLLIN } };

	while (!cancel_requested(&deadline->stop)) {
		int left = left_ms(deadline);

		if (cancel_requested(deadline->other)) {
			cancel_request(&deadline->cancel, deadline->other->signal);
			return NULL;
		}
		if (left == 0) {
			atomic_store(&deadline->over, true);
			cancel_request(&deadline->cancel, SIGALRM);
			return NULL;
		}
		(void)poll(fds, 2, left);
	}
	return NULL;
}

int deadline_start(struct deadline *deadline, const struct cancel *other, int64_t ms, struct err *err)
{
	int r;

	*deadline = (struct deadline){ .other = other, .at_ms = clock_ms() + ms };
	r = cancel_init(&deadline->cancel, err);
	if (r < 0)
		return r;
	r = cancel_init(&deadline->stop, err);
	if (r == 0) {
		r = -pthread_create(&deadline->thread, NULL, wait_for_it, deadline);
		if (r < 0)
			err_set(err, r, "cannot start a thread");
	}
	deadline->started = r == 0;
	if (r < 0) {
		cancel_clear(&deadline->cancel);
		cancel_clear(&deadline->stop);
	}
	return r;
}

void deadline_stop(struct deadline *deadline)
{
	if (!deadline->started)
		return;
	cancel_request(&deadline->stop, SIGTERM);
	pthread_join(deadline->thread, NULL);
	cancel_clear(&deadline->cancel);
	cancel_clear(&deadline->stop);
	deadline->started = false;
}

bool deadline_is_over(struct deadline *deadline)
{
	return atomic_load(&deadline->over);
}
