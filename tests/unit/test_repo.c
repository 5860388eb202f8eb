/* Tree IDs of the work tree as it is: what git itself would write, without writing it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "watcher/repo.h"

#include "lib/gitbox.h"

#include <time.h>

#ifdef __SANITIZE_ADDRESS__
/* libgit2 1.5.1 forgets one match for each repository with extensions that it opens. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libpcre2";
}
#endif

static int setup(void **data)
{
	*data = gitbox_make();
	return 0;
}

static int teardown(void **data)
{
	gitbox_free(*data);
	return 0;
}

/* -- asking ---------------------------------------------------------------------------------------------------------------------------------- */

static struct watcher_repo *open_repo(const char *path)
{
	struct watcher_repo *repo = NULL;
	struct err err = ERR_INIT;

	if (watcher_repo_open(path, &repo, &err) < 0)
		fail_msg("%s", err.message);
	return repo;
}

/* @paths and @ignore: separated by blanks; NULL is none. */
static size_t look(struct watcher_repo *repo, const char *paths, const char *ignore)
{
	CLEANUP(strvec_clear) struct strvec watch = { 0 }, skip = { 0 };
	const char *const texts[] = { paths, ignore ? ignore : "" };
	struct strvec *const lists[] = { &watch, &skip };
	struct err err = ERR_INIT;
	size_t n = 999;

	for (int i = 0; i < 2; i++) {
		const char *s = texts[i];

		for (size_t len; *s; s += len + (s[len] == ' ')) {
			len = strcspn(s, " ");
			strvec_add_n(lists[i], s, len);
		}
	}
	if (!*paths)
		strvec_add(&watch, "");
	if (watcher_repo_look(repo, &watch, &skip, &n, &err) < 0)
		fail_msg("%s", err.message);
	return n;
}

static git_oid tree_of(struct watcher_repo *repo, const char *path)
{
	struct err err = ERR_INIT;
	git_oid oid;

	memset(&oid, 0x77, sizeof(oid));
	if (watcher_repo_tree(repo, path, &oid, &err) < 0)
		fail_msg("%s", err.message);
	return oid;
}

static bool same(const git_oid *a, const git_oid *b)
{
	return git_oid_equal(a, b) == 1;
}

static char *dirty_of(struct watcher_repo *repo, const char *path)
{
	CLEANUP(strvec_clear) struct strvec v = { 0 };

	assert_int_equal(watcher_repo_dirty(repo, path, &v, NULL), 0);
	return strvec_join(&v, " ");
}

static void assert_oracle(struct gitbox *box, struct watcher_repo *repo, const char *const *paths, size_t n, const char *without,
			  const char *note)
{
	CLEANUP_FREE char *tree = gitbox_oracle(box, without);

	for (size_t i = 0; i < n; i++) {
		git_oid have, want, id = tree_of(repo, paths[i]);
		uint32_t mode = 1, want_mode = gitbox_oracle_entry(box, tree, paths[i], &want);

		assert_int_equal(watcher_repo_entry(repo, paths[i], &mode, &have, NULL), 0);
		/* The ID of a file covers its mode, that of a folder is git's. */
		if (mode == 040000 && !same(&have, &id))
			fail_msg("%s: '%s' has two IDs", note, paths[i]);
		if (!same(&have, &want) || mode != want_mode) {
			CLEANUP_FREE char *dirty = dirty_of(repo, paths[i]);
			char hex[2][GIT_OID_HEXSZ + 1];

			fail_msg("%s: '%s' is %s for us, %s for git; dirty: %s", note, paths[i], git_oid_tostr(hex[0], sizeof(hex[0]), &have),
				 git_oid_tostr(hex[1], sizeof(hex[1]), &want), dirty);
		}
	}
}

#define ASSERT_ORACLE(box, repo, without, ...)                                                                                                  \
	assert_oracle(box, repo, (const char *const[]){ __VA_ARGS__ }, N_ELEMENTS(((const char *[]){ __VA_ARGS__ })), without, __func__)

static void remove_path(const char *dir, const char *name)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(fs_remove_tree(path, NULL), 0);
}

static void link_to(const char *dir, const char *name, const char *target)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(symlink(target, path), 0);
}

static void set_mode(const char *dir, const char *name, mode_t mode)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(chmod(path, mode), 0);
}

/* Names that git sorts one way, bytes another, and a folder tree a third. */
static void write_sample(struct gitbox *box)
{
	static const char *const names[] = {
		"a/one", "a/b/two", "a/b/three", "a-b/four", "a.b", "a0/five", "c/d/e/six", "c/d/[x]*?", "n\xff\x01m/\xe9t\xe9", "!n/x"
	};

	for (size_t i = 0; i < N_ELEMENTS(names); i++)
		scratch_write(box->repo, names[i], names[i]);
}

