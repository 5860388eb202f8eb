/* Which files in the image are ours. A file that was found identical counts as well as one that was put: by its content it is what the package would
 * have put there. */
#include "journal/internal.h"

/* Whose file has become another's is not in the image whole any more, also when it has left the configuration and comes back. */
static int doubt_owner(struct journal_db *db, const char *image, const struct journal_content *content, struct err *err)
{
	return journal_db_run(db, NULL, err,
			      "UPDATE fingerprint SET state = 'doubted' WHERE image = ?1 AND state = 'fresh'"
			      " AND subject = (SELECT owner FROM content WHERE image = ?1 AND path = ?2 AND owner <> ?3)",
			      "sss", image, content->path, content->owner);
}

int journal_internal_doubt_owners(struct journal_db *db, int64_t run, const char *image, struct err *err)
{
	return journal_db_run(
		db, NULL, err,
		"UPDATE fingerprint SET state = 'doubted' WHERE image = ?1 AND state = 'fresh' AND subject IN"
		" (SELECT c.owner FROM content c JOIN file f ON f.path = c.path WHERE c.image = ?1 AND f.run = ?2 AND c.owner <> f.owner)",
		"si", image, run);
}

static int set_content(struct journal_db *db, const char *image, const struct journal_content *content, struct err *err)
{
	int r;

	if (!content->hash)
		return journal_db_run(db, NULL, err, "DELETE FROM content WHERE image = ? AND path = ?", "ss", image, content->path);
	r = doubt_owner(db, image, content, err);
	if (r < 0)
		return r;
	return journal_db_run(db, NULL, err, "INSERT OR REPLACE INTO content (image, path, owner, hash) VALUES (?, ?, ?, ?)", "ssss", image,
			      content->path, content->owner, content->hash);
}

int journal_internal_take_contents(struct journal_db *db, int64_t run, const char *image, struct err *err)
{
	int r = journal_db_run(db, NULL, err,
			       "DELETE FROM content WHERE image = ? AND path IN (SELECT path FROM file WHERE run = ? AND new_hash = '')", "si",
			       image, run);

	if (r < 0)
		return r;
	return journal_db_run(db, NULL, err,
			      "INSERT OR REPLACE INTO content (image, path, owner, hash)"
			      " SELECT ?, path, owner, new_hash FROM file WHERE run = ? AND new_hash <> ''",
			      "si", image, run);
}

int journal_contents(struct journal *journal, const char *image, int (*fn)(void *data, const struct journal_content *content), void *data,
		     struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err, "SELECT path, owner, hash FROM content WHERE image = ? ORDER BY path", "s", image);

	for (size_t i = 0; r == 0 && i < rows.n; i++) {
		struct journal_content content = {
			.path = journal_db_text(&rows, i, 0),
			.owner = journal_db_text(&rows, i, 1),
			.hash = journal_db_text(&rows, i, 2),
		};

		r = fn(data, &content);
	}
	return r;
}

int journal_contents_set(struct journal *journal, const char *image, const struct journal_content *contents, size_t n, struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	int r = journal_db_begin(journal->db, false, &transaction, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = set_content(journal->db, image, &contents[i], err);
	return r == 0 ? journal_db_commit(&transaction, err) : r;
}
