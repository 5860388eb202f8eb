/* watcher/commit - what a commit, or the work tree, has changed in each source, made ready for the question whom it affects (watcher/affected).
 *
 * Sequence: zero a struct watcher_changed for each source and fill in its paths; watcher_changed_finish() reads Cargo.lock as it was and as it is, where the paths
 *           name it, and fills in the change; watcher_affected_find(); watcher_changed_clear(). Or watcher_commit_affected(), all of that for one commit.
 * Threads:  as the repositories'. */
#ifndef REINJECT_WATCHER_COMMIT_H
#define REINJECT_WATCHER_COMMIT_H

#include "watcher/affected.h"
#include "watcher/repo.h"

/** What changed in one source, with what the question about it borrows. All owned. */
struct watcher_changed {
	struct strvec paths, folders;
	struct cargo_lock before, after;
	struct err problem;
};
void watcher_changed_clear(struct watcher_changed *part);

/** Fills @change, which borrows from @part. @source: the source's folder. @before, @after: where its lock is read, zero: nowhere, NULL: in the work tree. A
 * lock that cannot be read is part of the answer, and no failure. */
void watcher_changed_finish(struct watcher_changed *part, const struct watcher_repo *repo, const char *source, const git_oid *before, const git_oid *after,
			 struct watcher_affected_change *change);

/** Whom @commit affects. @repos: as config->sources; NULL: the commit is none of that source's. @said as in watcher_affected_question. */
int watcher_commit_affected(const struct watcher_graph *graph, struct watcher_repo *const *repos, const struct pkgmap *said, const git_oid *commit,
			    struct watcher_affected *ret, struct err *err) MUST_CHECK;

#endif
