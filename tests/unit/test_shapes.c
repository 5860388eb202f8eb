/* Unusual repositories: each gives the tree IDs that a plain clone with the same content gives, or says why not; and none is written to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "watcher/repo.h"

#include "lib/gitbox.h"

#ifdef __SANITIZE_ADDRESS__
/* libgit2 1.5.1 forgets one match for each repository with extensions that it opens. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libpcre2";
}
#endif

static const char *const samples[] = { "a/one", "a/b/two", "a/b/three", "a-b/four", "c/d/e/six", "n\xff/x" };
static const char *const watched[] = { "a", "a/b", "a-b", "c", "n\xff", "a/one" };

static int setup(void **data)
{
	struct gitbox *box = gitbox_make();

	for (size_t i = 0; i < N_ELEMENTS(samples); i++)
		scratch_write(box->repo, samples[i], samples[i]);
	gitbox_commit(box);
	*data = box;
	return 0;
}

static int teardown(void **data)
{
	gitbox_free(*data);
	return 0;
}

/* -- asking ---------------------------------------------------------------------------------------------------------------------------------- */

struct seen {
	git_oid ids[N_ELEMENTS(watched)];
	size_t n_dirty;
	char head[GIT_OID_HEXSZ + 1];
};

/* Names, times, modes, sizes and contents of all that lies in these folders, separated by blanks. */
static char *state_of(struct gitbox *box, const char *dirs)
{
	CLEANUP_FREE char *line = xasprintf("find %s -printf '%%p %%s %%T@ %%C@ %%m\\n' | sort; find %s -type f -print0 | sort -z | "
					    "xargs -0 sha256sum", dirs, dirs);

	return scratch_run((char *const[]){ "sh", "-c", line, NULL }, box->dir, NULL);
}

static int try_look(const char *path, struct seen *ret, struct err *err)
{
	CLEANUP(watcher_repo_freep) struct watcher_repo *repo = NULL;
	CLEANUP(strvec_clear) struct strvec paths = { 0 }, none = { 0 };
	int r = watcher_repo_open(path, &repo, err);

	for (size_t i = 0; i < N_ELEMENTS(watched); i++)
		strvec_add(&paths, watched[i]);
	if (r == 0)
		r = watcher_repo_look(repo, &paths, &none, &ret->n_dirty, err);
	for (size_t i = 0; r == 0 && i < N_ELEMENTS(watched); i++)
		r = watcher_repo_tree(repo, watched[i], NULL, &ret->ids[i], err);
	return r < 0 ? r : watcher_repo_head(repo, ret->head, err);
}

/* Looks at the source @path and sees to it that nothing is written, neither there nor in its git folders, which all lie in the box. */
static struct seen see(struct gitbox *box, const char *path)
{
	CLEANUP_FREE char *before = state_of(box, "."), *after = NULL;
	struct err err = ERR_INIT;
	struct seen seen = { 0 };

	if (try_look(path, &seen, &err) < 0)
		fail_msg("%s (%s)", err.message, err.hint);
	after = state_of(box, ".");
	assert_string_equal(before, after);
	return seen;
}

static void assert_same_ids(const struct seen *a, const struct seen *b, const char *when)
{
	for (size_t i = 0; i < N_ELEMENTS(watched); i++)
		if (!git_oid_equal(&a->ids[i], &b->ids[i]))
			fail_msg("%s: '%s' differs", when, watched[i]);
	if (a->n_dirty != b->n_dirty)
		fail_msg("%s: %zu and %zu dirty files", when, a->n_dirty, b->n_dirty);
}

static void edit(const char *dir)
{
	CLEANUP_FREE char *gone = xasprintf("%s/a/b/two", dir);

	scratch_write(dir, "a/one", "changed");
	scratch_write(dir, "a/new/file", "new");
	assert_int_equal(unlink(gone), 0);
}

