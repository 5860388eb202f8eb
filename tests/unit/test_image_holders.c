/* Who holds an image: programs, mounts, loop devices, virtual machines; and our own lock on it. */
#include "test_image.h"

#include "base/clock.h"
#include "base/proc.h"

#include <pthread.h>
#include <stdatomic.h>

/* A child that does what @fn says to the image, tells that it has, and waits to be killed. */
struct child {
	pid_t pid;
};

static void child_end(struct child *child)
{
	if (child->pid > 0) {
		kill(child->pid, SIGKILL);
		waitpid(child->pid, NULL, 0);
	}
	child->pid = 0;
}

static void child_start(struct child *child, struct rig *rig, int (*fn)(struct rig *rig))
{
	int fds[2];
	char done = 0;

	assert_int_equal(pipe(fds), 0);
	child->pid = fork();
	if (child->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		done = fn(rig) == 0;
		(void)!write(fds[1], &done, 1);
		for (;;)
			pause();
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &done, 1), 1);
	close(fds[0]);
	assert_true(done);
}

static int open_to_write(struct rig *rig)
{
	return open(rig->image, O_RDWR) >= 0 ? 0 : -1;
}

static int open_to_read(struct rig *rig)
{
	return open(rig->image, O_RDONLY) >= 0 ? 0 : -1;
}

static int ofd_lock(int fd, off_t byte)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

	return fcntl(fd, F_OFD_SETLK, &lock);
}

/* The bytes that a QEMU 7.2 locks, with snapshot=on and off. */
static int lock_as_snapshot(struct rig *rig)
{
	int fd = open(rig->image, O_RDONLY);

	return fd < 0 || ofd_lock(fd, 100) < 0 || ofd_lock(fd, 201) < 0 || ofd_lock(fd, 203) < 0 ? -1 : 0;
}

static int lock_as_writer(struct rig *rig)
{
	int fd = open(rig->image, O_RDONLY);

	return fd < 0 || ofd_lock(fd, 100) < 0 || ofd_lock(fd, 101) < 0 || ofd_lock(fd, 201) < 0 ? -1 : 0;
}

static int take_lock(struct rig *rig)
{
	return image_lock(rig->image, 0, NULL, &rig->lock, &rig->err);
}

static void find(struct rig *rig, struct image_holders *ret)
{
	assert_ok(rig, image_holders_find(rig->image, ret, &rig->err));
}

static void plain_setup(struct rig *rig)
{
	if (!fs_exists(rig->image))
		write_file(rig->image, 'p', 100000, 0644);
}

static void nobody_holds_a_fresh_image(void **state)
{
	CLEANUP(image_holders_clear) struct image_holders holders = { 0 };
	struct rig *rig = *state;
	CLEANUP_CLOSE int ours = -1;

	plain_setup(rig);
	/* What we ourselves have open does not count. */
	ours = open(rig->image, O_RDWR | O_CLOEXEC);
	find(rig, &holders);
	assert_int_equal(holders.n, 0);
	assert_ok(rig, image_holders_refuse(rig->image, &holders, &rig->err));
}

static void writer_is_named(void **state)
{
	CLEANUP(image_holders_clear) struct image_holders holders = { 0 };
	CLEANUP(child_end) struct child child = { 0 };
	struct rig *rig = *state;
	char pid[32];

	plain_setup(rig);
	child_start(&child, rig, open_to_write);
	find(rig, &holders);
	assert_int_equal(holders.n, 1);
	assert_int_equal(holders.v[0].pid, child.pid);
	assert_true(holders.v[0].may_write);
	assert_int_equal(image_holders_refuse(rig->image, &holders, &rig->err), -EBUSY);
	assert_int_equal(rig->err.class, ERR_BUSY);
	snprintf(pid, sizeof(pid), "(process %d)", (int)child.pid);
	assert_says(rig, pid);
	assert_says(rig, "test_image_holders");
	assert_says(rig, "has it open for writing");
	assert_true(rig->err.hint[0] != '\0');
}

static void reader_is_told_but_not_refused(void **state)
{
	CLEANUP(image_holders_clear) struct image_holders holders = { 0 };
	CLEANUP(child_end) struct child child = { 0 };
	struct rig *rig = *state;

	plain_setup(rig);
	child_start(&child, rig, open_to_read);
	find(rig, &holders);
	assert_int_equal(holders.n, 1);
	assert_false(holders.v[0].may_write);
	assert_ok(rig, image_holders_refuse(rig->image, &holders, &rig->err));
}

