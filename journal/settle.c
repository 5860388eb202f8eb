/* The moment a swap becomes the truth, and what the next start makes of a run that died around it. */
#include "journal/internal.h"

#include "base/clock.h"

#include <errno.h>

static int take_fingerprints(struct journal_db *db, int64_t run, const char *image, struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(db, &rows, err, "SELECT subject, fingerprint, state FROM swap_fingerprint WHERE run = ?", "i", run);

	for (size_t i = 0; r == 0 && i < rows.n; i++) {
		struct journal_fingerprint f = {
			.subject = journal_db_text(&rows, i, 0),
			.fingerprint = journal_db_text(&rows, i, 1),
			.state = journal_db_text(&rows, i, 2),
			.run = run,
		};

		r = journal_internal_set_fingerprint(db, image, &f, err);
	}
	return r;
}

/* Inside a transaction: what the swap of @run was to make true is true. */
static int apply_swap(struct journal_db *db, int64_t run, const char *image, struct err *err)
{
	int r = journal_internal_doubt_owners(db, run, image, err);

	if (r == 0)
		r = take_fingerprints(db, run, image, err);
	if (r == 0)
		r = journal_db_run(db, NULL, err,
				   "INSERT OR REPLACE INTO image (image, dev, ino, size, mtime_ns, uuid, generation, at)"
				   " SELECT image, dev, ino, size, mtime_ns, uuid, generation, ? FROM swap WHERE run = ?",
				   "ii", clock_wall_ms(), run);
	if (r == 0)
		r = journal_internal_take_contents(db, run, image, err);
	if (r == 0)
		r = journal_db_run(db, NULL, err, "UPDATE file SET result = 'ok' WHERE run = ?", "i", run);
	if (r == 0)
		r = journal_db_run(db, NULL, err, "UPDATE swap SET result = 'ok' WHERE run = ?", "i", run);
	return r;
}

int journal_swap_done(struct journal *journal, int64_t run, struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_begin(journal->db, true, &transaction, err);

	if (r == 0)
		r = journal_db_query(journal->db, &rows, err, "SELECT image FROM swap WHERE run = ?", "i", run);
	if (r == 0 && rows.n == 0)
		return err_set(err, -ENOENT, "the journal has no swap for run %lld!", (long long)run);
	if (r == 0)
		r = apply_swap(journal->db, run, journal_db_text(&rows, 0, 0), err);
	return r == 0 ? journal_db_commit(&transaction, err) : r;
}

int journal_swap_failed(struct journal *journal, int64_t run, struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	int r = journal_db_begin(journal->db, false, &transaction, err);

	if (r == 0)
		r = journal_db_run(journal->db, NULL, err, "UPDATE swap SET result = 'failed' WHERE run = ?", "i", run);
	if (r == 0)
		r = journal_db_run(journal->db, NULL, err, "UPDATE file SET result = 'failed' WHERE run = ?", "i", run);
	return r == 0 ? journal_db_commit(&transaction, err) : r;
}

/* Says of every pending swap whether it has happened. The newest that fits is the one: an older shadow's inode may have been given out again. */
static int settle_swaps(struct journal_db *db, const char *image, const struct journal_image *now, struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	bool found = false;
	int r = journal_db_query(db, &rows, err, "SELECT run, dev, ino FROM swap WHERE image = ? AND result = 'pending' ORDER BY run DESC", "s",
				 image);

	for (size_t i = 0; r == 0 && i < rows.n; i++) {
		int64_t run = journal_db_int(&rows, i, 0);
		bool same = now && (uint64_t)journal_db_int(&rows, i, 1) == now->dev && (uint64_t)journal_db_int(&rows, i, 2) == now->ino;

		if (same && !found)
			r = apply_swap(db, run, image, err);
		else
			r = journal_db_run(db, NULL, err, "UPDATE swap SET result = 'failed' WHERE run = ?", "i", run);
		found = found || same;
	}
	return r;
}

/* As in any run: ok unless one of its steps failed, though others were swapped. */
static int settle_happened(struct journal_db *db, int64_t run, struct err *err)
{
	int r = journal_db_run(db, NULL, err, "UPDATE step SET result = 'ok' WHERE run = ? AND result = 'pending' AND kind = 'swap'", "i", run);

	if (r == 0)
		r = journal_db_run(
			db, NULL, err,
			"UPDATE run SET"
			" error = CASE WHEN EXISTS (SELECT 1 FROM step WHERE run = ?1 AND result = 'failed')"
			"   THEN coalesce(error, 'interrupted after the swap') END,"
			" result = CASE WHEN EXISTS (SELECT 1 FROM step WHERE run = ?1 AND result = 'failed') THEN 'failed' ELSE 'ok' END,"
			" packages = coalesce(packages, (SELECT group_concat(name, ' ') FROM"
			"   (SELECT DISTINCT substr(owner, 9) AS name FROM file WHERE run = ?1 AND new_hash <> '' AND owner LIKE 'package %' ORDER BY name)))"
			" WHERE id = ?1",
			"i", run);
	return r;
}

static int settle_run(struct journal_db *db, int64_t run, bool happened, struct err *err)
{
	int r;

	if (happened)
		r = settle_happened(db, run, err);
	else
		r = journal_db_run(db, NULL, err, "UPDATE run SET result = 'failed', error = 'interrupted' WHERE id = ? AND result = 'pending'",
				   "i", run);
	if (r == 0)
		r = journal_db_run(db, NULL, err,
				   "UPDATE step SET result = 'failed', detail = 'interrupted' WHERE run = ? AND result = 'pending'", "i", run);
	if (r == 0)
		r = journal_db_run(db, NULL, err, "UPDATE file SET result = 'failed' WHERE run = ? AND result = 'pending'", "i", run);
	return r;
}

int journal_settle(struct journal *journal, const char *image, const struct journal_image *now, unsigned int *ret_n, struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_begin(journal->db, true, &transaction, err);

	/* A run that could not write journal_swap_done() has ended, but its swap is pending still. */
	if (r == 0)
		r = journal_db_query(journal->db, &rows, err,
				     "SELECT id FROM run WHERE image = ?1 AND result = 'pending'"
				     " UNION SELECT run FROM swap WHERE image = ?1 AND result = 'pending' ORDER BY 1",
				     "s", image);
	if (r == 0)
		r = settle_swaps(journal->db, image, now, err);
	for (size_t i = 0; r == 0 && i < rows.n; i++) {
		CLEANUP(journal_db_rows_clear) struct journal_rows swap = { 0 };
		int64_t run = journal_db_int(&rows, i, 0);

		r = journal_db_query(journal->db, &swap, err, "SELECT 1 FROM swap WHERE run = ? AND result = 'ok'", "i", run);
		if (r == 0)
			r = settle_run(journal->db, run, swap.n > 0, err);
	}
	if (r == 0)
		r = journal_db_commit(&transaction, err);
	if (r == 0)
		*ret_n = (unsigned int)rows.n;
	return r;
}
