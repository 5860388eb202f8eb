/* Runs, their steps and their files: rows that are pending before the effect and say afterwards what became of it. */
#include "journal/internal.h"

#include "base/clock.h"
#include "base/fault.h"

#include <errno.h>

int journal_run_begin(struct journal *journal, const char *verb, const char *image, const char *commits, int64_t *ret_run, struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	int64_t run;
	int r = FAULT("journal-run-begin");

	if (r < 0)
		return err_set(err, r, "cannot write the journal");
	r = journal_db_begin(journal->db, false, &transaction, err);
	if (r == 0)
		r = journal_db_run(journal->db, NULL, err, "INSERT INTO run (verb, image, started, commits) VALUES (?, ?, ?, ?)", "ssis", verb,
				   image, clock_wall_ms(), commits);
	run = journal_db_last_id(journal->db);
	if (r == 0)
		r = journal_db_commit(&transaction, err);
	if (r == 0)
		*ret_run = run;
	return r;
}

/* What the run left pending ends as the run did; but whether a pending swap has happened, and its files with it, only journal_settle() can tell. */
static int end_leftovers(struct journal_db *db, int64_t run, const char *result, struct err *err)
{
	int r = journal_db_run(db, NULL, err, "UPDATE step SET result = ? WHERE run = ? AND result = 'pending'", "si", result, run);

	if (r < 0)
		return r;
	return journal_db_run(db, NULL, err,
			      "UPDATE file SET result = ?1 WHERE run = ?2 AND result = 'pending'"
			      " AND NOT EXISTS (SELECT 1 FROM swap WHERE run = ?2 AND result = 'pending')",
			      "si", result, run);
}

int journal_run_end(struct journal *journal, int64_t run, enum journal_result result, const char *packages, const char *error, int64_t ms,
		    struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	int64_t n = 0;
	int r = journal_db_begin(journal->db, false, &transaction, err);

	if (r == 0)
		r = journal_db_run(journal->db, &n, err, "UPDATE run SET result = ?, packages = ?, error = ?, ms = ? WHERE id = ?", "sssii",
				   journal_result_name(result), packages, error, ms, run);
	if (r == 0 && n != 1)
		return err_set(err, -ENOENT, "the journal has no run %lld!", (long long)run);
	if (r == 0)
		r = end_leftovers(journal->db, run, journal_result_name(result), err);
	if (r == 0)
		r = journal_db_commit(&transaction, err);
	if (r == 0 && result == JOURNAL_OK) {
		r = FAULT("journal-run-end");
		if (r < 0)
			return err_set(err, r, "cannot write the journal");
	}
	return r;
}

static int walk_runs(const struct journal_rows *rows, int (*fn)(void *data, const struct journal_run *run), void *data)
{
	for (size_t i = 0; i < rows->n; i++) {
		struct journal_run run = {
			.id = journal_db_int(rows, i, 0),
			.verb = journal_db_text(rows, i, 1),
			.image = journal_db_text(rows, i, 2),
			.started = journal_db_int(rows, i, 3),
			.ms = journal_db_int(rows, i, 4),
			.result = journal_result_parse(journal_db_text(rows, i, 5)),
			.error = journal_db_text(rows, i, 6),
			.packages = journal_db_text(rows, i, 7),
			.commits = journal_db_text(rows, i, 8),
		};
		int r = fn(data, &run);

		if (r != 0)
			return r;
	}
	return 0;
}

int journal_runs(struct journal *journal, const char *image, int64_t only, unsigned int limit,
		 int (*fn)(void *data, const struct journal_run *run), void *data, struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err,
				 "SELECT id, verb, image, started, ms, result, error, packages, commits FROM run"
				 " WHERE (?1 IS NULL OR image = ?1) AND (?2 <= 0 OR id = ?2) ORDER BY id DESC LIMIT ?3",
				 "sii", image, only, limit > 0 ? (int64_t)limit : (int64_t)-1);

	return r < 0 ? r : walk_runs(&rows, fn, data);
}

int journal_last_run(struct journal *journal, const char *image, int64_t *ret_last, int64_t *ret_pending, struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err,
				 "SELECT (SELECT max(id) FROM run WHERE ?1 IS NULL OR image = ?1),"
				 " (SELECT max(id) FROM run WHERE (?1 IS NULL OR image = ?1) AND result = 'pending')",
				 "s", image);

	if (r < 0)
		return r;
	*ret_last = journal_db_int(&rows, 0, 0);
	*ret_pending = journal_db_int(&rows, 0, 1);
	return 0;
}

/* -- steps --------------------------------------------------------------------------------------------------------------------------------- */

int journal_step_begin(struct journal *journal, int64_t run, const char *kind, const char *subject, int64_t *ret_step, struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	int64_t step;
	int r = journal_db_begin(journal->db, false, &transaction, err);

	if (r == 0)
		r = journal_db_run(journal->db, NULL, err, "INSERT INTO step (run, kind, subject, started) VALUES (?, ?, ?, ?)", "issi", run,
				   kind, subject, clock_wall_ms());
	step = journal_db_last_id(journal->db);
	if (r == 0)
		r = journal_db_commit(&transaction, err);
	if (r == 0)
		*ret_step = step;
	return r;
}