/* The source @path is, clean and edited, what a plain clone of the same commit is. */
static void assert_like_a_clone(struct gitbox *box, char *path)
{
	CLEANUP_FREE char *clone = xasprintf("%s/clone", box->dir), *git = xasprintf("%s/clone/.git", box->dir);
	struct seen ours = see(box, path), plain;

	gitbox_git(box, "clone", "-q", "--no-hardlinks", path, clone);
	/* A clone of what cannot be cloned proves nothing. */
	assert_true(fs_exists(git));
	plain = see(box, clone);
	assert_int_equal(ours.n_dirty, 0);
	assert_same_ids(&ours, &plain, "clean");
	assert_string_equal(ours.head, plain.head);
	edit(path);
	edit(clone);
	ours = see(box, path);
	plain = see(box, clone);
	assert_int_equal(plain.n_dirty, 3);
	assert_same_ids(&ours, &plain, "edited");
	gitbox_git(box, "-C", clone, "add", "-A");
	gitbox_git(box, "-C", clone, "commit", "-q", "-m", "y");
	plain = see(box, clone);
	for (size_t i = 0; i < N_ELEMENTS(watched); i++)
		assert_true(git_oid_equal(&ours.ids[i], &plain.ids[i]));
}

static void assert_refused(const char *path, enum err_class class, const char *said, const char *hint)
{
	struct err err = ERR_INIT;
	struct seen seen;
	int r = try_look(path, &seen, &err);

	if (r >= 0 || err.class != class || !strstr(err.message, said) || !strstr(err.hint, hint))
		fail_msg("%d, class %d, %s (%s)", r, (int)err.class, err.message, err.hint);
}

/* -- shapes ---------------------------------------------------------------------------------------------------------------------------------- */

static void test_index_versions_and_extensions(void **data)
{
	struct gitbox *box = *data;

	gitbox_git(box, "config", "core.untrackedCache", "true");
	gitbox_git(box, "update-index", "--index-version", "4");
	gitbox_git(box, "update-index", "--force-untracked-cache");
	gitbox_git(box, "config", "core.fsmonitor", "/bin/false");
	gitbox_git(box, "update-index", "--fsmonitor");
	gitbox_git(box, "status");
	assert_like_a_clone(box, box->repo);
}

static void test_assume_unchanged(void **data)
{
	struct gitbox *box = *data;

	gitbox_git(box, "update-index", "--assume-unchanged", "a/one", "a/b/two");
	assert_like_a_clone(box, box->repo);
}

static void test_sparse_checkout(void **data)
{
	struct gitbox *box = *data;
	struct seen whole = see(box, box->repo), sparse, edited;

	gitbox_git(box, "sparse-checkout", "set", "--no-cone", "/a-b/");
	sparse = see(box, box->repo);
	assert_same_ids(&whole, &sparse, "left out");
	/* There all the same, and edited: what cargo would compile counts. */
	scratch_write(box->repo, "a/one", "changed");
	edited = see(box, box->repo);
	assert_int_equal(edited.n_dirty, 1);
	assert_false(git_oid_equal(&edited.ids[0], &whole.ids[0]));
	gitbox_git(box, "sparse-checkout", "disable");
	scratch_write(box->repo, "a/one", "changed");
	whole = see(box, box->repo);
	assert_same_ids(&whole, &edited, "edited");
}

static void test_shallow_and_detached(void **data)
{
	struct gitbox *box = *data;
	CLEANUP_FREE char *url = xasprintf("file://%s", box->repo), *shallow = xasprintf("%s/shallow", box->dir);

	gitbox_commit(box);
	gitbox_git(box, "clone", "-q", "--depth", "1", url, shallow);
	gitbox_git(box, "-C", shallow, "checkout", "-q", "--detach");
	assert_like_a_clone(box, shallow);
}

static void test_partial_clones(void **data)
{
	struct gitbox *box = *data;
	char *const filters[] = { "--filter=blob:none", "--filter=tree:0" };

	gitbox_git(box, "config", "uploadpack.allowFilter", "true");
	gitbox_git(box, "config", "uploadpack.allowAnySHA1InWant", "true");
	for (size_t i = 0; i < N_ELEMENTS(filters); i++) {
		CLEANUP_FREE char *url = xasprintf("file://%s", box->repo), *partial = xasprintf("%s/partial%zu", box->dir, i);
		CLEANUP_FREE char *clone = xasprintf("%s/clone", box->dir);

		gitbox_git(box, "clone", "-q", filters[i], url, partial);
		assert_like_a_clone(box, partial);
		assert_int_equal(fs_remove_tree(clone, NULL), 0);
	}
}