/* -- one thing at a time --------------------------------------------------------------------------------------------------------------------- */

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
	assert_int_equal(watcher_repo_tree_without(repo, "a", &without, &first, NULL), 0);
	scratch_write(box->repo, "a/b/two", "2");
	remove_path(box->repo, "a/b/three");
	look(repo, "a", NULL);
	assert_int_equal(watcher_repo_tree_without(repo, "a", &without, &second, NULL), 0);
	assert_true(same(&first, &second));
	/* Also when the folder has become a file. */
	remove_path(box->repo, "a/b");
	scratch_write(box->repo, "a/b", "x");
	look(repo, "a", NULL);
	assert_int_equal(watcher_repo_tree_without(repo, "a", &without, &second, NULL), 0);
	assert_true(same(&first, &second));
	scratch_write(box->repo, "a/one", "1");
	look(repo, "a", NULL);
	assert_int_equal(watcher_repo_tree_without(repo, "a", &without, &third, NULL), 0);
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
	assert_int_equal(watcher_repo_tree(repo, "a", &oid, NULL), -EINVAL);
	look(repo, "a/b a", NULL);
	assert_int_equal(watcher_repo_tree(repo, "a/b/two", &oid, NULL), 0);
	assert_int_equal(watcher_repo_tree(repo, "a-b", &oid, NULL), -EINVAL);
	assert_int_equal(watcher_repo_tree(repo, "", &oid, NULL), -EINVAL);
	assert_int_equal(watcher_repo_look(repo, &none, &none, &n, NULL), 0);
	assert_int_equal(n, 0);
	assert_int_equal(watcher_repo_tree(repo, "a", &oid, NULL), -EINVAL);
}

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
		{ "REPO", NULL, "yes" }, { "*", NULL, "yes" }, { "%s/*", NULL, "yes" }, { "REPO", "", NULL }, { "", "REPO", "yes" },
		{ "%s", NULL, NULL },	 { "REPO/*", NULL, NULL },
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

/* -- at random -------------------------------------------------------------------------------------------------------------------------------- */

static const char *const folders[] = { "a", "a/b", "a-b", "a/b.c", "a/b/c", "d", "d/e", "n\xff" };
static const char *const names[] = { "x", "y.o", "b", "c", "\xe9", "[a]*", "e f", "z.txt" };
static const char *const watched[] = { "", "a", "a/b", "a-b", "a/b.c", "d", "d/e", "n\xff", "a/b/c" };

struct dice {
	unsigned int state;
};

static unsigned int roll(struct dice *dice, unsigned int n)
{
	dice->state = dice->state * 1103515245u + 12345u;
	return (dice->state >> 8) % n;
}

static char *some_path(struct dice *dice, const char *base)
{
	return xasprintf("%s/%s/%s", base, folders[roll(dice, N_ELEMENTS(folders))], names[roll(dice, N_ELEMENTS(names))]);
}

/* Makes way for a file at @path: whatever stands on the way to it is moved out of it. */
static void make_way(struct gitbox *box, const char *path)
{
	CLEANUP_FREE char *parent = fs_dirname(path);
	struct stat st;

	if (strlen(parent) > strlen(box->repo))
		make_way(box, parent);
	if (lstat(parent, &st) == 0 && !S_ISDIR(st.st_mode))
		assert_int_equal(unlink(parent), 0);
	assert_int_equal(fs_make_dirs(parent, 0755, NULL), 0);
}

