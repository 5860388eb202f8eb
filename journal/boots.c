#include "journal/boots.h"

#include "base/clock.h"
#include "journal/internal.h"

#include <stdlib.h>

int journal_boot_begin(struct journal *journal, const char *image, int64_t run, int64_t *ret_id, struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	int64_t id = 0;
	int r = journal_db_begin(journal->db, false, &transaction, err);

	if (r == 0)
		r = journal_db_run(journal->db, NULL, err, "UPDATE boot SET result = 'interrupted' WHERE result = 'pending'", "");
	if (r == 0)
		r = journal_db_run(journal->db, NULL, err, "INSERT INTO boot (image, run, started) VALUES (?, ?, ?)", "sii", image, run,
				   clock_wall_ms());
	id = journal_db_last_id(journal->db);
	if (r == 0)
		r = journal_db_commit(&transaction, err);
	if (r == 0)
		*ret_id = id;
	return r;
}

static int add_checks(struct journal_db *db, const struct journal_boot *boot, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < boot->n_checks; i++)
		r = journal_db_run(db, NULL, err,
				   "INSERT OR REPLACE INTO boot_check (boot, name, result, required, line, ms) VALUES (?, ?, ?, ?, ?, ?)", "issisi",
				   boot->id, boot->checks[i].name, boot->checks[i].result, (int64_t)boot->checks[i].required,
				   boot->checks[i].line, boot->checks[i].ms);
	return r;
}

/* A column of type REAL makes a number of the text. */
static int add_numbers(struct journal_db *db, const struct journal_boot *boot, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < boot->n_numbers; i++) {
		CLEANUP_FREE char *value = xasprintf("%.17g", boot->numbers[i].value);

		r = journal_db_run(db, NULL, err, "INSERT OR REPLACE INTO boot_number (boot, name, value) VALUES (?, ?, ?)", "iss", boot->id,
				   boot->numbers[i].name, value);
	}
	return r;
}

int journal_boot_end(struct journal *journal, const struct journal_boot *boot, struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	int r = journal_db_begin(journal->db, false, &transaction, err);

	if (r == 0)
		r = journal_db_run(journal->db, NULL, err, "UPDATE boot SET ms = ?, result = ?, reason = ?, line = ?, log = ? WHERE id = ?",
				   "issssi", boot->ms, boot->result, boot->reason, boot->line, boot->log, boot->id);
	if (r == 0)
		r = add_checks(journal->db, boot, err);
	if (r == 0)
		r = add_numbers(journal->db, boot, err);
	return r == 0 ? journal_db_commit(&transaction, err) : r;
}

int journal_boots(struct journal *journal, const char *image, unsigned int limit, int (*fn)(void *data, const struct journal_boot *boot),
		  void *data, struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err,
				 "SELECT id, image, run, started, ms, result, reason, line, log FROM boot WHERE ?1 IS NULL OR image = ?1"
				 " ORDER BY id DESC LIMIT ?2",
				 "si", image, limit > 0 ? (int64_t)limit : (int64_t)-1);

	for (size_t i = 0; r == 0 && i < rows.n; i++) {
		struct journal_boot boot = {
			.id = journal_db_int(&rows, i, 0),
			.image = journal_db_text(&rows, i, 1),
			.run = journal_db_int(&rows, i, 2),
			.started = journal_db_int(&rows, i, 3),
			.ms = journal_db_int(&rows, i, 4),
			.result = journal_db_text(&rows, i, 5),
			.reason = journal_db_text(&rows, i, 6),
			.line = journal_db_text(&rows, i, 7),
			.log = journal_db_text(&rows, i, 8),
		};

		r = fn(data, &boot);
	}
	return r;
}

int journal_boot_numbers(struct journal *journal, int64_t id, int (*fn)(void *data, const struct journal_boot_number *number), void *data,
			 struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err, "SELECT name, value FROM boot_number WHERE boot = ? ORDER BY name", "i", id);

	for (size_t i = 0; r == 0 && i < rows.n; i++) {
		struct journal_boot_number number = { journal_db_text(&rows, i, 0), strtod(journal_db_text(&rows, i, 1), NULL) };

		r = fn(data, &number);
	}
	return r;
}

/* -- good ---------------------------------------------------------------------------------------------------------------------------------- */

int journal_good_add(struct journal *journal, const char *image, const struct journal_image *good, struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	int r = journal_db_begin(journal->db, true, &transaction, err);

	/* Its number tells the last; the same file again takes a new one. */
	if (r == 0)
		r = journal_db_run(journal->db, NULL, err,
				   "INSERT OR REPLACE INTO good (id, image, dev, ino, size, mtime_ns, uuid, generation)"
				   " VALUES ((SELECT coalesce(max(id), 0) + 1 FROM good), ?, ?, ?, ?, ?, ?, ?)",
				   "suuuisu", image, good->dev, good->ino, good->size, good->mtime_ns, good->uuid, good->generation);
	return r == 0 ? journal_db_commit(&transaction, err) : r;
}

int journal_good_settle(struct journal *journal, const char *image, struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	int r = journal_db_begin(journal->db, false, &transaction, err);

	if (r == 0)
		r = journal_db_run(journal->db, NULL, err,
				   "DELETE FROM good WHERE image = ?1 AND id < (SELECT max(id) FROM good WHERE image = ?1)", "s", image);
	return r == 0 ? journal_db_commit(&transaction, err) : r;
}

int journal_goods(struct journal *journal, const char *image, int (*fn)(void *data, const struct journal_image *good), void *data,
		  struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err,
				 "SELECT dev, ino, size, mtime_ns, generation, uuid FROM good WHERE image = ? ORDER BY id DESC", "s", image);

	for (size_t i = 0; r == 0 && i < rows.n; i++) {
		struct journal_image good = {
			.dev = (uint64_t)journal_db_int(&rows, i, 0),
			.ino = (uint64_t)journal_db_int(&rows, i, 1),
			.size = (uint64_t)journal_db_int(&rows, i, 2),
			.mtime_ns = journal_db_int(&rows, i, 3),
			.generation = (uint64_t)journal_db_int(&rows, i, 4),
		};

		snprintf(good.uuid, sizeof(good.uuid), "%s", journal_db_text(&rows, i, 5));
		r = fn(data, &good);
	}
	return r;
}
