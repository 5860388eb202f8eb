/* watcher/repo - a source's git repository, read and never written: HEAD, trees, and what differs in the work tree.
 *
 * Sequence: watcher_repo_open(), then any number of questions, watcher_repo_free(). The handle keeps the index (12 MB at 56,000 files) and sees
 *           outside commits, gc and pack-refs.
 * Facts:    docs/facts/libraries.md, 'libgit2'. Status is asked with literal path prefixes (GIT_STATUS_OPT_DISABLE_PATHSPEC_MATCH: 9 ms instead
 *           of 373 for 67 of them). Nothing is written into the user's repository: no object, no index refresh.
 * Shapes:   index version 4, untracked cache, sparse checkouts, assume-unchanged, partial and shallow clones, alternates, linked work trees, submodules
 *           and a work tree apart from its repository give what a plain clone gives. A file with an external filter has the ID that git would store
 *           (watcher/filter); only where its filter fails, a commit of a saved file changes it once more.
 * Owner:    who is trusted is git's own rule (watcher/owner).
 * Errors:   a repository that libgit2 cannot read is named with its cause and the way out (split index, sparse index, sha256, reftable, an object that
 *           a partial or shallow clone lacks). Nothing is ever fetched. */
#ifndef REINJECT_WATCHER_REPO_H
#define REINJECT_WATCHER_REPO_H

#include "base/err.h"
#include "base/str.h"

#include <git2.h>

#include <stdbool.h>

struct watcher_repo;

/** Opens the repository whose work tree contains the folder @path. */
int watcher_repo_open(const char *path, struct watcher_repo **ret, struct err *err) MUST_CHECK;
void watcher_repo_free(struct watcher_repo *repo);
void watcher_repo_freep(struct watcher_repo **repo); /* for CLEANUP */

/** Folders below the paths of the last look that are repositories of their own and no submodules: they were passed over. Relative to the work tree;
 * owned by @repo. */
const struct strvec *watcher_repo_nested(const struct watcher_repo *repo);

/** libgit2's handle, owned by @repo, for what is no question of the work tree's state. */
git_repository *watcher_repo_git(const struct watcher_repo *repo);
/** The source's folder in the work tree: '' or 'sub/folder'. Owned by @repo. */
const char *watcher_repo_prefix(const struct watcher_repo *repo);

/** HEAD's commit as 40 hex digits; '' before the first commit. */
int watcher_repo_head(struct watcher_repo *repo, char ret[GIT_OID_HEXSZ + 1], struct err *err) MUST_CHECK;

/** Looks at the work tree below these @paths (relative to the source folder): afterwards watcher_repo_tree() answers for them. @ignore: folders
 * never looked at. @ret_n_dirty (may be NULL): how many files differ from HEAD. */
int watcher_repo_look(struct watcher_repo *repo, const struct strvec *paths, const struct strvec *ignore, size_t *ret_n_dirty,
		      struct err *err) MUST_CHECK;

/** The same for a work tree that would hold @commit and nothing else. */
int watcher_repo_look_at(struct watcher_repo *repo, const git_oid *commit, const struct strvec *paths, const struct strvec *ignore,
			 struct err *err) MUST_CHECK;

/** The object ID, as git would give it, of what stands at @path in the work tree now: HEAD's tree with the dirty files folded in, nothing written
 * (DESIGN.md section 3). So saving and then committing the same content gives the same ID. A file's ID covers its mode. @path must lie below one of
 * the paths looked at (-EINVAL). An absent path gives the zero ID. An executable file and a link get the ID of a tree that holds nothing else.
 * @without: folders (relative to the source, below @path) that are left out, those of packages that nest in another's; NULL: none. */
int watcher_repo_tree(struct watcher_repo *repo, const char *path, const struct strvec *without, git_oid *ret, struct err *err) MUST_CHECK;

/** What stands at @path, as in a git tree: its mode (040000 for a folder, 0 when it is absent) and the bare ID of its content. */
int watcher_repo_entry(struct watcher_repo *repo, const char *path, uint32_t *ret_mode, git_oid *ret, struct err *err) MUST_CHECK;

/** A file as git has it, in one word each for its mode and its content. */
#define WATCHER_FILE_SIZE (GIT_OID_HEXSZ + 16)
void watcher_repo_file_value(uint32_t mode, const git_oid *oid, char ret[WATCHER_FILE_SIZE]);

/** Calls @fn for each file that differs from the commit looked at: its path relative to the source, and 'MODE ID', or '' for one that is not there. */
void watcher_repo_each_change(const struct watcher_repo *repo, void (*fn)(void *data, const char *path, const char *value), void *data);

/** The dirty files below @path, relative to the source, sorted: for saying why. */
int watcher_repo_dirty(struct watcher_repo *repo, const char *path, struct strvec *ret, struct err *err) MUST_CHECK;

#endif
