/* Is git in the middle of something? watcher/operation, with git itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "watcher/operation.h"

#include "lib/gitbox.h"

#define GIT(...) ((char *const[]){ "git", __VA_ARGS__, NULL })

struct box {
	struct gitbox *git;
	struct watcher_repo *repo;
};

static void commit(struct box *box, const char *file, const char *text)
{
	scratch_write(box->git->repo, file, text);
	gitbox_commit(box->git);
}

/* main and side both changed f; side also made g. */
static int setup(void **data)
{
	struct box *box = xcalloc(1, sizeof(*box));

	box->git = gitbox_make();
	commit(box, "f", "1\n");
	gitbox_git(box->git, "checkout", "-q", "-b", "side");
	commit(box, "g", "side\n");
	commit(box, "f", "side\n");
	gitbox_git(box->git, "checkout", "-q", "main");
	commit(box, "f", "main\n");
	assert_int_equal(watcher_repo_open(box->git->repo, &box->repo, NULL), 0);
	*data = box;
	return 0;
}

static int teardown(void **data)
{
	struct box *box = *data;

	watcher_repo_free(box->repo);
	gitbox_free(box->git);
	free(box);
	return 0;
}

static void is_in(struct watcher_repo *repo, enum watcher_operation expected, const char *expected_what)
{
	enum watcher_operation operation = WATCHER_OPERATION_NONE;
	const char *what = "";
	struct err err = ERR_INIT;

	if (watcher_operation_find(repo, &operation, &what, &err) < 0)
		fail_msg("%s", err.message);
	if (operation != expected || !str_eq(what, expected_what))
		fail_msg("%d (%s), not %d (%s)", (int)operation, what ? what : "none", (int)expected, expected_what ? expected_what : "none");
}

static void is(struct box *box, enum watcher_operation expected, const char *expected_what)
{
	is_in(box->repo, expected, expected_what);
}

static void locks(void **data)
{
	static const char *const names[] = { "index.lock", "HEAD.lock" };
	struct box *box = *data;

	is(box, WATCHER_OPERATION_NONE, NULL);
	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		CLEANUP_FREE char *name = xasprintf(".git/%s", names[i]), *path = xasprintf("%s/%s", box->git->repo, name);

		scratch_write(box->git->repo, name, "");
		is(box, WATCHER_OPERATION_LOCK, names[i]);
		assert_int_equal(unlink(path), 0);
		is(box, WATCHER_OPERATION_NONE, NULL);
	}
	scratch_write(box->git->repo, "Cargo.lock", "");
	is(box, WATCHER_OPERATION_NONE, NULL);
}

static void a_merge(void **data)
{
	struct box *box = *data;

	assert_int_not_equal(gitbox_try(box->git, GIT("merge", "-q", "side")), 0);
	is(box, WATCHER_OPERATION_CONFLICT, "a merge");
	scratch_write(box->git->repo, ".git/index.lock", "");
	is(box, WATCHER_OPERATION_LOCK, "index.lock");
	gitbox_git(box->git, "-c", "alias.x=!rm .git/index.lock", "x");
	scratch_write(box->git->repo, "f", "both\n");
	is(box, WATCHER_OPERATION_CONFLICT, "a merge");
	gitbox_git(box->git, "add", "f");
	is(box, WATCHER_OPERATION_SEQUENCE, "a merge");
	gitbox_git(box->git, "commit", "-q", "-m", "x");
	is(box, WATCHER_OPERATION_NONE, NULL);
}

static void a_rebase_with_a_conflict(void **data)
{
	struct box *box = *data;

	assert_int_not_equal(gitbox_try(box->git, GIT("rebase", "-q", "side")), 0);
	is(box, WATCHER_OPERATION_CONFLICT, "a rebase");
	gitbox_git(box->git, "rebase", "--abort");
	is(box, WATCHER_OPERATION_NONE, NULL);
}

static void a_rebase_that_stops_for_an_edit(void **data)
{
	struct box *box = *data;

	gitbox_git(box->git, "checkout", "-q", "side");
	gitbox_git(box->git, "-c", "sequence.editor=sed -i s/^pick/edit/", "rebase", "-q", "-i", "HEAD~2");
	is(box, WATCHER_OPERATION_SEQUENCE, "a rebase");
	gitbox_git(box->git, "rebase", "--continue");
	is(box, WATCHER_OPERATION_SEQUENCE, "a rebase");
	gitbox_git(box->git, "rebase", "--continue");
	is(box, WATCHER_OPERATION_NONE, NULL);
}

static void others(void **data)
{
	struct box *box = *data;

	assert_int_not_equal(gitbox_try(box->git, GIT("cherry-pick", "side")), 0);
	is(box, WATCHER_OPERATION_CONFLICT, "a cherry-pick");
	gitbox_git(box->git, "cherry-pick", "--abort");
	assert_int_not_equal(gitbox_try(box->git, GIT("revert", "HEAD~1")), 0);
	is(box, WATCHER_OPERATION_CONFLICT, "a revert");
	gitbox_git(box->git, "revert", "--abort");
	gitbox_git(box->git, "bisect", "start", "HEAD", "HEAD~1");
	is(box, WATCHER_OPERATION_NONE, NULL);
}

/* What goes on in one work tree is no affair of another's. */
static void linked_work_trees(void **data)
{
	struct box *box = *data;
	CLEANUP_FREE char *path = xasprintf("%s/linked", box->git->dir);
	CLEANUP(watcher_repo_freep) struct watcher_repo *linked = NULL;

	gitbox_git(box->git, "worktree", "add", "-q", "-b", "third", path);
	assert_int_equal(watcher_repo_open(path, &linked, NULL), 0);
	is_in(linked, WATCHER_OPERATION_NONE, NULL);
	assert_int_not_equal(gitbox_try(box->git, GIT("-C", path, "merge", "-q", "side")), 0);
	is_in(linked, WATCHER_OPERATION_CONFLICT, "a merge");
	is(box, WATCHER_OPERATION_NONE, NULL);
	scratch_write(box->git->repo, ".git/worktrees/linked/index.lock", "");
	is_in(linked, WATCHER_OPERATION_LOCK, "index.lock");
	is(box, WATCHER_OPERATION_NONE, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(locks, setup, teardown),
		cmocka_unit_test_setup_teardown(a_merge, setup, teardown),
		cmocka_unit_test_setup_teardown(a_rebase_with_a_conflict, setup, teardown),
		cmocka_unit_test_setup_teardown(a_rebase_that_stops_for_an_edit, setup, teardown),
		cmocka_unit_test_setup_teardown(others, setup, teardown),
		cmocka_unit_test_setup_teardown(linked_work_trees, setup, teardown),
	};

	return cmocka_run_group_tests_name("operation", tests, NULL, NULL);
}
