/* image/tree: one digest of all that a file system holds. A compact copy takes the image's place only when both have the same, so what the digest does not
 * see would be lost. */
#include "image/tree.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "lib/scratch.h"

#include <time.h>

enum { DEEP = 150, DEEPER_THAN_ANY = 205 };

static int read_tree(const char *dir, struct cancel *cancel, struct image_tree *ret, struct err *err)
{
	CLEANUP_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return image_tree_read(fd, cancel, ret, err);
}

static void set_time(const char *dir, const char *name, time_t seconds)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
	struct timespec times[] = { { .tv_sec = seconds }, { .tv_sec = seconds, .tv_nsec = 5 } };

	assert_int_equal(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void set_link(const char *dir, const char *name, const char *target)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);

	(void)unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

static void set_mode(const char *dir, const char *name, mode_t mode)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(chmod(path, mode), 0);
}

/* A folder with one of each kind, always the same. */
static char *make_tree(void)
{
	char *dir = scratch_make();
	CLEANUP_FREE char *fifo = xasprintf("%s/fifo", dir);

	scratch_write(dir, "bin/init", "init\n");
	scratch_write(dir, "bin/netd", "netd 1\n");
	scratch_write(dir, "etc/empty", "");
	set_link(dir, "bin/sh", "init");
	/* Nobody follows these. */
	set_link(dir, "etc/self", ".");
	set_link(dir, "etc/away", "/nowhere/at/all");
	assert_int_equal(mkfifo(fifo, 0600), 0);
	set_mode(dir, "bin", 0755);
	set_mode(dir, "etc", 0755);
	set_time(dir, "bin/init", 1000);
	set_time(dir, "bin/netd", 2000);
	set_time(dir, "etc/empty", 3000);
	return dir;
}

static void two_copies_have_one_digest(void **state)
{
	char *one = make_tree(), *two = make_tree();
	struct image_tree a, b;

	(void)state;
	/* The time of a folder is that of its last copying. */
	set_time(two, "bin", 12345);
	assert_int_equal(read_tree(one, NULL, &a, NULL), 0);
	assert_int_equal(read_tree(two, NULL, &b, NULL), 0);
	assert_string_equal(a.digest, b.digest);
	assert_int_equal(a.n_files, 3);
	assert_int_equal(a.bytes, 12);
	assert_int_equal(b.n_files, 3);
	scratch_remove(one);
	scratch_remove(two);
}

/* -- one change each, of a kind that a copy may get wrong ----------------------------------------------------------------------------------------- */

static void change_content(const char *dir)
{
	scratch_write(dir, "bin/netd", "netd 2\n");
	set_time(dir, "bin/netd", 2000);
}

static void change_time(const char *dir)
{
	set_time(dir, "bin/netd", 2001);
}

static void change_mode(const char *dir)
{
	set_mode(dir, "bin/netd", 0600);
}

static void change_folder_mode(const char *dir)
{
	set_mode(dir, "etc", 0700);
}

static void change_target(const char *dir)
{
	set_link(dir, "bin/sh", "netd");
}

static void lose_link(const char *dir)
{
	CLEANUP_FREE char *path = xasprintf("%s/etc/away", dir);

	assert_int_equal(unlink(path), 0);
}

static void lose_empty(const char *dir)
{
	CLEANUP_FREE char *path = xasprintf("%s/etc/empty", dir);

	assert_int_equal(unlink(path), 0);
}

static void make_link_a_file(const char *dir)
{
	CLEANUP_FREE char *path = xasprintf("%s/bin/sh", dir);

	assert_int_equal(unlink(path), 0);
	scratch_write(dir, "bin/sh", "init");
}

static void rename_file(const char *dir)
{
	CLEANUP_FREE char *from = xasprintf("%s/bin/netd", dir), *to = xasprintf("%s/bin/nete", dir);

	assert_int_equal(rename(from, to), 0);
}

static void lose_fifo(const char *dir)
{
	CLEANUP_FREE char *path = xasprintf("%s/fifo", dir);

	assert_int_equal(unlink(path), 0);
}

static void every_change_is_seen(void **state)
{
	static void (*const changes[])(const char *dir) = {
		change_content, change_time, change_mode,      change_folder_mode, change_target,
		lose_link,      lose_empty,  make_link_a_file, rename_file,        lose_fifo,
	};
	char *whole = make_tree();
	struct image_tree tree;

	(void)state;
	assert_int_equal(read_tree(whole, NULL, &tree, NULL), 0);
	for (size_t i = 0; i < N_ELEMENTS(changes); i++) {
		char *changed = make_tree();
		struct image_tree other;

		changes[i](changed);
		assert_int_equal(read_tree(changed, NULL, &other, NULL), 0);
		if (strcmp(tree.digest, other.digest) == 0)
			fail_msg("change %zu was not seen", i);
		scratch_remove(changed);
	}
	scratch_remove(whole);
}

/* -- what ends it ----------------------------------------------------------------------------------------------------------------------------------- */

static void it_ends_when_it_is_asked_to(void **state)
{
	char *dir = make_tree();
	CLEANUP(cancel_clear) struct cancel cancel;
	struct image_tree tree = { .n_files = 77 };

	(void)state;
	assert_int_equal(cancel_init(&cancel, NULL), 0);
	cancel_request(&cancel, 2);
	assert_int_equal(read_tree(dir, &cancel, &tree, NULL), -ECANCELED);
	/* Nothing is handed over of what was half read. */
	assert_int_equal(tree.n_files, 77);
	scratch_remove(dir);
}

static char *make_deep(int depth)
{
	CLEANUP(str_clear) struct str path = { 0 };
	char *dir = scratch_make();

	for (int i = 0; i < depth; i++)
		str_add(&path, "d/");
	str_add(&path, "file");
	scratch_write(dir, path.buf, "x");
	return dir;
}

/* A damaged file system may lead round in a circle. */
static void folders_without_an_end_are_refused(void **state)
{
	char *deep = make_deep(DEEP), *deeper = make_deep(DEEPER_THAN_ANY);
	struct err err = ERR_INIT;
	struct image_tree tree;

	(void)state;
	assert_int_equal(read_tree(deep, NULL, &tree, &err), 0);
	assert_int_equal(tree.n_files, 1);
	assert_int_equal(read_tree(deeper, NULL, &tree, &err), -ELOOP);
	assert_non_null(strstr(err.message, "lies too deep"));
	scratch_remove(deep);
	scratch_remove(deeper);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_copies_have_one_digest),
		cmocka_unit_test(every_change_is_seen),
		cmocka_unit_test(it_ends_when_it_is_asked_to),
		cmocka_unit_test(folders_without_an_end_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
