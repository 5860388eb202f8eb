/* The handle and the tables. What is written into them stands in runs.c, marks.c and contents.c (what the image holds), settle.c and
 * children.c. */
#include "journal/internal.h"

#include "base/fs.h"
#include "journal/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Version N of the schema is the first N of these. Never change one that was released: add the next. */
static const char *const schema[] = {
	"CREATE TABLE run (id INTEGER PRIMARY KEY AUTOINCREMENT, verb TEXT NOT NULL, image TEXT, started INTEGER NOT NULL,"
	"  ms INTEGER NOT NULL DEFAULT 0, result TEXT NOT NULL DEFAULT 'pending', error TEXT, packages TEXT, commits TEXT);"
	"CREATE INDEX run_by_image ON run (image, id);"
	"CREATE INDEX run_pending ON run (image, id) WHERE result = 'pending';"
	"CREATE TABLE step (id INTEGER PRIMARY KEY, run INTEGER NOT NULL, kind TEXT NOT NULL, subject TEXT,"
	"  result TEXT NOT NULL DEFAULT 'pending', detail TEXT, started INTEGER NOT NULL, ms INTEGER NOT NULL DEFAULT 0);"
	"CREATE INDEX step_by_run ON step (run, id);"
	"CREATE TABLE file (run INTEGER NOT NULL, path TEXT NOT NULL, owner TEXT NOT NULL, new_hash TEXT NOT NULL, old_hash TEXT,"
	"  mode INTEGER NOT NULL, size INTEGER NOT NULL, result TEXT NOT NULL DEFAULT 'pending', PRIMARY KEY (run, path)) WITHOUT ROWID;"
	/* One row for each state of a subject: what the image holds (fresh) stays known while something newer failed or is held. */
	"CREATE TABLE fingerprint (image TEXT NOT NULL, subject TEXT NOT NULL, state TEXT NOT NULL, fingerprint TEXT NOT NULL,"
	"  run INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (image, subject, state)) WITHOUT ROWID;"
	"CREATE TABLE image (image TEXT NOT NULL PRIMARY KEY, dev INTEGER NOT NULL, ino INTEGER NOT NULL, size INTEGER NOT NULL,"
	"  mtime_ns INTEGER NOT NULL, uuid TEXT NOT NULL, generation INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE swap (run INTEGER PRIMARY KEY, image TEXT NOT NULL, dev INTEGER NOT NULL, ino INTEGER NOT NULL,"
	"  size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, uuid TEXT NOT NULL, generation INTEGER NOT NULL,"
	"  result TEXT NOT NULL DEFAULT 'pending');"
	"CREATE INDEX swap_pending ON swap (image, run) WHERE result = 'pending';"
	"CREATE TABLE swap_fingerprint (run INTEGER NOT NULL, subject TEXT NOT NULL, state TEXT NOT NULL, fingerprint TEXT NOT NULL,"
	"  PRIMARY KEY (run, subject, state)) WITHOUT ROWID;"
	"CREATE TABLE child (pid INTEGER PRIMARY KEY, run INTEGER NOT NULL, start_time INTEGER NOT NULL, what TEXT NOT NULL,"
	"  started INTEGER NOT NULL);",
	/* Which inputs an artefact was once seen to come from; and files that count for a package although git does not know them. */
	"CREATE TABLE build (package TEXT NOT NULL, artifact TEXT NOT NULL, compiled TEXT NOT NULL, at INTEGER NOT NULL,"
	"  PRIMARY KEY (package, artifact, compiled)) WITHOUT ROWID;"
	"CREATE TABLE input (package TEXT NOT NULL, path TEXT NOT NULL, PRIMARY KEY (package, path)) WITHOUT ROWID;",
	/* Which files in the image are whose, and with which content they were left there. */
	"CREATE TABLE content (image TEXT NOT NULL, path TEXT NOT NULL, owner TEXT NOT NULL, hash TEXT NOT NULL,"
	"  PRIMARY KEY (image, path)) WITHOUT ROWID;",
	/* The unstripped binary of what a run has put. */
	"CREATE TABLE symbol (run INTEGER NOT NULL, path TEXT NOT NULL, package TEXT NOT NULL, build_id TEXT, stripped TEXT NOT NULL,"
	"  file TEXT NOT NULL, size INTEGER NOT NULL, PRIMARY KEY (run, path)) WITHOUT ROWID;"
	"CREATE INDEX symbol_by_package ON symbol (package, path, stripped);",
	/* One row for each fingerprint: of one subject, several may be held. */
	"CREATE TABLE verdict (image TEXT NOT NULL, subject TEXT NOT NULL, fingerprint TEXT NOT NULL, state TEXT NOT NULL,"
	"  run INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (image, subject, fingerprint)) WITHOUT ROWID;"
	"INSERT OR REPLACE INTO verdict SELECT image, subject, fingerprint, state, run, at FROM fingerprint ORDER BY at;"
	"DROP TABLE fingerprint;"
	"ALTER TABLE verdict RENAME TO fingerprint;",
	/* How full the image was before and after a swap. */
	"CREATE TABLE space (run INTEGER PRIMARY KEY, size INTEGER NOT NULL, before INTEGER NOT NULL, used INTEGER NOT NULL,"
	"  grown INTEGER NOT NULL);",
	/* What was booted, and how it went. */
	"CREATE TABLE boot (id INTEGER PRIMARY KEY AUTOINCREMENT, image TEXT NOT NULL, run INTEGER NOT NULL, started INTEGER NOT NULL,"
	"  ms INTEGER NOT NULL DEFAULT 0, result TEXT NOT NULL DEFAULT 'pending', reason TEXT, line TEXT, log TEXT);"
	"CREATE INDEX boot_by_image ON boot (image, id);"
	"CREATE TABLE boot_check (boot INTEGER NOT NULL, name TEXT NOT NULL, result TEXT NOT NULL, required INTEGER NOT NULL, line TEXT,"
	"  ms INTEGER NOT NULL, PRIMARY KEY (boot, name)) WITHOUT ROWID;"
	"CREATE TABLE boot_number (boot INTEGER NOT NULL, name TEXT NOT NULL, value REAL NOT NULL, PRIMARY KEY (boot, name)) WITHOUT ROWID;",
	/* What became of each night, and who was at fault. */
	"CREATE TABLE night (id INTEGER PRIMARY KEY AUTOINCREMENT, image TEXT NOT NULL, started INTEGER NOT NULL, ms INTEGER NOT NULL DEFAULT 0,"
	"  result TEXT NOT NULL DEFAULT 'pending', run INTEGER NOT NULL DEFAULT 0, boots INTEGER NOT NULL DEFAULT 0,"
	"  trials INTEGER NOT NULL DEFAULT 0, summary TEXT, record TEXT);"
	"CREATE INDEX night_by_image ON night (image, id);"
	"CREATE TABLE culprit (night INTEGER NOT NULL, subject TEXT NOT NULL, fingerprint TEXT, commits TEXT NOT NULL, line TEXT, log TEXT);"
	"CREATE INDEX culprit_by_night ON culprit (night);",
	/* What a fingerprint was made of, so that a later one can be told from it. */
	"CREATE TABLE part (fingerprint TEXT NOT NULL, n INTEGER NOT NULL, label TEXT NOT NULL, value TEXT,"
	"  PRIMARY KEY (fingerprint, n)) WITHOUT ROWID;",
	/* What IMAGE.good was when it had booted. */
	"CREATE TABLE good (id INTEGER NOT NULL, image TEXT NOT NULL, dev INTEGER NOT NULL, ino INTEGER NOT NULL, size INTEGER NOT NULL,"
	"  mtime_ns INTEGER NOT NULL, uuid TEXT NOT NULL, generation INTEGER NOT NULL, PRIMARY KEY (image, dev, ino)) WITHOUT ROWID;",
	/* What the compiler cache had of a run's builds. */
	"CREATE TABLE cache (run INTEGER PRIMARY KEY, hits INTEGER NOT NULL, misses INTEGER NOT NULL, errors INTEGER NOT NULL,"
	"  store TEXT NOT NULL);",
	/* How much of an image's room has leaked, and of which file system: an older row knows neither. */
	"ALTER TABLE space ADD COLUMN uuid TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE space ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;",
};

