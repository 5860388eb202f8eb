/* Many at the socket, slow ones, and those that wait long. */
#include "test_socket.h"

#include <sys/resource.h>

/* Sends until the one that does not read has had enough. */
static void send_much(struct watch *watch)
{
	CLEANUP_FREE char *text = xrealloc(NULL, 60001);
	struct refresh_event event = { .type = REFRESH_EVENT_DIAGNOSTIC, .text = text };

	memset(text, 'x', 60000);
	text[60000] = '\0';
	for (int i = 0; i < 1000; i++) {
		size_t kept;

		server_send(watch->clients[0], &event);
		kept = server_backlog(watch->clients[0]);
		if (kept > watch->most_kept)
			watch->most_kept = kept;
	}
}

static void test_a_follower_that_does_not_read_is_dropped(void **state)
{
	struct watch watch;
	struct asker other;
	int fd = -1;

	(void)state;
	watch_start(&watch);
	raw_connect(watch.config.state, &fd);
	raw_say(fd, WISH, strlen(WISH));
	wait_for(&watch, &watch.n_requests, 1);
	on_loop(&watch, send_much);
	wait_for(&watch, &watch.n_gone, 1);
	assert_int_equal(watch.n_notes, 1);
	assert_non_null(strstr(watch.last_note, "does not read"));
	assert_true(watch.most_kept > SERVER_BACKLOG / 2);
	assert_true(watch.most_kept <= SERVER_BACKLOG);
	/* Others do not feel it. */
	asker_start(&other, watch.config.state);
	asker_go(&other);
	wait_for(&watch, &watch.n_requests, 2);
	on_loop(&watch, end_well);
	asker_join(&other);
	assert_int_equal(other.status, 0);
	asker_clear(&other);
	close(fd);
	watch_stop(&watch);
}

/* What is kept for a slow one arrives whole when it reads, the end last. */
static void send_some_and_end(struct watch *watch)
{
	CLEANUP_FREE char *text = xrealloc(NULL, 60001);
	struct refresh_event event = { .type = REFRESH_EVENT_DIAGNOSTIC, .text = text };

	memset(text, 'x', 60000);
	text[60000] = '\0';
	for (int i = 0; i < 20; i++)
		server_send(watch->clients[0], &event);
	watch->most_kept = server_backlog(watch->clients[0]);
	end_well(watch);
}

static void test_a_slow_follower_gets_all_of_it(void **state)
{
	CLEANUP(str_clear) struct str said = { 0 };
	struct watch watch;
	size_t n = 0;
	int fd = -1;

	(void)state;
	watch_start(&watch);
	raw_connect(watch.config.state, &fd);
	raw_say(fd, WISH, strlen(WISH));
	wait_for(&watch, &watch.n_requests, 1);
	on_loop(&watch, send_some_and_end);
	assert_true(watch.most_kept > 0);
	assert_true(raw_line(fd, &said));
	while (raw_line(fd, &said) && !str_starts(said.buf, "{\"end\":0")) {
		assert_true(said.len > 60000 || str_eq(said.buf, "{\"alive\":true}"));
		n += said.len > 60000;
	}
	assert_int_equal(n, 20);
	assert_true(str_starts(said.buf, "{\"end\":0"));
	assert_false(raw_line(fd, &said));
	close(fd);
	watch_stop(&watch);
	assert_int_equal(watch.n_gone, 0);
}

static void test_fifty_at_once(void **state)
{
	enum { N = 50 };
	CLEANUP_FREE struct asker *askers = xcalloc(N, sizeof(*askers));
	struct watch watch;

	(void)state;
	watch_start(&watch);
	for (size_t i = 0; i < N; i++) {
		asker_start(&askers[i], watch.config.state);
		asker_go(&askers[i]);
	}
	wait_for(&watch, &watch.n_requests, N);
	on_loop(&watch, send_run);
	on_loop(&watch, end_well);
	for (size_t i = 0; i < N; i++) {
		asker_join(&askers[i]);
		assert_int_equal(askers[i].r, 0);
		assert_int_equal(askers[i].status, 0);
		assert_string_equal(str_text(&askers[i].seen), OF_A_RUN);
		asker_clear(&askers[i]);
	}
	watch_stop(&watch);
	assert_int_equal(watch.n_gone, 0);
}

static void test_too_many_callers_are_told_so(void **state)
{
	CLEANUP(server_line_clear) struct server_line line = { 0 };
	CLEANUP(str_clear) struct str said = { 0 };
	int fds[SERVER_MAX + 1];
	struct rlimit limit;
	struct watch watch;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_cur < 3 * SERVER_MAX)
		skip();
	watch_start(&watch);
	for (size_t i = 0; i <= SERVER_MAX; i++) {
		raw_connect(watch.config.state, &fds[i]);
		assert_true(raw_line(fds[i], &said));
		/* All stay, as those that follow do: one that says nothing would be shown out after a while. */
		raw_say(fds[i], WISH, strlen(WISH));
	}
	assert_int_equal(server_wire_read(said.buf, said.len, &line, &err), 0);
	assert_int_equal(line.type, SERVER_LINE_END);
	assert_int_equal(line.err.class, ERR_BUSY);
	assert_int_equal(line.status, 75);
	for (size_t i = 0; i <= SERVER_MAX; i++)
		close(fds[i]);
	wait_for(&watch, &watch.n_gone, SERVER_MAX);
	watch_stop(&watch);
}

static void test_a_follower_hears_that_the_watch_lives(void **state)
{
	CLEANUP(str_clear) struct str said = { 0 };
	struct watch watch;
	int64_t began;
	int fd = -1;

	(void)state;
	watch_start(&watch);
	raw_connect(watch.config.state, &fd);
	assert_true(raw_line(fd, &said));
	raw_say(fd, WISH, strlen(WISH));
	wait_for(&watch, &watch.n_requests, 1);
	began = clock_ms();
	assert_true(raw_line(fd, &said));
	assert_string_equal(said.buf, "{\"alive\":true}");
	assert_true(clock_ms() - began < 5 * SERVER_ALIVE_MS);
	close(fd);
	wait_for(&watch, &watch.n_gone, 1);
	watch_stop(&watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_follower_that_does_not_read_is_dropped),
		cmocka_unit_test(test_a_slow_follower_gets_all_of_it),
		cmocka_unit_test(test_fifty_at_once),
		cmocka_unit_test(test_too_many_callers_are_told_so),
		cmocka_unit_test(test_a_follower_hears_that_the_watch_lives),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
