/* What each system does in its own way, behind one header: descriptors that hold, names, times, sockets, conditions, what is told of processes. */
#include "base/clock.h"
#include "base/local.h"
#include "image/process.h"
#include "image/unmount.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "lib/scratch.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

static void drop(char **dir)
{
	scratch_remove(*dir);
}

static void write_file(const char *path, const char *text)
{
	assert_int_equal(fs_write_atomic(path, text, strlen(text), 0644, NULL), 0);
}

/* -- files --------------------------------------------------------------------------------------------------------------------------------------- */

static void what_is_held_is_found_without_its_name(void **state)
{
	CLEANUP(drop) char *dir = scratch_make();
	CLEANUP_FREE char *path = xasprintf("%s/file", dir), *away = xasprintf("%s/away", dir);
	CLEANUP_CLOSE int held = -1, again = -1, folder = -1;
	char text[8] = "";

	(void)state;
	write_file(path, "first");
	held = fs_hold(AT_FDCWD, path, false);
	assert_true(held >= 0);
	assert_int_equal(rename(path, away), 0);
	write_file(path, "other");
	again = fs_reopen(held);
	assert_true(again >= 0);
	assert_int_equal(read(again, text, sizeof(text) - 1), 5);
	assert_string_equal(text, "first");
	assert_int_equal(fs_hold(AT_FDCWD, path, true), -ENOTDIR);
	folder = fs_hold(AT_FDCWD, dir, true);
	assert_true(folder >= 0);
	assert_int_equal(faccessat(folder, "away", F_OK, 0), 0);
}

