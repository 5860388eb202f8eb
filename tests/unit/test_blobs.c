/* The store of replaced contents: each once, whole, read-only, and what its name says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "journal/blobs.h"
#include "journal/state.h"

#include "lib/scratch.h"

#include <sys/wait.h>

struct box {
	char *dir, *state; /* owned */
};

static int setup(void **data)
{
	struct box *box = xcalloc(1, sizeof(*box));

	box->dir = scratch_make();
	box->state = xasprintf("%s/.reinject", box->dir);
	assert_int_equal(journal_state_prepare(box->state, NULL), 0);
	*data = box;
	return 0;
}

static int teardown(void **data)
{
	struct box *box = *data;

	scratch_remove(box->dir);
	free(box->state);
	free(box);
	return 0;
}

static void write_at(const char *path, off_t at, const char *text)
{
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_int_equal(pwrite(fd, text, strlen(text), at), strlen(text));
}

static int open_in(struct box *box, const char *name)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", box->dir, name);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

/* A few megabytes that are no multiple of any buffer. */
static int big_file(struct box *box, char hash[HASH_HEX_SIZE])
{
	CLEANUP_FREE char *bytes = xcalloc(1, 3000001);
	int fd = open_in(box, "big");

	for (size_t i = 0; i < 3000001; i++)
		bytes[i] = (char)(i * 2654435761u >> 13);
	assert_int_equal(fs_write_all(fd, bytes, 3000001), 0);
	assert_int_equal(hash_fd(fd, hash, NULL), 0);
	return fd;
}

static char *listing(struct box *box)
{
	char *const argv[] = { "find", ".", "-type", "f", "-printf", "%p %m %u\n", NULL };

	return scratch_run(argv, box->state, NULL);
}