static void *start_children(void *data)
{
	atomic_bool *stop = data;

	while (!atomic_load(stop)) {
		struct proc_spec spec = { .argv = (char *[]){ (char *)"true", NULL } };
		struct proc_result result;

		(void)!proc_run(&spec, &result, NULL);
	}
	return NULL;
}

/* Between fork and exec a child has all that we have open, and it is gone before it can be looked at. */
static void children_of_ours_are_no_writers(void **state)
{
	struct rig *rig = *state;
	int fds[400]; /* so many that a look falls into their closing */
	atomic_bool stop = false;
	pthread_t thread;

	plain_setup(rig);
	for (size_t i = 0; i < N_ELEMENTS(fds); i++) {
		fds[i] = open(rig->image, O_RDONLY | O_CLOEXEC);
		assert_true(fds[i] >= 0);
	}
	assert_int_equal(pthread_create(&thread, NULL, start_children, &stop), 0);
	for (int i = 0; i < 200; i++) {
		CLEANUP(image_holders_clear) struct image_holders holders = { 0 };

		find(rig, &holders);
		for (size_t h = 0; h < holders.n; h++)
			assert_false(holders.v[h].may_write);
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	for (size_t i = 0; i < N_ELEMENTS(fds); i++)
		close(fds[i]);
}

static void another_name_for_the_file_is_seen_through(void **state)
{
	CLEANUP(image_holders_clear) struct image_holders holders = { 0 };
	CLEANUP(child_end) struct child child = { 0 };
	struct rig *rig = *state;
	char other[256];

	plain_setup(rig);
	child_start(&child, rig, open_to_write);
	snprintf(other, sizeof(other), "%s/other.img", rig->dir);
	assert_int_equal(link(rig->image, other), 0);
	assert_ok(rig, image_holders_find(other, &holders, &rig->err));
	assert_int_equal(holders.n, 1);
}

static void mount_by_somebody_else_is_named(void **state)
{
	CLEANUP(image_holders_clear) struct image_holders holders = { 0 };
	struct rig *rig = *state;
	char point[256], log[256];
	struct image_mount_args args = { .config = &rig->config, .image = rig->image, .point = point, .log = log };
	struct image_mount *mount = NULL;

	NEED_REDOXFS();
	snprintf(point, sizeof(point), "%s/their mount", rig->dir);
	snprintf(log, sizeof(log), "%s/log", rig->dir);
	assert_ok(rig, image_mount_start(&args, &mount, &rig->err));
	find(rig, &holders);
	assert_int_equal(holders.n, 1);
	assert_string_equal(holders.v[0].program, "redoxfs");
	assert_true(strstr(holders.v[0].how, point) != NULL);
	assert_int_equal(image_holders_refuse(rig->image, &holders, &rig->err), -EBUSY);
	/* A transaction must not begin beside it. */
	assert_ok(rig, image_lock(rig->image, 0, NULL, &rig->lock, &rig->err));
	assert_int_equal(image_txn_begin(&rig->config, rig->lock, rig->state, NULL, NULL, &rig->txn, &rig->err), -EBUSY);
	assert_says(rig, "has it mounted at");
	assert_false(fs_exists(rig->names.shadow));
	assert_ok(rig, image_mount_stop(&mount, &rig->err));
}

static void mount_by_root_is_seen_by_an_ordinary_user(void **state)
{
	struct rig *rig = *state;
	char point[256], log[256];
	struct image_mount_args args = { .config = &rig->config, .image = rig->image, .point = point, .log = log };
	struct image_mount *mount = NULL;
	int status = 0;
	pid_t pid;

	NEED_REDOXFS();
	snprintf(point, sizeof(point), "%s/root's", rig->dir);
	snprintf(log, sizeof(log), "%s/log", rig->dir);
	assert_ok(rig, image_mount_start(&args, &mount, &rig->err));
	pid = fork();
	if (pid == 0) {
		struct image_holders holders = { 0 };

		/* Root's /proc/PID/fd is closed to him, its command line is not. */
		if (setgid(65534) < 0 || setuid(65534) < 0 || image_holders_find(rig->image, &holders, NULL) < 0)
			_exit(1);
		if (holders.n != 1 || !holders.v[0].may_write || holders.v[0].pid <= 0 || !strstr(holders.v[0].how, "has it mounted at"))
			_exit(2);
		/* Only a daemon of this image counts. */
		image_holders_clear(&holders);
		if (image_holders_find(fixture_base, &holders, NULL) < 0 || holders.n != 0)
			_exit(3);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_ok(rig, image_mount_stop(&mount, &rig->err));
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void loop_device_is_named(void **state)
{
	CLEANUP(image_holders_clear) struct image_holders holders = { 0 }, after = { 0 };
	struct rig *rig = *state;
	const char *attach[] = { "losetup", "--find", rig->image, NULL };
	const char *detach[] = { "losetup", "-d", NULL, NULL };

	plain_setup(rig);
	if (geteuid() != 0 || run_program(attach) != 0) {
		print_message("skipped: no loop devices here\n");
		skip();
	}
	find(rig, &holders);
	assert_true(holders.n >= 1);
	for (size_t i = 0; i < holders.n; i++)
		if (str_starts(holders.v[i].program, "loop device "))
			detach[2] = holders.v[i].program + strlen("loop device ");
	assert_non_null(detach[2]);
	assert_int_equal(image_holders_refuse(rig->image, &holders, &rig->err), -EBUSY);
	assert_int_equal(run_program(detach), 0);
	find(rig, &after);
	assert_int_equal(after.n, 0);
}

static bool refused_by_lock(struct rig *rig, bool writes)
{
	CLEANUP(image_holders_clear) struct image_holders holders = { 0 };
	bool unknown = false;

	find(rig, &holders);
	for (size_t i = 0; i < holders.n; i++)
		if (holders.v[i].pid == 0 && strstr(holders.v[i].program, "QEMU of another user"))
			unknown = true;
	/* The reader that holds the locks is seen here; that it may write is only told by them. */
	assert_int_equal(unknown, writes);
	return image_holders_refuse(rig->image, &holders, &rig->err) == -EBUSY;
}

static void locks_of_a_vm_tell_whether_it_writes(void **state)
{
	struct rig *rig = *state;

	plain_setup(rig);
	{
		CLEANUP(child_end) struct child child = { 0 };

		child_start(&child, rig, lock_as_snapshot);
		assert_false(refused_by_lock(rig, false));
	}
	{
		CLEANUP(child_end) struct child child = { 0 };

		child_start(&child, rig, lock_as_writer);
		assert_true(refused_by_lock(rig, true));
	}
}

static void locks_of_an_invisible_vm_are_seen(void **state)
{
	CLEANUP(child_end) struct child child = { 0 };
	struct rig *rig = *state;
	int status = 0;
	pid_t pid;

	plain_setup(rig);
	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(rig->image, 0644), 0);
	child_start(&child, rig, lock_as_snapshot);
	pid = fork();
	if (pid == 0) {
		struct image_holders holders = { 0 };

		/* An ordinary user: root's /proc/PID/fd is closed to him. */
		if (setgid(65534) < 0 || setuid(65534) < 0 || image_holders_find(rig->image, &holders, NULL) < 0)
			_exit(1);
		_exit(holders.n == 1 && holders.v[0].pid == 0 && !holders.v[0].may_write ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void second_lock_is_refused_by_name(void **state)
{
	CLEANUP(child_end) struct child child = { 0 };
	struct rig *rig = *state;
	char pid[32];

	plain_setup(rig);
	child_start(&child, rig, take_lock);
	assert_int_equal(image_lock(rig->image, 0, NULL, &rig->lock, &rig->err), -EBUSY);
	assert_int_equal(rig->err.class, ERR_BUSY);
	snprintf(pid, sizeof(pid), "(process %d)", (int)child.pid);
	assert_says(rig, pid);
	assert_says(rig, "test_image_hol");
	/* It ends with its holder, whatever ended that. */
	child_end(&child);
	assert_ok(rig, image_lock(rig->image, 0, NULL, &rig->lock, &rig->err));
}

static void dead_holder_is_not_named(void **state)
{
	struct rig *rig = *state;
	CLEANUP(child_end) struct child child = { 0 };
	CLEANUP_FREE char *program = NULL;
	char lock[256];
	pid_t pid;

	plain_setup(rig);
	child_start(&child, rig, take_lock);
	snprintf(lock, sizeof(lock), "%s.lock", rig->image);
	assert_true(image_note_holder(lock, &pid, &program));
	assert_int_equal(pid, child.pid);
	child_end(&child);
	free(TAKE_PTR(program));
	assert_false(image_note_holder(lock, &pid, &program));
}

static int release_after_a_while(struct rig *rig)
{
	struct image_lock *lock = NULL;

	if (image_lock(rig->image, 0, NULL, &lock, &rig->err) < 0)
		return -1;
	/* An alarm ends this process, and the lock with it. */
	signal(SIGALRM, SIG_DFL);
	ualarm(150000, 0);
	return 0;
}

static void waiting_for_the_lock_ends_with_it(void **state)
{
	CLEANUP(child_end) struct child child = { 0 };
	struct rig *rig = *state;
	int64_t start;

	plain_setup(rig);
	child_start(&child, rig, release_after_a_while);
	start = clock_ms();
	assert_ok(rig, image_lock(rig->image, 10, NULL, &rig->lock, &rig->err));
	assert_true(clock_ms() - start < 5000);
}

static void waiting_for_the_lock_listens_to_a_signal(void **state)
{
	CLEANUP(child_end) struct child child = { 0 };
	struct rig *rig = *state;
	struct cancel cancel;
	int64_t start;

	plain_setup(rig);
	assert_ok(rig, cancel_init(&cancel, &rig->err));
	child_start(&child, rig, take_lock);
	cancel_request(&cancel, SIGINT);
	start = clock_ms();
	assert_int_equal(image_lock(rig->image, 10, &cancel, &rig->lock, &rig->err), -ECANCELED);
	assert_true(clock_ms() - start < 5000);
	cancel_clear(&cancel);
}

static void unlocking_leaves_the_lock_file(void **state)
{
	struct rig *rig = *state;
	struct stat by_name, again;
	char lock[256];

	plain_setup(rig);
	snprintf(lock, sizeof(lock), "%s.lock", rig->image);
	assert_ok(rig, image_lock(rig->image, 0, NULL, &rig->lock, &rig->err));
	assert_int_equal(stat(lock, &by_name), 0);
	assert_int_equal(by_name.st_mode & 0777, 0644);
	image_unlock(TAKE_PTR(rig->lock));
	/* Unlocking leaves the file: deleting it is what would make two. */
	assert_int_equal(stat(lock, &again), 0);
	assert_int_equal(again.st_ino, by_name.st_ino);
}

static void lock_file_belongs_to_the_folders_owner(void **state)
{
	struct rig *rig = *state;
	struct stat st;
	char lock[256];

	plain_setup(rig);
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(rig->dir, 12345, 23456), 0);
	assert_ok(rig, image_lock(rig->image, 0, NULL, &rig->lock, &rig->err));
	snprintf(lock, sizeof(lock), "%s.lock", rig->image);
	assert_int_equal(stat(lock, &st), 0);
	assert_int_equal(st.st_uid, 12345);
	assert_int_equal(st.st_gid, 23456);
}

#define HOLDERS_TEST(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)

static int run(void)
{
	const struct CMUnitTest tests[] = {
		HOLDERS_TEST(nobody_holds_a_fresh_image),
		HOLDERS_TEST(writer_is_named),
		HOLDERS_TEST(reader_is_told_but_not_refused),
		HOLDERS_TEST(children_of_ours_are_no_writers),
		HOLDERS_TEST(another_name_for_the_file_is_seen_through),
		HOLDERS_TEST(mount_by_somebody_else_is_named),
		HOLDERS_TEST(mount_by_root_is_seen_by_an_ordinary_user),
		HOLDERS_TEST(loop_device_is_named),
		HOLDERS_TEST(locks_of_a_vm_tell_whether_it_writes),
		HOLDERS_TEST(locks_of_an_invisible_vm_are_seen),
		HOLDERS_TEST(second_lock_is_refused_by_name),
		HOLDERS_TEST(dead_holder_is_not_named),
		HOLDERS_TEST(waiting_for_the_lock_ends_with_it),
		HOLDERS_TEST(waiting_for_the_lock_listens_to_a_signal),
		HOLDERS_TEST(unlocking_leaves_the_lock_file),
		HOLDERS_TEST(lock_file_belongs_to_the_folders_owner),
	};

	return cmocka_run_group_tests_name("image holders", tests, NULL, NULL);
}

int main(void)
{
	return fixture_main(run);
}