int journal_step_end(struct journal *journal, int64_t step, enum journal_result result, const char *detail, int64_t ms, struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	int64_t n = 0;
	int r = journal_db_begin(journal->db, false, &transaction, err);

	if (r == 0)
		r = journal_db_run(journal->db, &n, err, "UPDATE step SET result = ?, detail = ?, ms = ? WHERE id = ?", "ssii",
				   journal_result_name(result), detail, ms, step);
	if (r == 0 && n != 1)
		return err_set(err, -ENOENT, "the journal has no step %lld!", (long long)step);
	return r == 0 ? journal_db_commit(&transaction, err) : r;
}

int journal_steps(struct journal *journal, int64_t run, int (*fn)(void *data, const struct journal_step *step), void *data, struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err, "SELECT id, kind, subject, result, detail, ms FROM step WHERE run = ? ORDER BY id",
				 "i", run);

	for (size_t i = 0; r == 0 && i < rows.n; i++) {
		struct journal_step step = {
			.id = journal_db_int(&rows, i, 0),
			.kind = journal_db_text(&rows, i, 1),
			.subject = journal_db_text(&rows, i, 2),
			.result = journal_result_parse(journal_db_text(&rows, i, 3)),
			.detail = journal_db_text(&rows, i, 4),
			.ms = journal_db_int(&rows, i, 5),
		};

		r = fn(data, &step);
	}
	return r;
}

/* -- files --------------------------------------------------------------------------------------------------------------------------------- */

int journal_files_add(struct journal *journal, int64_t run, const struct journal_file *files, size_t n, struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	int r = journal_db_begin(journal->db, false, &transaction, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = journal_db_run(journal->db, NULL, err,
				   "INSERT OR REPLACE INTO file (run, path, owner, new_hash, old_hash, mode, size) VALUES (?, ?, ?, ?, ?, ?, ?)",
				   "issssiu", run, files[i].path, files[i].owner, files[i].new_hash, files[i].old_hash, (int64_t)files[i].mode,
				   files[i].size);
	return r == 0 ? journal_db_commit(&transaction, err) : r;
}

int journal_run_commits(struct journal *journal, int64_t run, char **ret, struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err, "SELECT commits FROM run WHERE id = ?", "i", run);
	const char *commits = r == 0 && rows.n > 0 ? journal_db_text(&rows, 0, 0) : NULL;

	if (r == 0)
		*ret = commits && *commits ? xstrdup(commits) : NULL;
	return r;
}

static int call_files(const struct journal_rows *rows, int (*fn)(void *data, const struct journal_file *file), void *data)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < rows->n; i++) {
		struct journal_file file = {
			.path = journal_db_text(rows, i, 0),
			.owner = journal_db_text(rows, i, 1),
			.new_hash = journal_db_text(rows, i, 2),
			.old_hash = journal_db_text(rows, i, 3),
			.mode = (uint32_t)journal_db_int(rows, i, 4),
			.size = (uint64_t)journal_db_int(rows, i, 5),
			.result = journal_result_parse(journal_db_text(rows, i, 6)),
		};

		r = fn(data, &file);
	}
	return r;
}

int journal_files(struct journal *journal, int64_t run, int (*fn)(void *data, const struct journal_file *file), void *data, struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err,
				 "SELECT path, owner, new_hash, old_hash, mode, size, result FROM file WHERE run = ? ORDER BY path", "i", run);

	return r < 0 ? r : call_files(&rows, fn, data);
}

int journal_files_since(struct journal *journal, const char *image, int64_t run, bool first, int (*fn)(void *data, const struct journal_file *file),
			void *data, struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	/* SQLite takes the other columns from the row that has the least. */
	int r = journal_db_query(journal->db, &rows, err,
				 "SELECT f.path, f.owner, f.new_hash, f.old_hash, f.mode, f.size, f.result,"
				 " min(f.run * ?3) FROM file f JOIN run r ON r.id = f.run"
				 " WHERE r.image = ?1 AND f.run > ?2 AND f.result = 'ok' GROUP BY f.path ORDER BY f.path",
				 "sii", image, run, (int64_t)(first ? 1 : -1));

	return r < 0 ? r : call_files(&rows, fn, data);
}

int journal_file_at(struct journal *journal, const char *image, const char *path, int64_t run, char **ret_hash, struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err,
				 "SELECT f.new_hash FROM file f JOIN run r ON r.id = f.run WHERE r.image = ? AND f.path = ? AND f.run <= ?"
				 " AND f.result = 'ok' ORDER BY f.run DESC LIMIT 1",
				 "ssi", image, path, run);
	const char *hash = r == 0 && rows.n > 0 ? journal_db_text(&rows, 0, 0) : NULL;

	if (r == 0)
		*ret_hash = hash && hash[0] ? xstrdup(hash) : NULL;
	return r;
}
