#include "journal/db.h"

#include "base/clock.h"
#include "base/str.h"

#include <sqlite3.h>

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

enum { BUSY_MS = 5000, BUSY_PAUSE_MS = 5 };

/* A log that a big transaction blew up is cut to this when it is started afresh. */
#define LOG_LIMIT "1048576"

struct journal_db {
	sqlite3 *sql; /* owned */
	char *path;   /* owned */
	enum journal_db_mode mode;
	bool durable; /* what PRAGMA synchronous says now: FULL or NORMAL */
};

static int errno_of(sqlite3 *sql, int code)
{
	int system = sql ? sqlite3_system_errno(sql) : 0;

	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_MISUSE:
		return -EINVAL;
	case SQLITE_CANTOPEN:
		return system > 0 ? -system : -EACCES;
	default:
		return system > 0 ? -system : -EIO;
	}
}

static int fail(const struct journal_db *db, int code, struct err *err)
{
	int r = errno_of(db->sql, code);

	err_class_set(err, r == -EBUSY ? ERR_BUSY : ERR_FAILED, r, "journal '%s': %s", db->path,
		      db->sql ? sqlite3_errmsg(db->sql) : sqlite3_errstr(code));
	if (r == -EUCLEAN)
		err_hint(err, "move '%s' away; the next start makes a new one and compares what it has with the image", db->path);
	else if (r == -EROFS || r == -EACCES)
		err_hint(err, "'%s' and its folder must be writable: were they made by another user, or by root?", db->path);
	else if (r == -EBUSY)
		err_hint(err, "another process has been writing it for %d s", BUSY_MS / 1000);
	return r;
}

/* -- statements ---------------------------------------------------------------------------------------------------------------------------- */

static void finalize_statement(sqlite3_stmt **stmt)
{
	sqlite3_finalize(*stmt);
}

/* One place reads the arguments: a va_list that was handed on may not be read further here. */
static int bind_all(sqlite3_stmt *stmt, const char *types, va_list args)
{
	int r = SQLITE_OK;

	for (int i = 0; r == SQLITE_OK && types[i]; i++) {
		/* The caller's strings outlive the statement; a NULL string binds NULL. */
		if (types[i] == 's')
			r = sqlite3_bind_text(stmt, i + 1, va_arg(args, const char *), -1, SQLITE_STATIC);
		else if (types[i] == 'u')
			r = sqlite3_bind_int64(stmt, i + 1, (int64_t)va_arg(args, uint64_t));
		else
			r = sqlite3_bind_int64(stmt, i + 1, va_arg(args, int64_t));
	}
	return r;
}

static int prepare(struct journal_db *db, sqlite3_stmt **ret, struct err *err, const char *sql, const char *types, va_list args)
{
	CLEANUP(finalize_statement) sqlite3_stmt *stmt = NULL;
	int r = sqlite3_prepare_v2(db->sql, sql, -1, &stmt, NULL);

	if (r == SQLITE_OK)
		r = bind_all(stmt, types, args);
	if (r != SQLITE_OK)
		return fail(db, r, err);
	*ret = TAKE_PTR(stmt);
	return 0;
}

int journal_db_run(struct journal_db *db, int64_t *ret_changed, struct err *err, const char *sql, const char *types, ...)
{
	CLEANUP(finalize_statement) sqlite3_stmt *stmt = NULL;
	va_list args;
	int r;

	va_start(args, types);
	r = prepare(db, &stmt, err, sql, types, args);
	va_end(args);
	if (r < 0)
		return r;
	do {
		r = sqlite3_step(stmt);
	} while (r == SQLITE_ROW);
	if (r != SQLITE_DONE)
		return fail(db, r, err);
	if (ret_changed)
		*ret_changed = sqlite3_changes(db->sql);
	return 0;
}

int64_t journal_db_last_id(const struct journal_db *db)
{
	return sqlite3_last_insert_rowid(db->sql);
}

