/* base/: what ends by a signal, by a limit, or only by force. */
#include "base/cancel.h"
#include "base/clock.h"
#include "base/deadline.h"
#include "base/proc.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* What ignores SIGTERM, or turns for ever, is there for so long at most, should a test fail. */
enum { TOO_LONG_S = 10, LIMIT_MS = 10000 };

/* -- signals ------------------------------------------------------------------------------------------------------------------------------------ */

static int wait_status(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* A process of its own: @times times @signal, then 0 if it was asked to end by @first, else 1. */
static int status_after(int first, int signal, int times)
{
	pid_t pid = fork();
	struct cancel cancel;

	assert_true(pid >= 0);
	if (pid > 0)
		return wait_status(pid);
	alarm(TOO_LONG_S);
	if (cancel_init(&cancel, NULL) < 0 || cancel_on_signals(&cancel, NULL) < 0 || cancel_requested(&cancel))
		_exit(2);
	raise(first);
	for (int i = 0; i < times; i++)
		raise(signal);
	_exit(cancel_requested(&cancel) && cancel.signal == first ? 0 : 1);
}

static void the_first_signal_is_the_reason_and_the_second_changes_nothing(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(signals); i++) {
		assert_int_equal(status_after(signals[i], signals[i], 0), 0);
		assert_int_equal(status_after(signals[i], SIGTERM, 1), 0);
	}
	/* Whose reader has gone away is told by its writes, not killed. */
	assert_int_equal(status_after(SIGINT, SIGPIPE, 5), 0);
}

static void the_third_ends_what_does_not_listen(void **state)
{
	int status;

	(void)state;
	status = status_after(SIGINT, SIGINT, 2);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
	status = status_after(SIGINT, SIGTERM, 2);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

static void a_cancel_that_is_cleared_hears_no_more(void **state)
{
	struct cancel cancel;

	(void)state;
	assert_int_equal(cancel_init(&cancel, NULL), 0);
	assert_int_equal(cancel_on_signals(&cancel, NULL), 0);
	cancel_clear(&cancel);
	raise(SIGHUP);
	assert_false(cancel_requested(&cancel));
	assert_int_equal(cancel_fd(&cancel), -1);
	assert_false(cancel_requested(NULL));
	assert_int_equal(cancel_fd(NULL), -1);
}

/* -- limits ------------------------------------------------------------------------------------------------------------------------------------- */

static bool is_readable(const struct cancel *cancel, int ms)
{
	struct pollfd fd = { .fd = cancel_fd(cancel), .events = POLLIN };

	return poll(&fd, 1, ms) == 1;
}

static void a_deadline_ends_by_its_time(void **state)
{
	struct deadline deadline;
	int64_t start = clock_ms();

	(void)state;
	assert_int_equal(deadline_start(&deadline, NULL, 30, NULL), 0);
	assert_true(is_readable(&deadline.cancel, LIMIT_MS));
	assert_true(clock_ms() - start >= 30);
	assert_true(cancel_requested(&deadline.cancel) && deadline_is_over(&deadline));
	deadline_stop(&deadline);
	assert_false(deadline.started);
	deadline_stop(&deadline);
}

static void a_deadline_ends_when_the_other_does_and_says_by_which_signal(void **state)
{
	CLEANUP(cancel_clear) struct cancel other;
	struct deadline deadline;

	(void)state;
	assert_int_equal(cancel_init(&other, NULL), 0);
	assert_int_equal(deadline_start(&deadline, &other, 3600 * 1000, NULL), 0);
	assert_false(is_readable(&deadline.cancel, 20));
	cancel_request(&other, SIGHUP);
	assert_true(is_readable(&deadline.cancel, LIMIT_MS));
	assert_int_equal(deadline.cancel.signal, SIGHUP);
	assert_false(deadline_is_over(&deadline));
	deadline_stop(&deadline);
}

static void a_deadline_that_is_stopped_asks_for_nothing(void **state)
{
	struct deadline deadline;
	int64_t start = clock_ms();

	(void)state;
	/* Longer than poll() can count. */
	assert_int_equal(deadline_start(&deadline, NULL, INT64_C(1) << 40, NULL), 0);
	assert_false(cancel_requested(&deadline.cancel));
	deadline_stop(&deadline);
	assert_true(clock_ms() - start < LIMIT_MS);
	assert_false(deadline_is_over(&deadline));
}

/* -- strays ------------------------------------------------------------------------------------------------------------------------------------- */

/* A process that listens to no SIGTERM; at the head of a group of its own if @leads. */
static pid_t start_stubborn(bool leads)
{
	int fds[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGTERM, SIG_IGN);
		signal(SIGINT, SIG_DFL);
		alarm(TOO_LONG_S);
		if (leads && setpgid(0, 0) < 0)
			_exit(2);
		(void)!write(fds[1], "", 1);
		for (;;)
			pause();
	}
	assert_int_equal(read(fds[0], &byte, 1), 1);
	close(fds[0]);
	close(fds[1]);
	return pid;
}

static void expect_ended(pid_t pid, int by, uint32_t limit_ms, int killer)
{
	int status;

	assert_int_equal(proc_end_stray(pid, proc_start_time(pid), by, limit_ms, NULL), 1);
	status = wait_status(pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), killer);
}

static void a_stray_that_does_not_listen_is_killed(void **state)
{
	(void)state;
	expect_ended(start_stubborn(true), SIGTERM, 50, SIGKILL);
	expect_ended(start_stubborn(false), SIGTERM, 50, SIGKILL);
}

static void a_stray_that_listens_is_only_asked(void **state)
{
	(void)state;
	expect_ended(start_stubborn(true), SIGINT, LIMIT_MS, SIGINT);
	expect_ended(start_stubborn(false), SIGINT, LIMIT_MS, SIGINT);
}

/* Process 1 is not tried: a signal to its group would be one to everybody, should the check be broken. */
static void nothing_is_ended_that_is_not_known_by_its_time(void **state)
{
	pid_t pid = start_stubborn(true);
	uint64_t start = proc_start_time(pid);

	(void)state;
	assert_int_equal(proc_end_stray(pid, 0, SIGKILL, 50, NULL), 0);
	assert_int_equal(proc_end_stray(pid, start + 1, SIGKILL, 50, NULL), 0);
	assert_int_equal(kill(pid, 0), 0);
	kill(pid, SIGKILL);
	wait_status(pid);
	assert_int_equal(proc_end_stray(pid, start, SIGKILL, 50, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_signal_is_the_reason_and_the_second_changes_nothing),
		cmocka_unit_test(the_third_ends_what_does_not_listen),
		cmocka_unit_test(a_cancel_that_is_cleared_hears_no_more),
		cmocka_unit_test(a_deadline_ends_by_its_time),
		cmocka_unit_test(a_deadline_ends_when_the_other_does_and_says_by_which_signal),
		cmocka_unit_test(a_deadline_that_is_stopped_asks_for_nothing),
		cmocka_unit_test(a_stray_that_does_not_listen_is_killed),
		cmocka_unit_test(a_stray_that_listens_is_only_asked),
		cmocka_unit_test(nothing_is_ended_that_is_not_known_by_its_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
