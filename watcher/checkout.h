/* watcher/checkout - one commit as a plain folder beside the work tree, without the user's repository noticing.
 *
 * Why:      a night or a hook builds what was committed, not the half-edited tree. A linked work tree would make a branch and an entry in the user's
 *           repository; an export would give every file a new time, and cargo would build everything anew.
 * How:      git_checkout_tree() into a target directory, with an index file of its own as the memory of what stands there: what two commits have in common
 *           is not written, and keeps its times. What is in the folder and in no commit is removed, what was edited there is put right.
 * Hidden:   the tree that is written has a '.gitignore' of '*' at its top, in the place of the commit's own, so that no repository around the folder shows
 *           it. That tree, and the files of @extra, live in memory alone (libgit2's mempack): nothing is written into the user's repository.
 * Filters:  line endings and $Id$ are done as the repository's attributes say; external filters (git-lfs) are not run.
 * Submodules: their folders stay empty, and are named.
 * Killed:   at any point the next call makes it whole: the index is written last, by rename, and what it does not know is compared by content.
 * Links:    one in the folder's place is refused, never followed: what lies behind it would be removed as being in no commit.
 * Owner:    under sudo, the caller writes, not root.
 * Threads:  one at a time for each folder; whoever calls sees to that. */
#ifndef REINJECT_WATCHER_CHECKOUT_H
#define REINJECT_WATCHER_CHECKOUT_H

#include "watcher/repo.h"

struct watcher_checkout {
	const char *folder;         /* where to; its parent must be there */
	const char *index;          /* the index file, outside of it */
	const struct strvec *extra; /* files of the work tree that come along where git ignores them and the commit lacks them; relative to it */
};

/** Where @repo's commits are put: '.NAME.reinject-@tag' beside its work tree NAME, at the same depth, so that paths like '../../relibc' mean the same. The
 * caller frees it. */
char *watcher_checkout_folder(const struct watcher_repo *repo, const char *tag) MUST_CHECK;

/** Makes the folder hold @commit and nothing else. @notes gets a sentence for what it cannot hold. */
int watcher_checkout_write(const struct watcher_repo *repo, const git_oid *commit, const struct watcher_checkout *checkout, struct strvec *notes,
			   struct err *err) MUST_CHECK;

/** Removes a folder that watcher_checkout_write() made; -EINVAL when @folder does not look like one. An absent one is fine. */
int watcher_checkout_remove(const char *folder, struct err *err) MUST_CHECK;

#endif
