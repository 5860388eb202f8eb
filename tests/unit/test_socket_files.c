/* server/socket: the socket as a file, and whom it is asked through, where something else is in its place. */
#include "server/socket.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "lib/scratch.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { OTHER_USER = 12345 };

static void fill(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	assert_true(strlen(path) < sizeof(address->sun_path));
	memcpy(address->sun_path, path, strlen(path) + 1);
}

static void a_name_gets_its_mode_from_the_first_moment(void **state)
{
	char *dir = scratch_make();
	CLEANUP_FREE char *path = xasprintf("%s/sock", dir), *nowhere = xasprintf("%s/no/sock", dir);
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un address;
	struct stat st;

	(void)state;
	fill(&address, nowhere);
	assert_int_equal(server_socket_name(fd, &address), -ENOENT);
	fill(&address, path);
	assert_int_equal(server_socket_name(fd, &address), 0);
	assert_int_equal(server_socket_give(path, NULL, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* Taken, and nothing is put over it. */
	assert_int_equal(server_socket_name(fd, &address) < 0, 1);
	scratch_remove(dir);
}

static void what_is_no_socket_of_ours_is_not_given_away(void **state)
{
	char *dir = scratch_make();
	CLEANUP_FREE char *path = xasprintf("%s/sock", dir), *file = xasprintf("%s/file", dir), *link = xasprintf("%s/link", dir);
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un address;
	struct stat st = { .st_size = 77 };

	(void)state;
	scratch_write(dir, "file", "not a socket");
	assert_int_equal(chmod(file, 0600), 0);
	assert_int_equal(server_socket_give(path, NULL, &st), -ENOENT);
	assert_int_equal(server_socket_give(file, NULL, &st), -EPERM);
	fill(&address, path);
	assert_int_equal(server_socket_name(fd, &address), 0);
	/* A link to one may lead elsewhere a moment later. */
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(server_socket_give(link, NULL, &st), -EPERM);
	assert_int_equal(chmod(path, 0660), 0);
	assert_int_equal(server_socket_give(path, NULL, &st), -EPERM);
	assert_int_equal(st.st_size, 77);
	scratch_remove(dir);
}

static void the_system_says_who_is_at_the_other_end(void **state)
{
	struct server_credentials peer = { .pid = 77 };
	int fds[2], pipes[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(server_socket_peer(fds[0], &peer), 0);
	assert_int_equal(peer.pid, getpid());
	assert_int_equal(peer.uid, geteuid());
	assert_int_equal(pipe(pipes), 0);
	peer.pid = 77;
	assert_int_equal(server_socket_peer(pipes[0], &peer), -ENOTSOCK);
	assert_int_equal(peer.pid, 77);
	for (int i = 0; i < 2; i++) {
		close(fds[i]);
		close(pipes[i]);
	}
}

static void two_long_paths_are_refused_with_what_to_shorten(void **state)
{
	char *dir = scratch_make();
	CLEANUP_FREE char *deep = xasprintf("%s/%0110d", dir, 0), *runtime = xasprintf("%s/%0111d", dir, 0);
	struct err err = ERR_INIT;
	char *path = NULL;

	(void)state;
	assert_int_equal(mkdir(deep, 0700), 0);
	assert_int_equal(mkdir(runtime, 0700), 0);
	setenv("XDG_RUNTIME_DIR", runtime, 1);
	assert_int_equal(server_socket_path(deep, &path, &err), -ENAMETOOLONG);
	assert_int_equal(err.class, ERR_ENVIRONMENT);
	assert_non_null(strstr(err.message, "too long for a socket, and so is the state folder's path"));
	assert_non_null(strstr(err.hint, "state = "));
	assert_null(path);
	/* With one that is short enough it lies there, under a name that is the state folder's alone. */
	setenv("XDG_RUNTIME_DIR", dir, 1);
	assert_int_equal(server_socket_path(deep, &path, &err), 0);
	assert_true(str_starts(path, dir) && !str_starts(path, deep));
	free(path);
	unsetenv("XDG_RUNTIME_DIR");
	scratch_remove(dir);
}

static void a_watch_that_has_not_said_its_number_is_busy_all_the_same(void **state)
{
	char *dir = scratch_make();
	CLEANUP_FREE char *lock = xasprintf("%s/watch.lock", dir);
	CLEANUP_CLOSE int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct server_socket socket = { .fd = -1, .lock_fd = -1 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(server_socket_bind(dir, &socket, &err), -EBUSY);
	assert_int_equal(err.class, ERR_BUSY);
	assert_non_null(strstr(err.message, "another watch works with state folder"));
	assert_int_equal(socket.lock_fd, -1);
	scratch_remove(dir);
}

/* The socket's file is ours, and a process of another user's listens on it: as it would be after a theft. */
static void another_users_watch_behind_our_socket_is_not_asked(void **state)
{
	char *dir = scratch_make();
	CLEANUP_FREE char *path = xasprintf("%s/watch.sock", dir);
	struct server_credentials peer = { .pid = 77 };
	struct sockaddr_un address;
	struct err err = ERR_INIT;
	int ready[2], fd = -1, status;
	char byte;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(pipe(ready), 0);
	fill(&address, path);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int own = socket(AF_UNIX, SOCK_STREAM, 0);

		alarm(30);
		if (server_socket_name(own, &address) < 0 || setresuid(OTHER_USER, OTHER_USER, OTHER_USER) < 0 || listen(own, 5) < 0)
			_exit(1);
		(void)!write(ready[1], "", 1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(server_socket_connect(dir, 5000, &fd, &peer, &err), -EPERM);
	assert_int_equal(err.class, ERR_USAGE);
	assert_non_null(strstr(err.message, "is user 12345's"));
	assert_int_equal(fd, -1);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(ready[0]);
	scratch_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_gets_its_mode_from_the_first_moment),
		cmocka_unit_test(what_is_no_socket_of_ours_is_not_given_away),
		cmocka_unit_test(the_system_says_who_is_at_the_other_end),
		cmocka_unit_test(two_long_paths_are_refused_with_what_to_shorten),
		cmocka_unit_test(a_watch_that_has_not_said_its_number_is_busy_all_the_same),
		cmocka_unit_test(another_users_watch_behind_our_socket_is_not_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
