#include "journal/symbols.h"

#include "journal/internal.h"

int journal_symbols_add(struct journal *journal, int64_t run, const struct journal_symbol *symbols, size_t n, struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	int r = journal_db_begin(journal->db, false, &transaction, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = journal_db_run(journal->db, NULL, err,
				   "INSERT OR REPLACE INTO symbol (run, path, package, build_id, stripped, file, size)"
				   " VALUES (?, ?, ?, ?, ?, ?, ?)",
				   "isssssu", run, symbols[i].path, symbols[i].package, symbols[i].build_id, symbols[i].stripped,
				   symbols[i].file, symbols[i].size);
	return r == 0 ? journal_db_commit(&transaction, err) : r;
}

static int walk(const struct journal_rows *rows, int (*fn)(void *data, const struct journal_symbol *symbol), void *data)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < rows->n; i++) {
		struct journal_symbol symbol = {
			.run = journal_db_int(rows, i, 0),
			.path = journal_db_text(rows, i, 1),
			.package = journal_db_text(rows, i, 2),
			.build_id = journal_db_text(rows, i, 3),
			.stripped = journal_db_text(rows, i, 4),
			.file = journal_db_text(rows, i, 5),
			.size = (uint64_t)journal_db_int(rows, i, 6),
		};

		r = fn(data, &symbol);
	}
	return r;
}

int journal_symbols_of_run(struct journal *journal, int64_t run, int (*fn)(void *data, const struct journal_symbol *symbol), void *data,
			   struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err,
				 "SELECT f.run, f.path, substr(f.owner, 9), s.build_id, f.new_hash, s.file, s.size FROM file f"
				 " LEFT JOIN symbol s ON s.run = f.run AND s.path = f.path AND s.stripped = f.new_hash"
				 " WHERE f.run = ? AND f.result = 'ok' AND f.owner LIKE 'package %' ORDER BY f.path",
				 "i", run);

	return r < 0 ? r : walk(&rows, fn, data);
}

/* With a max(), SQLite takes the other columns from the row that has it. The newest binary that fits is the one: its sources are at hand. */
int journal_symbols_of_package(struct journal *journal, const char *image, const char *package,
			       int (*fn)(void *data, const struct journal_symbol *symbol), void *data, struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err,
				 "WITH now AS (SELECT f.path, f.new_hash, f.owner, max(f.run) AS run FROM file f JOIN run r ON r.id = f.run"
				 "  WHERE r.image = ?1 AND f.result = 'ok' GROUP BY f.path),"
				 " kept AS (SELECT path, stripped, package, build_id, file, size, max(run) AS run FROM symbol"
				 "  WHERE package = ?2 GROUP BY path, stripped)"
				 " SELECT coalesce(kept.run, now.run), now.path, ?2, kept.build_id, now.new_hash, kept.file, kept.size"
				 " FROM now LEFT JOIN kept ON kept.path = now.path AND kept.stripped = now.new_hash"
				 " WHERE now.new_hash <> '' AND (kept.file IS NOT NULL OR now.owner = 'package ' || ?2) ORDER BY now.path",
				 "ss", image, package);

	return r < 0 ? r : walk(&rows, fn, data);
}
