/* Tree IDs: line ends, modes, submodules, links, and repositories that cannot be read or are not ours. */
#include "test_repo.h"

/* -- what the repository says about its files ------------------------------------------------------------------------------------------------- */

static void test_line_ends_and_attributes(void **data)
{
	struct gitbox *box = *data;
	CLEANUP(watcher_repo_freep) struct watcher_repo *repo = NULL;

	scratch_write(box->repo, ".gitattributes", "*.txt text\n*.crlf text eol=crlf\n*.bin -text\n*.id ident\n");
	scratch_write(box->repo, "a/1.txt", "one\n");
	scratch_write(box->repo, "a/2.crlf", "one\r\n");
	scratch_write(box->repo, "a/3.bin", "one\r\n");
	scratch_write(box->repo, "a/4.id", "$Id$\n");
	gitbox_commit(box);
	repo = open_repo(box->repo);
	scratch_write(box->repo, "a/1.txt", "one\r\n");
	scratch_write(box->repo, "a/2.crlf", "one\r\ntwo\r\n");
	scratch_write(box->repo, "a/3.bin", "one\r\ntwo\n");
	scratch_write(box->repo, "a/4.id", "$Id: 12345 $\nx\n");
	scratch_write(box->repo, "a/new.txt", "x\r\n");
	/* 1.txt is what HEAD has once its line ends are counted. */
	assert_int_equal(look(repo, "a", NULL), 4);
	ASSERT_ORACLE(box, repo, NULL, "a");
	gitbox_git(box, "config", "core.autocrlf", "true");
	scratch_write(box->repo, "a/auto", "x\r\n");
	look(repo, "a", NULL);
	ASSERT_ORACLE(box, repo, NULL, "a");
}

static void test_without_file_modes(void **data)
{
	struct gitbox *box = *data;
	CLEANUP(watcher_repo_freep) struct watcher_repo *repo = NULL;

	write_sample(box);
	set_mode(box->repo, "a/one", 0755);
	gitbox_commit(box);
	gitbox_git(box, "config", "core.fileMode", "false");
	set_mode(box->repo, "a/one", 0644);
	set_mode(box->repo, "a/b/two", 0755);
	repo = open_repo(box->repo);
	assert_int_equal(look(repo, "a", NULL), 0);
	scratch_write(box->repo, "a/one", "1");
	scratch_write(box->repo, "a/b/two", "2");
	scratch_write(box->repo, "a/b/new", "3");
	set_mode(box->repo, "a/b/new", 0755);
	assert_int_equal(look(repo, "a", NULL), 3);
	ASSERT_ORACLE(box, repo, NULL, "a");
}

static void test_things_that_git_does_not_store(void **data)
{
	struct gitbox *box = *data;
	CLEANUP(watcher_repo_freep) struct watcher_repo *repo = NULL;
	CLEANUP_FREE char *fifo = xasprintf("%s/a/fifo", box->repo), *empty = xasprintf("%s/a/empty/folder", box->repo);

	write_sample(box);
	gitbox_commit(box);
	assert_int_equal(mkfifo(fifo, 0644), 0);
	assert_int_equal(fs_make_dirs(empty, 0755, NULL), 0);
	remove_path(box->repo, "a/one");
	free(fifo);
	fifo = xasprintf("%s/a/one", box->repo);
	assert_int_equal(mkfifo(fifo, 0644), 0);
	repo = open_repo(box->repo);
	look(repo, "a", NULL);
	/* git itself stops at a fifo in the place of a tracked file, so it goes before git is asked. */
	{
		git_oid have = tree_of(repo, "a"), want;
		CLEANUP_FREE char *tree = NULL;

		remove_path(box->repo, "a/one");
		remove_path(box->repo, "a/fifo");
		tree = gitbox_oracle(box, NULL);
		gitbox_oracle_entry(box, tree, "a", &want);
		assert_true(same(&want, &have));
	}
}

