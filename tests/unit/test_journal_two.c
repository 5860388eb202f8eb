/* Two writers at once: the second begins when the first has ended, and sees what that one wrote. */
#include "journal/db.h"

#include "base/str.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* How long a second writer is listened to that must not be heard of yet. */
enum { LISTEN_MS = 200, ANSWER_MS = 10000 };

struct box {
	char dir[32], path[64];
};

static struct journal_db *open_db(const struct box *box, enum journal_db_mode mode)
{
	struct journal_db *db = NULL;

	return journal_db_open(box->path, mode, &db, NULL) < 0 ? NULL : db;
}

static int set_up(void **state)
{
	static struct box box;

	box = (struct box){ .dir = "/tmp/reinject-two-XXXXXX" };
	if (!mkdtemp(box.dir))
		return -1;
	snprintf(box.path, sizeof(box.path), "%s/journal.db", box.dir);
	close(open(box.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	*state = &box;
	return 0;
}

static int tear_down(void **state)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-journal" };
	struct box *box = *state;

	for (size_t i = 0; i < N_ELEMENTS(ends); i++) {
		CLEANUP_FREE char *path = xasprintf("%s%s", box->path, ends[i]);

		unlink(path);
	}
	return rmdir(box->dir);
}

/* In a process of its own: says 'b' before it begins, then the number that it finds, as a digit. */
static void second_writer(const struct box *box, enum journal_db_mode mode, int fd)
{
	CLEANUP(journal_db_freep) struct journal_db *db = open_db(box, mode);
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	char answer = '?';

	if (!db || write(fd, "b", 1) != 1 || journal_db_begin(db, false, &transaction, NULL) < 0)
		return;
	if (journal_db_query(db, &rows, NULL, "SELECT n FROM t", "") == 0 && rows.n == 1)
		answer = (char)('0' + journal_db_int(&rows, 0, 0));
	if (journal_db_run(db, NULL, NULL, "UPDATE t SET n = n + 1", "") < 0 || journal_db_commit(&transaction, NULL) < 0)
		answer = '!';
	(void)!write(fd, &answer, 1);
}

static char hear(int fd, int limit_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c = 0;

	return poll(&p, 1, limit_ms) == 1 && read(fd, &c, 1) == 1 ? c : 0;
}

static void check_two(const struct box *box, enum journal_db_mode mode)
{
	static const char *const steps[] = { "CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (1)" };
	CLEANUP(journal_db_freep) struct journal_db *db = open_db(box, mode);
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	int fds[2], gate[2], status;
	pid_t pid;

	assert_non_null(db);
	assert_int_equal(journal_db_migrate(db, steps, 1, NULL), 0);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(pipe(gate), 0);
	/* Before the first begins: a handle that is in use must not be forked, POSIX locks are the process's. */
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char go;

		if (read(gate[0], &go, 1) == 1)
			second_writer(box, mode, fds[1]);
		_exit(0);
	}
	close(fds[1]);
	assert_int_equal(journal_db_begin(db, false, &transaction, NULL), 0);
	assert_int_equal(write(gate[1], "g", 1), 1);
	assert_int_equal(hear(fds[0], ANSWER_MS), 'b');
	assert_int_equal(hear(fds[0], LISTEN_MS), 0);
	assert_int_equal(journal_db_run(db, NULL, NULL, "UPDATE t SET n = 5", ""), 0);
	assert_int_equal(journal_db_commit(&transaction, NULL), 0);
	assert_int_equal(hear(fds[0], ANSWER_MS), '5');
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(fds[0]);
	close(gate[0]);
	close(gate[1]);
}

static void with_a_log(void **state)
{
	check_two(*state, JOURNAL_DB_WAL);
}

static void with_a_rollback_journal(void **state)
{
	check_two(*state, JOURNAL_DB_ROLLBACK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(with_a_log, set_up, tear_down),
		cmocka_unit_test_setup_teardown(with_a_rollback_journal, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("journal, two writers", tests, NULL, NULL);
}
