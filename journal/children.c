/* Children that a crash of ours would leave behind: the next start ends them by pid and start time. */
#include "journal/internal.h"

#include "base/clock.h"

int journal_child_add(struct journal *journal, int64_t run, pid_t pid, uint64_t start_time, const char *what, struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	int r = journal_db_begin(journal->db, false, &transaction, err);

	if (r == 0)
		r = journal_db_run(journal->db, NULL, err,
				   "INSERT OR REPLACE INTO child (pid, run, start_time, what, started) VALUES (?, ?, ?, ?, ?)", "iiusi",
				   (int64_t)pid, run, start_time, what, clock_wall_ms());
	return r == 0 ? journal_db_commit(&transaction, err) : r;
}

int journal_child_remove(struct journal *journal, pid_t pid, struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	int r = journal_db_begin(journal->db, false, &transaction, err);

	if (r == 0)
		r = journal_db_run(journal->db, NULL, err, "DELETE FROM child WHERE pid = ?", "i", (int64_t)pid);
	return r == 0 ? journal_db_commit(&transaction, err) : r;
}

int journal_children(struct journal *journal, const char *image, int (*fn)(void *data, pid_t pid, uint64_t start_time, const char *what),
		     void *data, struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(
		journal->db, &rows, err,
		"SELECT pid, start_time, what FROM child JOIN run ON run.id = child.run WHERE run.image = ? ORDER BY child.started", "s", image);

	for (size_t i = 0; r == 0 && i < rows.n; i++)
		r = fn(data, (pid_t)journal_db_int(&rows, i, 0), (uint64_t)journal_db_int(&rows, i, 1), journal_db_text(&rows, i, 2));
	return r;
}