static void test_submodules_and_nested_repositories(void **data)
{
	struct gitbox *box = *data;
	CLEANUP(watcher_repo_freep) struct watcher_repo *repo = NULL;
	CLEANUP_FREE char *sub = xasprintf("%s/a/sub", box->repo), *lib = xasprintf("%s/lib", box->dir);
	git_oid first, second, nested;

	write_sample(box);
	gitbox_git(box, "init", "-q", lib);
	scratch_write(lib, "x", "1");
	gitbox_git(box, "-C", lib, "add", "x");
	gitbox_git(box, "-C", lib, "commit", "-q", "-m", "x");
	gitbox_git(box, "submodule", "--quiet", "add", lib, "a/sub");
	gitbox_commit(box);
	repo = open_repo(box->repo);
	assert_int_equal(look(repo, "a", NULL), 0);
	ASSERT_ORACLE(box, repo, NULL, "a");
	first = tree_of(repo, "a");
	gitbox_git(box, "-C", sub, "commit", "-q", "--allow-empty", "-m", "y");
	assert_int_equal(look(repo, "a", NULL), 1);
	ASSERT_ORACLE(box, repo, NULL, "a", "a/sub");
	second = tree_of(repo, "a");
	assert_false(same(&first, &second));
	/* A repository that is no submodule does not count, however git add would take it. */
	gitbox_git(box, "init", "-q", "a/nested");
	scratch_write(box->repo, "a/nested/file", "1");
	look(repo, "a", NULL);
	nested = tree_of(repo, "a");
	assert_true(same(&second, &nested));
	remove_path(box->repo, "a/nested");
	/* Not checked out: the index's commit. Gone: gone. */
	remove_path(box->repo, "a/sub");
	look(repo, "a", NULL);
	ASSERT_ORACLE(box, repo, NULL, "a");
	assert_int_equal(mkdir(sub, 0755), 0);
	look(repo, "a", NULL);
	ASSERT_ORACLE(box, repo, NULL, "a");
	remove_path(box->repo, "a/sub");
	scratch_write(box->repo, "a/sub", "a file now");
	look(repo, "a", NULL);
	ASSERT_ORACLE(box, repo, NULL, "a");
}

static void test_folder_replaced_by_a_link_to_one(void **data)
{
	struct gitbox *box = *data;
	CLEANUP(watcher_repo_freep) struct watcher_repo *repo = NULL;
	CLEANUP_FREE char *b = xasprintf("%s/a/b", box->repo), *moved = xasprintf("%s/moved", box->repo);
	git_oid oid;

	write_sample(box);
	gitbox_commit(box);
	assert_int_equal(rename(b, moved), 0);
	link_to(box->repo, "a/b", "../moved");
	repo = open_repo(box->repo);
	look(repo, "a", NULL);
	ASSERT_ORACLE(box, repo, NULL, "a");
	oid = tree_of(repo, "a/b/two");
	assert_true(git_oid_is_zero(&oid));
	look(repo, "a/b/two", NULL);
	oid = tree_of(repo, "a/b/two");
	assert_true(git_oid_is_zero(&oid));
}

/* -- what cannot be read ---------------------------------------------------------------------------------------------------------------------- */

static void assert_refused(const char *path, int code, enum err_class class, const char *said, const char *hint)
{
	CLEANUP(watcher_repo_freep) struct watcher_repo *repo = NULL;
	CLEANUP(strvec_clear) struct strvec paths = { 0 }, none = { 0 };
	struct err err = ERR_INIT;
	int r = watcher_repo_open(path, &repo, &err);

	strvec_add(&paths, "a");
	if (r == 0)
		r = watcher_repo_look(repo, &paths, &none, NULL, &err);
	if (r != code || err.class != class || !strstr(err.message, said) || !strstr(err.hint, hint) || !strstr(err.message, path))
		fail_msg("%d, class %d, %s (%s)", r, (int)err.class, err.message, err.hint);
}

static void test_no_repository(void **data)
{
	struct gitbox *box = *data;
	CLEANUP_FREE char *none = xasprintf("%s/none", box->dir), *plain = xasprintf("%s/plain", box->dir),
			  *bare = xasprintf("%s/bare", box->dir);
	CLEANUP_FREE char *ignored = xasprintf("%s/vendor/source", box->repo), *file = xasprintf("%s/a.b", box->repo);

	write_sample(box);
	assert_refused(none, -ENOENT, ERR_USAGE, "No such file", "");
	assert_refused(file, -ENOTDIR, ERR_USAGE, "Not a directory", "");
	assert_int_equal(mkdir(plain, 0755), 0);
	assert_refused(plain, -ENOENT, ERR_ENVIRONMENT, "lies in no git repository", "git init");
	gitbox_git(box, "init", "-q", "--bare", bare);
	assert_refused(bare, -EINVAL, ERR_USAGE, "bare", "");
	/* A folder that the repository around it ignores would never look changed. */
	scratch_write(box->repo, ".gitignore", "/vendor\n");
	scratch_write(box->repo, "vendor/source/a/x", "1");
	assert_refused(ignored, -ENOENT, ERR_ENVIRONMENT, "ignores it", "git init");
	gitbox_git(box, "add", "-f", "vendor/source/a/x");
	watcher_repo_free(open_repo(ignored));
}