static void test_partial_clone_without_its_trees(void **data)
{
	struct gitbox *box = *data;
	CLEANUP_FREE char *url = xasprintf("file://%s", box->repo), *partial = xasprintf("%s/partial", box->dir);

	gitbox_git(box, "config", "uploadpack.allowFilter", "true");
	gitbox_git(box, "config", "uploadpack.allowAnySHA1InWant", "true");
	gitbox_git(box, "clone", "-q", "--no-checkout", "--filter=tree:0", url, partial);
	assert_refused(partial, ERR_ENVIRONMENT, "partial clone", "fetch --refetch --no-filter");
	gitbox_git(box, "-C", partial, "fetch", "-q", "--refetch", "--no-filter");
	gitbox_git(box, "-C", partial, "reset", "-q", "--hard");
	assert_like_a_clone(box, partial);
}

static void test_work_tree_elsewhere(void **data)
{
	struct gitbox *box = *data;
	CLEANUP_FREE char *bare = xasprintf("%s/bare.git", box->dir), *tree = xasprintf("%s/tree", box->dir);
	CLEANUP_FREE char *git = xasprintf("gitdir: %s\n", bare);

	gitbox_git(box, "clone", "-q", "--bare", box->repo, bare);
	gitbox_git(box, "-C", bare, "config", "core.bare", "false");
	gitbox_git(box, "-C", bare, "config", "core.worktree", tree);
	assert_int_equal(mkdir(tree, 0755), 0);
	gitbox_git(box, "--git-dir", bare, "checkout", "-q", "-f");
	/* git, too, finds no repository from there. */
	assert_refused(tree, ERR_ENVIRONMENT, "lies in no git repository", "gitdir: ");
	assert_refused(bare, ERR_USAGE, "lies outside the work tree", "");
	scratch_write(tree, ".git", git);
	assert_like_a_clone(box, tree);
}

static void test_submodule_as_a_source(void **data)
{
	struct gitbox *box = *data;
	CLEANUP_FREE char *outer = xasprintf("%s/outer", box->dir), *inner = xasprintf("%s/outer/deep/inner", box->dir);
	CLEANUP_FREE char *linked = xasprintf("%s/linked", box->dir), *inner_linked = xasprintf("%s/linked/deep/inner", box->dir);

	gitbox_git(box, "init", "-q", outer);
	gitbox_git(box, "-C", outer, "submodule", "--quiet", "add", box->repo, "deep/inner");
	gitbox_git(box, "-C", outer, "commit", "-q", "-m", "x");
	gitbox_git(box, "-C", outer, "worktree", "add", "-q", linked);
	gitbox_git(box, "-C", linked, "submodule", "--quiet", "update", "--init");
	assert_like_a_clone(box, inner);
	{
		CLEANUP_FREE char *clone = xasprintf("%s/clone", box->dir);

		assert_int_equal(fs_remove_tree(clone, NULL), 0);
	}
	assert_like_a_clone(box, inner_linked);
}

static void test_linked_work_tree_below_the_main_one(void **data)
{
	struct gitbox *box = *data;
	CLEANUP_FREE char *linked = xasprintf("%s/trees/linked", box->repo);

	gitbox_git(box, "config", "extensions.worktreeConfig", "true");
	gitbox_git(box, "worktree", "add", "-q", linked);
	gitbox_git(box, "-C", linked, "sparse-checkout", "set", "a");
	assert_like_a_clone(box, linked);
}

static void test_linked_work_tree_of_a_bare_repository(void **data)
{
	struct gitbox *box = *data;
	CLEANUP_FREE char *bare = xasprintf("%s/bare.git", box->dir), *linked = xasprintf("%s/linked", box->dir);

	gitbox_git(box, "clone", "-q", "--bare", box->repo, bare);
	gitbox_git(box, "-C", bare, "config", "extensions.worktreeConfig", "true");
	gitbox_git(box, "-C", bare, "config", "--worktree", "core.bare", "true");
	gitbox_git(box, "-C", bare, "config", "--unset", "core.bare");
	gitbox_git(box, "-C", bare, "worktree", "add", "-q", linked);
	assert_like_a_clone(box, linked);
}

static void assert_oracle(struct gitbox *box, const struct seen *seen, const char *when);

