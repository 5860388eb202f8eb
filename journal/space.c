/* How full the image was: two numbers of each swap, which nobody can tell afterwards. */
#include "journal/space.h"

#include "journal/internal.h"

int journal_space_add(struct journal *journal, const struct journal_space *space, struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	int r = journal_db_begin(journal->db, false, &transaction, err);

	if (r == 0)
		r = journal_db_run(journal->db, NULL, err,
				   "INSERT OR REPLACE INTO space (run, size, before, used, grown) VALUES (?, ?, ?, ?, ?)", "iuuui", space->run,
				   space->size, space->before, space->used, space->grown);
	return r == 0 ? journal_db_commit(&transaction, err) : r;
}

int journal_spaces(struct journal *journal, const char *image, int (*fn)(void *data, const struct journal_space *space), void *data,
		   struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err,
				 "SELECT space.run, space.size, before, used, grown FROM space JOIN swap ON swap.run = space.run"
				 " WHERE swap.image = ? AND swap.result = 'ok' ORDER BY space.run",
				 "s", image);

	for (size_t i = 0; r == 0 && i < rows.n; i++) {
		struct journal_space space = {
			.run = journal_db_int(&rows, i, 0),
			.size = (uint64_t)journal_db_int(&rows, i, 1),
			.before = (uint64_t)journal_db_int(&rows, i, 2),
			.used = (uint64_t)journal_db_int(&rows, i, 3),
			.grown = journal_db_int(&rows, i, 4),
		};

		r = fn(data, &space);
	}
	return r;
}
