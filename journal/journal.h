/* journal/journal - what was done: runs, their steps and files, fingerprints, children; in SQLite.
 *
 * File:     STATE/journal.db, WAL (rollback journal on network file systems), busy_timeout 5 s, every write in BEGIN IMMEDIATE, no transaction
 *           left open while a child runs. STATE holds a .gitignore of '*' and a CACHEDIR.TAG, so that git and backups pass it over.
 * Rule:     a row is 'pending' before the effect and 'ok', 'failed' or 'cancelled' after it. journal_settle() turns what a dead run left pending
 *           into what really happened.
 * Keys:     images are named by their absolute path; hashes are SHA-256 in hex; times are milliseconds since 1970.
 * Errors:   -errno with a sentence that names the file; SQLITE_BUSY is -EBUSY, SQLITE_READONLY -EROFS, SQLITE_CORRUPT -EUCLEAN.
 * Threads:  a handle belongs to the thread that opened it. Several processes may have the journal open.
 * Ownership: journal_free() takes NULL. Strings in callbacks die on return. */
#ifndef REINJECT_JOURNAL_JOURNAL_H
#define REINJECT_JOURNAL_JOURNAL_H

#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct journal;

enum journal_result { JOURNAL_PENDING, JOURNAL_OK, JOURNAL_FAILED, JOURNAL_CANCELLED, JOURNAL_NOTHING };
/** 'pending', 'ok', 'failed', 'cancelled', 'nothing'. */
const char *journal_result_name(enum journal_result result);
/** The result of that name; JOURNAL_FAILED for an unknown one. */
enum journal_result journal_result_parse(const char *name);

/** Opens STATE/journal.db; makes the folder (0700) and the tables when they are absent, unless @read_only, which returns -ENOENT then. */
int journal_open(const char *state, bool read_only, struct journal **ret, struct err *err) MUST_CHECK;
void journal_free(struct journal *journal);
void journal_freep(struct journal **journal); /* for CLEANUP */

/* -- runs ------------------------------------------------------------------------------------------------------------------------------ */

struct journal_run {
	int64_t id;
	const char *verb; /* 'refresh', 'build', 'inject' ... */
	const char *image;
	int64_t started; /* ms since 1970 */
	int64_t ms;      /* how long it took; 0 while pending */
	enum journal_result result;
	const char *error;    /* NULL when there was none */
	const char *packages; /* names of what was put, separated by blanks */
	const char *commits;  /* 'SOURCE=40 hex digits', separated by blanks */
};

/** A new pending run; its number is one higher than the last. */
int journal_run_begin(struct journal *journal, const char *verb, const char *image, const char *commits, int64_t *ret_run,
		      struct err *err) MUST_CHECK;
/** Its end. @packages and @error may be NULL. */
int journal_run_end(struct journal *journal, int64_t run, enum journal_result result, const char *packages, const char *error, int64_t ms,
		    struct err *err) MUST_CHECK;
/** Calls @fn for the runs of @image (NULL: all), newest first, at most @limit (0: all), with @only > 0 that run alone. A non-zero return of @fn
 * ends the walk and is returned. */
int journal_runs(struct journal *journal, const char *image, int64_t only, unsigned int limit,
		 int (*fn)(void *data, const struct journal_run *run), void *data, struct err *err) MUST_CHECK;
/** The sources' commits of @run, as in struct journal_run: NULL when it is not known, or has none. The caller frees it. */
int journal_run_commits(struct journal *journal, int64_t run, char **ret, struct err *err) MUST_CHECK;
/** The number of the newest run of @image, 0 when there is none; the newest pending one, 0 when there is none. */
int journal_last_run(struct journal *journal, const char *image, int64_t *ret_last, int64_t *ret_pending, struct err *err) MUST_CHECK;

/* -- steps and files of a run ------------------------------------------------------------------------------------------------------------ */

struct journal_step {
	int64_t id;
	const char *kind;    /* 'build', 'strip', 'begin', 'verify', 'swap' */
	const char *subject; /* a package, or the image */
	enum journal_result result;
	const char *detail; /* 'fresh', 'exited with 101', or NULL */
	int64_t ms;
};
int journal_step_begin(struct journal *journal, int64_t run, const char *kind, const char *subject, int64_t *ret_step,
		       struct err *err) MUST_CHECK;
int journal_step_end(struct journal *journal, int64_t step, enum journal_result result, const char *detail, int64_t ms,
		     struct err *err) MUST_CHECK;
int journal_steps(struct journal *journal, int64_t run, int (*fn)(void *data, const struct journal_step *step), void *data,
		  struct err *err) MUST_CHECK;

