/* Tree IDs of the work tree as it is: what git itself would write, without writing it. */
#include "test_repo.h"

static void test_saved_then_committed_is_the_same(void **data)
{
	struct gitbox *box = *data;
	CLEANUP(watcher_repo_freep) struct watcher_repo *repo = NULL;
	git_oid clean, saved, staged, committed, other;
	char head[GIT_OID_HEXSZ + 1], *want;

	write_sample(box);
	gitbox_commit(box);
	repo = open_repo(box->repo);
	assert_int_equal(look(repo, "a c", NULL), 0);
	clean = tree_of(repo, "a");
	other = tree_of(repo, "c");
	scratch_write(box->repo, "a/b/two", "changed");
	scratch_write(box->repo, "a/new/file", "new");
	assert_int_equal(look(repo, "a c", NULL), 2);
	saved = tree_of(repo, "a");
	assert_false(same(&clean, &saved));
	gitbox_git(box, "add", "-A");
	assert_int_equal(look(repo, "a c", NULL), 2);
	staged = tree_of(repo, "a");
	gitbox_git(box, "commit", "-q", "-m", "y");
	assert_int_equal(look(repo, "a c", NULL), 0);
	committed = tree_of(repo, "a");
	assert_true(same(&saved, &staged));
	assert_true(same(&saved, &committed));
	committed = tree_of(repo, "c");
	assert_true(same(&other, &committed));
	want = gitbox_output(box, (char *const[]){ "git", "rev-parse", "HEAD", NULL });
	assert_int_equal(watcher_repo_head(repo, head, NULL), 0);
	assert_string_equal(head, want);
	free(want);
}

static void test_staged_and_put_back_is_clean(void **data)
{
	struct gitbox *box = *data;
	CLEANUP(watcher_repo_freep) struct watcher_repo *repo = NULL;

	write_sample(box);
	gitbox_commit(box);
	scratch_write(box->repo, "a/one", "other");
	gitbox_git(box, "add", "-A");
	scratch_write(box->repo, "a/one", "a/one");
	repo = open_repo(box->repo);
	assert_int_equal(look(repo, "a", NULL), 0);
	ASSERT_ORACLE(box, repo, NULL, "a");
}

static void test_every_kind_of_change(void **data)
{
	struct gitbox *box = *data;
	CLEANUP(watcher_repo_freep) struct watcher_repo *repo = NULL;
	CLEANUP_FREE char *from = xasprintf("%s/a/b/three", box->repo), *to = xasprintf("%s/c/3", box->repo), *dirty = NULL;

	write_sample(box);
	scratch_write(box->repo, ".gitignore", "*.o\n");
	gitbox_commit(box);
	scratch_write(box->repo, "a/one", "1");
	scratch_write(box->repo, "a/ignored.o", "1");
	assert_int_equal(rename(from, to), 0);
	remove_path(box->repo, "a/b/two");
	set_mode(box->repo, "a.b", 0755);
	remove_path(box->repo, "a0");
	link_to(box->repo, "a0", "a/one");
	remove_path(box->repo, "c/d/e/six");
	scratch_write(box->repo, "c/d/e/six/seven", "7");
	scratch_write(box->repo, "n\xff\x01m/\xe9t\xe9", "ete");
	repo = open_repo(box->repo);
	assert_int_equal(look(repo, ".", NULL), 10);
	ASSERT_ORACLE(box, repo, NULL, "", "a", "a/b", "a-b", "c", "c/d", "c/d/e", "n\xff\x01m", "a0/five");
	dirty = dirty_of(repo, "a");
	assert_string_equal(dirty, "a/b/three a/b/two a/one");
	/* By prefix only, 'a' is not 'a-b', and '[x]*?' is a name. */
	scratch_write(box->repo, "a-b/four", "4");
	scratch_write(box->repo, "c/d/[x]*?", "x");
	assert_int_equal(look(repo, "a c/d/[x]*?", NULL), 4);
	scratch_write(box->repo, "!n/x", "x");
	assert_int_equal(look(repo, "!n a-b", NULL), 2);
	ASSERT_ORACLE(box, repo, NULL, "!n", "a-b");
}

