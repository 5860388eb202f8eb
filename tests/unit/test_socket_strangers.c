/* Who speaks on the socket and is not what it should be: a watch that dies, lies or says nothing, a caller that babbles, another user. */
#include "test_socket.h"

#include <sys/un.h>

/* -- a watch that is not what it should be: the test plays it by hand ---------------------------------------------------------------------------- */

#define GREETING "{\"reinject\":1,\"pid\":1,\"config\":\"/c\",\"image\":null,\"digest\":\"d\"}\n"

enum part { DIES, HANGS_UP, FALLS_SILENT };

/* What becomes of an asker whose watch says @lines, and then does this. */
static void ask_a_played_watch(const char *lines, size_t n, enum part part, struct asker *asker)
{
	bool closes = part != FALLS_SILENT;
	char *dir = scratch_make();
	CLEANUP_FREE char *folder = NULL;
	struct server_socket one;
	int fd;

	make_state(dir, &folder);
	assert_int_equal(server_socket_bind(folder, &one, NULL), 0);
	assert_int_equal(listen(one.fd, 1), 0);
	asker_start(asker, folder);
	if (!closes)
		asker->silence_ms = 30;
	asker_go(asker);
	fd = accept(one.fd, NULL, NULL);
	assert_true(fd >= 0);
	raw_say(fd, lines, n);
	if (part == DIES)
		server_socket_clear(&one);
	if (closes)
		close(fd);
	asker_join(asker);
	if (!closes)
		close(fd);
	asker_clear(asker);
	server_socket_clear(&one);
	scratch_remove(dir);
}

static void test_a_watch_that_dies_is_told_and_not_waited_for(void **state)
{
	static const char unbegun[] = GREETING "{\"alive\":true}\n",
			  begun[] = GREETING "{\"event\":\"build\",\"subject\":\"a\",\"result\":\"ok\"}\n";
	struct asker asker;

	(void)state;
	ask_a_played_watch("", 0, DIES, &asker);
	assert_int_equal(asker.r, -ENOENT);
	ask_a_played_watch(unbegun, strlen(unbegun), DIES, &asker);
	assert_int_equal(asker.r, -ECONNRESET);
	assert_int_equal(err_exit_status(&asker.err, asker.r), 1);
	assert_non_null(strstr(asker.err.message, "before it came to this"));
	ask_a_played_watch(begun, strlen(begun), DIES, &asker);
	assert_int_equal(asker.r, -ECONNRESET);
	assert_int_equal(asker.n_events, 1);
	assert_non_null(strstr(asker.err.message, "amid the run"));
	/* One that still takes calls is not dead. */
	ask_a_played_watch(begun, strlen(begun), HANGS_UP, &asker);
	assert_int_equal(asker.r, -ECONNRESET);
	assert_non_null(strstr(asker.err.message, "hung up, and goes on"));
	/* Half a line is no line. */
	ask_a_played_watch(begun, strlen(begun) - 1, DIES, &asker);
	assert_int_equal(asker.n_events, 0);
}

static void test_a_watch_that_falls_silent_is_given_up(void **state)
{
	struct asker asker;

	(void)state;
	ask_a_played_watch(GREETING, strlen(GREETING), FALLS_SILENT, &asker);
	assert_int_equal(asker.r, -ETIMEDOUT);
	assert_int_equal(err_exit_status(&asker.err, asker.r), 1);
	assert_true(asker.err.hint[0]);
}

static void test_a_watch_of_another_version_or_language_is_refused(void **state)
{
	static const char *const lines[] = { "{\"reinject\":2}\n", "hello\n", "{\"alive\":true}\n", GREETING "{\"event\":\"dance\"}\n",
					     "{\"end\":0}\n" };
	static const int codes[] = { -EPROTONOSUPPORT, -EPROTO, -EPROTO, -EPROTO, -EPROTO };
	CLEANUP_FREE char *endless = xrealloc(NULL, 3 << 20);
	struct asker asker;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(lines); i++) {
		ask_a_played_watch(lines[i], strlen(lines[i]), DIES, &asker);
		assert_int_equal(asker.r, codes[i]);
		assert_true(asker.err.message[0]);
	}
	memset(endless, ' ', 3 << 20);
	ask_a_played_watch(endless, 3 << 20, DIES, &asker);
	assert_int_equal(asker.r, -EPROTO);
	assert_non_null(strstr(asker.err.message, "without an end"));
}