/* What only this work tree's configuration says. */
static void test_configuration_of_one_work_tree(void **data)
{
	struct gitbox *box = *data;
	struct seen seen;

	gitbox_git(box, "config", "extensions.worktreeConfig", "true");
	scratch_write(box->repo, "a/b/two", "a/b/two\r\n");
	seen = see(box, box->repo);
	assert_oracle(box, &seen, "before");
	gitbox_git(box, "config", "--worktree", "core.autocrlf", "input");
	for (int i = 0; i < 2; i++) {
		seen = see(box, box->repo);
		assert_int_equal(seen.n_dirty, 1);
		assert_oracle(box, &seen, "after");
	}
	/* Told of, but not switched on. */
	gitbox_git(box, "config", "--unset", "extensions.worktreeConfig");
	seen = see(box, box->repo);
	assert_oracle(box, &seen, "switched off");
}

static void test_alternates_and_replacements(void **data)
{
	struct gitbox *box = *data;
	CLEANUP_FREE char *shared = xasprintf("%s/shared", box->dir), *clone = xasprintf("%s/clone", box->dir);
	struct seen before, after;

	gitbox_git(box, "clone", "-q", "--shared", box->repo, shared);
	assert_like_a_clone(box, shared);
	assert_int_equal(fs_remove_tree(clone, NULL), 0);
	/* A replaced blob: git checks out, and compares with, the replacement; its name stays. */
	before = see(box, box->repo);
	scratch_write(box->dir, "other", "another content");
	{
		CLEANUP_FREE char *file = xasprintf("%s/other", box->dir);
		CLEANUP_FREE char *id = gitbox_output(box, (char *const[]){ "git", "hash-object", "-w", file, NULL });

		gitbox_git(box, "replace", "HEAD:a/one", id);
	}
	after = see(box, box->repo);
	assert_same_ids(&before, &after, "replaced");
}

/* -- filters --------------------------------------------------------------------------------------------------------------------------------- */

/* What `git add -A` would store of a/b, at once and beside the index. */
static void assert_oracle(struct gitbox *box, const struct seen *seen, const char *when)
{
	CLEANUP_FREE char *tree = gitbox_oracle(box, NULL);
	git_oid want;

	gitbox_oracle_entry(box, tree, "a/b", &want);
	if (!git_oid_equal(&want, &seen->ids[1]))
		fail_msg("%s: git would store something else", when);
}

static struct seen see_with(struct gitbox *box, const char *content, size_t n_dirty, const char *when)
{
	struct seen seen;

	scratch_write(box->repo, "a/b/two", content);
	/* Twice: the same question has the same answer. */
	for (int i = 0; i < 2; i++) {
		seen = see(box, box->repo);
		if (seen.n_dirty != n_dirty)
			fail_msg("%s: %zu dirty files", when, seen.n_dirty);
		assert_oracle(box, &seen, when);
	}
	return seen;
}

/* Untouched, touched, edited, put back, committed: all as git has it. */
static void check_filtered(struct gitbox *box, const char *plain, const char *other)
{
	struct seen untouched, touched, edited, reverted, committed;

	scratch_write(box->repo, "a/b/two", plain);
	gitbox_commit(box);
	untouched = see(box, box->repo);
	assert_int_equal(untouched.n_dirty, 0);
	touched = see_with(box, plain, 0, "touched");
	assert_same_ids(&untouched, &touched, "touched");
	edited = see_with(box, other, 1, "edited");
	assert_false(git_oid_equal(&edited.ids[1], &untouched.ids[1]));
	reverted = see_with(box, plain, 0, "put back");
	assert_same_ids(&untouched, &reverted, "put back");
	scratch_write(box->repo, "a/b/two", other);
	gitbox_commit(box);
	committed = see(box, box->repo);
	assert_int_equal(committed.n_dirty, 0);
	assert_true(git_oid_equal(&edited.ids[1], &committed.ids[1]));
}

static void test_external_filter(void **data)
{
	struct gitbox *box = *data;

	scratch_write(box->repo, ".gitattributes", "two filter=fake\n");
	gitbox_git(box, "config", "filter.fake.clean", "sed s/WORK/STORE/");
	gitbox_git(box, "config", "filter.fake.smudge", "sed s/STORE/WORK/");
	check_filtered(box, "a WORK of art\n", "a WORK of fun\n");
	/* A filter that has no command is none. */
	scratch_write(box->repo, ".gitattributes", "two filter=nobody\n");
	see_with(box, "a WORK of wit\n", 1, "without a command");
}

