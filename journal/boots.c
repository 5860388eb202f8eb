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

int journal_boot_checks(struct journal *journal, int64_t id, int (*fn)(void *data, const struct journal_boot_check *check), void *data,
			struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err,
				 "SELECT name, result, required, line, ms FROM boot_check WHERE boot = ? ORDER BY name", "i", id);

	for (size_t i = 0; r == 0 && i < rows.n; i++) {
		struct journal_boot_check check = {
			.name = journal_db_text(&rows, i, 0),
			.result = journal_db_text(&rows, i, 1),
			.required = journal_db_int(&rows, i, 2) != 0,
			.line = journal_db_text(&rows, i, 3),
			.ms = journal_db_int(&rows, i, 4),
		};

		r = fn(data, &check);
	}
	return r;
}