static void put_file(struct gitbox *box, struct dice *dice, const char *path)
{
	static const char *const contents[] = { "aaa", "bbb", "ccc", "", "a\r\nb\r\n", "a longer one\n" };
	const char *text = contents[roll(dice, N_ELEMENTS(contents))];
	struct stat st;
	int fd;

	make_way(box, path);
	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
		assert_int_equal(fs_remove_tree(path, NULL), 0);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static const char *change_files(struct gitbox *box, struct dice *dice, unsigned int what)
{
	static const char *const targets[] = { "x", "../a", ".", "nowhere" };
	CLEANUP_FREE char *path = some_path(dice, box->repo), *to = some_path(dice, box->repo), *dir = fs_dirname(path);
	const struct timespec times[2] = { { .tv_nsec = UTIME_NOW }, { .tv_sec = 1000000000 + roll(dice, 9) } };
	struct stat st;

	switch (what) {
	case 0:
		assert_int_equal(fs_remove_tree(path, NULL), 0);
		return "delete";
	case 1:
		make_way(box, to);
		/* May fail: into itself, over a full folder, from nothing. */
		(void)!rename(path, to);
		return "rename";
	case 2:
		make_way(box, to);
		(void)!rename(dir, to);
		return "rename-folder";
	case 3:
		if (lstat(path, &st) == 0 && S_ISREG(st.st_mode))
			assert_int_equal(chmod(path, st.st_mode ^ 0111), 0);
		return "chmod";
	case 4:
		make_way(box, path);
		assert_int_equal(fs_remove_tree(path, NULL), 0);
		assert_int_equal(symlink(targets[roll(dice, N_ELEMENTS(targets))], path), 0);
		/* What lay below a link that leads to itself is gone for us; git gives up on it. */
		if (stat(path, &st) < 0 && errno == ELOOP)
			unlink(path);
		return "link";
	case 5:
		(void)!utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
		return "touch";
	case 6:
		assert_int_equal(fs_remove_tree(dir, NULL), 0);
		return "delete-folder";
	case 7:
		scratch_write(box->repo, ".gitignore", roll(dice, 2) ? "*.o\n" : "c\n/d/\n!d/e\n");
		return "gitignore";
	default:
		put_file(box, dice, path);
		return "write";
	}
}

static const char *call_git(struct gitbox *box, struct dice *dice, unsigned int what)
{
	CLEANUP_FREE char *path = some_path(dice, "."), *dir = fs_dirname(path);
	char *const commands[][8] = {
		{ "git", "add", "-A" },
		{ "git", "add", "-f", path },
		{ "git", "add", "-A", dir },
		{ "git", "add", "-N", dir },
		{ "git", "rm", "-q", "-r", "--cached", dir },
		{ "git", "commit", "-q", "-m", "x" },
		{ "git", "commit", "-q", "-a", "-m", "x" },
		{ "git", "commit", "-q", "--amend", "-a", "-m", "y" },
		{ "git", "checkout", "-q", "--", dir },
		{ "git", "reset", "-q" },
		{ "git", "reset", "-q", "HEAD~1" },
		{ "git", "reset", "-q", "--hard" },
		{ "git", "stash", "-q" },
		{ "git", "stash", "pop", "-q" },
		{ "git", "checkout", "-q", "-B", "other" },
		{ "git", "pack-refs", "--all" },
		{ "git", "mv", "-k", path, dir },
		{ "git", "repack", "-q", "-a", "-d" },
	};

	what %= N_ELEMENTS(commands);
	/* May fail: nothing to commit, no such path, conflicts. */
	gitbox_try(box, commands[what]);
	return commands[what][1];
}

static unsigned int from_environment(const char *name, unsigned int otherwise)
{
	const char *text = getenv(name);

	return text && *text ? (unsigned int)strtoul(text, NULL, 10) : otherwise;
}

static void test_random_operations(void **data)
{
	struct gitbox *box = *data;
	CLEANUP(watcher_repo_freep) struct watcher_repo *repo = NULL;
	CLEANUP(str_clear) struct str history = { 0 };
	struct dice dice = { .state = from_environment("REINJECT_TEST_SEED", (unsigned int)time(NULL)) };
	unsigned int n = from_environment("REINJECT_TEST_LOOKS", 50);
	size_t skip;
	git_oid oid;

	print_message("REINJECT_TEST_SEED=%u\n", dice.state);
	str_printf(&history, "seed %u:", dice.state);
	scratch_write(box->repo, ".gitattributes", "*.txt text\n");
	scratch_write(box->repo, ".gitignore", "*.o\n");
	for (unsigned int i = 0; i < 25; i++)
		change_files(box, &dice, 9);
	repo = open_repo(box->repo);
	for (unsigned int i = 0; i < n; i++) {
		/* Several at a time, so that the handle misses states in between. */
		for (unsigned int k = roll(&dice, 8); k < 8; k++)
			str_printf(&history, " %s",
				   roll(&dice, 5) ? change_files(box, &dice, roll(&dice, 14)) : call_git(box, &dice, roll(&dice, 100)));
		if (history.len > 900) {
			memmove(history.buf, history.buf + 450, history.len - 449);
			history.len -= 450;
		}
		if (roll(&dice, 2))
			look(repo, "", NULL);
		else
			look(repo, "a a-b d n\xff", NULL);
		skip = watcher_repo_tree(repo, "", &oid, NULL) == 0 ? 0 : 1;
		assert_oracle(box, repo, watched + skip, N_ELEMENTS(watched) - skip, NULL, str_text(&history));
	}
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
		TEST(test_line_ends_and_attributes),
		TEST(test_without_file_modes),
		TEST(test_things_that_git_does_not_store),
		TEST(test_submodules_and_nested_repositories),
		TEST(test_folder_replaced_by_a_link_to_one),
		TEST(test_linked_work_tree),
		TEST(test_nothing_is_written),
		TEST(test_no_repository),
		TEST(test_kinds_that_libgit2_cannot_read),
		TEST(test_repository_of_another_user),
		TEST(test_under_sudo_the_callers_repository_is_ours),
		TEST(test_random_operations),
	};

	umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
