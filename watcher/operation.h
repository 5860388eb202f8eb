/* watcher/operation - is git in the middle of something in a source?
 *
 * Kinds, and what the debounce does with them (watcher/debounce):
 *   lock      index.lock or HEAD.lock is there: git writes the work tree at this moment, or has died. Held up while things move and 10 s longer: a lock
 *             that a crash left, or that `git commit -a` keeps while its editor is open, says nothing about the files. Who has it open is not asked:
 *             git closes it in that very case.
 *   sequence  a rebase, merge, cherry-pick, revert or am that has begun and not ended. Between its steps no lock is there, but it moves on within
 *             milliseconds; one that has stood still for 10 s waits for its user, at an `edit`, at an `exec`, or before the last `git commit`. The tree
 *             is whole then, and who stops there stops to try it: saves are looked at again, until HEAD moves on.
 *   conflict  the same, with unmerged entries in the index: the files hold conflict markers, nothing can come of building them, and the issue's
 *             rule ('wait for its end') is what the user wants. Held up until the last one is resolved (`git add`), for hours if need be; said once.
 * A bisect is no operation: each of its commits is there to be tried.
 * Linked work trees have their own; all this is asked of the git folder, not the common one.
 * Cost:     some lstat calls; the index is read only while a sequence is open. */
#ifndef REINJECT_WATCHER_OPERATION_H
#define REINJECT_WATCHER_OPERATION_H

#include "watcher/look.h"

enum watcher_operation {
	WATCHER_OPERATION_NONE,
	WATCHER_OPERATION_SEQUENCE,
	WATCHER_OPERATION_LOCK,
	WATCHER_OPERATION_CONFLICT, /* the greatest of several sources counts */
};

/** @ret_what (may be NULL): 'a rebase', 'index.lock' ...; a literal, NULL for none. */
int watcher_operation_find(struct watcher_repo *repo, enum watcher_operation *ret, const char **ret_what, struct err *err) MUST_CHECK;
/** The same over all sources. @ret_source (may be NULL): whose it is. */
int watcher_operation_of(const struct watcher *watcher, enum watcher_operation *ret, const char **ret_what, size_t *ret_source,
			 struct err *err) MUST_CHECK;

#endif