static void test_before_the_first_commit(void **data)
{
	struct gitbox *box = *data;
	CLEANUP(watcher_repo_freep) struct watcher_repo *repo = open_repo(box->repo);
	char head[GIT_OID_HEXSZ + 1] = "x";
	git_oid none = tree_of((look(repo, "a", NULL), repo), "a");

	assert_true(git_oid_is_zero(&none));
	write_sample(box);
	assert_int_equal(look(repo, "", NULL), 10);
	ASSERT_ORACLE(box, repo, NULL, "", "a", "c/d");
	gitbox_git(box, "add", "a");
	scratch_write(box->repo, "a/one", "1");
	assert_int_equal(look(repo, "", NULL), 10);
	ASSERT_ORACLE(box, repo, NULL, "", "a", "c/d");
	assert_int_equal(watcher_repo_head(repo, head, NULL), 0);
	assert_string_equal(head, "");
	gitbox_commit(box);
	assert_int_equal(look(repo, "", NULL), 0);
	ASSERT_ORACLE(box, repo, NULL, "", "a", "c/d");
}

static void test_source_in_a_subfolder(void **data)
{
	struct gitbox *box = *data;
	CLEANUP(watcher_repo_freep) struct watcher_repo *repo = NULL;
	CLEANUP_FREE char *path = xasprintf("%s/a/", box->repo), *by_link = xasprintf("%s/way", box->dir), *dirty = NULL;
	CLEANUP_FREE char *tree = NULL;
	git_oid want, have;

	write_sample(box);
	gitbox_commit(box);
	scratch_write(box->repo, "a/b/two", "2");
	scratch_write(box->repo, "c/d/e/six", "6");
	tree = gitbox_oracle(box, NULL);
	gitbox_oracle_entry(box, tree, "a/b", &want);
	for (int i = 0; i < 2; i++) {
		repo = open_repo(i == 0 ? path : by_link);
		assert_int_equal(look(repo, "b", NULL), 1);
		have = tree_of(repo, "b");
		assert_true(same(&want, &have));
		dirty = dirty_of(repo, "b");
		assert_string_equal(dirty, "b/two");
		free(TAKE_PTR(dirty));
		assert_int_equal(look(repo, ".", NULL), 1);
		have = tree_of(repo, "./b/");
		assert_true(same(&want, &have));
		watcher_repo_free(TAKE_PTR(repo));
		if (i == 0)
			assert_int_equal(symlink(path, by_link), 0);
	}
}

static void test_ignored_folders_do_not_count(void **data)
{
	struct gitbox *box = *data;
	CLEANUP(watcher_repo_freep) struct watcher_repo *repo = NULL;
	git_oid before, after;

	write_sample(box);
	gitbox_commit(box);
	repo = open_repo(box->repo);
	assert_int_equal(look(repo, "", "a/b"), 0);
	ASSERT_ORACLE(box, repo, "a/b", "", "a", "c", "a-b");
	before = tree_of(repo, "a");
	scratch_write(box->repo, "a/b/two", "2");
	scratch_write(box->repo, "a/b/deep/down", "3");
	assert_int_equal(look(repo, "", "a/b"), 0);
	after = tree_of(repo, "a");
	assert_true(same(&before, &after));
	gitbox_commit(box);
	assert_int_equal(look(repo, "a", "a/b c/not-there"), 0);
	after = tree_of(repo, "a");
	assert_true(same(&before, &after));
	/* Asked without it, it counts again. */
	look(repo, "a", NULL);
	ASSERT_ORACLE(box, repo, NULL, "a");
	scratch_write(box->repo, "a/b/untracked", "3");
	assert_int_equal(look(repo, "a", NULL), 1);
	ASSERT_ORACLE(box, repo, NULL, "a");
}

