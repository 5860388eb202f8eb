/* lib/gitbox - a real git repository in a scratch folder, apart from the user's configuration, and git itself as the oracle for tree IDs. */
#ifndef REINJECT_TESTS_GITBOX_H
#define REINJECT_TESTS_GITBOX_H

#include "lib/scratch.h"

#include <git2.h>

struct gitbox {
	char *dir;         /* owned; scratch folder: repo/, home/, oracle/ */
	char *repo;        /* owned */
	struct strvec env; /* for git */
};

/** Runs git with these words, ended by NULL, in the repository; fails the test unless it succeeds. */
#define gitbox_git(box, ...) free(gitbox_output((box), (char *const[]){ "git", __VA_ARGS__, NULL }))

static inline char *gitbox_output(struct gitbox *box, char *const *argv)
{
	return scratch_run(argv, box->repo, box->env.v);
}

/** The same for what may fail. Returns its exit status. */
static inline int gitbox_try(struct gitbox *box, char *const *argv)
{
	struct proc_spec spec = { .argv = argv, .cwd = box->repo, .env = box->env.v };
	struct proc_result result;

	assert_int_equal(proc_run(&spec, &result, NULL), 0);
	return result.signalled ? -1 : result.status;
}

static inline void gitbox_config(struct gitbox *box)
{
	static const char config[] = "[user]\n\tname = T\n\temail = t@example.org\n[commit]\n\tgpgsign = false\n[gc]\n\tauto = 0\n"
				     "[protocol \"file\"]\n\tallow = always\n[init]\n\tdefaultBranch = main\n[core]\n\tautocrlf = false\n";
	CLEANUP_FREE char *home = xasprintf("%s/home", box->dir);

	scratch_write(box->dir, "home/.gitconfig", config);
	/* libgit2, in this process, asks HOME too. */
	setenv("HOME", home, 1);
	unsetenv("XDG_CONFIG_HOME");
	proc_environment(&box->env);
	proc_environment_set(&box->env, "GIT_CONFIG_NOSYSTEM", "1");
	proc_environment_set(&box->env, "LC_ALL", "C");
}

static inline struct gitbox *gitbox_make(void)
{
	struct gitbox *box = xcalloc(1, sizeof(*box));

	box->dir = scratch_make();
	box->repo = xasprintf("%s/repo", box->dir);
	gitbox_config(box);
	assert_int_equal(mkdir(box->repo, 0755), 0);
	/* The template is a dozen files that no test needs. */
	gitbox_git(box, "init", "-q", "--template=");
	return box;
}

static inline void gitbox_free(struct gitbox *box)
{
	scratch_remove(box->dir);
	free(box->repo);
	strvec_clear(&box->env);
	free(box);
}

static inline void gitbox_commit(struct gitbox *box)
{
	gitbox_git(box, "add", "-A");
	gitbox_git(box, "commit", "-q", "--allow-empty", "-m", "x");
}

static inline void gitbox_copy_index(struct gitbox *box, const char *to)
{
	CLEANUP_FREE char *from = xasprintf("%s/.git/index", box->repo);
	CLEANUP(str_clear) struct str bytes = { 0 };
	struct timespec times[2];
	struct stat st;
	int fd;

	unlink(to);
	if (stat(from, &st) < 0)
		return;
	assert_int_equal(fs_read(from, 1 << 24, &bytes, NULL), 0);
	fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, bytes.buf, bytes.len), 0);
	/* An index that seems newer than it is would hide files that changed in the same moment. */
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

/** The tree that `git add -A && git write-tree` makes of the work tree as it is, less @without (may be NULL); index and objects of the repository are
 * not touched. The caller frees the name. Its objects lie in DIR/oracle/objects. */
static inline char *gitbox_oracle(struct gitbox *box, const char *without)
{
	CLEANUP_FREE char *objects = xasprintf("%s/oracle/objects", box->dir), *index = xasprintf("%s/oracle/index", box->dir);
	CLEANUP_FREE char *alternate = xasprintf("%s/.git/objects", box->repo);
	CLEANUP(strvec_clear) struct strvec env = { 0 };
	char *const add[] = { "git", "add", "-A", NULL }, *const write[] = { "git", "write-tree", NULL };
	char *const drop[] = { "git", "rm", "-q", "-r", "--cached", "--ignore-unmatch", (char *)without, NULL };

	assert_int_equal(fs_make_dirs(objects, 0755, NULL), 0);
	gitbox_copy_index(box, index);
	strvec_copy(&env, &box->env);
	proc_environment_set(&env, "GIT_INDEX_FILE", index);
	proc_environment_set(&env, "GIT_OBJECT_DIRECTORY", objects);
	proc_environment_set(&env, "GIT_ALTERNATE_OBJECT_DIRECTORIES", alternate);
	free(scratch_run(add, box->repo, env.v));
	if (without)
		free(scratch_run(drop, box->repo, env.v));
	return scratch_run(write, box->repo, env.v);
}

/** The entry at @path in the tree that the oracle named, and its mode; zeros when there is none. */
static inline uint32_t gitbox_oracle_entry(struct gitbox *box, const char *tree_name, const char *path, git_oid *ret)
{
	CLEANUP_FREE char *objects = xasprintf("%s/oracle/objects", box->dir);
	git_repository *git = NULL;
	git_odb *odb = NULL;
	git_tree *tree = NULL;
	git_tree_entry *entry = NULL;
	uint32_t mode = 0;
	git_oid oid;

	assert_int_equal(git_oid_fromstr(&oid, tree_name), 0);
	git_libgit2_init();
	assert_int_equal(git_repository_open(&git, box->repo), 0);
	assert_int_equal(git_repository_odb(&odb, git), 0);
	assert_int_equal(git_odb_add_disk_alternate(odb, objects), 0);
	assert_int_equal(git_tree_lookup(&tree, git, &oid), 0);
	*ret = (git_oid){ 0 };
	if (!*path) {
		mode = git_tree_entrycount(tree) > 0 ? 040000 : 0;
		if (mode)
			*ret = oid;
	} else if (git_tree_entry_bypath(&entry, tree, path) == 0) {
		*ret = *git_tree_entry_id(entry);
		mode = (uint32_t)git_tree_entry_filemode(entry);
	}
	git_tree_entry_free(entry);
	git_tree_free(tree);
	git_odb_free(odb);
	git_repository_free(git);
	git_libgit2_shutdown();
	return mode;
}

#endif
