/* journal/db - SQLite as the journal needs it: open, transactions, statements in one call, errors as -errno with a sentence.
 *
 * Sequence: journal_db_open(), then journal_db_migrate(); reads by journal_db_query() at any time, writes only between journal_db_begin() and
 *           journal_db_commit(), so that each is one BEGIN IMMEDIATE. A begun transaction is held by a pointer with CLEANUP(journal_db_abortp);
 *           the commit consumes it.
 * Values:   a statement's parameters follow a string of types: 's' const char * (NULL is NULL), 'i' int64_t, 'u' uint64_t. Cast what is smaller.
 * Rows:     a query is read to its end before it returns, so that no read transaction is open while a caller prints, waits or writes.
 * Threads:  a handle belongs to one thread. Never carry it across a fork. */
#ifndef REINJECT_JOURNAL_DB_H
#define REINJECT_JOURNAL_DB_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct journal_db;

enum journal_db_mode {
	JOURNAL_DB_WAL,      /* read and write, write-ahead log */
	JOURNAL_DB_ROLLBACK, /* read and write, rollback journal: for network file systems, which have no shared memory */
	JOURNAL_DB_READ_ONLY /* the file is not written; the log's index beside it may be made */
};

/** Opens the existing file @path (it may be empty, unless JOURNAL_DB_READ_ONLY: -ENOENT). -EUCLEAN when it is no database. */
int journal_db_open(const char *path, enum journal_db_mode mode, struct journal_db **ret, struct err *err) MUST_CHECK;
void journal_db_free(struct journal_db *db);
void journal_db_freep(struct journal_db **db); /* for CLEANUP */

/** Brings the tables from the version in the file (PRAGMA user_version) to @n by running @steps[version] ... @steps[n-1], all or none. One that is
 * open read-only is copied into memory for that, as it is now: who only looks changes nothing, and need not be allowed to. A file that is newer than @n
 * is refused (-EPROTO), one without tables that is open read-only, too (-ENOENT). */
int journal_db_migrate(struct journal_db *db, const char *const *steps, int64_t n, struct err *err) MUST_CHECK;

/** Before the handle is closed: everything goes into the file, and nothing stays beside it. */
int journal_db_fold(struct journal_db *db, struct err *err) MUST_CHECK;

/** Starts a write, waiting 5 s at most for another writer. @durable: on disk when the commit returns, rather than some moments later. */
int journal_db_begin(struct journal_db *db, bool durable, struct journal_db **ret_transaction, struct err *err) MUST_CHECK;
int journal_db_commit(struct journal_db **transaction, struct err *err) MUST_CHECK;
void journal_db_abortp(struct journal_db **transaction); /* for CLEANUP: rolls back what was not committed */

/** Runs one statement that gives no rows. @ret_changed (may be NULL): how many rows it changed. */
int journal_db_run(struct journal_db *db, int64_t *ret_changed, struct err *err, const char *sql, const char *types, ...) MUST_CHECK;
/** The rowid of the last INSERT. */
int64_t journal_db_last_id(const struct journal_db *db);

struct journal_rows {
	char **cells; /* owned, row after row; NULL is SQL's NULL */
	size_t n, n_columns, cap;
};
/** Reads all rows of a SELECT into @ret, which must be zeroed. */
int journal_db_query(struct journal_db *db, struct journal_rows *ret, struct err *err, const char *sql, const char *types, ...) MUST_CHECK;
/** A cell as text, or NULL. */
const char *journal_db_text(const struct journal_rows *rows, size_t row, size_t column);
/** A cell as a number, 0 for NULL. What was stored as uint64_t comes back by a cast. */
int64_t journal_db_int(const struct journal_rows *rows, size_t row, size_t column);
void journal_db_rows_clear(struct journal_rows *rows);

#endif
