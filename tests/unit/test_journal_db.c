/* The database below the journal: schema steps, modes, transactions. */
#include "test_journal.h"

#include "journal/db.h"

static struct journal_db *open_db(struct box *box, enum journal_db_mode mode)
{
	CLEANUP_FREE char *path = xasprintf("%s/x.db", box->dir);
	struct journal_db *db = NULL;
	struct err err = ERR_INIT;

	if (!fs_exists(path))
		scratch_write(box->dir, "x.db", "");
	if (journal_db_open(path, mode, &db, &err) < 0)
		fail_msg("%s", err.message);
	return db;
}

static void test_migrations(void **data)
{
	static const char *const good[] = { "CREATE TABLE a (x)", "INSERT INTO a VALUES (1)", "INSERT INTO a VALUES (2)" };
	static const char *const bad[] = { "", "", "", "INSERT INTO a VALUES (3)", "INSERT INTO nowhere VALUES (4)" };
	CLEANUP(journal_db_freep) struct journal_db *db = open_db(*data, JOURNAL_DB_WAL);
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(journal_db_migrate(db, good, 2, NULL), 0);
	assert_int_equal(journal_db_migrate(db, good, 2, NULL), 0);
	assert_int_equal(journal_db_migrate(db, good, 3, NULL), 0);
	assert_true(journal_db_migrate(db, bad, 5, &err) < 0);
	assert_int_equal(journal_db_query(db, &rows, NULL, "SELECT count(*), (SELECT user_version FROM pragma_user_version) FROM a", ""), 0);
	assert_int_equal(journal_db_int(&rows, 0, 0), 2);
	assert_int_equal(journal_db_int(&rows, 0, 1), 3);
	assert_int_equal(journal_db_migrate(db, good, 2, &err), -EPROTO);
	assert_int_equal(err.class, ERR_USAGE);
}

/* Whoever only looks at what an older program has left sees all of it as it would be now, and the file stays the older program's. */
static void test_an_older_journal_is_read_without_being_changed(void **data)
{
	static const char *const steps[] = { "CREATE TABLE a (x)", "ALTER TABLE a ADD COLUMN y DEFAULT 7", "ALTER TABLE nowhere ADD COLUMN z" };
	CLEANUP(journal_db_freep) struct journal_db *writer = open_db(*data, JOURNAL_DB_WAL), *reader = NULL;
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 }, version = { 0 };
	struct box *box = *data;
	char *const listing[] = { "sh", "-c", "cksum x.db x.db-wal", NULL };
	CLEANUP_FREE char *before = NULL, *after = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(journal_db_migrate(writer, steps, 1, NULL), 0);
	/* This one is still in the log alone. */
	assert_int_equal(journal_db_run(writer, NULL, NULL, "INSERT INTO a VALUES (1)", ""), 0);
	before = scratch_run(listing, box->dir, NULL);
	reader = open_db(*data, JOURNAL_DB_READ_ONLY);
	if (journal_db_migrate(reader, steps, 2, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(journal_db_query(reader, &rows, NULL, "SELECT x + y FROM a", ""), 0);
	assert_int_equal(rows.n, 1);
	assert_int_equal(journal_db_int(&rows, 0, 0), 8);
	assert_int_equal(journal_db_run(reader, NULL, NULL, "INSERT INTO a VALUES (2, 2)", ""), -EROFS);
	after = scratch_run(listing, box->dir, NULL);
	assert_string_equal(after, before);
	assert_int_equal(journal_db_query(writer, &version, NULL, "PRAGMA user_version", ""), 0);
	assert_int_equal(journal_db_int(&version, 0, 0), 1);
	/* A step that fails is told, as it is when the file itself is brought up to date. */
	journal_db_free(reader);
	reader = open_db(*data, JOURNAL_DB_READ_ONLY);
	assert_true(journal_db_migrate(reader, steps, 3, &err) < 0);
	assert_non_null(strstr(err.message, "nowhere"));
}

static void test_rollback_mode_for_network_folders(void **data)
{
	CLEANUP(journal_db_freep) struct journal_db *db = open_db(*data, JOURNAL_DB_WAL);
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	static const char *const steps[] = { "CREATE TABLE a (x)" };

	assert_int_equal(journal_db_migrate(db, steps, 1, NULL), 0);
	journal_db_free(db);
	db = open_db(*data, JOURNAL_DB_ROLLBACK);
	assert_int_equal(journal_db_query(db, &rows, NULL, "PRAGMA journal_mode", ""), 0);
	assert_string_equal(journal_db_text(&rows, 0, 0), "delete");
	journal_db_rows_clear(&rows);
	assert_int_equal(journal_db_query(db, &rows, NULL, "PRAGMA synchronous", ""), 0);
	assert_int_equal(journal_db_int(&rows, 0, 0), 2);
}

static void test_transactions(void **data)
{
	CLEANUP(journal_db_freep) struct journal_db *db = open_db(*data, JOURNAL_DB_WAL), *other = open_db(*data, JOURNAL_DB_WAL);
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	static const char *const steps[] = { "CREATE TABLE a (x)" };

	assert_int_equal(journal_db_migrate(db, steps, 1, NULL), 0);
	{
		CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;

		assert_int_equal(journal_db_begin(db, false, &transaction, NULL), 0);
		assert_int_equal(journal_db_run(db, NULL, NULL, "INSERT INTO a VALUES (1)", ""), 0);
	}
	/* Dropped without a commit: nothing is held, nothing was written. */
	for (int durable = 0; durable < 2; durable++) {
		CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;

		assert_int_equal(journal_db_begin(other, durable, &transaction, NULL), 0);
		journal_db_rows_clear(&rows);
		assert_int_equal(journal_db_query(other, &rows, NULL, "PRAGMA synchronous", ""), 0);
		assert_int_equal(journal_db_int(&rows, 0, 0), durable ? 2 : 1);
		assert_int_equal(journal_db_run(other, NULL, NULL, "INSERT INTO a VALUES (2)", ""), 0);
		assert_int_equal(journal_db_commit(&transaction, NULL), 0);
		assert_null(transaction);
	}
	journal_db_rows_clear(&rows);
	assert_int_equal(journal_db_query(db, &rows, NULL, "SELECT x FROM a", ""), 0);
	assert_int_equal(rows.n, 2);
	assert_int_equal(journal_db_int(&rows, 0, 0), 2);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_migrations),
		TEST(test_an_older_journal_is_read_without_being_changed),
		TEST(test_rollback_mode_for_network_folders),
		TEST(test_transactions),
	};

	umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
