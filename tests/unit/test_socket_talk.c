/* Both ends of the socket, for real: wishes, what is answered, who leaves before the end. */
#include "test_socket.h"

static void send_note(struct watch *watch)
{
	server_send(watch->clients[0], &(struct refresh_event){ .type = REFRESH_EVENT_NOTE, .text = "wait a little" });
}

static void end_badly(struct watch *watch)
{
	end_all(watch, 1, NULL);
}

static void end_busy(struct watch *watch)
{
	struct err err = ERR_INIT;

	err_class_set(&err, ERR_BUSY, -EBUSY, "image is in use by QEMU");
	err_hint(&err, "end it");
	end_all(watch, 75, &err);
}

/* A failure with the exit status of success must not come out as success. */
static void end_with_wrong_status(struct watch *watch)
{
	struct err err = ERR_INIT;

	err_set(&err, -EIO, "it failed");
	end_all(watch, 0, &err);
}

/* -- the talk ---------------------------------------------------------------------------------------------------------------------------------- */

static void test_a_wish_is_heard_and_its_run_followed(void **state)
{
	struct watch watch;
	struct asker asker;

	(void)state;
	watch_start(&watch);
	asker_start(&asker, watch.config.state);
	asker.wish.kind = SERVER_WISH_BUILD;
	strvec_add(&asker.wish.packages, "netd");
	asker.wish.dest = xstrdup("/usr/bin");
	asker_go(&asker);
	wait_for(&watch, &watch.n_requests, 1);
	assert_int_equal(watch.kinds[0], SERVER_WISH_BUILD);
	assert_string_equal(watch.package, "netd");
	assert_string_equal(watch.dest, "/usr/bin");
	assert_int_equal(server_peer_pid(watch.clients[0]), getpid());
	on_loop(&watch, send_run);
	on_loop(&watch, end_well);
	asker_join(&asker);
	assert_int_equal(asker.r, 0);
	assert_int_equal(asker.status, 0);
	assert_string_equal(str_text(&asker.seen), OF_A_RUN);
	asker_clear(&asker);
	watch_stop(&watch);
	assert_int_equal(watch.n_gone, 0);
}

static void ask_and_end(void (*end)(struct watch *), struct asker *asker)
{
	struct watch watch;

	watch_start(&watch);
	asker_start(asker, watch.config.state);
	asker->wish.retry = true;
	asker_go(asker);
	wait_for(&watch, &watch.n_requests, 1);
	assert_true(watch.retry);
	on_loop(&watch, end);
	asker_join(asker);
	asker_clear(asker);
	watch_stop(&watch);
	assert_int_equal(watch.n_gone, 0);
}

static void test_exit_statuses_and_errors_arrive_as_they_are(void **state)
{
	struct asker asker;

	(void)state;
	ask_and_end(end_badly, &asker);
	assert_int_equal(asker.r, 0);
	assert_int_equal(asker.status, 1);
	ask_and_end(end_busy, &asker);
	assert_int_equal(asker.r, -EBUSY);
	assert_int_equal(err_exit_status(&asker.err, asker.r), 75);
	assert_string_equal(asker.err.message, "image is in use by QEMU");
	assert_string_equal(asker.err.hint, "end it");
	ask_and_end(end_with_wrong_status, &asker);
	assert_int_equal(asker.r, -EIO);
	assert_int_equal(asker.status, 1);
}

static void test_a_watch_that_ends_says_so_to_its_followers(void **state)
{
	struct watch watch;
	struct asker asker;
	CLEANUP_FREE char *path = NULL;

	(void)state;
	watch_start(&watch);
	path = xasprintf("%s/watch.sock", watch.config.state);
	asker_start(&asker, watch.config.state);
	asker_go(&asker);
	wait_for(&watch, &watch.n_requests, 1);
	assert_true(fs_exists(path));
	watch_stop(&watch);
	asker_join(&asker);
	assert_int_equal(asker.r, -ESHUTDOWN);
	assert_int_equal(err_exit_status(&asker.err, asker.r), 1);
	assert_non_null(strstr(asker.err.message, "ended"));
	assert_int_equal(watch.n_gone, 0);
	asker_clear(&asker);
}

static void test_status_is_answered(void **state)
{
	struct server_watch_status status = { 0 };
	struct server_client *client = NULL;
	struct server_client_args args = { 0 };
	struct watch watch;
	struct err err = ERR_INIT;
	pid_t pid = 0;

	(void)state;
	watch_start(&watch);
	watch.answers = true;
	args.state = watch.config.state;
	assert_int_equal(server_client_connect(&args, &client, &pid, &err), 0);
	assert_int_equal(pid, getpid());
	assert_true(server_client_serves(client, &watch.config, true));
	assert_int_equal(server_client_status(client, &status, &err), 0);
	assert_int_equal(status.state, SERVER_WATCH_BUILDING);
	assert_int_equal(status.run, 12);
	assert_string_equal(status.doing, "netd");
	assert_int_equal(status.since_ms, 34);
	server_client_free(client);
	watch_stop(&watch);
}