static void add_row(struct journal_rows *rows, sqlite3_stmt *stmt)
{
	size_t at = rows->n * rows->n_columns;

	grow_array(&rows->cells, &rows->cap, at + rows->n_columns, sizeof(*rows->cells));
	for (size_t i = 0; i < rows->n_columns; i++) {
		const char *text = (const char *)sqlite3_column_text(stmt, (int)i);

		rows->cells[at + i] = text ? xstrdup(text) : NULL;
	}
	rows->n++;
}

int journal_db_query(struct journal_db *db, struct journal_rows *ret, struct err *err, const char *sql, const char *types, ...)
{
	CLEANUP(finalize_statement) sqlite3_stmt *stmt = NULL;
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	va_list args;
	int r;

	va_start(args, types);
	r = prepare(db, &stmt, err, sql, types, args);
	va_end(args);
	if (r < 0)
		return r;
	rows.n_columns = (size_t)sqlite3_column_count(stmt);
	while ((r = sqlite3_step(stmt)) == SQLITE_ROW)
		add_row(&rows, stmt);
	if (r != SQLITE_DONE)
		return fail(db, r, err);
	*ret = rows;
	rows = (struct journal_rows){ 0 };
	return 0;
}

const char *journal_db_text(const struct journal_rows *rows, size_t row, size_t column)
{
	return rows->cells[row * rows->n_columns + column];
}

int64_t journal_db_int(const struct journal_rows *rows, size_t row, size_t column)
{
	const char *text = journal_db_text(rows, row, column);

	return text ? strtoll(text, NULL, 10) : 0;
}

void journal_db_rows_clear(struct journal_rows *rows)
{
	for (size_t i = 0; i < rows->n * rows->n_columns; i++)
		free(rows->cells[i]);
	free(rows->cells);
	*rows = (struct journal_rows){ 0 };
}

/* -- transactions -------------------------------------------------------------------------------------------------------------------------- */

