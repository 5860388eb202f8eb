/* refresh/session - what every verb that looks needs: the map, the repositories, the journal, and for those that change the image, its lock.
 *
 * Sequence: refresh_session_open(), refresh_session_look(), ..., refresh_session_free().
 * Locked:   opening for change takes the image's lock, ends what a dead run left (children, mounts, half-made shadows), and settles the journal. What
 *           was put right comes back as sentences.
 * Watching: opened without the lock, a session looks for as long as it likes, with its repositories and the journal open; each round takes the lock by
 *           refresh_session_lock() and gives it back by refresh_session_unlock().
 * Threads:  one. */
#ifndef REINJECT_REFRESH_SESSION_H
#define REINJECT_REFRESH_SESSION_H

#include "base/cancel.h"
#include "image/image.h"
#include "journal/journal.h"
#include "refresh/plan.h"
#include "watcher/look.h"

struct refresh_session {
	const struct config *config; /* borrowed */
	struct cancel *cancel;       /* borrowed */
	struct pkgmap *map;
	struct watcher *watcher;          /* NULL until the first look */
	struct journal *journal;          /* NULL when it is only read and there is none yet */
	struct image_lock *lock;          /* NULL when only read */
	struct image_identity identity;   /* of the image when the session was opened; all zero when it cannot be read */
	char build_inputs[HASH_HEX_SIZE]; /* cargo_inputs_hash() as of the last look */
	char *work;                       /* STATE/work/...: a folder for this image's runs, safe by its lock. Owned; NULL when read only */
	bool json_target_spec;            /* this cargo demands -Zjson-target-spec */
	char *image_problem;              /* read only: why the image cannot be used, a sentence, or NULL. Owned */
};

struct refresh_session_args {
	bool read_only;  /* no lock, no recovery, nothing written, and an image that cannot be used is no error */
	bool unlocked;   /* for change, but the lock is taken later */
	uint32_t wait_s; /* --wait-lock */
};

/** @notes gets a sentence for each thing that was recovered. -EBUSY (class ERR_BUSY) when another run has the image. */
int refresh_session_open(const struct config *config, const struct refresh_session_args *args, struct cancel *cancel,
			 struct refresh_session **ret, struct strvec *notes, struct err *err) MUST_CHECK;

/** Takes the image's lock and puts right what a dead run left, as opening for change does; afterwards the identity is that of now. -EBUSY as there; the
 * session stays as it was then. */
int refresh_session_lock(struct refresh_session *session, uint32_t wait_s, struct strvec *notes, struct err *err) MUST_CHECK;
void refresh_session_unlock(struct refresh_session *session);

/** Reads the image's identity again; an image that cannot be read is all zero, with the reason in session->image_problem. */
void refresh_session_see_image(struct refresh_session *session);

void refresh_session_free(struct refresh_session *session);
void refresh_session_freep(struct refresh_session **session); /* for CLEANUP */

/** Opens the repositories and learns cargo's graph, where that was not done yet: session->watcher is there afterwards. */
int refresh_session_learn(struct refresh_session *session, struct err *err) MUST_CHECK;

/** Takes in what builds were seen to read although git does not know it, as the journal has it by now: after a run that another session has made. */
int refresh_session_read_inputs(struct refresh_session *session, struct err *err) MUST_CHECK;

/** Looks at all sources. */
int refresh_session_look(struct refresh_session *session, struct watcher_look **ret, struct err *err) MUST_CHECK;

/** Looks as of a commit: each of @revs is 'REV', for every source, or 'SOURCE=REV'; a source that none names counts as it is now. -EINVAL, class
 * ERR_USAGE, for one that is not known. */
int refresh_session_look_at(struct refresh_session *session, const struct strvec *revs, struct watcher_look **ret, struct err *err) MUST_CHECK;

/** The same for commits that are known: one for each source, zero where the work tree counts. */
int refresh_session_look_commits(struct refresh_session *session, const git_oid *commits, struct watcher_look **ret, struct err *err) MUST_CHECK;

/** 'base=1234... kernel=...': the sources' commits of @look, for the journal; the caller frees it. */
char *refresh_session_commits(const struct refresh_session *session, const struct watcher_look *look) MUST_CHECK;

/** The folder for runs of the configured image, whether it is there or not: session->work. The caller frees it. */
char *refresh_session_work(const struct config *config) MUST_CHECK;

/** After a change in which somebody else's file was left: the journal takes the image for none that it knows, so the next run compares what it holds. */
int refresh_session_distrust(struct refresh_session *session, struct err *err) MUST_CHECK;

/** The journal's view of an identity. */
struct journal_image refresh_journal_image(const struct image_identity *identity);

#endif