static const char *const result_names[] = {
	[JOURNAL_PENDING] = "pending",     [JOURNAL_OK] = "ok",           [JOURNAL_FAILED] = "failed",
	[JOURNAL_CANCELLED] = "cancelled", [JOURNAL_NOTHING] = "nothing",
};

const char *journal_result_name(enum journal_result result)
{
	return (size_t)result < N_ELEMENTS(result_names) ? result_names[result] : "failed";
}

enum journal_result journal_result_parse(const char *name)
{
	for (size_t i = 0; i < N_ELEMENTS(result_names); i++)
		if (str_eq(name, result_names[i]))
			return (enum journal_result)i;
	return JOURNAL_FAILED;
}

static int cannot_make(const char *path, int code, struct err *err)
{
	err_set(err, code, "cannot make journal '%s'", path);
	err_hint(err, "'%s' and its folder must be writable: were they made by another user, or by root?", path);
	return code;
}

/* Tables and all; closed again, with no log beside it. */
static int fill_file(const char *path, enum journal_db_mode mode, struct err *err)
{
	CLEANUP(journal_db_freep) struct journal_db *db = NULL;
	int r = journal_db_open(path, mode, &db, err);

	if (r == 0)
		r = journal_db_migrate(db, schema, N_ELEMENTS(schema), err);
	if (r == 0)
		r = journal_db_fold(db, err);
	return r;
}