static void test_tracked_file_that_gitignore_names(void **data)
{
	struct gitbox *box = *data;
	CLEANUP(watcher_repo_freep) struct watcher_repo *repo = NULL;

	write_sample(box);
	scratch_write(box->repo, "a/gen/x.o", "1");
	gitbox_commit(box);
	scratch_write(box->repo, ".gitignore", "*.o\ngen/\n");
	scratch_write(box->repo, "a/gen/x.o", "2");
	scratch_write(box->repo, "a/gen/y.o", "ignored");
	repo = open_repo(box->repo);
	assert_int_equal(look(repo, "a", NULL), 1);
	ASSERT_ORACLE(box, repo, NULL, "a", "a/gen");
	/* Taken out of the index it is ignored like any other. */
	gitbox_git(box, "rm", "-q", "--cached", "a/gen/x.o");
	look(repo, "a", NULL);
	ASSERT_ORACLE(box, repo, NULL, "a", "a/gen");
}

static void test_packages_that_nest_are_left_out(void **data)
{
	struct gitbox *box = *data;
	CLEANUP(watcher_repo_freep) struct watcher_repo *repo = NULL;
	CLEANUP(strvec_clear) struct strvec without = { 0 };
	git_oid first, second, third;

	write_sample(box);
	gitbox_commit(box);
	repo = open_repo(box->repo);
	strvec_add(&without, "a/b");
	look(repo, "a", NULL);
	assert_int_equal(watcher_repo_tree(repo, "a", &without, &first, NULL), 0);
	scratch_write(box->repo, "a/b/two", "2");
	remove_path(box->repo, "a/b/three");
	look(repo, "a", NULL);
	assert_int_equal(watcher_repo_tree(repo, "a", &without, &second, NULL), 0);
	assert_true(same(&first, &second));
	/* Also when the folder has become a file. */
	remove_path(box->repo, "a/b");
	scratch_write(box->repo, "a/b", "x");
	look(repo, "a", NULL);
	assert_int_equal(watcher_repo_tree(repo, "a", &without, &second, NULL), 0);
	assert_true(same(&first, &second));
	scratch_write(box->repo, "a/one", "1");
	look(repo, "a", NULL);
	assert_int_equal(watcher_repo_tree(repo, "a", &without, &third, NULL), 0);
	assert_false(same(&first, &third));
}

static void test_ids_of_files(void **data)
{
	struct gitbox *box = *data;
	CLEANUP(watcher_repo_freep) struct watcher_repo *repo = NULL;
	CLEANUP_FREE char *blob = NULL;
	git_oid plain, executable, committed, link, bare, none;
	char hex[GIT_OID_HEXSZ + 1];
	uint32_t mode = 0;

	write_sample(box);
	gitbox_commit(box);
	repo = open_repo(box->repo);
	look(repo, "a.b", NULL);
	plain = tree_of(repo, "a.b");
	blob = gitbox_output(box, (char *const[]){ "git", "rev-parse", "HEAD:a.b", NULL });
	assert_string_equal(git_oid_tostr(hex, sizeof(hex), &plain), blob);
	set_mode(box->repo, "a.b", 0755);
	look(repo, "a.b", NULL);
	executable = tree_of(repo, "a.b");
	assert_false(same(&plain, &executable));
	assert_int_equal(watcher_repo_entry(repo, "a.b", &mode, &bare, NULL), 0);
	assert_int_equal(mode, 0100755);
	assert_true(same(&plain, &bare));
	gitbox_commit(box);
	assert_int_equal(look(repo, "a.b", NULL), 0);
	committed = tree_of(repo, "a.b");
	assert_true(same(&executable, &committed));
	remove_path(box->repo, "a.b");
	link_to(box->repo, "a.b", "a.b");
	look(repo, "a.b", NULL);
	link = tree_of(repo, "a.b");
	assert_false(same(&plain, &link));
	remove_path(box->repo, "a.b");
	look(repo, "a.b", NULL);
	none = tree_of(repo, "a.b");
	assert_true(git_oid_is_zero(&none));
}

