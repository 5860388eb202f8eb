#include "watcher/operation.h"

#include "base/fs.h"
#include "watcher/giterr.h"
#include "watcher/internal.h"

/* git's own signs: files in the git folder. */

static const char *sequence_name(int state)
{
	switch (state) {
	case GIT_REPOSITORY_STATE_MERGE:
		return "a merge";
	case GIT_REPOSITORY_STATE_REVERT:
	case GIT_REPOSITORY_STATE_REVERT_SEQUENCE:
		return "a revert";
	case GIT_REPOSITORY_STATE_CHERRYPICK:
	case GIT_REPOSITORY_STATE_CHERRYPICK_SEQUENCE:
		return "a cherry-pick";
	case GIT_REPOSITORY_STATE_REBASE:
	case GIT_REPOSITORY_STATE_REBASE_INTERACTIVE:
	case GIT_REPOSITORY_STATE_REBASE_MERGE:
		return "a rebase";
	case GIT_REPOSITORY_STATE_APPLY_MAILBOX:
	case GIT_REPOSITORY_STATE_APPLY_MAILBOX_OR_REBASE:
		return "an am or a rebase";
	default: /* nothing, or a bisect */
		return NULL;
	}
}

static const char *lock_name(git_repository *git)
{
	static const char *const names[] = { "index.lock", "HEAD.lock" };

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		CLEANUP_FREE char *path = xasprintf("%s%s", git_repository_path(git), names[i]);

		if (fs_exists(path))
			return names[i];
	}
	return NULL;
}

static int has_conflicts(git_repository *git, bool *ret)
{
	git_index *index = NULL;
	int r = git_repository_index(&index, git);

	if (r == 0)
		r = git_index_read(index, false);
	if (r == 0)
		*ret = git_index_has_conflicts(index);
	git_index_free(index);
	return r;
}

int watcher_operation_find(struct watcher_repo *repo, enum watcher_operation *ret, const char **ret_what, struct err *err)
{
	git_repository *git = watcher_repo_git(repo);
	const char *lock = lock_name(git), *what = sequence_name(git_repository_state(git));
	enum watcher_operation operation = what ? WATCHER_OPERATION_SEQUENCE : WATCHER_OPERATION_NONE;
	bool conflicts = false;
	int r = what && !lock ? has_conflicts(git, &conflicts) : 0;

	if (r < 0)
		return watcher_giterr_set(err, r, git_repository_path(git), "cannot see whether git is at work in '%s'",
					  git_repository_path(git));
	if (conflicts)
		operation = WATCHER_OPERATION_CONFLICT;
	if (lock) {
		operation = WATCHER_OPERATION_LOCK;
		what = lock;
	}
	*ret = operation;
	if (ret_what)
		*ret_what = what;
	return 0;
}

int watcher_operation_of(const struct watcher *watcher, enum watcher_operation *ret, const char **ret_what, size_t *ret_source, struct err *err)
{
	enum watcher_operation greatest = WATCHER_OPERATION_NONE;
	const char *greatest_what = NULL;
	size_t source = 0;

	for (size_t i = 0; i < watcher->config->n_sources; i++) {
		enum watcher_operation operation;
		const char *what;
		int r = watcher_operation_find(watcher->repos[i], &operation, &what, err);

		if (r < 0)
			return err_wrap(err, r, "source '%s'", watcher->config->sources[i].name);
		if (operation > greatest) {
			greatest = operation;
			greatest_what = what;
			source = i;
		}
	}
	*ret = greatest;
	if (ret_what)
		*ret_what = greatest_what;
	if (ret_source)
		*ret_source = source;
	return 0;
}
