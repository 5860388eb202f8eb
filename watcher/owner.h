/* watcher/owner - whether git would trust this repository: the rule of git itself, which libgit2 1.5 has in part only.
 *
 * Rule:     the work tree, its .git and the git folder belong to us; as root also to the user who called sudo. Otherwise one of the values of
 *           safe.directory in the system's and the user's configuration (never the repository's own) must name the work tree: its path, a path
 *           with '/' and '*' behind it for all that lies below, or '*' for everything; an empty value forgets those before it.
 * Facts:    libgit2 1.5.1 does not know '*', and stumbles over its own question where there is a global configuration without that key. */
#ifndef REINJECT_WATCHER_OWNER_H
#define REINJECT_WATCHER_OWNER_H

#include "base/err.h"

#include <git2.h>

/** -EACCES, class ERR_ENVIRONMENT, with the owner's name and the way out, when git would not trust @git. @source: its folder as the user named it. */
int watcher_owner_check(git_repository *git, const char *source, struct err *err) MUST_CHECK;

#endif