static void test_kinds_that_libgit2_cannot_read(void **data)
{
	struct gitbox *box = *data;
	CLEANUP_FREE char *sha256 = xasprintf("%s/sha256", box->dir);

	write_sample(box);
	gitbox_commit(box);
	gitbox_git(box, "update-index", "--split-index");
	assert_refused(box->repo, -ENOTSUP, ERR_ENVIRONMENT, "split index", "--no-split-index");
	gitbox_git(box, "update-index", "--no-split-index");
	gitbox_git(box, "sparse-checkout", "set", "--cone", "--sparse-index", "a");
	assert_refused(box->repo, -ENOTSUP, ERR_ENVIRONMENT, "sparse index", "--no-sparse-index");
	gitbox_git(box, "sparse-checkout", "reapply", "--no-sparse-index");
	/* A sparse checkout as such is fine: what is not there counts as HEAD has it. */
	{
		CLEANUP(watcher_repo_freep) struct watcher_repo *repo = open_repo(box->repo);

		assert_int_equal(look(repo, "a c", NULL), 0);
		ASSERT_ORACLE(box, repo, NULL, "a", "c");
	}
	gitbox_git(box, "init", "-q", "--object-format=sha256", sha256);
	assert_refused(sha256, -ENOTSUP, ERR_ENVIRONMENT, "SHA-256", "");
	scratch_write(box->repo, ".git/index", "DIRC no index at all, but long enough to be looked at");
	assert_refused(box->repo, -EIO, ERR_FAILED, "index", "");
}

static void test_repository_of_another_user(void **data)
{
	struct gitbox *box = *data;
	CLEANUP(watcher_repo_freep) struct watcher_repo *repo = NULL;
	CLEANUP_FREE char *git = xasprintf("%s/.git", box->repo);
	/* Two values, and whether they help. */
	static const char *const values[][3] = {
		{ "REPO", NULL, "yes" }, { "*", NULL, "yes" }, { "%s/*", NULL, "yes" },  { "REPO", "", NULL },
		{ "", "REPO", "yes" },   { "%s", NULL, NULL }, { "REPO/*", NULL, NULL },
	};

	if (geteuid() != 0)
		skip();
	write_sample(box);
	gitbox_commit(box);
	assert_int_equal(chown(box->repo, 4711, 4711), 0);
	assert_int_equal(chown(git, 4711, 4711), 0);
	unsetenv("SUDO_UID");
	assert_refused(box->repo, -EACCES, ERR_ENVIRONMENT, "another user", "git config --global --add safe.directory");
	assert_refused(box->repo, -EACCES, ERR_ENVIRONMENT, "(4711)", box->repo);
	/* As git says it. */
	for (size_t i = 0; i < N_ELEMENTS(values); i++) {
		struct err err = ERR_INIT;
		int r;

		if (gitbox_try(box, (char *const[]){ "git", "config", "--global", "--unset-all", "safe.directory", NULL }) < 0)
			fail();
		for (size_t k = 0; k < 2 && values[i][k]; k++) {
			CLEANUP_FREE char *value = str_eq(values[i][k], "REPO") ? xstrdup(box->repo) : xasprintf(values[i][k], box->dir);

			gitbox_git(box, "config", "--global", "--add", "safe.directory", value);
		}
		r = watcher_repo_open(box->repo, &repo, &err);
		assert_int_equal(r == 0, values[i][2] != NULL);
		/* git 2.39 does not know the third. */
		if (!strstr(values[i][0], "/*"))
			assert_int_equal(r == 0, gitbox_try(box, (char *const[]){ "git", "rev-parse", "HEAD", NULL }) == 0);
		watcher_repo_free(TAKE_PTR(repo));
	}
}

/* SUDO_UID is what sudo leaves, and counts for root only. */
static void test_under_sudo_the_callers_repository_is_ours(void **data)
{
	struct gitbox *box = *data;
	CLEANUP_FREE char *git = xasprintf("%s/.git", box->repo);

	if (geteuid() != 0)
		skip();
	write_sample(box);
	gitbox_commit(box);
	assert_int_equal(chown(box->repo, 4711, 4711), 0);
	assert_int_equal(chown(git, 4711, 4711), 0);
	setenv("SUDO_UID", "4712", 1);
	assert_refused(box->repo, -EACCES, ERR_ENVIRONMENT, "another user", "safe.directory");
	setenv("SUDO_UID", "4711", 1);
	watcher_repo_free(open_repo(box->repo));
	/* Each of its parts counts. */
	assert_int_equal(chown(git, 4713, 4713), 0);
	assert_refused(box->repo, -EACCES, ERR_ENVIRONMENT, "(4713)", "safe.directory");
	unsetenv("SUDO_UID");
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_line_ends_and_attributes),
		TEST(test_without_file_modes),
		TEST(test_things_that_git_does_not_store),
		TEST(test_submodules_and_nested_repositories),
		TEST(test_folder_replaced_by_a_link_to_one),
		TEST(test_no_repository),
		TEST(test_kinds_that_libgit2_cannot_read),
		TEST(test_repository_of_another_user),
		TEST(test_under_sudo_the_callers_repository_is_ours),
	};

	umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