static void test_a_watch_of_another_configuration_is_known_as_such(void **state)
{
	struct server_client *client = NULL;
	struct server_client_args args = { 0 };
	struct config other;
	struct watch watch;
	struct err err = ERR_INIT;

	(void)state;
	watch_start(&watch);
	args.state = watch.config.state;
	assert_int_equal(server_client_connect(&args, &client, NULL, &err), 0);
	other = watch.config;
	other.file = (char *)"/elsewhere/reinject.ini";
	assert_false(server_client_serves(client, &other, false));
	other = watch.config;
	other.image.path = (char *)"/elsewhere/disk.img";
	assert_false(server_client_serves(client, &other, false));
	other.image.path = NULL;
	assert_false(server_client_serves(client, &other, false));
	server_client_free(client);
	watch_stop(&watch);
}

/* -- who leaves -------------------------------------------------------------------------------------------------------------------------------- */

static void test_a_wish_that_was_not_begun_is_withdrawn(void **state)
{
	struct watch watch;
	struct asker asker;

	(void)state;
	watch_start(&watch);
	asker_start(&asker, watch.config.state);
	asker.cancel_at_first = true;
	asker_go(&asker);
	wait_for(&watch, &watch.n_requests, 1);
	/* A note is no beginning. */
	on_loop(&watch, send_note);
	asker_join(&asker);
	wait_for(&watch, &watch.n_gone, 1);
	assert_int_equal(asker.r, -ECANCELED);
	assert_int_equal(err_exit_status(&asker.err, asker.r), 130);
	assert_non_null(strstr(asker.err.message, "withdrawn"));
	asker_clear(&asker);
	watch_stop(&watch);
	assert_int_equal(watch.n_gone, 1);
}

static void test_a_run_that_was_begun_goes_on_and_that_is_said(void **state)
{
	struct watch watch;
	struct asker asker;

	(void)state;
	watch_start(&watch);
	asker_start(&asker, watch.config.state);
	asker.cancel_at_first = true;
	asker_go(&asker);
	wait_for(&watch, &watch.n_requests, 1);
	on_loop(&watch, send_run);
	asker_join(&asker);
	wait_for(&watch, &watch.n_gone, 1);
	assert_int_equal(asker.r, -ECANCELED);
	assert_int_equal(asker.n_events, 1);
	assert_non_null(strstr(asker.err.message, "goes on with run 7"));
	asker_clear(&asker);
	watch_stop(&watch);
}

static void test_a_cancel_ends_the_waiting_for_a_silent_watch(void **state)
{
	struct server_socket one;
	struct asker asker;
	char *dir = scratch_make();
	CLEANUP_FREE char *folder = NULL;
	int fd;

	(void)state;
	make_state(dir, &folder);
	assert_int_equal(server_socket_bind(folder, &one, NULL), 0);
	assert_int_equal(listen(one.fd, 1), 0);
	asker_start(&asker, folder);
	asker_go(&asker);
	fd = accept(one.fd, NULL, NULL);
	assert_true(fd >= 0);
	cancel_request(&asker.cancel, SIGINT);
	asker_join(&asker);
	assert_int_equal(asker.r, -ECANCELED);
	asker_clear(&asker);
	close(fd);
	server_socket_clear(&one);
	scratch_remove(dir);
}

static void test_a_killed_asker_is_noticed(void **state)
{
	struct watch watch;
	pid_t pid, seen;

	(void)state;
	watch_start(&watch);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct asker asker;

		asker_start(&asker, watch.config.state);
		(void)!asker_main(&asker);
		_exit(0);
	}
	wait_for(&watch, &watch.n_requests, 1);
	pthread_mutex_lock(&watch.lock);
	seen = server_peer_pid(watch.clients[0]);
	pthread_mutex_unlock(&watch.lock);
	assert_int_equal(seen, pid);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	wait_for(&watch, &watch.n_gone, 1);
	watch_stop(&watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_wish_is_heard_and_its_run_followed),
		cmocka_unit_test(test_exit_statuses_and_errors_arrive_as_they_are),
		cmocka_unit_test(test_a_watch_that_ends_says_so_to_its_followers),
		cmocka_unit_test(test_status_is_answered),
		cmocka_unit_test(test_a_watch_of_another_configuration_is_known_as_such),
		cmocka_unit_test(test_a_wish_that_was_not_begun_is_withdrawn),
		cmocka_unit_test(test_a_run_that_was_begun_goes_on_and_that_is_said),
		cmocka_unit_test(test_a_cancel_ends_the_waiting_for_a_silent_watch),
		cmocka_unit_test(test_a_killed_asker_is_noticed),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
