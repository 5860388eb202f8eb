/* What the image holds: the fingerprints last injected, and the image's identity after it. Both change in the transaction that says the swap has
 * happened, and that transaction is durable: a power cut must not leave a new image with the old marks and no pending row. */
#include "journal/internal.h"

#include "base/clock.h"

#include <errno.h>
#include <string.h>

int journal_fingerprints(struct journal *journal, const char *image, int (*fn)(void *data, const struct journal_fingerprint *f), void *data,
			 struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err,
				 "SELECT subject, fingerprint, state, run FROM fingerprint WHERE image = ? ORDER BY subject, at, run", "s",
				 image);

	for (size_t i = 0; r == 0 && i < rows.n; i++) {
		struct journal_fingerprint f = {
			.subject = journal_db_text(&rows, i, 0),
			.fingerprint = journal_db_text(&rows, i, 1),
			.state = journal_db_text(&rows, i, 2),
			.run = journal_db_int(&rows, i, 3),
		};

		r = fn(data, &f);
	}
	return r;
}

/* What the image holds is not known any more: its 'fresh', of whatever fingerprint, is doubted. */
static int doubt_subject(struct journal_db *db, const char *image, const char *subject, struct err *err)
{
	return journal_db_run(db, NULL, err, "UPDATE fingerprint SET state = 'doubted' WHERE image = ? AND subject = ? AND state = 'fresh'",
			      "ss", image, subject);
}

static int set_state(struct journal_db *db, const char *image, const struct journal_fingerprint *fingerprint, struct err *err)
{
	/* A fingerprint has one state, the latest; a state has one fingerprint, but several may be held; what was doubted is settled by a new 'fresh'. */
	int r = journal_db_run(db, NULL, err,
			       "DELETE FROM fingerprint WHERE image = ?1 AND subject = ?2 AND ((state = ?3 AND ?3 <> 'held')"
			       " OR (state = 'doubted' AND ?3 = 'fresh'))",
			       "sss", image, fingerprint->subject, fingerprint->state);

	if (r < 0)
		return r;
	return journal_db_run(
		db, NULL, err, "INSERT OR REPLACE INTO fingerprint (image, subject, state, fingerprint, run, at) VALUES (?, ?, ?, ?, ?, ?)",
		"ssssii", image, fingerprint->subject, fingerprint->state, fingerprint->fingerprint, fingerprint->run, clock_wall_ms());
}

static int set_unproved(struct journal_db *db, const char *image, const struct journal_fingerprint *fingerprint, struct err *err)
{
	int r = doubt_subject(db, image, fingerprint->subject, err);

	return r < 0 ? r
		     : journal_db_run(db, NULL, err,
				      "DELETE FROM fingerprint WHERE image = ? AND subject = ? AND fingerprint = ? AND state = 'held'", "sss",
				      image, fingerprint->subject, fingerprint->fingerprint);
}

int journal_internal_set_fingerprint(struct journal_db *db, const char *image, const struct journal_fingerprint *fingerprint, struct err *err)
{
	if (strcmp(fingerprint->state, "gone") == 0)
		return journal_db_run(db, NULL, err, "DELETE FROM fingerprint WHERE image = ? AND subject = ?", "ss", image,
				      fingerprint->subject);
	if (strcmp(fingerprint->state, "doubted") == 0)
		return doubt_subject(db, image, fingerprint->subject, err);
	if (strcmp(fingerprint->state, "unproved") == 0)
		return set_unproved(db, image, fingerprint, err);
	return set_state(db, image, fingerprint, err);
}

