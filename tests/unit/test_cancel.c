#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>

#include "base/cancel.h"

static bool is_readable(const struct cancel *cancel)
{
	struct pollfd p = { .fd = cancel_fd(cancel), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static bool is_asked(const struct cancel *cancel)
{
	assert_int_equal(is_readable(cancel), cancel_requested(cancel));
	return cancel_requested(cancel);
}

static void who_asks_the_first_asks_the_next(void **state)
{
	CLEANUP(cancel_clear) struct cancel first, next;

	(void)state;
	assert_int_equal(cancel_init(&first, NULL), 0);
	assert_int_equal(cancel_init(&next, NULL), 0);
	cancel_chain(&first, &next);
	assert_false(is_asked(&next));
	cancel_request(&first, SIGTERM);
	assert_true(is_asked(&first));
	assert_true(is_asked(&next));
	assert_int_equal(next.signal, SIGTERM);
	/* What came amid a renewal is found by the chain. */
	cancel_renew(&next);
	assert_false(is_asked(&next));
	cancel_chain(&first, &next);
	assert_true(is_asked(&next));
	cancel_renew(&next);
	cancel_chain(&first, NULL);
	assert_false(is_asked(&next));
}

static void the_next_alone_is_not_the_first(void **state)
{
	CLEANUP(cancel_clear) struct cancel first, next;

	(void)state;
	assert_int_equal(cancel_init(&first, NULL), 0);
	assert_int_equal(cancel_init(&next, NULL), 0);
	cancel_chain(&first, &next);
	for (int i = 0; i < 100; i++)
		cancel_request(&next, SIGINT);
	assert_true(is_asked(&next));
	assert_false(is_asked(&first));
	cancel_renew(&next);
	assert_false(is_asked(&next));
	cancel_chain(&first, NULL);
	cancel_request(&first, SIGINT);
	assert_true(is_asked(&first));
	assert_false(is_asked(&next));
}

static void a_signal_goes_all_the_way(void **state)
{
	CLEANUP(cancel_clear) struct cancel first, next;

	(void)state;
	assert_int_equal(cancel_init(&first, NULL), 0);
	assert_int_equal(cancel_init(&next, NULL), 0);
	assert_int_equal(cancel_on_signals(&first, NULL), 0);
	cancel_chain(&first, &next);
	raise(SIGHUP);
	assert_true(is_asked(&first));
	assert_int_equal(next.signal, SIGHUP);
	assert_true(is_asked(&next));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_asks_the_first_asks_the_next),
		cmocka_unit_test(the_next_alone_is_not_the_first),
		cmocka_unit_test(a_signal_goes_all_the_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