struct journal_file {
	const char *path;  /* in the image, absolute */
	const char *owner; /* 'package NAME', 'asset NAME', or 'file' for `inject` */
	const char *new_hash; /* '': the file was removed */
	const char *old_hash; /* NULL: there was no such file. The content is in the blob store under this hash */
	uint32_t mode;        /* permission bits */
	uint64_t size;
	enum journal_result result;
};
/** All files of a run, as one transaction, pending; written before the swap. */
int journal_files_add(struct journal *journal, int64_t run, const struct journal_file *files, size_t n, struct err *err) MUST_CHECK;
int journal_files(struct journal *journal, int64_t run, int (*fn)(void *data, const struct journal_file *file), void *data,
		  struct err *err) MUST_CHECK;

/* -- fingerprints: what the image holds -------------------------------------------------------------------------------------------------- */

struct journal_fingerprint {
	const char *subject;     /* 'package NAME' or 'asset NAME' */
	const char *fingerprint; /* hex */
	/* What became of exactly this fingerprint: 'fresh', 'failed', 'held' or 'doubted'. Several of a subject may be held; of each other state it has one
	 * at most. Written as 'doubted' it means: the subject's 'fresh', whatever its fingerprint, is not believed any more; written as 'unproved':
	 * nor is this one held, which should be in the image and is not; written as 'gone': the subject is forgotten. */
	const char *state;
	int64_t run;
};
/** The fingerprints recorded for @image, by subject, the oldest first. What the image holds ('fresh') stays
 * known while newer fingerprints failed or are held, so that undoing the edit makes it fresh again without a build. */
int journal_fingerprints(struct journal *journal, const char *image, int (*fn)(void *data, const struct journal_fingerprint *f), void *data,
			 struct err *err) MUST_CHECK;

/** The identity of an image file as it was after our last swap; it changed outside when any of these differs. */
struct journal_image {
	uint64_t dev, ino, size;
	int64_t mtime_ns;
	char uuid[33];       /* hex, '' where the format has none */
	uint64_t generation; /* 0 where the format has none */
};
/** Returns 1 with @ret filled, 0 when the image is not known. */
int journal_image_get(struct journal *journal, const char *image, struct journal_image *ret, struct err *err) MUST_CHECK;

/** What a swap is about to make true; written pending before it, so that the next start can settle a run that died in between.
 * @shadow is the identity of the file that will be the image: whoever finds the image to be it, knows that the swap has happened. */
int journal_swap_begin(struct journal *journal, int64_t run, const char *image, const struct journal_image *shadow,
		       const struct journal_fingerprint *fingerprints, size_t n, struct err *err) MUST_CHECK;
/** The swap has happened: its fingerprints become the image's, its files ok; one transaction. */
int journal_swap_done(struct journal *journal, int64_t run, struct err *err) MUST_CHECK;

/** The swap did not happen, and never will. */
int journal_swap_failed(struct journal *journal, int64_t run, struct err *err) MUST_CHECK;

/** Records fingerprints without a swap: what was built and found identical, or failed (state 'failed'). */
int journal_fingerprints_set(struct journal *journal, const char *image, const struct journal_fingerprint *fingerprints, size_t n,
			     struct err *err) MUST_CHECK;
/** Records what @fingerprint was made of: @n labels and values (or NULL), in order. What is known of it already stays. */
int journal_parts_set(struct journal *journal, const char *fingerprint, const char *const *labels, const char *const *values, size_t n,
		      struct err *err) MUST_CHECK;
/** Calls @fn for these, in order; for none when they are not known. */
int journal_parts(struct journal *journal, const char *fingerprint, int (*fn)(void *data, const char *label, const char *value), void *data,
		  struct err *err) MUST_CHECK;
/** Calls @fn for what the swap of @run made true. */
int journal_swap_fingerprints(struct journal *journal, int64_t run, int (*fn)(void *data, const struct journal_fingerprint *f), void *data,
			      struct err *err) MUST_CHECK;
/** What the last swap before that of @run made 'fresh' for @subject: fingerprint (the caller frees it) and run. Returns 1, or 0 when there is none. */
int journal_swap_before(struct journal *journal, const char *image, const char *subject, int64_t run, char **ret_fingerprint, int64_t *ret_run,
			struct err *err) MUST_CHECK;
/** Returns 1 when all files that were ever @subject's are as run @after left them, once run @without is taken back; 0 when not. */
int journal_is_as_after(struct journal *journal, const char *image, const char *subject, int64_t after, int64_t without,
			struct err *err) MUST_CHECK;
struct journal_content;
/** Calls @fn for each file that was ever @subject's, with the digest that it had after run @run ('': there was no such file); by path. */
int journal_files_after(struct journal *journal, const char *image, const char *subject, int64_t run,
			int (*fn)(void *data, const struct journal_content *file), void *data, struct err *err) MUST_CHECK;
