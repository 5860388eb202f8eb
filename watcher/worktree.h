/* watcher/worktree - which files below some paths differ from HEAD, with the ID that their content would get.
 *
 * What counts is the work tree, as `git add -A` would take it: modified, deleted and untracked files that are not ignored, whatever the index holds of
 * them. From the index comes only what git has from nowhere else: whether an ignored file is tracked, the executable bit where core.fileMode is off,
 * the commit of a submodule that is not checked out.
 * Marks that keep git from looking (assume-unchanged, skip-worktree) do not keep us: what cargo would compile counts. Only a file that a sparse
 * checkout left out, and that is not there, counts as the index has it.
 * Submodules count by the commit they have checked out, or by the tree of their own work tree where that differs. Nested repositories that are no
 * submodules are passed over (see watcher_worktree_scan).
 * Files with an external filter count by what that makes of them (watcher/filter).
 * Nothing is written: no object, no refreshed index. */
#ifndef REINJECT_WATCHER_WORKTREE_H
#define REINJECT_WATCHER_WORKTREE_H

#include "base/err.h"
#include "base/str.h"
#include "watcher/tree.h"

#include <git2.h>

#include <stdbool.h>

/** What is asked; plain borrowed data. All paths are relative to the work tree, '' is its root. */
struct watcher_question {
	git_repository *git;
	const git_tree *head;       /* NULL before the first commit */
	const struct strvec *paths; /* none of them lies below another */
	const struct strvec *ignore;
};

struct watcher_changes {
	struct watcher_change *all; /* owned; their paths too */
	size_t n_all, cap;
	const struct watcher_change **sorted; /* owned; into all, in the order of watcher_tree_compare_changes(); n_all of them */
	size_t n_files;                       /* without the ignored folders, which stand in the list as WATCHER_TREE_DROP */
	struct strvec nested;                 /* folders that are repositories of their own and no submodules: passed over */
	struct strvec links;                  /* submodules in the index, as of index_id */
	struct strvec marked;                 /* files there that are assumed unchanged or left out by a sparse checkout */
	git_oid index_id;                     /* the index's checksum */
	char *ignored;                        /* owned; the rules that libgit2 was given */
};

/** Fills @changes, which keeps what can be used again by the next scan; zeroed before the first. On failure it is empty. */
int watcher_worktree_scan(const struct watcher_question *question, struct watcher_changes *changes, struct err *err) MUST_CHECK;
/** The same for a work tree in which nothing differs from @question->head: only the ignored folders are in @changes. */
void watcher_worktree_scan_nothing(const struct watcher_question *question, struct watcher_changes *changes);
void watcher_worktree_clear(struct watcher_changes *changes);

#endif
