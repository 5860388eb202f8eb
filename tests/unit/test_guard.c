/* image/guard: the locks that keep a virtual machine out of an image that is written in place. Locks of open files meet within one process, too. */
#include "image/guard.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "lib/scratch.h"

static char *make_image(char **ret_dir)
{
	*ret_dir = scratch_make();
	scratch_write(*ret_dir, "disk.img", "image");
	return xasprintf("%s/disk.img", *ret_dir);
}

/* As a QEMU would, by a descriptor of its own: @type on @byte. */
static int lock_byte(const char *path, short type, off_t byte)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
	int fd = open(path, O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
	return fd;
}

static void expect_busy(const char *path)
{
	struct err err = ERR_INIT;

	assert_int_equal(image_guard_take(path, &err), -EBUSY);
	assert_int_equal(err.class, ERR_BUSY);
	assert_non_null(strstr(err.message, "a virtual machine has it"));
	assert_non_null(strstr(err.hint, "not even with snapshot=on"));
}

static void one_at_a_time_and_the_next_when_it_lets_go(void **state)
{
	char *dir;
	CLEANUP_FREE char *path = make_image(&dir);
	int fd = image_guard_take(path, NULL);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	expect_busy(path);
	close(fd);
	fd = image_guard_take(path, NULL);
	assert_true(fd >= 0);
	close(fd);
	scratch_remove(dir);
}

/* Reading (100), writing (101), resizing (103), and that it leaves nobody these (200 and up): any one of them is a machine. */
static void any_lock_of_a_machine_is_seen(void **state)
{
	static const off_t bytes[] = { 100, 101, 102, 103, 104, 200, 201, 203, 300 };
	char *dir;
	CLEANUP_FREE char *path = make_image(&dir);
	int fd;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(bytes); i++) {
		fd = lock_byte(path, F_RDLCK, bytes[i]);
		expect_busy(path);
		close(fd);
	}
	fd = lock_byte(path, F_WRLCK, 201);
	expect_busy(path);
	close(fd);
	/* What is locked elsewhere in the file is no machine's. */
	fd = lock_byte(path, F_RDLCK, 99);
	close(lock_byte(path, F_RDLCK, 301));
	close(image_guard_take(path, NULL));
	close(fd);
	scratch_remove(dir);
}

/* QEMU asks for these before it opens: a machine that is started now is refused. */
static void a_machine_that_comes_later_is_refused(void **state)
{
	static const off_t bytes[] = { 100, 101, 103, 200, 201, 203 };
	char *dir;
	CLEANUP_FREE char *path = make_image(&dir);
	int guard = image_guard_take(path, NULL), fd = open(path, O_RDWR | O_CLOEXEC);

	(void)state;
	assert_true(guard >= 0 && fd >= 0);
	for (size_t i = 0; i < N_ELEMENTS(bytes); i++) {
		struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = bytes[i], .l_len = 1 };

		assert_int_equal(fcntl(fd, F_OFD_GETLK, &lock), 0);
		assert_int_equal(lock.l_type, F_RDLCK);
	}
	close(fd);
	close(guard);
	scratch_remove(dir);
}

static void an_image_that_is_gone_is_no_busy_one(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(image_guard_take("/nowhere/disk.img", &err), -ENOENT);
	assert_non_null(strstr(err.message, "cannot lock image '/nowhere/disk.img'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_at_a_time_and_the_next_when_it_lets_go),
		cmocka_unit_test(any_lock_of_a_machine_is_seen),
		cmocka_unit_test(a_machine_that_comes_later_is_refused),
		cmocka_unit_test(an_image_that_is_gone_is_no_busy_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