/* A journal comes into being whole, by its name: SQLite does not wait for others while it changes to a write-ahead log, and two that made it at the
 * same time would meet there. Who comes second finds the first one's. Log and index get the file's owner from SQLite. */
static int make_file(const char *state, const char *path, enum journal_db_mode mode, struct err *err)
{
	CLEANUP_FREE char *temp = xasprintf("%s.XXXXXX", path);
	CLEANUP_CLOSE int fd = mkostemp(temp, O_CLOEXEC);
	int r;

	if (fd < 0)
		return cannot_make(path, -errno, err);
	r = fchmod(fd, 0644) < 0 ? cannot_make(path, -errno, err) : journal_state_give(state, fd, err);
	if (r == 0)
		r = fill_file(temp, mode, err);
	if (r == 0 && link(temp, path) < 0 && errno != EEXIST)
		/* A file system without links. */
		r = rename(temp, path) < 0 ? cannot_make(path, -errno, err) : 0;
	unlink(temp);
	return r;
}

/* What an earlier start under sudo left to root. */
static int give_file(const char *state, const char *path, struct err *err)
{
	CLEANUP_CLOSE int fd = -1;

	if (geteuid() != 0)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? err_set(err, -errno, "cannot open journal '%s'", path) : journal_state_give(state, fd, err);
}

static int open_for_writing(const char *state, const char *path, struct journal_db **ret, struct err *err)
{
	enum journal_db_mode mode = JOURNAL_DB_WAL;
	int r = journal_state_prepare(state, err);

	if (r == 0 && fs_is_network(state))
		mode = JOURNAL_DB_ROLLBACK;
	if (r == 0 && !fs_exists(path))
		r = make_file(state, path, mode, err);
	if (r == 0)
		r = give_file(state, path, err);
	return r < 0 ? r : journal_db_open(path, mode, ret, err);
}

static int open_for_reading(const char *state, const char *path, struct journal_db **ret, struct err *err)
{
	int r = journal_state_check(state, err);

	return r < 0 ? r : journal_db_open(path, JOURNAL_DB_READ_ONLY, ret, err);
}

int journal_open(const char *state, bool read_only, struct journal **ret, struct err *err)
{
	CLEANUP(journal_freep) struct journal *journal = xcalloc(1, sizeof(*journal));
	CLEANUP_FREE char *path = xasprintf("%s/journal.db", state);
	int r = read_only ? open_for_reading(state, path, &journal->db, err) : open_for_writing(state, path, &journal->db, err);

	if (r == 0)
		r = journal_db_migrate(journal->db, schema, N_ELEMENTS(schema), err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(journal);
	return 0;
}

void journal_free(struct journal *journal)
{
	if (!journal)
		return;
	journal_db_free(journal->db);
	free(journal);
}

void journal_freep(struct journal **journal)
{
	journal_free(*journal);
}
