/* watcher/roots - what the event source watches, and what a path in an event means.
 *
 * Two kinds of places, because a file cannot be watched itself (saves by rename are missed, docs/facts/libraries.md):
 *   trees     with all below: the folders of packages and all they use, folders that are shared or assets, the branches of each repository
 *   folders   alone: where single files lie (shared files, Cargo.lock, assets, inputs outside git, reinject.ini and what it includes, the backend
 *             and relibc's objects, cargo's configuration above a source), the git folder and the common folder (two in a linked work tree), and
 *             all folders from a source down to its trees: a folder above a tree that is moved tells nobody below
 * A wanted path that is absent is noted, and the nearest folder above it watched instead.
 * Left out: `ignore`, cargo's target folders (by their CACHEDIR.TAG, never by the name: src/target/ is a good module), our state folder, the live
 *           mount point, the image itself; of a git folder all but its branches and the files directly in it.
 * Sequence: watcher_roots_find() after each look that came with a new graph or configuration; then the session is started anew (watcher/events).
 * Not seen: a commit in a submodule that changes no file, .git/info/exclude, .git/config, a new configuration of cargo's above a source: the look
 *           each minute finds them.
 * Paths:    absolute, links resolved, since the library follows none and the system tells real names.
 * Threads:  plain data once it is made; the monitor's thread reads it. */
#ifndef REINJECT_WATCHER_ROOTS_H
#define REINJECT_WATCHER_ROOTS_H

#include "watcher/look.h"

struct watcher_roots {
	/* What is watched; sorted, each once. */
	struct strvec trees;    /* none below another */
	struct strvec folders;  /* none below a tree, unless it is excluded there */
	struct strvec excludes; /* folders below trees that are not entered */
	struct strvec absent;   /* wanted and not there */
	/* What paths mean; sorted. */
	struct strvec files;   /* single files that count */
	struct strvec configs; /* reinject.ini and its includes */
	struct strvec gits;    /* git folders and common folders */
	struct strvec works;   /* roots of work trees: one may lie in its own common folder */
	struct strvec objects; /* folders whose *.o and *.a count */
	struct strvec above;   /* folders above all that counts, and what is absent: when they come, go or move, watching starts anew */
	struct strvec mute;    /* paths that mean nothing; a file that is named like them with a point and more behind, too */
};

/** @repos as config->sources; @inputs (NULL: none): for each package, files outside git that count (absolute). */
int watcher_roots_find(const struct config *config, const struct pkgmap *map, struct watcher_repo *const *repos, const struct strvec *inputs,
		       struct watcher_roots **ret, struct err *err) MUST_CHECK;
/** The same for all that @watcher looks at, as of its last look. */
int watcher_roots_of(const struct watcher *watcher, struct watcher_roots **ret, struct err *err) MUST_CHECK;
void watcher_roots_free(struct watcher_roots *roots);
void watcher_roots_freep(struct watcher_roots **roots); /* for CLEANUP */

enum watcher_event_class {
	WATCHER_EVENT_IGNORED,
	WATCHER_EVENT_SOURCE,    /* something that goes into a fingerprint may have changed */
	WATCHER_EVENT_CONFIG,    /* reinject.ini, or what it includes */
	WATCHER_EVENT_GIT,       /* HEAD may stand elsewhere: HEAD itself, a branch, packed-refs */
	WATCHER_EVENT_OPERATION, /* git begins or ends something (index.lock, rebase-merge, MERGE_HEAD ...): no reason for a look by itself */
};

/** What an event at @path (absolute) means. @ret_above (may be NULL): the path is a tree or a folder above something that counts. */
enum watcher_event_class watcher_roots_classify(const struct watcher_roots *roots, const char *path, bool *ret_above);

/** Calls @fn for @tree and each folder below it that is watched with it; stops when @fn returns false. Links are not followed; what cannot be read is
 * passed over, as the library does. */
void watcher_roots_walk(const struct watcher_roots *roots, const char *tree, bool (*fn)(void *data, const char *path), void *data);

#endif