int journal_fingerprints_set(struct journal *journal, const char *image, const struct journal_fingerprint *fingerprints, size_t n,
			     struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	int r = journal_db_begin(journal->db, false, &transaction, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = journal_internal_set_fingerprint(journal->db, image, &fingerprints[i], err);
	return r == 0 ? journal_db_commit(&transaction, err) : r;
}

int journal_swap_fingerprints(struct journal *journal, int64_t run, int (*fn)(void *data, const struct journal_fingerprint *f), void *data,
			      struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err,
				 "SELECT f.subject, f.fingerprint, f.state FROM swap_fingerprint f JOIN swap s ON s.run = f.run"
				 " WHERE f.run = ? AND s.result = 'ok' ORDER BY f.subject, f.state",
				 "i", run);

	for (size_t i = 0; r == 0 && i < rows.n; i++) {
		struct journal_fingerprint f = {
			.subject = journal_db_text(&rows, i, 0),
			.fingerprint = journal_db_text(&rows, i, 1),
			.state = journal_db_text(&rows, i, 2),
			.run = run,
		};

		r = fn(data, &f);
	}
	return r;
}

int journal_swap_before(struct journal *journal, const char *image, const char *subject, int64_t run, char **ret_fingerprint, int64_t *ret_run,
			struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err,
				 "SELECT f.fingerprint, f.run FROM swap_fingerprint f JOIN swap s ON s.run = f.run WHERE s.image = ?"
				 " AND s.result = 'ok' AND f.subject = ? AND f.state = 'fresh' AND f.run < ? ORDER BY f.run DESC LIMIT 1",
				 "ssi", image, subject, run);

	if (r < 0 || rows.n == 0)
		return r;
	*ret_fingerprint = xstrdup(journal_db_text(&rows, 0, 0));
	*ret_run = journal_db_int(&rows, 0, 1);
	return 1;
}

/* A file of which no run up to @after knows was then what the first run that changed it has kept. */
int journal_is_as_after(struct journal *journal, const char *image, const char *subject, int64_t after, int64_t without, struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err,
				 "WITH f AS (SELECT f.run, f.path, f.owner, f.new_hash, coalesce(f.old_hash, '') AS old_hash FROM file f"
				 "  JOIN run r ON r.id = f.run WHERE r.image = ?1 AND f.result = 'ok'),"
				 " p AS (SELECT path FROM f WHERE owner = ?2 UNION SELECT path FROM content WHERE image = ?1 AND owner = ?2)"
				 " SELECT 1 FROM p WHERE"
				 " coalesce((SELECT old_hash FROM f WHERE path = p.path AND run = ?4),"
				 "  (SELECT new_hash FROM f WHERE path = p.path ORDER BY run DESC LIMIT 1))"
				 " <> coalesce((SELECT new_hash FROM f WHERE path = p.path AND run <= ?3 ORDER BY run DESC LIMIT 1),"
				 "  (SELECT old_hash FROM f WHERE path = p.path AND run > ?3 ORDER BY run LIMIT 1)) LIMIT 1",
				 "ssii", image, subject, after, without);

	return r < 0 ? r : rows.n == 0;
}

/* What no run has changed is as it was found. */
int journal_files_after(struct journal *journal, const char *image, const char *subject, int64_t run,
			int (*fn)(void *data, const struct journal_content *file), void *data, struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err,
				 "WITH f AS (SELECT f.run, f.path, f.owner, f.new_hash, coalesce(f.old_hash, '') AS old_hash FROM file f"
				 "  JOIN run r ON r.id = f.run WHERE r.image = ?1 AND f.result = 'ok'),"
				 " p AS (SELECT path FROM f WHERE owner = ?2 UNION SELECT path FROM content WHERE image = ?1 AND owner = ?2)"
				 " SELECT p.path, coalesce((SELECT new_hash FROM f WHERE path = p.path AND run <= ?3 ORDER BY run DESC LIMIT 1),"
				 "  (SELECT old_hash FROM f WHERE path = p.path AND run > ?3 ORDER BY run LIMIT 1),"
				 "  (SELECT hash FROM content WHERE image = ?1 AND path = p.path), '') FROM p ORDER BY p.path",
				 "ssi", image, subject, run);

	for (size_t i = 0; r == 0 && i < rows.n; i++)
		r = fn(data, &(struct journal_content){
				     .path = journal_db_text(&rows, i, 0), .owner = subject, .hash = journal_db_text(&rows, i, 1) });
	return r;
}