static void test_round_trip(void **data)
{
	struct box *box = *data;
	char hash[HASH_HEX_SIZE], back[HASH_HEX_SIZE];
	CLEANUP_CLOSE int fd = big_file(box, hash);
	CLEANUP_CLOSE int blob = -1;
	CLEANUP_FREE char *path = NULL;
	uint64_t size;
	struct stat before, after;

	/* The descriptor's offset does not matter. */
	assert_int_equal(lseek(fd, 100, SEEK_SET), 100);
	assert_int_equal(journal_blob_add(box->state, fd, hash, NULL), 0);
	assert_int_equal(journal_blob_find(box->state, hash, &path, NULL), 0);
	blob = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(blob >= 0);
	assert_int_equal(hash_fd(blob, back, &size), 0);
	assert_string_equal(back, hash);
	assert_int_equal(size, 3000001);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(before.st_mode & 07777, 0400);
	assert_int_equal(journal_blob_add(box->state, fd, hash, NULL), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	/* Of what is there and whole, the file is not even read again. */
	assert_int_equal(journal_blob_add(box->state, -1, hash, NULL), 0);
}

static void test_empty_content(void **data)
{
	struct box *box = *data;
	char hash[HASH_HEX_SIZE];
	CLEANUP_CLOSE int fd = open_in(box, "empty");
	CLEANUP_FREE char *path = NULL;

	assert_int_equal(hash_fd(fd, hash, NULL), 0);
	assert_int_equal(journal_blob_add(box->state, fd, hash, NULL), 0);
	assert_int_equal(journal_blob_find(box->state, hash, &path, NULL), 0);
}

static void test_damaged_blob_is_not_handed_out(void **data)
{
	struct box *box = *data;
	char hash[HASH_HEX_SIZE];
	CLEANUP_CLOSE int fd = big_file(box, hash);
	CLEANUP_FREE char *path = NULL, *again = NULL;

	assert_int_equal(journal_blob_add(box->state, fd, hash, NULL), 0);
	assert_int_equal(journal_blob_find(box->state, hash, &path, NULL), 0);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(truncate(path, 1000), 0);
	assert_int_equal(journal_blob_find(box->state, hash, &again, NULL), -EUCLEAN);
	assert_null(again);
}

/* What the next run replaces must be there when it is wanted back, whatever became of an earlier copy. */
static void test_damaged_blob_is_written_anew(void **data)
{
	struct box *box = *data;
	char hash[HASH_HEX_SIZE];
	CLEANUP_CLOSE int fd = big_file(box, hash);
	CLEANUP_FREE char *path = NULL, *again = NULL, *linked = NULL;
	struct stat st;

	assert_int_equal(journal_blob_add(box->state, fd, hash, NULL), 0);
	assert_int_equal(journal_blob_find(box->state, hash, &path, NULL), 0);
	/* Cut off; another byte in it; a link to what is right as long as it is there. */
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(truncate(path, 1000), 0);
	assert_int_equal(journal_blob_add(box->state, fd, hash, NULL), 0);
	assert_int_equal(chmod(path, 0600), 0);
	write_at(path, 2000000, "x");
	assert_int_equal(journal_blob_add(box->state, fd, hash, NULL), 0);
	assert_int_equal(journal_blob_find(box->state, hash, &again, NULL), 0);
	linked = xasprintf("%s/elsewhere", box->dir);
	assert_int_equal(rename(path, linked), 0);
	assert_int_equal(symlink(linked, path), 0);
	assert_int_equal(journal_blob_add(box->state, fd, hash, NULL), 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0400);
}

static void test_wrong_hash_leaves_nothing(void **data)
{
	struct box *box = *data;
	char hash[HASH_HEX_SIZE];
	CLEANUP_CLOSE int fd = big_file(box, hash);
	CLEANUP_FREE char *before = listing(box), *after = NULL, *path = NULL;

	hash[5] = hash[5] == 'a' ? 'b' : 'a';
	assert_int_equal(journal_blob_add(box->state, fd, hash, NULL), -EUCLEAN);
	after = listing(box);
	assert_string_equal(before, after);
	assert_int_equal(journal_blob_find(box->state, hash, &path, NULL), -ENOENT);
}

static void test_no_hash_no_path(void **data)
{
	struct box *box = *data;
	static const char *const bad[] = { "", "ab", "../../../../../../../../../../../../../../../../../../../../../../../../etc",
					   "zz23456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
					   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0" };

	CLEANUP_FREE char *path = NULL;

	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		assert_int_equal(journal_blob_add(box->state, 0, bad[i], NULL), -EINVAL);
		assert_int_equal(journal_blob_find(box->state, bad[i], &path, NULL), -EINVAL);
	}
}

static void test_two_processes_add_the_same(void **data)
{
	struct box *box = *data;
	char hash[HASH_HEX_SIZE];
	CLEANUP_CLOSE int fd = big_file(box, hash);
	CLEANUP_FREE char *after = NULL;
	pid_t pids[4];
	int status;

	for (int i = 0; i < 4; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(journal_blob_add(box->state, fd, hash, NULL) == 0 ? 0 : 1);
	}
	for (int i = 0; i < 4; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	after = listing(box);
	assert_non_null(strstr(after, hash + 2));
	assert_null(strstr(strstr(after, hash + 2) + 1, hash + 2));
}

static void test_root_gives_it_to_the_folders_owner(void **data)
{
	struct box *box = *data;
	char hash[HASH_HEX_SIZE];
	CLEANUP_CLOSE int fd = big_file(box, hash);
	CLEANUP_FREE char *path = xasprintf("%s/blobs/%.2s/%s", box->state, hash, hash + 2);
	CLEANUP_FREE char *dir = fs_dirname(path);
	struct stat st;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(box->state, 4711, 4711), 0);
	assert_int_equal(journal_blob_add(box->state, fd, hash, NULL), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 4711);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_uid, 4711);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_round_trip),
		TEST(test_empty_content),
		TEST(test_wrong_hash_leaves_nothing),
		TEST(test_damaged_blob_is_not_handed_out),
		TEST(test_damaged_blob_is_written_anew),
		TEST(test_no_hash_no_path),
		TEST(test_two_processes_add_the_same),
		TEST(test_root_gives_it_to_the_folders_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
