/* Where the socket lies, whose it is, and what stands in its place. */
#include "test_socket.h"

static void test_the_socket_is_ours_alone_and_goes_with_us(void **state)
{
	char *dir = scratch_make();
	CLEANUP_FREE char *folder = NULL;
	CLEANUP_FREE char *path = xasprintf("%s/state/watch.sock", dir);
	struct server_socket one;
	struct stat st;
	struct err err = ERR_INIT;
	mode_t mask = umask(0);

	(void)state;
	make_state(dir, &folder);
	assert_int_equal(server_socket_bind(folder, &one, &err), 0);
	umask(mask);
	assert_string_equal(one.path, path);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	server_socket_clear(&one);
	assert_int_equal(lstat(path, &st), -1);
	scratch_remove(dir);
}

static void test_a_second_watch_is_refused_by_name(void **state)
{
	char *dir = scratch_make();
	CLEANUP_FREE char *folder = NULL;
	CLEANUP_FREE char *pid = xasprintf("process %d", (int)getpid());
	struct server_socket one, two = { .fd = -1, .lock_fd = -1 };
	struct err err = ERR_INIT;

	(void)state;
	make_state(dir, &folder);
	assert_int_equal(server_socket_bind(folder, &one, &err), 0);
	assert_int_equal(server_socket_bind(folder, &two, &err), -EBUSY);
	assert_int_equal(err.class, ERR_BUSY);
	assert_non_null(strstr(err.message, pid));
	assert_true(fs_exists(one.path));
	server_socket_clear(&one);
	assert_int_equal(server_socket_bind(folder, &two, &err), 0);
	server_socket_clear(&two);
	scratch_remove(dir);
}

/* Somebody tidied up below a living watch: without its lock file, it still answers. */
static void test_a_living_socket_is_not_replaced_though_the_lock_is_gone(void **state)
{
	char *dir = scratch_make();
	CLEANUP_FREE char *folder = NULL;
	CLEANUP_FREE char *lock = xasprintf("%s/state/watch.lock", dir);
	CLEANUP_FREE char *pid = xasprintf("process %d", (int)getpid());
	struct server_socket one, two = { .fd = -1, .lock_fd = -1 };
	struct err err = ERR_INIT;

	(void)state;
	make_state(dir, &folder);
	assert_int_equal(server_socket_bind(folder, &one, &err), 0);
	assert_int_equal(listen(one.fd, 1), 0);
	assert_int_equal(unlink(lock), 0);
	assert_int_equal(server_socket_bind(folder, &two, &err), -EBUSY);
	assert_non_null(strstr(err.message, pid));
	server_socket_clear(&one);
	scratch_remove(dir);
}

static void test_what_is_no_longer_ours_is_left(void **state)
{
	char *dir = scratch_make();
	CLEANUP_FREE char *folder = NULL;
	CLEANUP_FREE char *path = xasprintf("%s/state/watch.sock", dir);
	struct server_socket one;
	struct err err = ERR_INIT;

	(void)state;
	make_state(dir, &folder);
	assert_int_equal(server_socket_bind(folder, &one, &err), 0);
	assert_int_equal(unlink(path), 0);
	scratch_write(dir, "state/watch.sock", "another's");
	server_socket_clear(&one);
	assert_true(fs_exists(path));
	/* And what is no socket is in the way. */
	assert_int_equal(server_socket_bind(folder, &one, &err), -EEXIST);
	assert_int_equal(err.class, ERR_USAGE);
	assert_true(fs_exists(path));
	scratch_remove(dir);
}

