/* watcher/changes - which paths a commit, or the work tree, changed. Paths only, by comparing trees: no contents are read, no renames looked for.
 *
 * A rename is a deletion and an addition, so both paths come. A commit is compared with its first parent, a root with nothing. A submodule is one path.
 * Paths:    relative to the source, bytes as git has them, sorted, each once; what lies in the repository but not in the source's folder is left out.
 * Errors:   a revision that git would not know is -EINVAL of class ERR_USAGE. */
#ifndef REINJECT_WATCHER_CHANGES_H
#define REINJECT_WATCHER_CHANGES_H

#include "watcher/repo.h"

struct watcher_commits {
	git_oid *v; /* owned */
	size_t n, cap;
};
void watcher_commits_clear(struct watcher_commits *commits);

/** The commit that @rev names, as `git rev-parse REV^{commit}` would. */
int watcher_changes_resolve(const struct watcher_repo *repo, const char *rev, git_oid *ret, struct err *err) MUST_CHECK;

/** The commits of @range, parents before children: 'A..B' those of B that A does not have (HEAD where one is left out), 'REV' all ancestors and itself. */
int watcher_changes_range(const struct watcher_repo *repo, const char *range, struct watcher_commits *ret, struct err *err) MUST_CHECK;

/** True for a commit of several parents: what it brings, the commits of those bring. */
bool watcher_changes_is_merge(const struct watcher_repo *repo, const git_oid *commit);

/** '1a2b3c4d what its message begins with': for a person; the caller frees it. */
char *watcher_changes_describe(const struct watcher_repo *repo, const git_oid *commit) MUST_CHECK;

/** The paths that @commit changed. @ret_parent: its first parent, zero for a root. */
int watcher_changes_of_commit(const struct watcher_repo *repo, const git_oid *commit, struct strvec *ret, git_oid *ret_parent,
			      struct err *err) MUST_CHECK;

/** The paths that differ between @commit (zero: nothing) and the work tree, uncommitted and untracked ones included, and ignored ones not; nor those
 * below the folders @ignore. */
int watcher_changes_since(struct watcher_repo *repo, const git_oid *commit, const struct strvec *ignore, struct strvec *ret,
			  struct err *err) MUST_CHECK;

/** The paths below @path that differ between the commits @from and @to (zero: nothing). -errno where a commit is not there any more. */
int watcher_changes_between(const struct watcher_repo *repo, const git_oid *from, const git_oid *to, const char *path, struct strvec *ret,
			    struct err *err) MUST_CHECK;

/** The file @path in @commit, as watcher_repo_file_value() has it; '' when there is none. */
int watcher_changes_value(const struct watcher_repo *repo, const git_oid *commit, const char *path, char ret[WATCHER_FILE_SIZE],
			  struct err *err) MUST_CHECK;

/** Adds the content of the file @path in @commit to @ret. -ENOENT when there is no such file, or @commit is zero. */
int watcher_changes_file(const struct watcher_repo *repo, const git_oid *commit, const char *path, struct str *ret, struct err *err) MUST_CHECK;

#endif
