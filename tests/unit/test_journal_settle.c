/* What the next start makes of a run that died: before its swap, amid it, after it. */
#include "test_journal.h"

static void settle(struct journal *journal, const struct journal_image *now, unsigned int want)
{
	struct err err = ERR_INIT;
	unsigned int n = 99;

	if (journal_settle(journal, image, now, &n, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(n, want);
	/* What was settled stays so. */
	assert_int_equal(journal_settle(journal, image, now, &n, NULL), 0);
	assert_int_equal(n, 0);
}

static void test_settle_before_the_swap(void **data)
{
	struct journal *journal = open_box(*data);
	const struct journal_file file = { "/usr/bin/a", "package a", "11", NULL, 0755, 1, JOURNAL_PENDING };
	int64_t run = begin_run(journal, image), step, other = begin_run(journal, "/other");

	assert_int_equal(journal_step_begin(journal, run, "build", "a", &step, NULL), 0);
	assert_int_equal(journal_files_add(journal, run, &file, 1, NULL), 0);
	settle(journal, &old_image, 1);
	assert_run(journal, run, "1 refresh /images/harddrive.img failed interrupted - base=0123 0\n");
	assert_steps(journal, run, "build a failed interrupted 0\n");
	assert_files(journal, run, "/usr/bin/a package a 11 - 755 1 failed\n");
	assert_run(journal, other, "2 refresh /other pending - - base=0123 0\n");
}

static void test_settle_swap_not_happened(void **data)
{
	struct journal *journal = open_box(*data);
	const struct journal_image same_inode_elsewhere = { .dev = 2, .ino = shadow.ino };
	int64_t run = begin_swap(journal, image, "f1"), gone;

	settle(journal, &same_inode_elsewhere, 1);
	assert_run(journal, run, "1 refresh /images/harddrive.img failed interrupted - base=0123 0\n");
	gone = begin_swap(journal, image, "f2");
	settle(journal, NULL, 1);
	assert_run(journal, gone, "2 refresh /images/harddrive.img failed interrupted - base=0123 0\n");
	/* Even if the image gets that inode later. */
	settle(journal, &shadow, 0);
	assert_fingerprints(journal, image, "");
	assert_files(journal, run, "/usr/bin/a package a 11 - 755 1 failed\n");
}

static void test_settle_swap_happened(void **data)
{
	struct journal *journal = open_box(*data);
	struct journal_image now = shadow, known;
	int64_t run = begin_swap(journal, image, "f1"), step;

	/* A guest that booted it since has changed its time, not its inode. */
	now.mtime_ns = 77;
	assert_int_equal(journal_step_begin(journal, run, "swap", image, &step, NULL), 0);
	settle(journal, &now, 1);
	assert_run(journal, run, "1 refresh /images/harddrive.img ok - a base=0123 0\n");
	assert_steps(journal, run, "swap /images/harddrive.img ok - 0\n");
	assert_files(journal, run, "/usr/bin/a package a 11 - 755 1 ok\n");
	assert_fingerprints(journal, image, "package a f1 fresh 1\n");
	assert_int_equal(journal_image_get(journal, image, &known, NULL), 1);
	assert_same_image(&known, &shadow);
}

static void test_settle_after_the_swap(void **data)
{
	struct journal *journal = open_box(*data);
	int64_t run = begin_swap(journal, image, "f1"), failed, step;

	assert_int_equal(journal_swap_done(journal, run, NULL), 0);
	settle(journal, &shadow, 1);
	assert_run(journal, run, "1 refresh /images/harddrive.img ok - a base=0123 0\n");
	/* The same of a run in which another package had failed to build. */
	failed = begin_swap(journal, image, "f2");
	assert_int_equal(journal_step_begin(journal, failed, "build", "b", &step, NULL), 0);
	assert_int_equal(journal_step_end(journal, step, JOURNAL_FAILED, "exited with 101", 3, NULL), 0);
	settle(journal, &shadow, 1);
	assert_run(journal, failed, "2 refresh /images/harddrive.img failed interrupted after the swap a base=0123 0\n");
	assert_fingerprints(journal, image, "package a f2 fresh 2\n");
}

/* The swap has happened but the journal could not be told, so the run ended as failed. */
static void test_settle_a_run_that_ended_with_a_pending_swap(void **data)
{
	struct journal *journal = open_box(*data);
	int64_t run = begin_swap(journal, image, "f1");

	assert_int_equal(journal_run_end(journal, run, JOURNAL_FAILED, NULL, "the disk was full", 5, NULL), 0);
	assert_files(journal, run, "/usr/bin/a package a 11 - 755 1 pending\n");
	settle(journal, &shadow, 1);
	assert_run(journal, run, "1 refresh /images/harddrive.img ok - a base=0123 5\n");
	/* And one whose swap has not. */
	run = begin_swap(journal, image, "f2");
	assert_int_equal(journal_run_end(journal, run, JOURNAL_CANCELLED, NULL, "interrupted", 5, NULL), 0);
	settle(journal, &old_image, 1);
	assert_run(journal, run, "2 refresh /images/harddrive.img cancelled interrupted - base=0123 5\n");
	assert_files(journal, run, "/usr/bin/a package a 11 - 755 1 failed\n");
	assert_fingerprints(journal, image, "package a f1 fresh 1\n");
}

static void test_settle_takes_the_newest_of_two(void **data)
{
	struct journal *journal = open_box(*data);
	int64_t first = begin_swap(journal, image, "f1"), second = begin_swap(journal, image, "f2");

	settle(journal, &shadow, 2);
	assert_run(journal, first, "1 refresh /images/harddrive.img failed interrupted - base=0123 0\n");
	assert_run(journal, second, "2 refresh /images/harddrive.img ok - a base=0123 0\n");
	assert_fingerprints(journal, image, "package a f2 fresh 2\n");
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_settle_before_the_swap),
		TEST(test_settle_swap_not_happened),
		TEST(test_settle_swap_happened),
		TEST(test_settle_after_the_swap),
		TEST(test_settle_a_run_that_ended_with_a_pending_swap),
		TEST(test_settle_takes_the_newest_of_two),
	};

	umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