int journal_run_of_file(struct journal *journal, const char *image, uint64_t dev, uint64_t ino, int64_t *ret, struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err, "SELECT max(run) FROM swap WHERE image = ? AND result = 'ok' AND dev = ? AND ino = ?",
				 "suu", image, dev, ino);

	if (r == 0)
		*ret = journal_db_int(&rows, 0, 0);
	return r;
}

int journal_changed_since(struct journal *journal, const char *image, int64_t run, struct strvec *ret, struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err,
				 "SELECT DISTINCT substr(f.owner, instr(f.owner, ' ') + 1) AS name FROM file f JOIN run r ON r.id = f.run"
				 " WHERE r.image = ? AND f.run > ? AND f.result = 'ok' ORDER BY name",
				 "si", image, run);

	for (size_t i = 0; r == 0 && i < rows.n; i++)
		strvec_add(ret, journal_db_text(&rows, i, 0));
	return r;
}

int journal_last_change(struct journal *journal, const char *image, const char *path, int64_t *ret, struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err,
				 "SELECT max(f.run) FROM file f JOIN run r ON r.id = f.run"
				 " WHERE r.image = ?1 AND f.result = 'ok' AND (?2 IS NULL OR f.path = ?2)",
				 "ss", image, path);

	if (r == 0)
		*ret = journal_db_int(&rows, 0, 0);
	return r;
}

int journal_image_get(struct journal *journal, const char *image, struct journal_image *ret, struct err *err)
{
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	int r = journal_db_query(journal->db, &rows, err, "SELECT dev, ino, size, mtime_ns, generation, uuid FROM image WHERE image = ?", "s",
				 image);

	if (r < 0 || rows.n == 0)
		return r;
	*ret = (struct journal_image){
		.dev = (uint64_t)journal_db_int(&rows, 0, 0),
		.ino = (uint64_t)journal_db_int(&rows, 0, 1),
		.size = (uint64_t)journal_db_int(&rows, 0, 2),
		.mtime_ns = journal_db_int(&rows, 0, 3),
		.generation = (uint64_t)journal_db_int(&rows, 0, 4),
	};
	snprintf(ret->uuid, sizeof(ret->uuid), "%s", journal_db_text(&rows, 0, 5));
	return 1;
}

int journal_image_set(struct journal *journal, const char *image, const struct journal_image *identity, struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	int r = journal_db_begin(journal->db, false, &transaction, err);

	if (r == 0)
		r = journal_db_run(
			journal->db, NULL, err,
			"INSERT OR REPLACE INTO image (image, dev, ino, size, mtime_ns, uuid, generation, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			"suuuisui", image, identity->dev, identity->ino, identity->size, identity->mtime_ns, identity->uuid,
			identity->generation, clock_wall_ms());
	return r == 0 ? journal_db_commit(&transaction, err) : r;
}

static int add_swap(struct journal_db *db, int64_t run, const char *image, const struct journal_image *shadow, struct err *err)
{
	int r = journal_db_run(db, NULL, err, "DELETE FROM swap_fingerprint WHERE run = ?", "i", run);

	if (r < 0)
		return r;
	return journal_db_run(
		db, NULL, err,
		"INSERT OR REPLACE INTO swap (run, image, dev, ino, size, mtime_ns, uuid, generation) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		"isuuuisu", run, image, shadow->dev, shadow->ino, shadow->size, shadow->mtime_ns, shadow->uuid, shadow->generation);
}

int journal_swap_begin(struct journal *journal, int64_t run, const char *image, const struct journal_image *shadow,
		       const struct journal_fingerprint *fingerprints, size_t n, struct err *err)
{
	CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;
	int r = journal_db_begin(journal->db, true, &transaction, err);

	if (r == 0)
		r = add_swap(journal->db, run, image, shadow, err);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = journal_db_run(journal->db, NULL, err,
				   "INSERT OR REPLACE INTO swap_fingerprint (run, subject, state, fingerprint) VALUES (?, ?, ?, ?)", "isss", run,
				   fingerprints[i].subject, fingerprints[i].state, fingerprints[i].fingerprint);
	return r == 0 ? journal_db_commit(&transaction, err) : r;
}
