/* The journal's folder: several processes, readers who may not write, a file that is damaged, folders that are not ours. */
#include "test_journal.h"

enum { N_WRITERS = 4, N_RUNS = 40 };

static int write_runs(const char *state)
{
	CLEANUP(journal_freep) struct journal *journal = NULL;
	struct err err = ERR_INIT;
	int64_t run, last, pending;

	if (journal_open(state, false, &journal, &err) < 0)
		goto failed;
	for (int i = 0; i < N_RUNS; i++) {
		/* A read between the writes: a transaction that grew from it would fail at once when another process wrote. */
		if (journal_last_run(journal, image, &last, &pending, &err) < 0 ||
		    journal_run_begin(journal, "build", image, NULL, &run, &err) < 0 ||
		    journal_run_end(journal, run, JOURNAL_OK, NULL, NULL, 0, &err) < 0)
			goto failed;
	}
	return 0;
failed:
	fprintf(stderr, "%s\n", err.message);
	return 1;
}

static void test_processes_write_at_once(void **data)
{
	struct box *box = *data;
	CLEANUP(seen_clear) struct seen seen = { 0 };
	pid_t pids[N_WRITERS];
	int status;

	/* The journal does not exist yet: they make it together. */
	for (int i = 0; i < N_WRITERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(write_runs(box->state));
	}
	for (int i = 0; i < N_WRITERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(journal_runs(open_box(box), image, 0, 0, see_run, &seen, NULL), 0);
	assert_int_equal(seen.n, N_WRITERS * N_RUNS);
	assert_int_equal(begin_run(box->journal, image), N_WRITERS * N_RUNS + 1);
}

static void test_read_only(void **data)
{
	struct box *box = *data;
	CLEANUP(journal_freep) struct journal *reader = NULL;
	CLEANUP_FREE char *before = NULL, *after = NULL;
	char *const listing[] = { "find", ".", "-not", "-name", "*-shm", "-printf", "%p %s %T@ %m\n", NULL };
	int64_t last, pending;
	struct err err = ERR_INIT;

	assert_int_equal(journal_open(box->state, true, &reader, &err), -ENOENT);
	assert_false(fs_exists(box->state));
	begin_run(open_box(box), image);
	journal_free(TAKE_PTR(box->journal));
	before = scratch_run(listing, box->dir, NULL);
	assert_int_equal(journal_open(box->state, true, &reader, &err), 0);
	assert_int_equal(journal_last_run(reader, image, &last, &pending, NULL), 0);
	assert_int_equal(last, 1);
	assert_int_equal(journal_run_end(reader, 1, JOURNAL_OK, NULL, NULL, 0, &err), -EROFS);
	after = scratch_run(listing, box->dir, NULL);
	assert_string_equal(before, after);
	/* It sees what is written beside it, and does not hinder it, in the same process too. */
	begin_run(open_box(box), image);
	assert_int_equal(journal_last_run(reader, image, &last, &pending, NULL), 0);
	assert_int_equal(last, 2);
}

static void test_empty_file_is_no_journal_yet(void **data)
{
	struct box *box = *data;
	CLEANUP(journal_freep) struct journal *reader = NULL;

	scratch_write(box->state, "journal.db", "");
	assert_int_equal(journal_open(box->state, true, &reader, NULL), -ENOENT);
	assert_int_equal(begin_run(open_box(box), image), 1);
}

static int read_one_run(const char *state)
{
	CLEANUP(journal_freep) struct journal *journal = NULL;
	struct err err = ERR_INIT;
	int64_t last = 0, pending;

	if (journal_open(state, true, &journal, &err) < 0 || journal_last_run(journal, image, &last, &pending, &err) < 0)
		return 50;
	return (int)last;
}

static void remove_file(const char *dir, const char *name)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(unlink(path), 0);
}

static void test_read_only_folder_of_another_user(void **data)
{
	struct box *box = *data;

	if (geteuid() != 0)
		skip();
	begin_run(open_box(box), image);
	begin_run(box->journal, image);
	assert_int_equal(chmod(box->dir, 0755), 0);
	assert_int_equal(chmod(box->state, 0755), 0);
	assert_int_equal(in_child(read_one_run, box->state, 65534), 2); /* beside a writer */
	journal_free(TAKE_PTR(box->journal));
	assert_int_equal(in_child(read_one_run, box->state, 65534), 2); /* with the log of a writer that has gone */
	remove_file(box->state, "journal.db-shm");
	remove_file(box->state, "journal.db-wal");
	assert_int_equal(in_child(read_one_run, box->state, 65534), 2); /* with the file alone */
	scratch_write(box->state, "journal.db-wal", "something");
	assert_int_equal(in_child(read_one_run, box->state, 65534), 50); /* with a log that it cannot read */
}

