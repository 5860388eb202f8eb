#include "journal/nights.h"

#include "base/clock.h"
#include "journal/internal.h"

#include <stdlib.h>

/* Whether a night has put something that no later one has judged. One that found the image busy did nothing and knows nothing. */
static int find_unproved(struct journal_db *db, const char *image, bool *ret, struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(
		db, &rows, err,
		"SELECT result IN ('interrupted', 'error') FROM night WHERE image = ? AND result != 'busy' ORDER BY id DESC LIMIT 1", "s",
		image);

	if (r == 0)
		*ret = rows.n > 0 && journal_db_int(&rows, 0, 0) != 0;
	return r;
}

int journal_night_begin(struct journal *journal, const char *image, int64_t *ret_id, bool *ret_unproved, struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	bool unproved = false;
	int64_t id = 0;
	int r = journal_db_begin(journal->db, true, &transaction, err);

	if (r == 0)
		r = journal_db_run(journal->db, NULL, err, "UPDATE night SET result = 'interrupted' WHERE image = ? AND result = 'pending'", "s",
				   image);
	if (r == 0)
		r = find_unproved(journal->db, image, &unproved, err);
	if (r == 0)
		r = journal_db_run(journal->db, NULL, err, "INSERT INTO night (image, started) VALUES (?, ?)", "si", image, clock_wall_ms());
	id = journal_db_last_id(journal->db);
	if (r == 0)
		r = journal_db_commit(&transaction, err);
	if (r < 0)
		return r;
	*ret_id = id;
	*ret_unproved = unproved;
	return 0;
}

static int add_culprit(struct journal_db *db, int64_t night, const struct journal_culprit *culprit, struct err *err)
{
	return journal_db_run(db, NULL, err, "INSERT INTO culprit (night, subject, fingerprint, commits, line, log) VALUES (?, ?, ?, ?, ?, ?)", "isssss",
			      night, culprit->subject, culprit->fingerprint, culprit->commits, culprit->line, culprit->log);
}

int journal_night_end(struct journal *journal, const struct journal_night *night, const struct journal_culprit *culprits, size_t n, struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	int r = journal_db_begin(journal->db, true, &transaction, err);

	if (r == 0)
		r = journal_db_run(journal->db, NULL, err,
				   "UPDATE night SET ms = ?, result = ?, run = ?, boots = ?, trials = ?, summary = ?, record = ? WHERE id = ?",
				   "isiiissi", night->ms, night->result, night->run, night->boots, night->trials, night->summary, night->record,
				   night->id);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_culprit(journal->db, night->id, &culprits[i], err);
	return r == 0 ? journal_db_commit(&transaction, err) : r;
}

int journal_nights(struct journal *journal, const char *image, unsigned int limit, int (*fn)(void *data, const struct journal_night *night), void *data,
		   struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err,
				 "SELECT id, image, started, ms, result, run, boots, trials, summary, record FROM night WHERE image = ? ORDER BY id DESC"
				 " LIMIT ?",
				 "si", image, limit > 0 ? (int64_t)limit : (int64_t)-1);

	for (size_t i = 0; r == 0 && i < rows.n; i++) {
		struct journal_night night = {
			.id = journal_db_int(&rows, i, 0),
			.image = journal_db_text(&rows, i, 1),
			.started = journal_db_int(&rows, i, 2),
			.ms = journal_db_int(&rows, i, 3),
			.result = journal_db_text(&rows, i, 4),
			.run = journal_db_int(&rows, i, 5),
			.boots = journal_db_int(&rows, i, 6),
			.trials = journal_db_int(&rows, i, 7),
			.summary = journal_db_text(&rows, i, 8),
			.record = journal_db_text(&rows, i, 9),
		};

		r = fn(data, &night);
	}
	return r;
}

int journal_culprits(struct journal *journal, const char *image, int (*fn)(void *data, const struct journal_culprit *culprit), void *data,
		     struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err,
				 "SELECT c.night, c.subject, c.fingerprint, c.commits, c.line, c.log FROM culprit c JOIN night n ON n.id = c.night"
				 " WHERE n.image = ? ORDER BY c.night DESC, c.rowid",
				 "s", image);

	for (size_t i = 0; r == 0 && i < rows.n; i++) {
		struct journal_culprit culprit = {
			.night = journal_db_int(&rows, i, 0),
			.subject = journal_db_text(&rows, i, 1),
			.fingerprint = journal_db_text(&rows, i, 2),
			.commits = journal_db_text(&rows, i, 3),
			.line = journal_db_text(&rows, i, 4),
			.log = journal_db_text(&rows, i, 5),
		};

		r = fn(data, &culprit);
	}
	return r;
}