/* A child binds, listens, says so, and is killed. */
static void leave_stale_socket(const char *folder)
{
	int fds[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct server_socket socket;

		if (server_socket_bind(folder, &socket, NULL) < 0 || listen(socket.fd, 1) < 0 || write(fds[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(fds[0], &c, 1), 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(fds[0]);
	close(fds[1]);
}

static void test_a_dead_watchs_socket_is_no_watch_and_is_replaced(void **state)
{
	char *dir = scratch_make();
	CLEANUP_FREE char *folder = NULL;
	CLEANUP_FREE char *path = xasprintf("%s/state/watch.sock", dir);
	struct server_client_args args = { 0 };
	struct server_client *client = NULL;
	struct server_socket one;
	struct err err = ERR_INIT;

	(void)state;
	make_state(dir, &folder);
	args.state = folder;
	assert_int_equal(server_client_connect(&args, &client, NULL, &err), -ENOENT);
	leave_stale_socket(folder);
	assert_true(fs_exists(path));
	assert_int_equal(server_client_connect(&args, &client, NULL, &err), -ENOENT);
	if (server_socket_bind(folder, &one, &err) < 0)
		fail_msg("%s", err.message);
	server_socket_clear(&one);
	assert_false(fs_exists(path));
	scratch_remove(dir);
}

static char *deep_state(const char *dir)
{
	struct str path = { 0 };
	struct err err = ERR_INIT;
	char *text;

	str_printf(&path, "%s", dir);
	while (path.len < 120)
		str_add(&path, "/a-long-name");
	text = str_take(&path);
	assert_int_equal(fs_make_dirs(text, 0700, &err), 0);
	return text;
}

static void test_a_long_path_goes_to_the_runtime_folder(void **state)
{
	char *dir = scratch_make();
	CLEANUP_FREE char *folder = deep_state(dir);
	CLEANUP_FREE char *runtime = xasprintf("%s/run", dir);
	CLEANUP_FREE char *prefix = xasprintf("%s/run/reinject-", dir);
	struct server_credentials peer = { 0 };
	struct server_socket one;
	struct err err = ERR_INIT;
	int fd = -1;

	(void)state;
	assert_int_equal(mkdir(runtime, 0700), 0);
	setenv("XDG_RUNTIME_DIR", runtime, 1);
	if (server_socket_bind(folder, &one, &err) < 0)
		fail_msg("%s", err.message);
	assert_true(str_starts(one.path, prefix));
	assert_true(str_ends(one.path, ".sock"));
	assert_int_equal(strlen(one.path), strlen(prefix) + 16 + strlen(".sock"));
	assert_int_equal(listen(one.fd, 1), 0);
	assert_int_equal(server_socket_connect(folder, 1000, &fd, &peer, &err), 0);
	close(fd);
	server_socket_clear(&one);
	unsetenv("XDG_RUNTIME_DIR");
	scratch_remove(dir);
}

static void test_a_long_path_without_a_runtime_folder(void **state)
{
	char *dir = scratch_make();
	CLEANUP_FREE char *folder = deep_state(dir);
	CLEANUP_FREE char *runtime = xasprintf("%s/run", dir);
	struct server_credentials peer = { 0 };
	struct server_socket one = { .fd = -1, .lock_fd = -1 };
	struct err err = ERR_INIT;
	int fd = -1;

	(void)state;
	unsetenv("XDG_RUNTIME_DIR");
	assert_int_equal(server_socket_bind(folder, &one, &err), -ENAMETOOLONG);
	assert_int_equal(err.class, ERR_ENVIRONMENT);
	assert_non_null(strstr(err.message, "XDG_RUNTIME_DIR"));
	assert_int_equal(server_socket_connect(folder, 1000, &fd, &peer, &err), -ENOENT);
	/* One that others can write is worse than none. */
	assert_int_equal(mkdir(runtime, 0700), 0);
	assert_int_equal(chmod(runtime, 0777), 0);
	setenv("XDG_RUNTIME_DIR", runtime, 1);
	assert_int_equal(server_socket_bind(folder, &one, &err), -EPERM);
	assert_int_equal(err.class, ERR_USAGE);
	unsetenv("XDG_RUNTIME_DIR");
	scratch_remove(dir);
}

static void test_a_path_of_107_bytes_is_not_too_long(void **state)
{
	CLEANUP_FREE char *path = NULL;
	char folder[98];
	struct err err = ERR_INIT;

	(void)state;
	unsetenv("XDG_RUNTIME_DIR");
	memset(folder, 'a', sizeof(folder));
	folder[0] = '/';
	folder[107 - strlen("/watch.sock")] = '\0';
	assert_int_equal(server_socket_path(folder, &path, &err), 0);
	assert_int_equal(strlen(path), 107);
	folder[107 - strlen("/watch.sock")] = 'a';
	folder[108 - strlen("/watch.sock")] = '\0';
	free(path);
	path = NULL;
	assert_int_equal(server_socket_path(folder, &path, &err), -ENAMETOOLONG);
}

static void test_a_socket_or_folder_that_others_can_write_is_refused(void **state)
{
	char *dir = scratch_make();
	CLEANUP_FREE char *folder = NULL;
	struct server_credentials peer = { 0 };
	struct server_socket one;
	struct err err = ERR_INIT;
	int fd = -1;

	(void)state;
	make_state(dir, &folder);
	assert_int_equal(server_socket_bind(folder, &one, &err), 0);
	assert_int_equal(listen(one.fd, 4), 0);
	assert_int_equal(chmod(one.path, 0602), 0);
	assert_int_equal(server_socket_connect(folder, 1000, &fd, &peer, &err), -EPERM);
	assert_int_equal(err.class, ERR_USAGE);
	assert_int_equal(chmod(one.path, 0600), 0);
	assert_int_equal(chmod(folder, 0702), 0);
	assert_int_equal(server_socket_connect(folder, 1000, &fd, &peer, &err), -EPERM);
	assert_int_equal(chmod(folder, 0700), 0);
	assert_int_equal(server_socket_connect(folder, 1000, &fd, &peer, &err), 0);
	close(fd);
	server_socket_clear(&one);
	scratch_remove(dir);
}

static void test_another_users_socket_is_refused_and_under_sudo_it_is_the_owners(void **state)
{
	char *dir = scratch_make();
	CLEANUP_FREE char *folder = NULL;
	CLEANUP_FREE char *lock = xasprintf("%s/state/watch.lock", dir);
	struct server_credentials peer = { 0 };
	struct server_socket one;
	struct err err = ERR_INIT;
	struct stat st;
	int fd = -1;

	(void)state;
	make_state(dir, &folder);
	if (geteuid() != 0) {
		scratch_remove(dir);
		skip();
	}
	assert_int_equal(server_socket_bind(folder, &one, &err), 0);
	assert_int_equal(listen(one.fd, 4), 0);
	assert_int_equal(chown(one.path, 12345, 12345), 0);
	assert_int_equal(server_socket_connect(folder, 1000, &fd, &peer, &err), -EPERM);
	server_socket_clear(&one);
	assert_int_equal(chown(dir, 12345, 54321), 0);
	assert_int_equal(chown(folder, 12345, 54321), 0);
	if (server_socket_bind(folder, &one, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(lstat(one.path, &st), 0);
	assert_int_equal(st.st_uid, 12345);
	assert_int_equal(st.st_gid, 54321);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(lstat(lock, &st), 0);
	assert_int_equal(st.st_uid, 12345);
	assert_int_equal(listen(one.fd, 4), 0);
	assert_int_equal(server_socket_connect(folder, 1000, &fd, &peer, &err), 0);
	close(fd);
	server_socket_clear(&one);
	scratch_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_socket_is_ours_alone_and_goes_with_us),
		cmocka_unit_test(test_a_second_watch_is_refused_by_name),
		cmocka_unit_test(test_a_living_socket_is_not_replaced_though_the_lock_is_gone),
		cmocka_unit_test(test_what_is_no_longer_ours_is_left),
		cmocka_unit_test(test_a_dead_watchs_socket_is_no_watch_and_is_replaced),
		cmocka_unit_test(test_a_long_path_goes_to_the_runtime_folder),
		cmocka_unit_test(test_a_long_path_without_a_runtime_folder),
		cmocka_unit_test(test_a_path_of_107_bytes_is_not_too_long),
		cmocka_unit_test(test_a_socket_or_folder_that_others_can_write_is_refused),
		cmocka_unit_test(test_another_users_socket_is_refused_and_under_sudo_it_is_the_owners),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
