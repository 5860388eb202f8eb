/* watcher/filter - what git would store of a file whose attributes libgit2 cannot follow: external clean filters, Git LFS, working-tree-encoding.
 *
 * Method:   for LFS the pointer file is made here: git-lfs itself would put the content into the repository, where nothing of ours may be written.
 *           All else `git hash-object` answers, which stores nothing, and runs the filter as `git status` and `git add` do.
 * When:     only for files that differ from the index by size, time or inode; an untouched one keeps the ID that HEAD has. So saving and then
 *           committing the same content changes nothing.
 * Without:  where git is missing or the filter fails, the bare content counts: two looks without a change are equal, a commit of it is not. */
#ifndef REINJECT_WATCHER_FILTER_H
#define REINJECT_WATCHER_FILTER_H

#include "base/err.h"

#include <git2.h>

/** The ID of the regular file @path, relative to the work tree, as its filter leaves it. Returns 1, or 0 when libgit2 can tell it by itself; -errno
 * when the file cannot be read. */
int watcher_filter_hash(git_repository *git, const char *path, git_oid *ret, struct err *err) MUST_CHECK;

#endif