static void damage(const char *state, off_t at, size_t n)
{
	CLEANUP_FREE char *path = xasprintf("%s/journal.db", state);
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(pwrite(fd, "\xa5", 1, at + (off_t)i), 1);
}

static void test_damaged_file(void **data)
{
	struct box *box = *data;
	CLEANUP(seen_clear) struct seen seen = { 0 };
	struct err err = ERR_INIT;

	begin_run(open_box(box), image);
	journal_free(TAKE_PTR(box->journal));
	damage(box->state, 4096, 40000);
	assert_int_equal(journal_open(box->state, false, &box->journal, &err), 0);
	assert_int_equal(journal_runs(box->journal, NULL, 0, 0, see_run, &seen, &err), -EUCLEAN);
	assert_non_null(strstr(err.message, "journal.db'"));
	journal_free(TAKE_PTR(box->journal));
	damage(box->state, 0, 100);
	for (int read_only = 0; read_only < 2; read_only++) {
		err = ERR_INIT;
		assert_int_equal(journal_open(box->state, read_only, &box->journal, &err), -EUCLEAN);
		assert_non_null(strstr(err.hint, "move '"));
		assert_null(box->journal);
	}
}

static void test_folder_that_others_can_write(void **data)
{
	struct box *box = *data;
	struct err err = ERR_INIT;

	assert_int_equal(mkdir(box->state, 0700), 0);
	assert_int_equal(chmod(box->state, 0777), 0);
	for (int read_only = 0; read_only < 2; read_only++) {
		assert_int_equal(journal_open(box->state, read_only, &box->journal, &err), -EPERM);
		assert_int_equal(err.class, ERR_USAGE);
	}
	assert_int_equal(chmod(box->state, 0775), 0);
	open_box(box);
}

static int open_refused(const char *state)
{
	struct journal *journal = NULL;
	struct err err = ERR_INIT;
	int r = journal_open(state, false, &journal, &err);

	return r == -EPERM && err.class == ERR_USAGE && !journal ? 0 : 1;
}

static void test_folder_of_another_user(void **data)
{
	struct box *box = *data;

	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(box->state, 0700), 0);
	assert_int_equal(chmod(box->dir, 0755), 0);
	assert_int_equal(chown(box->state, 4711, 4711), 0);
	unsetenv("SUDO_UID");
	assert_int_equal(in_child(open_refused, box->state, 65534), 0);
	assert_int_equal(open_refused(box->state), 0);
	/* SUDO_UID counts for root only: anybody can set it. */
	setenv("SUDO_UID", "4711", 1);
	assert_int_equal(in_child(open_refused, box->state, 65534), 0);
	open_box(box);
	unsetenv("SUDO_UID");
}

static int write_as_owner(const char *state)
{
	CLEANUP(journal_freep) struct journal *journal = NULL;
	struct err err = ERR_INIT;
	int64_t run;

	if (journal_open(state, false, &journal, &err) == 0 && journal_run_begin(journal, "build", image, NULL, &run, &err) == 0)
		return (int)run;
	fprintf(stderr, "%s\n", err.message);
	return 50;
}

static void test_root_makes_it_for_the_folders_owner(void **data)
{
	struct box *box = *data;
	static const char *const names[] = { "", "journal.db", "journal.db-wal", "journal.db-shm", ".gitignore", "CACHEDIR.TAG" };
	struct stat st;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(box->dir, 4711, 4712), 0);
	free(box->state);
	box->state = xasprintf("%s/made/.reinject", box->dir);
	begin_run(open_box(box), image);
	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", box->state, names[i]);

		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_uid, 4711);
		assert_int_equal(st.st_gid, 4712);
	}
	journal_free(TAKE_PTR(box->journal));
	assert_int_equal(in_child(write_as_owner, box->state, 4711), 2);
	assert_int_equal(begin_run(open_box(box), image), 3);
}

static void test_strange_names(void **data)
{
	struct box *box = *data;

	free(box->state);
	box->state = xasprintf("%s/a b?c%%20d#e'f&mode=memory", box->dir);
	begin_run(open_box(box), "/im'age\n\xff.img");
	assert_int_equal(mode_of(box->state, "journal.db") & S_IFMT, S_IFREG);
	assert_run(box->journal, 1, "1 refresh /im'age\n\xff.img pending - - base=0123 0\n");
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_processes_write_at_once),
		TEST(test_read_only),
		TEST(test_empty_file_is_no_journal_yet),
		TEST(test_read_only_folder_of_another_user),
		TEST(test_damaged_file),
		TEST(test_folder_that_others_can_write),
		TEST(test_folder_of_another_user),
		TEST(test_root_makes_it_for_the_folders_owner),
		TEST(test_strange_names),
	};

	umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
