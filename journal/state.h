/* journal/state - the state folder (.reinject): ours alone, out of git's and the backups' sight, owned by whom it serves.
 *
 * Owner:    under sudo, what root makes here belongs to the owner of the folder it is made in; otherwise the user's next start would find a journal
 *           that it cannot write.
 * Safety:   a folder that others can write is refused: what lies in it is put into images and run. */
#ifndef REINJECT_JOURNAL_STATE_H
#define REINJECT_JOURNAL_STATE_H

#include "base/err.h"

/** Makes the folder (0700) with its .gitignore and CACHEDIR.TAG where they are absent, and the folders above it. -EACCES (class
 * ERR_ENVIRONMENT) when it is there and we cannot write into it. */
int journal_state_prepare(const char *state, struct err *err) MUST_CHECK;

/** -EPERM (class ERR_USAGE) when somebody else can write the folder; -EACCES (class ERR_ENVIRONMENT) when it is root's and closed to us; -ENOENT when there
 * is none. */
int journal_state_check(const char *state, struct err *err) MUST_CHECK;

/** Gives descriptor @fd, a file or folder of ours in @state, to the state folder's owner when we are root. */
int journal_state_give(const char *state, int fd, struct err *err) MUST_CHECK;

/** Makes folder STATE/@name (0700) when it is absent; with the owner as above. */
int journal_state_make_dir(const char *state, const char *name, struct err *err) MUST_CHECK;

#endif
