/* How full the image was: numbers of each swap, which nobody can tell afterwards. */
#include "journal/space.h"

#include "journal/internal.h"

#include <stdio.h>

#define COLUMNS   "SELECT space.run, space.size, before, used, grown, lost, space.uuid FROM space JOIN swap ON swap.run = space.run"
#define THE_IMAGE " WHERE swap.image = ? AND swap.result = 'ok'"

int journal_space_add(struct journal *journal, const struct journal_space *space, struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	int r = journal_db_begin(journal->db, false, &transaction, err);

	if (r == 0)
		r = journal_db_run(journal->db, NULL, err,
				   "INSERT OR REPLACE INTO space (run, size, before, used, grown, lost, uuid) VALUES (?, ?, ?, ?, ?, ?, ?)",
				   "iuuuius", space->run, space->size, space->before, space->used, space->grown, space->lost, space->uuid);
	return r == 0 ? journal_db_commit(&transaction, err) : r;
}

static void take(const struct journal_rows *rows, size_t i, struct journal_space *ret)
{
	*ret = (struct journal_space){
		.run = journal_db_int(rows, i, 0),
		.size = (uint64_t)journal_db_int(rows, i, 1),
		.before = (uint64_t)journal_db_int(rows, i, 2),
		.used = (uint64_t)journal_db_int(rows, i, 3),
		.grown = journal_db_int(rows, i, 4),
		.lost = (uint64_t)journal_db_int(rows, i, 5),
	};
	snprintf(ret->uuid, sizeof(ret->uuid), "%s", journal_db_text(rows, i, 6));
}

int journal_space_last(struct journal *journal, const char *image, struct journal_space *ret, struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err, COLUMNS THE_IMAGE " ORDER BY space.run DESC LIMIT 1", "s", image);

	if (r < 0 || rows.n == 0)
		return r;
	take(&rows, 0, ret);
	return 1;
}

int journal_space_forgive(struct journal *journal, const char *image, struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	int r = journal_db_begin(journal->db, false, &transaction, err);

	if (r == 0)
		r = journal_db_run(
			journal->db, NULL, err,
			"UPDATE space SET lost = 0 WHERE run = (SELECT max(space.run) FROM space JOIN swap ON swap.run = space.run" THE_IMAGE
			")",
			"s", image);
	return r == 0 ? journal_db_commit(&transaction, err) : r;
}

int journal_spaces(struct journal *journal, const char *image, int (*fn)(void *data, const struct journal_space *space), void *data,
		   struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err, COLUMNS THE_IMAGE " ORDER BY space.run", "s", image);

	for (size_t i = 0; r == 0 && i < rows.n; i++) {
		struct journal_space space;

		take(&rows, i, &space);
		r = fn(data, &space);
	}
	return r;
}
