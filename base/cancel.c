#include "base/cancel.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* A signal handler is given nothing but a number, so this is the one place that has to remember. */
static struct cancel *signal_target;

static int make_pipe(int fds[2])
{
	if (pipe(fds) < 0)
		return -errno;
	for (int i = 0; i < 2; i++)
		if (fcntl(fds[i], F_SETFD, FD_CLOEXEC) < 0 || fcntl(fds[i], F_SETFL, O_NONBLOCK) < 0)
			return -errno;
	return 0;
}

int cancel_init(struct cancel *cancel, struct err *err)
{
	int r;

	*cancel = (struct cancel){ .fds = { -1, -1 } };
	r = make_pipe(cancel->fds);
	if (r < 0) {
		cancel_clear(cancel);
		return err_set(err, r, "cannot make a pipe");
	}
	return 0;
}

void cancel_clear(struct cancel *cancel)
{
	if (signal_target == cancel)
		signal_target = NULL;
	cleanup_close(&cancel->fds[0]);
	cleanup_close(&cancel->fds[1]);
}

/* The first of a chain first: cancel_chain() after cancel_renew() then finds what that has wiped out. */
void cancel_request(struct cancel *cancel, int signal)
{
	int saved = errno;

	for (; cancel; cancel = atomic_load(&cancel->next)) {
		int none = 0;

		(void)atomic_compare_exchange_strong(&cancel->signal, &none, signal);
		/* A full pipe is as readable as one with one byte in it. */
		(void)!write(cancel->fds[1], "", 1);
	}
	errno = saved;
}

void cancel_chain(struct cancel *cancel, struct cancel *next)
{
	int signal;

	atomic_store(&cancel->next, next);
	signal = atomic_load(&cancel->signal);
	if (next && signal != 0)
		cancel_request(next, signal);
}

void cancel_renew(struct cancel *cancel)
{
	char bytes[64];

	atomic_store(&cancel->signal, 0);
	while (read(cancel->fds[0], bytes, sizeof(bytes)) > 0)
		;
}

static void on_signal(int signal)
{
	static volatile sig_atomic_t times;

	times = times + 1;
	if (times >= 3) {
		struct sigaction dfl = { .sa_handler = SIG_DFL };

		sigaction(signal, &dfl, NULL);
		raise(signal);
		return;
	}
	if (signal_target)
		cancel_request(signal_target, signal);
}

int cancel_on_signals(struct cancel *cancel, struct err *err)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	signal_target = cancel;
	sigaction(SIGPIPE, &ignore, NULL);
	for (size_t i = 0; i < N_ELEMENTS(signals); i++)
		if (sigaction(signals[i], &action, NULL) < 0)
			return err_set(err, -errno, "cannot handle signal %d", signals[i]);
	return 0;
}

bool cancel_requested(const struct cancel *cancel)
{
	return cancel && cancel->signal;
}

int cancel_fd(const struct cancel *cancel)
{
	return cancel ? cancel->fds[0] : -1;
}
