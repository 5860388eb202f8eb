/* What fingerprints were made of: a hash cannot say what has changed, its parts can. Only for sentences: nothing is decided by them. */
#include "journal/internal.h"

int journal_parts_set(struct journal *journal, const char *fingerprint, const char *const *labels, const char *const *values, size_t n,
		      struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	int r = journal_db_begin(journal->db, false, &transaction, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = journal_db_run(journal->db, NULL, err, "INSERT OR IGNORE INTO part (fingerprint, n, label, value) VALUES (?, ?, ?, ?)",
				   "siss", fingerprint, (int64_t)i, labels[i], values[i]);
	return r == 0 ? journal_db_commit(&transaction, err) : r;
}

int journal_parts(struct journal *journal, const char *fingerprint, int (*fn)(void *data, const char *label, const char *value), void *data,
		  struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err, "SELECT label, value FROM part WHERE fingerprint = ? ORDER BY n", "s", fingerprint);

	for (size_t i = 0; r == 0 && i < rows.n; i++)
		r = fn(data, journal_db_text(&rows, i, 0), journal_db_text(&rows, i, 1));
	return r;
}
