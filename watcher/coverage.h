/* watcher/coverage - how much of what should be watched can be: counted, since the library says nothing when the system's limit is reached.
 *
 * libfswatch goes on partly blind then, and says so on standard error for each folder, ten times a second for a root. So the room is tried first, with
 * a descriptor of our own that takes a watch for each folder and lets go again: 3 ms for 180 folders. It is kept: closing one takes up to 30 ms. What has no room is left out of the session and
 * polled (watcher/events), the trees with the fewest folders first of all those that have.
 * Sequence: watcher_coverage_plan() before a session starts; watcher_coverage_count() of its descriptor afterwards, since others use up the same
 *           limit; watcher_coverage_sentence() for the user.
 * Remote:   on network and FUSE file systems nobody tells of what others change, so those trees are watched and polled.
 * Platform: coverage_linux.c; coverage_darwin.c, since FSEvents has no such limit. */
#ifndef REINJECT_WATCHER_COVERAGE_H
#define REINJECT_WATCHER_COVERAGE_H

#include "watcher/roots.h"

struct watcher_coverage {
	size_t n_folders;    /* folders under the roots: how many watches there should be */
	size_t n_watches;    /* how many there are */
	uint64_t limit;      /* of this user, whatever program takes them; 0: unknown or none */
	struct strvec trees; /* to be watched */
	struct strvec folders;
	struct strvec blind;  /* roots beyond the limit: polled */
	struct strvec remote; /* roots that others may change unseen: polled too */
};

/** Finds out what of @roots there is room for. *@trial is the descriptor to try with, -1 at first; the caller keeps it and closes it at the end.
 * -EMFILE when no session can be started at all (then all is blind). */
int watcher_coverage_plan(const struct watcher_roots *roots, int *trial, struct watcher_coverage *ret, struct err *err) MUST_CHECK;
void watcher_coverage_clear(struct watcher_coverage *coverage);

/** False where the system counts no watches: then what was planned is what there is. */
bool watcher_coverage_counts(void);

/** The watches that inotify descriptor @fd holds; 0 for what is none. */
size_t watcher_coverage_count(int fd);

/** Finds the inotify descriptor of this process that watches the folder @path, or -1. Marks all such descriptors close-on-exec on the way. */
int watcher_coverage_find(const char *path);

/** When the limit leaves something out: what, the line that raises it, and what happens until then. Empty otherwise. The caller frees both. */
bool watcher_coverage_sentence(const struct watcher_coverage *coverage, char **ret_sentence, char **ret_hint);

#endif