/** The run whose swap made the image file with this device and inode; 0 when none did. */
int journal_run_of_file(struct journal *journal, const char *image, uint64_t dev, uint64_t ino, int64_t *ret, struct err *err) MUST_CHECK;
/** Adds the names of the packages and assets of which a file was put or removed after @run, each once, sorted; 'file' for what is nobody's. */
int journal_changed_since(struct journal *journal, const char *image, int64_t run, struct strvec *ret, struct err *err) MUST_CHECK;

/** The digest that run @run, or the last before it that changed it, left at @path of @image: NULL when there was no such file then. The caller frees it. */
int journal_file_at(struct journal *journal, const char *image, const char *path, int64_t run, char **ret_hash, struct err *err) MUST_CHECK;

/** Calls @fn for each path of @image that a run after @run changed, with the last such change; with @first the first. */
int journal_files_since(struct journal *journal, const char *image, int64_t run, bool first, int (*fn)(void *data, const struct journal_file *file),
			void *data, struct err *err) MUST_CHECK;

/** The newest run that changed the file @path of @image (NULL: any file), 0 when there is none. */
int journal_last_change(struct journal *journal, const char *image, const char *path, int64_t *ret, struct err *err) MUST_CHECK;
/** Records the image's identity without a swap. */
int journal_image_set(struct journal *journal, const char *image, const struct journal_image *identity, struct err *err) MUST_CHECK;

/** Settles what a dead run left pending for @image, whose file now is @now (NULL when no swap can have happened): a pending swap whose shadow has that device
 * and inode has happened (journal_swap_done, run ok); everything else pending becomes failed with 'interrupted'. The caller holds the image's
 * lock. @ret_n: how many runs were settled. */
int journal_settle(struct journal *journal, const char *image, const struct journal_image *now, unsigned int *ret_n, struct err *err) MUST_CHECK;

/* -- contents: which files in the image are ours ------------------------------------------------------------------------------------- */

struct journal_content {
	const char *path;  /* in the image, absolute */
	const char *owner; /* as journal_file.owner */
	const char *hash;  /* as it was left there; NULL to journal_contents_set(): the file is nobody's from now on */
};
/** Calls @fn for all that is known, by path. A swap adds its own files by itself (journal_swap_done). */
int journal_contents(struct journal *journal, const char *image, int (*fn)(void *data, const struct journal_content *content), void *data,
		     struct err *err) MUST_CHECK;
/** Records what was found in the image, not put there. Whose file becomes another's is doubted. */
int journal_contents_set(struct journal *journal, const char *image, const struct journal_content *contents, size_t n,
			 struct err *err) MUST_CHECK;

/* -- builds: what cargo's word of 'fresh' is worth ------------------------------------------------------------------------------------ */

enum journal_build_verdict {
	JOURNAL_BUILD_UNKNOWN, /* this artefact was never seen */
	JOURNAL_BUILD_SAME,    /* it was seen to come from these inputs */
	JOURNAL_BUILD_OTHER    /* it was only ever seen to come from other inputs */
};

/** What is known of the artefact with digest @artifact of @package and inputs with digest @compiled. */
int journal_build_find(struct journal *journal, const char *package, const char *artifact, const char *compiled, enum journal_build_verdict *ret,
		       struct err *err) MUST_CHECK;
/** Records that this artefact comes from these inputs. */
int journal_build_add(struct journal *journal, const char *package, const char *artifact, const char *compiled, struct err *err) MUST_CHECK;

/** Replaces the list of files outside git that @package was compiled from (absolute paths). */
int journal_inputs_set(struct journal *journal, const char *package, const struct strvec *paths, struct err *err) MUST_CHECK;
/** Calls @fn for all of them, by package and path. */
int journal_inputs(struct journal *journal, int (*fn)(void *data, const char *package, const char *path), void *data,
		   struct err *err) MUST_CHECK;

/* -- children ------------------------------------------------------------------------------------------------------------------------------ */

/** A child of run @run, so that the next start can end what a crash left running. Times by proc_start_time(). */
int journal_child_add(struct journal *journal, int64_t run, pid_t pid, uint64_t start_time, const char *what, struct err *err) MUST_CHECK;
int journal_child_remove(struct journal *journal, pid_t pid, struct err *err) MUST_CHECK;
/** Calls @fn for all children recorded for runs of @image. */
int journal_children(struct journal *journal, const char *image, int (*fn)(void *data, pid_t pid, uint64_t start_time, const char *what),
		     void *data, struct err *err) MUST_CHECK;

#endif
