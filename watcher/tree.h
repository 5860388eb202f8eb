/* watcher/tree - the object ID that git would give a folder with some of its files changed, without writing an object.
 *
 * Input:    HEAD's tree and a list of changes: files that differ from it, and folders that shall not count.
 * Method:   only folders that hold a change are made anew: their entries with the changes folded in, sorted as git sorts (folders as NAME/), empty
 *           folders dropped, serialised and hashed. Everything else keeps the ID that HEAD's tree has.
 *           libgit2's treebuilder is no help: it refuses IDs that are not in the object store and writes into the user's repository.
 * Order:    changes are sorted by watcher_tree_compare_changes(): bytewise, but with '/' before all other bytes, so that what lies below a folder
 *           stands together, right behind the folder itself. */
#ifndef REINJECT_WATCHER_TREE_H
#define REINJECT_WATCHER_TREE_H

#include "base/err.h"

#include <git2.h>

#include <stddef.h>
#include <stdint.h>

struct watcher_change {
	const char *path; /* relative to the tree's root; bytes as the file system has them */
	uint32_t mode;    /* 0100644, 0100755, 0120000, 0160000; 0: no such file; WATCHER_TREE_DROP */
	git_oid oid;      /* of the content, where there is one */
};

/* The folder and all that lies below it, in HEAD or changed, does not count. */
#define WATCHER_TREE_DROP 1u

/** The order, for qsort() of an array of `struct watcher_change *`; of two for one path, a dropped folder comes first. */
int watcher_tree_compare_changes(const void *a, const void *b);

/** The entry of @path ('' is the root) in @head (NULL: no commit yet) with these @changes (sorted) made. @ret_mode is 040000 for a folder, the file's mode, 0
 * with a zero ID when there is nothing. -EIO with a sentence when HEAD's objects cannot be read. */
int watcher_tree_entry(git_repository *git, const git_tree *head, const struct watcher_change *const *changes, size_t n_changes,
		       const char *path, uint32_t *ret_mode, git_oid *ret, struct err *err) MUST_CHECK;

#endif
