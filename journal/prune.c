#include "journal/prune.h"

#include "journal/internal.h"

/* Runs with a swap that happened or may have, numbered from the newest of their image; those beyond the number and the day are not kept. */
#define NOT_KEPT                                                                                                                                \
	"SELECT id FROM (SELECT r.id AS id, r.started AS started, row_number() OVER (PARTITION BY r.image ORDER BY r.id DESC) AS n"           \
	"  FROM run r JOIN swap s ON s.run = r.id WHERE s.result IN ('ok', 'pending'))"                                                         \
	" WHERE n > ?1 AND started < ?2"

static int take(const struct journal_rows *rows, struct strvec *ret)
{
	for (size_t i = 0; i < rows->n; i++)
		strvec_add(ret, journal_db_text(rows, i, 0));
	strvec_sort_unique(ret);
	return 0;
}

int journal_prune_border(struct journal *journal, const struct journal_keep *keep, int64_t *ret, struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err, "SELECT coalesce(max(id), 0) FROM (" NOT_KEPT ")", "ii", (int64_t)keep->runs,
				 keep->since);

	if (r == 0)
		*ret = rows.n > 0 ? journal_db_int(&rows, 0, 0) : 0;
	return r;
}

int journal_prune(struct journal *journal, const struct journal_keep *keep, struct strvec *ret_contents, struct strvec *ret_binaries,
		  struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	CLEANUP(journal_db_rows_clear) struct journal_rows contents = { 0 }, binaries = { 0 };
	int r = journal_db_begin(journal->db, false, &transaction, err);

	if (r == 0)
		r = journal_db_run(journal->db, NULL, err,
				   "DELETE FROM symbol WHERE run IN (" NOT_KEPT ") AND NOT EXISTS"
				   " (SELECT 1 FROM content c WHERE c.path = symbol.path AND c.hash = symbol.stripped) AND NOT EXISTS"
				   /* A stripped file that a rollback of a kept run brings back finds its binary again by its digest. */
				   " (SELECT 1 FROM file f WHERE f.path = symbol.path AND f.old_hash = symbol.stripped AND f.run NOT IN (" NOT_KEPT "))",
				   "ii", (int64_t)keep->runs, keep->since);
	if (r == 0)
		r = journal_db_run(journal->db, NULL, err,
				   "DELETE FROM part WHERE fingerprint NOT IN (SELECT fingerprint FROM fingerprint"
				   " UNION SELECT fingerprint FROM swap_fingerprint WHERE run NOT IN (" NOT_KEPT "))",
				   "ii", (int64_t)keep->runs, keep->since);
	if (r == 0)
		r = journal_db_query(journal->db, &contents, err,
				     "SELECT old_hash FROM file WHERE old_hash IS NOT NULL AND result IN ('ok', 'pending')"
				     " AND run NOT IN (" NOT_KEPT ") UNION SELECT hash FROM content WHERE path LIKE 'initfs:/%'",
				     "ii", (int64_t)keep->runs, keep->since);
	if (r == 0)
		r = journal_db_query(journal->db, &binaries, err, "SELECT DISTINCT file FROM symbol", "");
	if (r == 0)
		r = journal_db_commit(&transaction, err);
	if (r == 0)
		r = take(&contents, ret_contents);
	return r < 0 ? r : take(&binaries, ret_binaries);
}
