/* watcher/giterr - what libgit2 says, as -errno and a sentence that names the cause. */
#ifndef REINJECT_WATCHER_GITERR_H
#define REINJECT_WATCHER_GITERR_H

#include "base/err.h"

/** Turns @code (a negative git_error_code) into -errno. @path is the source's folder; the sentence is 'FORMAT: cause'. What libgit2 cannot read in a
 * repository that git can (split or sparse index, SHA-256, reftable, what a partial or shallow clone lacks) is said in our words, with the way out
 * as a hint. */
int watcher_giterr_set(struct err *err, int code, const char *path, const char *format, ...) PRINTF(4, 5);

#endif
