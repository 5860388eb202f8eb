/* Four numbers of each run that was built through a compiler cache, for `show`. */
#include "journal/cache.h"

#include "journal/internal.h"

#include <stdio.h>

int journal_cache_add(struct journal *journal, int64_t run, const struct journal_cache *cache, struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	int r = journal_db_begin(journal->db, false, &transaction, err);

	if (r == 0)
		r = journal_db_run(journal->db, NULL, err,
				   "INSERT OR REPLACE INTO cache (run, hits, misses, errors, store) VALUES (?, ?, ?, ?, ?)", "iuuus", run,
				   cache->hits, cache->misses, cache->errors, cache->store);
	return r == 0 ? journal_db_commit(&transaction, err) : r;
}

int journal_cache_get(struct journal *journal, int64_t run, struct journal_cache *ret, struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err, "SELECT hits, misses, errors, store FROM cache WHERE run = ?", "i", run);

	if (r < 0 || rows.n == 0)
		return r;
	*ret = (struct journal_cache){
		.hits = (uint64_t)journal_db_int(&rows, 0, 0),
		.misses = (uint64_t)journal_db_int(&rows, 0, 1),
		.errors = (uint64_t)journal_db_int(&rows, 0, 2),
	};
	snprintf(ret->store, sizeof(ret->store), "%s", journal_db_text(&rows, 0, 3));
	return 1;
}