/* Under a rollback journal NORMAL could lose the file itself, not just its last rows, so there it is always FULL. */
static int set_durable(struct journal_db *db, bool durable, struct err *err)
{
	int r;

	if (db->mode == JOURNAL_DB_ROLLBACK)
		durable = true;
	if (db->durable == durable)
		return 0;
	r = journal_db_run(db, NULL, err, durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", "");
	if (r == 0)
		db->durable = durable;
	return r;
}

int journal_db_begin(struct journal_db *db, bool durable, struct journal_db **ret_transaction, struct err *err)
{
	int r = set_durable(db, durable, err);

	if (r == 0)
		r = journal_db_run(db, NULL, err, "BEGIN IMMEDIATE", "");
	if (r == 0)
		*ret_transaction = db;
	return r;
}

int journal_db_commit(struct journal_db **transaction, struct err *err)
{
	/* On failure the pointer stays, and its cleanup rolls back. */
	int r = journal_db_run(*transaction, NULL, err, "COMMIT", "");

	if (r == 0)
		*transaction = NULL;
	return r;
}

void journal_db_abortp(struct journal_db **transaction)
{
	/* SQLite has rolled back by itself after some errors; then this one is in vain, and ignored. */
	if (*transaction)
		sqlite3_exec((*transaction)->sql, "ROLLBACK", NULL, NULL, NULL);
}

/* -- open ---------------------------------------------------------------------------------------------------------------------------------- */

static char *uri_of(const char *path, const char *parameters)
{
	CLEANUP(str_clear) struct str uri = { 0 };

	str_add(&uri, "file:");
	for (; *path; path++) {
		if (strchr("%?#", *path))
			str_printf(&uri, "%%%02x", (unsigned char)*path);
		else
			str_add_c(&uri, *path);
	}
	str_printf(&uri, "?%s", parameters);
	return str_take(&uri);
}

static int read_version(struct journal_db *db, int64_t *ret, struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(db, &rows, err, "PRAGMA user_version", "");

	if (r == 0)
		*ret = rows.n > 0 ? journal_db_int(&rows, 0, 0) : 0;
	return r;
}

/* Opens, and reads a page, so that what is wrong with the file shows here. */
static int open_as(struct journal_db *db, const char *parameters, int flags, struct err *err)
{
	CLEANUP_FREE char *uri = uri_of(db->path, parameters);
	int64_t version;
	int r;

	sqlite3_close(db->sql);
	db->sql = NULL;
	r = sqlite3_open_v2(uri, &db->sql, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
	if (r != SQLITE_OK)
		return fail(db, r, err);
	sqlite3_busy_timeout(db->sql, BUSY_MS);
	return read_version(db, &version, err);
}

static bool log_is_empty(const char *path)
{
	CLEANUP_FREE char *log = xasprintf("%s-wal", path);
	struct stat st;

	return stat(log, &st) < 0 || st.st_size == 0;
}

/* The log and its index lie there, since writers leave them (PERSIST_WAL). Where they were lost and the folder cannot be written (a copied folder, a
 * read-only file system), the file alone says it all, unless the log holds something. SQLite's readonly_shm is no way: it would make every writer in
 * the same process read-only too. */
static int open_read_only(struct journal_db *db, struct err *err)
{
	struct stat st;
	int r;

	if (stat(db->path, &st) < 0)
		return err_set(err, -errno, "cannot open journal '%s'", db->path);
	if (st.st_size == 0)
		return err_set(err, -ENOENT, "journal '%s' is empty!", db->path);
	r = open_as(db, "mode=ro", SQLITE_OPEN_READONLY, err);
	if (r == 0 || r == -EUCLEAN || r == -EBUSY || !log_is_empty(db->path))
		return r;
	return open_as(db, "mode=ro&immutable=1", SQLITE_OPEN_READONLY, err);
}

static int try_journal_mode(struct journal_db *db, struct err *err)
{
	const char *want = db->mode == JOURNAL_DB_WAL ? "wal" : "delete";
	CLEANUP(journal_db_rows_clear) struct journal_rows now = { 0 };
	int r = journal_db_query(db, &now, err, "PRAGMA journal_mode", "");

	if (r < 0 || (now.n > 0 && str_eq(journal_db_text(&now, 0, 0), want)))
		return r;
	return journal_db_run(db, NULL, err, db->mode == JOURNAL_DB_WAL ? "PRAGMA journal_mode=WAL" : "PRAGMA journal_mode=DELETE", "");
}

/* Two processes that make the same journal would each wait for the other's shared lock; SQLite then gives up at once, without its busy handler. */
static int set_journal_mode(struct journal_db *db, struct err *err)
{
	int64_t end = clock_ms() + BUSY_MS;
	int r;

	while ((r = try_journal_mode(db, err)) == -EBUSY && clock_ms() < end)
		(void)poll(NULL, 0, BUSY_PAUSE_MS);
	return r;
}

static int open_for_writing(struct journal_db *db, struct err *err)
{
	int keep_log = 1;
	int r = open_as(db, "mode=rw", SQLITE_OPEN_READWRITE, err);

	if (r < 0)
		return r;
	if (sqlite3_db_readonly(db->sql, "main") == 1)
		return fail(db, SQLITE_READONLY, err);
	r = set_journal_mode(db, err);
	if (r == 0)
		r = journal_db_run(db, NULL, err, "PRAGMA journal_size_limit=" LOG_LIMIT, "");
	if (r < 0)
		return r;
	/* The log and its index stay when the last writer closes, so that whoever may only read finds them. Best effort. */
	sqlite3_file_control(db->sql, "main", SQLITE_FCNTL_PERSIST_WAL, &keep_log);
	db->durable = true;
	return 0;
}

int journal_db_open(const char *path, enum journal_db_mode mode, struct journal_db **ret, struct err *err)
{
	CLEANUP(journal_db_freep) struct journal_db *db = xcalloc(1, sizeof(*db));
	int r;

	db->path = xstrdup(path);
	db->mode = mode;
	r = mode == JOURNAL_DB_READ_ONLY ? open_read_only(db, err) : open_for_writing(db, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(db);
	return 0;
}

void journal_db_free(struct journal_db *db)
{
	if (!db)
		return;
	sqlite3_close(db->sql);
	free(db->path);
	free(db);
}

void journal_db_freep(struct journal_db **db)
{
	journal_db_free(*db);
}

int journal_db_fold(struct journal_db *db, struct err *err)
{
	int keep_log = 0;

	sqlite3_file_control(db->sql, "main", SQLITE_FCNTL_PERSIST_WAL, &keep_log);
	return journal_db_run(db, NULL, err, "PRAGMA wal_checkpoint(TRUNCATE)", "");
}

/* -- schema -------------------------------------------------------------------------------------------------------------------------------- */

static int run_script(struct journal_db *db, const char *sql, struct err *err)
{
	int r = sqlite3_exec(db->sql, sql, NULL, NULL, NULL);

	return r == SQLITE_OK ? 0 : fail(db, r, err);
}

static int check_version(const struct journal_db *db, int64_t version, int64_t n, struct err *err)
{
	if (version > n) {
		err_class_set(err, ERR_USAGE, -EPROTO, "journal '%s' was made by a newer reinject (schema %lld, this one knows %lld)", db->path,
			      (long long)version, (long long)n);
		err_hint(err, "use the newer one, or move '%s' away: the next start makes a new one and compares what it has with the image",
			 db->path);
		return -EPROTO;
	}
	if (db->mode == JOURNAL_DB_READ_ONLY && version == 0)
		return err_set(err, -ENOENT, "journal '%s' has no tables yet!", db->path);
	return 0;
}

/* An SQLite code. */
static int copy_all(sqlite3 *from, sqlite3 *to)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");

	if (!backup)
		return sqlite3_errcode(to);
	/* All at once, with the source's own waiting for a writer; what went wrong is told at the end. */
	(void)sqlite3_backup_step(backup, -1);
	return sqlite3_backup_finish(backup);
}

/* From now on @db reads a copy of itself, as of now, that is in memory alone. */
static int move_to_memory(struct journal_db *db, struct err *err)
{
	sqlite3 *copy = NULL;
	int r = sqlite3_open_v2(":memory:", &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (r == SQLITE_OK)
		r = copy_all(db->sql, copy);
	sqlite3_close(r == SQLITE_OK ? db->sql : copy);
	if (r == SQLITE_OK)
		db->sql = copy;
	/* Neither handle knows the other's error. */
	return r == SQLITE_OK ? 0 : fail(&(struct journal_db){ .path = db->path }, r, err);
}

static int migrate_from(struct journal_db *db, const char *const *steps, int64_t n, struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	CLEANUP_FREE char *set = xasprintf("PRAGMA user_version=%lld", (long long)n);
	int64_t version;
	int r = journal_db_begin(db, true, &transaction, err);

	/* Another process may have been faster: what counts is the version that this transaction sees. */
	if (r == 0)
		r = read_version(db, &version, err);
	for (; r == 0 && version < n; version++)
		r = run_script(db, steps[version], err);
	if (r == 0)
		r = run_script(db, set, err);
	return r == 0 ? journal_db_commit(&transaction, err) : r;
}

int journal_db_migrate(struct journal_db *db, const char *const *steps, int64_t n, struct err *err)
{
	int64_t version;
	int r = read_version(db, &version, err);

	if (r == 0)
		r = check_version(db, version, n, err);
	if (r < 0 || version == n)
		return r;
	if (db->mode != JOURNAL_DB_READ_ONLY)
		return migrate_from(db, steps, n, err);
	r = move_to_memory(db, err);
	if (r == 0)
		r = migrate_from(db, steps, n, err);
	return r == 0 ? journal_db_run(db, NULL, err, "PRAGMA query_only=ON", "") : r;
}
