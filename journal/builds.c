/* Which inputs an artefact came from, and which inputs lie outside git. Both are about sources and cargo's folder, not about an image. */
#include "journal/internal.h"

#include "base/clock.h"

int journal_build_find(struct journal *journal, const char *package, const char *artifact, const char *compiled, enum journal_build_verdict *ret,
		       struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err, "SELECT compiled FROM build WHERE package = ? AND artifact = ?", "ss", package,
				 artifact);

	if (r < 0)
		return r;
	*ret = rows.n > 0 ? JOURNAL_BUILD_OTHER : JOURNAL_BUILD_UNKNOWN;
	for (size_t i = 0; i < rows.n; i++)
		if (str_eq(journal_db_text(&rows, i, 0), compiled))
			*ret = JOURNAL_BUILD_SAME;
	return 0;
}

int journal_build_add(struct journal *journal, const char *package, const char *artifact, const char *compiled, struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	int r = journal_db_begin(journal->db, false, &transaction, err);

	if (r == 0)
		r = journal_db_run(journal->db, NULL, err, "INSERT OR REPLACE INTO build (package, artifact, compiled, at) VALUES (?, ?, ?, ?)",
				   "sssi", package, artifact, compiled, clock_wall_ms());
	return r == 0 ? journal_db_commit(&transaction, err) : r;
}

int journal_inputs_set(struct journal *journal, const char *package, const struct strvec *paths, struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	int r = journal_db_begin(journal->db, false, &transaction, err);

	if (r == 0)
		r = journal_db_run(journal->db, NULL, err, "DELETE FROM input WHERE package = ?", "s", package);
	for (size_t i = 0; r == 0 && i < paths->n; i++)
		r = journal_db_run(journal->db, NULL, err, "INSERT OR REPLACE INTO input (package, path) VALUES (?, ?)", "ss", package,
				   paths->v[i]);
	return r == 0 ? journal_db_commit(&transaction, err) : r;
}

int journal_inputs(struct journal *journal, int (*fn)(void *data, const char *package, const char *path), void *data, struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err, "SELECT package, path FROM input ORDER BY package, path", "");

	for (size_t i = 0; r == 0 && i < rows.n; i++)
		r = fn(data, journal_db_text(&rows, i, 0), journal_db_text(&rows, i, 1));
	return r;
}