static void test_only_what_was_looked_at_is_answered(void **data)
{
	struct gitbox *box = *data;
	CLEANUP(watcher_repo_freep) struct watcher_repo *repo = open_repo(box->repo);
	CLEANUP(strvec_clear) struct strvec none = { 0 };
	git_oid oid;
	size_t n = 9;

	write_sample(box);
	assert_int_equal(watcher_repo_tree(repo, "a", NULL, &oid, NULL), -EINVAL);
	look(repo, "a/b a", NULL);
	assert_int_equal(watcher_repo_tree(repo, "a/b/two", NULL, &oid, NULL), 0);
	assert_int_equal(watcher_repo_tree(repo, "a-b", NULL, &oid, NULL), -EINVAL);
	assert_int_equal(watcher_repo_tree(repo, "", NULL, &oid, NULL), -EINVAL);
	assert_int_equal(watcher_repo_look(repo, &none, &none, &n, NULL), 0);
	assert_int_equal(n, 0);
	assert_int_equal(watcher_repo_tree(repo, "a", NULL, &oid, NULL), -EINVAL);
}

static void test_linked_work_tree(void **data)
{
	struct gitbox *box = *data;
	CLEANUP(watcher_repo_freep) struct watcher_repo *repo = NULL;
	CLEANUP_FREE char *other = xasprintf("%s/other", box->dir);
	git_oid main, linked;

	write_sample(box);
	gitbox_commit(box);
	gitbox_git(box, "config", "extensions.worktreeConfig", "true");
	gitbox_git(box, "config", "core.repositoryFormatVersion", "1");
	gitbox_git(box, "worktree", "add", "-q", other);
	scratch_write(other, "a/one", "1");
	scratch_write(box->repo, "a/one", "1");
	repo = open_repo(other);
	assert_int_equal(look(repo, "a", NULL), 1);
	linked = tree_of(repo, "a");
	watcher_repo_free(TAKE_PTR(repo));
	repo = open_repo(box->repo);
	assert_int_equal(look(repo, "a", NULL), 1);
	main = tree_of(repo, "a");
	assert_true(same(&main, &linked));
}

static void test_nothing_is_written(void **data)
{
	struct gitbox *box = *data;
	CLEANUP(watcher_repo_freep) struct watcher_repo *repo = NULL;
	char *const listing[] = { "find", ".", "-printf", "%p %s %T@ %C@ %m\n", NULL };
	CLEANUP_FREE char *before = NULL, *after = NULL, *stale = xasprintf("%s/c/d/e/six", box->repo);
	const struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };

	write_sample(box);
	gitbox_commit(box);
	/* Dirty in every way, and a file whose time the index does not know: git status would refresh the index. */
	scratch_write(box->repo, "a/one", "1");
	scratch_write(box->repo, "a/new/file", "2");
	remove_path(box->repo, "a/b/two");
	gitbox_git(box, "add", "a/one");
	assert_int_equal(utimensat(AT_FDCWD, stale, times, 0), 0);
	before = scratch_run(listing, box->repo, NULL);
	repo = open_repo(box->repo);
	look(repo, "", NULL);
	tree_of(repo, "a");
	tree_of(repo, "c");
	look(repo, "a c", "a/b");
	tree_of(repo, "a");
	after = scratch_run(listing, box->repo, NULL);
	assert_string_equal(before, after);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_saved_then_committed_is_the_same),
		TEST(test_staged_and_put_back_is_clean),
		TEST(test_every_kind_of_change),
		TEST(test_before_the_first_commit),
		TEST(test_source_in_a_subfolder),
		TEST(test_ignored_folders_do_not_count),
		TEST(test_tracked_file_that_gitignore_names),
		TEST(test_packages_that_nest_are_left_out),
		TEST(test_ids_of_files),
		TEST(test_only_what_was_looked_at_is_answered),
		TEST(test_linked_work_tree),
		TEST(test_nothing_is_written),
	};

	umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
