/* hooks/folder - where git looks for the hooks of a source, and whose folder that is.
 *
 * Asked:    git itself is asked (`rev-parse --git-path hooks`), since core.hooksPath, linked work trees and submodules have a say. git runs as the user who
 *           called sudo, where the source is his (base/sudo).
 * Owner:    a hooks folder inside the repository's git folder is ours to write in. One that core.hooksPath or a symlink puts elsewhere belongs to another
 *           tool, or is in the work tree for all to see: nothing is written there.
 * Configured: git 2.54 and later run hooks that the configuration names, wherever core.hooksPath leads (docs/facts/git-hooks.md).
 * Ownership: hooks_folder_clear(). */
#ifndef REINJECT_HOOKS_FOLDER_H
#define REINJECT_HOOKS_FOLDER_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>

struct hooks_folder {
	char *source;       /* the folder that was asked about */
	char *top;          /* the work tree's root, real and absolute: where git runs its hooks */
	char *common;       /* the git folder that all its work trees share */
	char *dir;          /* where git looks for hooks; it need not exist */
	char *own;          /* where ours lie: dir, or the folder that core.hooksPath hides */
	bool is_shadowed;   /* dir is not ours to write in */
	bool is_configured; /* this git runs hooks that its configuration names */
};

/** -ENOENT (class ERR_ENVIRONMENT) without git, outside a repository, and for a bare one. */
int hooks_folder_find(const char *source, struct hooks_folder *ret, struct err *err) MUST_CHECK;
void hooks_folder_clear(struct hooks_folder *folder);

/** Runs git with @args (ended by NULL) in @folder's source; @ret (may be NULL) gets what it printed, without the last newline. Returns git's exit status,
 * or -errno when it could not be run. @err is filled in either case. */
int hooks_folder_git(const struct hooks_folder *folder, const char *const *args, struct str *ret, struct err *err) MUST_CHECK;

#endif