static void test_filter_that_fails(void **data)
{
	struct gitbox *box = *data;
	struct seen first, second;

	scratch_write(box->repo, ".gitattributes", "two filter=fake\n");
	gitbox_commit(box);
	gitbox_git(box, "config", "filter.fake.clean", "false");
	gitbox_git(box, "config", "filter.fake.required", "true");
	scratch_write(box->repo, "a/b/two", "changed");
	first = see(box, box->repo);
	second = see(box, box->repo);
	assert_int_equal(first.n_dirty, 1);
	assert_same_ids(&first, &second, "two looks");
	scratch_write(box->repo, "a/b/two", "another");
	second = see(box, box->repo);
	assert_false(git_oid_equal(&first.ids[1], &second.ids[1]));
}

static void test_encoding_of_the_work_tree(void **data)
{
	struct gitbox *box = *data;

	scratch_write(box->repo, ".gitattributes", "two working-tree-encoding=ISO-8859-1\n");
	check_filtered(box, "\xe9t\xe9\n", "\xe0 bient\xf4t\n");
}

/* A git-lfs that does what the real one does with one file, and leaves a trace where the real one would store the content. */
static void test_lfs_is_not_called(void **data)
{
	struct gitbox *box = *data;
	static const char program[] = "#!/bin/sh\ncat >\"$0.content\"\nif head -c 40 \"$0.content\" | grep -q git-lfs.github.com; then\n"
				      "\texec cat \"$0.content\"\nfi\n[ -s \"$0.content\" ] || exit 0\n"
				      "printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:%s\\nsize %d\\n' "
				      "$(sha256sum <\"$0.content\" | cut -d' ' -f1) $(wc -c <\"$0.content\")\n";
	CLEANUP_FREE char *lfs = xasprintf("%s/bin/git-lfs", box->dir), *trace = xasprintf("%s/bin/git-lfs.content", box->dir);
	CLEANUP_FREE char *path = xasprintf("%s/bin:%s", box->dir, getenv("PATH"));

	scratch_write(box->dir, "bin/git-lfs", program);
	assert_int_equal(chmod(lfs, 0755), 0);
	proc_environment_set(&box->env, "PATH", path);
	scratch_write(box->repo, ".gitattributes", "two filter=lfs diff=lfs merge=lfs -text\n");
	gitbox_git(box, "config", "filter.lfs.clean", "git-lfs clean -- %f");
	gitbox_git(box, "config", "filter.lfs.required", "true");
	check_filtered(box, "a picture\n", "another picture\n");
	see_with(box, "", 1, "empty");
	assert_true(fs_exists(trace));
	assert_int_equal(unlink(trace), 0);
	/* The pointer of 'another picture', which is what HEAD has. */
	{
		CLEANUP_FREE char *pointer = gitbox_output(box, (char *const[]){ "git", "cat-file", "blob", "HEAD:a/b/two", NULL });
		CLEANUP_FREE char *line = xasprintf("%s\n", pointer);
		struct seen seen;

		scratch_write(box->repo, "a/b/two", line);
		seen = see(box, box->repo);
		assert_int_equal(seen.n_dirty, 0);
	}
	assert_false(fs_exists(trace));
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_index_versions_and_extensions),
		TEST(test_assume_unchanged),
		TEST(test_sparse_checkout),
		TEST(test_shallow_and_detached),
		TEST(test_partial_clones),
		TEST(test_partial_clone_without_its_trees),
		TEST(test_work_tree_elsewhere),
		TEST(test_submodule_as_a_source),
		TEST(test_linked_work_tree_below_the_main_one),
		TEST(test_linked_work_tree_of_a_bare_repository),
		TEST(test_configuration_of_one_work_tree),
		TEST(test_alternates_and_replacements),
		TEST(test_external_filter),
		TEST(test_filter_that_fails),
		TEST(test_encoding_of_the_work_tree),
		TEST(test_lfs_is_not_called),
	};

	return cmocka_run_group_tests_name("shapes", tests, NULL, NULL);
}
