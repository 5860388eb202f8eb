/* refresh/stage - from a step of the plan to files that are ready to be put: built, stripped, checked, in a folder of ours.
 *
 * Folder:    WORK/stage/PACKAGE/BINARY, WORK being the session's, one for each image; emptied at the start of each run. cargo's target folder is
 *            only read. Assets are copied there too: what is put is what was there when the sources were looked at again.
 * Lock:      while stripping, cargo's own lock on the profile's folder (.cargo-lock) is held shared, so that nobody else's cargo swaps a binary in
 *            between; the unstripped binary's digest is taken then too (refresh/symbols).
 * Errors:    a package that does not build is no error: staged.ok is false and staged.failure says why.
 * Ownership: refresh_staged_clear(). */
#ifndef REINJECT_REFRESH_STAGE_H
#define REINJECT_REFRESH_STAGE_H

#include "refresh/compiled.h"
#include "refresh/event.h"
#include "refresh/prepare.h"
#include "refresh/session.h"

struct refresh_staged_file {
	char *name; /* the file name in the image, when the destination is a folder */
	char *path; /* on the host, complete */
	uint64_t size;
	mode_t mode;                         /* for a new file */
	char *unstripped;                    /* the binary it was stripped from, in cargo's target folder; NULL for an asset or a file */
	char unstripped_hash[HASH_HEX_SIZE]; /* its digest then; '' when it was overwritten meanwhile */
	uint64_t unstripped_size;
};

struct refresh_staged {
	const struct refresh_step *step; /* borrowed from the plan */
	bool ok;
	bool fresh;    /* cargo had nothing to do */
	bool rejected; /* not ok, and the same sources would fail again */
	bool unsteady; /* its sources were written while it was built, and nobody can say what went into it */
	char *failure; /* a sentence when not ok */
	struct refresh_staged_file *files;
	size_t n_files, cap;
	char lock[HASH_HEX_SIZE];         /* the content of Cargo.lock that it was built with; '' without one */
	struct refresh_compiled compiled; /* all empty for custom commands and assets */
	struct strvec locations;          /* '/path:line:col: message' of errors and warnings */
	int64_t ms;                       /* how long the build took */
	int64_t ended_us;                 /* clock_us() at cargo's exit; 0 when nothing was built */
};

struct refresh_stage_args {
	struct refresh_session *session;
	struct refresh_prepare *prepare; /* goes once a build has started; may be NULL */
	int64_t run;
	const struct strvec *extra_env; /* REINJECT_* for custom commands */
	const struct watcher_subject *planned; /* as the plan found it */
	refresh_event_fn *on_event;
	void *data;
};

/** Gives the file @path, just made in the state folder, to that folder's owner when we are root. What cannot be given is no worse for this run. */
void refresh_stage_give(const struct refresh_session *session, const char *path);

/** Empties WORK/stage. */
int refresh_stage_reset(const struct refresh_session *session, struct err *err) MUST_CHECK;

/** The digest of the Cargo.lock of @package's source as it is now; '' without one, and for a package that is no crate. */
void refresh_stage_lock(const struct refresh_session *session, const struct config_package *package, char ret[HASH_HEX_SIZE]);

/** Builds and strips the package of @step. */
int refresh_stage_package(const struct refresh_stage_args *args, const struct refresh_step *step, const struct config_package *package,
			  struct refresh_staged *ret, struct err *err) MUST_CHECK;

/** Copies an asset. */
int refresh_stage_asset(const struct refresh_stage_args *args, const struct refresh_step *step, const struct config_asset *asset,
			struct refresh_staged *ret, struct err *err) MUST_CHECK;

void refresh_staged_clear(struct refresh_staged *staged);

#endif