static void test_a_watch_that_does_not_answer_is_named(void **state)
{
	char *dir = scratch_make();
	CLEANUP_FREE char *folder = NULL;
	struct server_client *client = NULL;
	struct server_client_args args = { .answer_ms = 30 };
	struct server_socket one;
	struct err err = ERR_INIT;
	pid_t pid = 0;

	(void)state;
	make_state(dir, &folder);
	args.state = folder;
	assert_int_equal(server_socket_bind(folder, &one, NULL), 0);
	assert_int_equal(listen(one.fd, 0), 0);
	/* First it takes the call and says nothing; then its queue is full. */
	for (int i = 0; i < 4; i++) {
		assert_int_equal(server_client_connect(&args, &client, &pid, &err), -ETIMEDOUT);
		assert_true(pid == getpid() || i > 0);
	}
	server_socket_clear(&one);
	scratch_remove(dir);
}

/* -- a caller that is not what it should be ------------------------------------------------------------------------------------------------------ */

/* Says @text, and expects an end of this class, then the door. */
static void expect_shown_out(struct watch *watch, const char *text, size_t n, enum err_class class)
{
	CLEANUP(server_line_clear) struct server_line line = { 0 };
	CLEANUP(str_clear) struct str said = { 0 };
	struct err err = ERR_INIT;
	int fd = -1;

	raw_connect(watch->config.state, &fd);
	assert_true(raw_line(fd, &said));
	raw_say(fd, text, n);
	assert_true(raw_line(fd, &said));
	assert_int_equal(server_wire_read(said.buf, said.len, &line, &err), 0);
	assert_int_equal(line.type, SERVER_LINE_END);
	assert_int_equal(line.err.class, class);
	assert_false(raw_line(fd, &said));
	close(fd);
}

static void test_what_is_no_wish_is_shown_out(void **state)
{
	CLEANUP_FREE char *blanks = xrealloc(NULL, 1 << 20);
	static const char twice[] = WISH WISH, newer[] = "{\"reinject\":2,\"wish\":\"refresh\"}\n";
	struct watch watch;

	(void)state;
	watch_start(&watch);
	memset(blanks, ' ', 1 << 20);
	expect_shown_out(&watch, "hello\n", 6, ERR_FAILED);
	expect_shown_out(&watch, twice, strlen(twice), ERR_FAILED);
	expect_shown_out(&watch, newer, strlen(newer), ERR_ENVIRONMENT);
	expect_shown_out(&watch, blanks, 1 << 20, ERR_FAILED);
	wait_for(&watch, &watch.n_notes, 4);
	assert_int_equal(watch.n_requests, 0);
	watch_stop(&watch);
	assert_int_equal(watch.n_gone, 0);
}

static void test_who_speaks_after_its_wish_is_left(void **state)
{
	CLEANUP(str_clear) struct str said = { 0 };
	struct watch watch;
	int fd = -1;

	(void)state;
	watch_start(&watch);
	raw_connect(watch.config.state, &fd);
	raw_say(fd, WISH, strlen(WISH));
	wait_for(&watch, &watch.n_requests, 1);
	raw_say(fd, WISH, strlen(WISH));
	wait_for(&watch, &watch.n_gone, 1);
	assert_true(raw_line(fd, &said));
	assert_false(raw_line(fd, &said));
	close(fd);
	watch_stop(&watch);
	assert_int_equal(watch.n_requests, 1);
}

/* Its mode would let nobody else in; that is not all that stands in the way. */
static void test_another_user_is_refused_by_the_kernels_word(void **state)
{
	CLEANUP(server_line_clear) struct server_line line = { 0 };
	CLEANUP(str_clear) struct str said = { 0 };
	CLEANUP_FREE char *path = NULL;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct watch watch;
	struct err err = ERR_INIT;
	int fds[2], status = 0;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	watch_start(&watch);
	path = xasprintf("%s/watch.sock", watch.config.state);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(chmod(watch.dir, 0755), 0);
	assert_int_equal(chmod(watch.config.state, 0755), 0);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char bytes[4096];
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		ssize_t n;

		if (setresuid(12345, 12345, 12345) < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
			_exit(1);
		while ((n = read(fd, bytes, sizeof(bytes))) > 0)
			if (write(fds[1], bytes, (size_t)n) != n)
				_exit(1);
		_exit(0);
	}
	close(fds[1]);
	assert_true(raw_line(fds[0], &said));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(fds[0]);
	assert_int_equal(server_wire_read(said.buf, said.len, &line, &err), 0);
	assert_int_equal(line.type, SERVER_LINE_END);
	assert_int_equal(line.err.class, ERR_USAGE);
	assert_non_null(strstr(line.err.message, "12345"));
	watch_stop(&watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_watch_that_dies_is_told_and_not_waited_for),
		cmocka_unit_test(test_a_watch_that_falls_silent_is_given_up),
		cmocka_unit_test(test_a_watch_of_another_version_or_language_is_refused),
		cmocka_unit_test(test_a_watch_that_does_not_answer_is_named),
		cmocka_unit_test(test_what_is_no_wish_is_shown_out),
		cmocka_unit_test(test_who_speaks_after_its_wish_is_left),
		cmocka_unit_test(test_another_user_is_refused_by_the_kernels_word),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