static void a_link_is_held_for_itself(void **state)
{
	CLEANUP(drop) char *dir = scratch_make();
	CLEANUP_FREE char *path = xasprintf("%s/link", dir);
	CLEANUP_CLOSE int held = -1;
	char target[16] = "";
	struct stat st;

	(void)state;
	assert_int_equal(symlink("nowhere", path), 0);
	held = fs_hold(AT_FDCWD, path, false);
	assert_true(held >= 0);
	assert_int_equal(fstat(held, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(fs_read_held_link(held, target, sizeof(target) - 1), 7);
	assert_string_equal(target, "nowhere");
	assert_true(fs_hold(AT_FDCWD, path, true) < 0);
}

static void a_new_name_takes_no_other_s_place(void **state)
{
	CLEANUP(drop) char *dir = scratch_make();
	CLEANUP_FREE char *one = xasprintf("%s/one", dir), *two = xasprintf("%s/two", dir);
	CLEANUP(str_clear) struct str text = { 0 };
	CLEANUP_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	write_file(one, "1");
	write_file(two, "2");
	assert_int_equal(fs_rename_new(fd, "one", "two"), -EEXIST);
	assert_int_equal(fs_rename_new(fd, "one", "three"), 0);
	assert_int_equal(fs_read(two, 8, &text, NULL), 0);
	assert_string_equal(str_text(&text), "2");
	assert_false(fs_exists(one));
	assert_int_equal(fs_exchange(two, one), -ENOENT);
}

static void a_time_is_the_content_s_or_the_file_s(void **state)
{
	CLEANUP(drop) char *dir = scratch_make();
	CLEANUP_FREE char *path = xasprintf("%s/file", dir);
	const struct timespec times[2] = { { .tv_sec = 7, .tv_nsec = 1 }, { .tv_sec = 1234, .tv_nsec = 567891234 } };
	struct stat before, after;

	(void)state;
	write_file(path, "1");
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(fs_mtime(&after).tv_nsec, 567891234);
	assert_int_equal(fs_mtime_ms(&after), 1234567);
	assert_true(fs_ctime(&after).tv_sec > 1234);
	assert_true(fs_mtime_same(&after, &after));
	assert_false(fs_mtime_same(&before, &after));
}

static void what_is_synced_says_what_cannot_be(void **state)
{
	CLEANUP(drop) char *dir = scratch_make();
	CLEANUP_FREE char *path = xasprintf("%s/file", dir);
	CLEANUP_CLOSE int fd = -1;

	(void)state;
	write_file(path, "1");
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(fs_sync(fd), 0);
	assert_int_equal(fs_sync_data(fd), 0);
	assert_int_equal(fs_sync_all(fd), 0);
	assert_int_equal(fs_sync_dir(dir), 0);
	assert_int_equal(fs_sync(-1), -EBADF);
	assert_int_equal(fs_sync_data(-1), -EBADF);
	assert_int_equal(fs_sync_all(-1), -EBADF);
}

/* -- sockets and conditions ---------------------------------------------------------------------------------------------------------------------- */

static void sockets_are_not_inherited(void **state)
{
	CLEANUP_CLOSE int fd = local_socket(SOCK_DGRAM), one = -1, other = -1;
	int pair[2];
	char c = 0;

	(void)state;
	assert_int_equal(local_pair(SOCK_STREAM, pair), 0);
	one = pair[0];
	other = pair[1];
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(one, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(other, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(one, "x", 1), 1);
	assert_int_equal(read(other, &c, 1), 1);
	assert_int_equal(c, 'x');
}

struct bell {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool rung;
};

static void *ring(void *data)
{
	struct bell *bell = data;

	pthread_mutex_lock(&bell->mutex);
	bell->rung = true;
	pthread_cond_broadcast(&bell->cond);
	pthread_mutex_unlock(&bell->mutex);
	return NULL;
}

static void a_wait_ends_at_its_time_or_when_woken(void **state)
{
	struct bell bell = { .mutex = PTHREAD_MUTEX_INITIALIZER };
	int64_t start = clock_us();
	pthread_t thread;

	(void)state;
	assert_int_equal(clock_cond_init(&bell.cond), 0);
	pthread_mutex_lock(&bell.mutex);
	while (!clock_wait(&bell.cond, &bell.mutex, start + 20000))
		;
	assert_true(clock_us() >= start + 20000);
	assert_true(clock_wait(&bell.cond, &bell.mutex, start));
	assert_int_equal(pthread_create(&thread, NULL, ring, &bell), 0);
	while (!bell.rung)
		assert_false(clock_wait(&bell.cond, &bell.mutex, clock_us() + 30000000));
	pthread_mutex_unlock(&bell.mutex);
	pthread_join(thread, NULL);
	pthread_cond_destroy(&bell.cond);
}

/* -- processes ----------------------------------------------------------------------------------------------------------------------------------- */

struct child {
	pid_t pid;
};

static void child_end(struct child *child)
{
	kill(child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
}

/* `cat` in @dir, with @file open besides, waiting on a pipe that nobody writes to. */
static void child_start(struct child *child, const char *dir, const char *file, int flags, int pipe_fd)
{
	CLEANUP_FREE char *own = image_process_program(getpid(), NULL);

	child->pid = fork();
	if (child->pid == 0) {
		int fd = open(file, flags);

		dup2(pipe_fd, 0);
		dup2(open("/dev/null", O_WRONLY), 2);
		if (fd < 0 || dup2(fd, 5) < 0 || chdir(dir) < 0)
			_exit(1);
		execlp("cat", "cat", "-u", "two words", "-", NULL);
		_exit(1);
	}
	/* Of what execve gives it the words come last. */
	for (int64_t end = clock_ms() + 20000; clock_ms() < end;) {
		CLEANUP_FREE char *program = image_process_program(child->pid, NULL);
		CLEANUP(strvec_clear) struct strvec words = { 0 };

		image_process_words(child->pid, &words);
		if (program && !str_eq(program, own) && words.n > 0)
			return;
		(void)!proc_wait_gone(child->pid, 1);
	}
	fail_msg("the child did not start");
}

static void see(void *data, pid_t pid)
{
	pid_t *wanted = data;

	if (pid == *wanted)
		*wanted = 0;
}

static void count_file(void *data, const struct stat *st)
{
	struct image_target *target = data;

	if (st->st_dev == (dev_t)target->dev && st->st_ino == target->ino)
		target->path = NULL;
}

static void a_process_tells_its_words_its_folder_and_its_files(void **state)
{
	CLEANUP(drop) char *dir = scratch_make();
	CLEANUP_FREE char *path = xasprintf("%s/image", dir), *cwd = NULL, *parent = fs_dirname(dir);
	CLEANUP(strvec_clear) struct strvec words = { 0 };
	CLEANUP(child_end) struct child child = { 0 };
	struct image_target target = { .path = path };
	char name[32];
	struct stat st;
	int fds[2];
	pid_t pid;

	(void)state;
	write_file(path, "image");
	assert_int_equal(stat(path, &st), 0);
	target.dev = st.st_dev;
	target.ino = st.st_ino;
	assert_true(image_target_is(&target, path));
	assert_false(image_target_is(&target, dir));
	assert_int_equal(pipe(fds), 0);
	child_start(&child, dir, path, O_RDONLY, fds[0]);
	image_process_words(child.pid, &words);
	assert_int_equal(words.n, 4);
	assert_string_equal(words.v[2], "two words");
	cwd = image_process_cwd(child.pid);
	assert_string_equal(cwd, dir);
	proc_name_of(child.pid, name, sizeof(name));
	assert_string_equal(name, "cat");
	assert_true(image_process_uses(child.pid, dir));
	assert_true(image_process_uses(child.pid, parent));
	assert_false(image_process_uses(child.pid, "/nowhere"));
	assert_int_equal(image_process_holds(&target, child.pid), IMAGE_HOLD_READS);
	image_process_files(child.pid, count_file, &target);
	assert_null(target.path);
	pid = child.pid;
	image_process_each(see, &pid);
	assert_int_equal(pid, 0);
	pid = getpid();
	image_process_each(see, &pid);
	assert_int_equal(pid, getpid());
	assert_int_equal(proc_wait_gone(child.pid, 1), -ETIMEDOUT);
	close(fds[0]);
	close(fds[1]);
}

static void a_writer_is_told_from_a_reader(void **state)
{
	CLEANUP(drop) char *dir = scratch_make();
	CLEANUP_FREE char *path = xasprintf("%s/image", dir), *other = xasprintf("%s/other", dir);
	CLEANUP(child_end) struct child child = { 0 };
	struct image_target target = { .path = other };
	struct stat st;
	int fds[2];

	(void)state;
	write_file(path, "image");
	write_file(other, "other");
	assert_int_equal(pipe(fds), 0);
	child_start(&child, "/", path, O_WRONLY, fds[0]);
	assert_int_equal(stat(other, &st), 0);
	target.dev = st.st_dev;
	target.ino = st.st_ino;
	assert_int_equal(image_process_holds(&target, child.pid), IMAGE_HOLD_NONE);
	assert_int_equal(stat(path, &st), 0);
	target.ino = st.st_ino;
	assert_int_equal(image_process_holds(&target, child.pid), IMAGE_HOLD_WRITES);
	close(fds[0]);
	close(fds[1]);
}

static void what_is_not_mounted_is_unmounted_already(void **state)
{
	CLEANUP(drop) char *dir = scratch_make();
	char *no[] = { (char *)"false", (char *)"-u", dir, NULL }, *none[] = { (char *)"reinject-no-such-program", (char *)"-u", dir, NULL };
	struct err err = ERR_INIT;

	(void)state;
	if (geteuid() == 0)
		assert_int_equal(image_unmount_point(dir, NULL), 0);
	assert_int_equal(image_unmount_run(no, 5000, &err), -EBUSY);
	assert_non_null(strstr(err.message, dir));
	assert_int_equal(image_unmount_run(none, 5000, NULL), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_held_is_found_without_its_name), cmocka_unit_test(a_link_is_held_for_itself),
		cmocka_unit_test(a_new_name_takes_no_other_s_place),      cmocka_unit_test(a_time_is_the_content_s_or_the_file_s),
		cmocka_unit_test(what_is_synced_says_what_cannot_be),     cmocka_unit_test(sockets_are_not_inherited),
		cmocka_unit_test(a_wait_ends_at_its_time_or_when_woken),  cmocka_unit_test(a_process_tells_its_words_its_folder_and_its_files),
		cmocka_unit_test(a_writer_is_told_from_a_reader),         cmocka_unit_test(what_is_not_mounted_is_unmounted_already),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
