#include "watcher/repo.h"

#include "base/fs.h"
#include "watcher/giterr.h"
#include "watcher/owner.h"
#include "watcher/tree.h"
#include "watcher/worktree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct watcher_repo {
	git_repository *git; /* owned; holds the index */
	char *path;          /* owned; the source's folder, as given */
	char *prefix;        /* owned; the source's folder in the work tree: '/' or '/sub/folder' */
	git_oid head;        /* the commit that @tree is of, HEAD or another that was looked at; zero before the first */
	git_tree *tree;      /* owned; NULL before the first commit */
	struct strvec paths; /* what was looked at, relative to the work tree, none below another */
	struct watcher_changes changes;
	bool initialised; /* libgit2 counts its users */
};

static void free_commit(git_commit **commit)
{
	git_commit_free(*commit);
}

/* @path, relative to the source, as the work tree has it: freed of '.' and '//', without slashes at the ends. */
static char *in_work_tree(const struct watcher_repo *repo, const char *path)
{
	CLEANUP_FREE char *absolute = fs_absolute(repo->prefix, path[0] == '/' ? path + 1 : path);

	return xstrdup(absolute + 1);
}

/* -- open ------------------------------------------------------------------------------------------------------------------------------------ */

/* Extensions that change nothing about what we read; libgit2 refuses what it was not told of. Who owns a repository we ask ourselves. */
static int set_options(void)
{
	const char *names[] = { "worktreeconfig", "partialclone" };
	int r = git_libgit2_opts(GIT_OPT_SET_EXTENSIONS, names, N_ELEMENTS(names));

	return r < 0 ? r : git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
}

static int open_failed(const struct watcher_repo *repo, int code, struct err *err)
{
	if (code == GIT_ENOTFOUND) {
		err_class_set(err, ERR_ENVIRONMENT, -ENOENT, "source '%s' lies in no git repository", repo->path);
		err_hint(err, "git init '%s'; or, where its repository lies elsewhere, write 'gitdir: PATH' into a file '%s/.git'", repo->path,
			 repo->path);
		return -ENOENT;
	}
	return watcher_giterr_set(err, code, repo->path, "cannot open the repository of source '%s'", repo->path);
}

static int open_git(struct watcher_repo *repo, struct err *err)
{
	int r = git_libgit2_init();

	if (r < 0)
		return watcher_giterr_set(err, r, repo->path, "cannot start libgit2");
	repo->initialised = true;
	r = set_options();
	if (r == 0)
		r = git_repository_open_ext(&repo->git, repo->path, 0, NULL);
	if (r < 0)
		return open_failed(repo, r, err);
	r = watcher_owner_check(repo->git, repo->path, err);
	if (r < 0)
		return r;
	if (!git_repository_workdir(repo->git))
		return err_class_set(err, ERR_USAGE, -EINVAL, "source '%s' is a bare repository, without files", repo->path);
	return 0;
}

static int find_prefix(struct watcher_repo *repo, const char *real, struct err *err)
{
	CLEANUP_FREE char *root = realpath(git_repository_workdir(repo->git), NULL);

	if (!root || !path_under(real, root))
		return err_class_set(err, ERR_USAGE, -EINVAL, "source '%s' lies outside the work tree '%s' of its repository", repo->path,
				     git_repository_workdir(repo->git));
	repo->prefix = fs_absolute("/", strlen(root) > 1 ? real + strlen(root) : real);
	return 0;
}

/* A source that another repository merely ignores would never look changed. */
static int check_not_ignored(struct watcher_repo *repo, struct err *err)
{
	git_index *index = NULL;
	size_t at;
	int ignored = 0, r;

	if (str_eq(repo->prefix, "/"))
		return 0;
	r = git_ignore_path_is_ignored(&ignored, repo->git, repo->prefix + 1);
	if (r < 0 || !ignored)
		return r < 0 ? watcher_giterr_set(err, r, repo->path, "cannot read the ignore rules of source '%s'", repo->path) : 0;
	r = git_repository_index(&index, repo->git);
	if (r < 0)
		return watcher_giterr_set(err, r, repo->path, "cannot read the index of source '%s'", repo->path);
	r = git_index_find_prefix(&at, index, repo->prefix + 1);
	git_index_free(index);
	if (r == 0)
		return 0;
	err_class_set(err, ERR_ENVIRONMENT, -ENOENT, "source '%s' lies in no git repository of its own, and '%s' ignores it", repo->path,
		      git_repository_workdir(repo->git));
	err_hint(err, "git init '%s'", repo->path);
	return -ENOENT;
}

int watcher_repo_open(const char *path, struct watcher_repo **ret, struct err *err)
{
	CLEANUP(watcher_repo_freep) struct watcher_repo *repo = xcalloc(1, sizeof(*repo));
	CLEANUP_FREE char *real = realpath(path, NULL);
	int r;

	if (!real || !fs_is_dir(real)) {
		r = real ? -ENOTDIR : -errno;
		return err_class_set(err, ERR_USAGE, r, "cannot open source '%s': %s", path, strerror(-r));
	}
	repo->path = xstrdup(path);
	r = open_git(repo, err);
	if (r == 0)
		r = find_prefix(repo, real, err);
	if (r == 0)
		r = check_not_ignored(repo, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(repo);
	return 0;
}

void watcher_repo_free(struct watcher_repo *repo)
{
	if (!repo)
		return;
	watcher_worktree_clear(&repo->changes);
	strvec_clear(&repo->paths);
	git_tree_free(repo->tree);
	git_repository_free(repo->git);
	if (repo->initialised)
		git_libgit2_shutdown();
	free(repo->path);
	free(repo->prefix);
	free(repo);
}

void watcher_repo_freep(struct watcher_repo **repo)
{
	watcher_repo_free(*repo);
}

const struct strvec *watcher_repo_nested(const struct watcher_repo *repo)
{
	return &repo->changes.nested;
}

git_repository *watcher_repo_git(const struct watcher_repo *repo)
{
	return repo->git;
}

const char *watcher_repo_prefix(const struct watcher_repo *repo)
{
	return repo->prefix + 1;
}

/* -- HEAD ------------------------------------------------------------------------------------------------------------------------------------ */

/* Zero before the first commit. */
static int read_head(struct watcher_repo *repo, git_oid *ret, struct err *err)
{
	int r = git_reference_name_to_id(ret, repo->git, "HEAD");

	if (r == GIT_ENOTFOUND)
		*ret = (git_oid){ 0 };
	else if (r < 0)
		return watcher_giterr_set(err, r, repo->path, "cannot read HEAD of source '%s'", repo->path);
	return 0;
}

int watcher_repo_head(struct watcher_repo *repo, char ret[GIT_OID_HEXSZ + 1], struct err *err)
{
	git_oid oid;
	int r = read_head(repo, &oid, err);

	if (r < 0)
		return r;
	ret[0] = '\0';
	if (!git_oid_is_zero(&oid))
		git_oid_tostr(ret, GIT_OID_HEXSZ + 1, &oid);
	return 0;
}

/* @oid may be zero: no commit. */
static int load_tree(struct watcher_repo *repo, const git_oid *oid, struct err *err)
{
	CLEANUP(free_commit) git_commit *commit = NULL;
	git_tree *tree = NULL;
	int r;

	if (git_oid_equal(oid, &repo->head) && (repo->tree || git_oid_is_zero(oid)))
		return 0;
	if (!git_oid_is_zero(oid)) {
		r = git_commit_lookup(&commit, repo->git, oid);
		if (r == 0)
			r = git_commit_tree(&tree, commit);
		if (r < 0)
			return watcher_giterr_set(err, r, repo->path, "cannot read a commit of source '%s'", repo->path);
	}
	git_tree_free(repo->tree);
	repo->tree = tree;
	repo->head = *oid;
	return 0;
}

/* -- looking --------------------------------------------------------------------------------------------------------------------------------- */

/* Sorted, each once, none below another. */
static void cover(const struct watcher_repo *repo, const struct strvec *paths, struct strvec *ret)
{
	CLEANUP(strvec_clear) struct strvec all = { 0 };

	for (size_t i = 0; i < paths->n; i++)
		strvec_take(&all, in_work_tree(repo, paths->v[i]));
	strvec_sort_unique(&all);
	for (size_t i = 0; i < all.n; i++) {
		bool below = false;

		for (size_t j = 0; j < ret->n && !below; j++)
			below = path_under(all.v[i], ret->v[j]);
		if (!below)
			strvec_add(ret, all.v[i]);
	}
}

/* What both kinds of looks begin with. */
static int begin_look(struct watcher_repo *repo, const git_oid *commit, const struct strvec *paths, const struct strvec *ignore,
		      struct strvec *ret_ignored, struct err *err)
{
	int r = load_tree(repo, commit, err);

	strvec_clear(&repo->paths);
	if (r < 0)
		return r;
	cover(repo, paths, &repo->paths);
	cover(repo, ignore, ret_ignored);
	return 0;
}

int watcher_repo_look(struct watcher_repo *repo, const struct strvec *paths, const struct strvec *ignore, size_t *ret_n_dirty, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec ignored = { 0 };
	struct watcher_question question = { .git = repo->git, .paths = &repo->paths, .ignore = &ignored };
	git_oid head;
	int r = read_head(repo, &head, err);

	if (r == 0)
		r = begin_look(repo, &head, paths, ignore, &ignored, err);
	if (r < 0)
		return r;
	question.head = repo->tree;
	/* No path at all would mean everything to libgit2. */
	if (repo->paths.n > 0)
		r = watcher_worktree_scan(&question, &repo->changes, err);
	else
		watcher_worktree_clear(&repo->changes);
	if (r < 0) {
		strvec_clear(&repo->paths);
		return r;
	}
	if (ret_n_dirty)
		*ret_n_dirty = repo->changes.n_files;
	return 0;
}

int watcher_repo_look_at(struct watcher_repo *repo, const git_oid *commit, const struct strvec *paths, const struct strvec *ignore,
			 struct err *err)
{
	CLEANUP(strvec_clear) struct strvec ignored = { 0 };
	struct watcher_question question = { .git = repo->git, .paths = &repo->paths, .ignore = &ignored };
	int r = begin_look(repo, commit, paths, ignore, &ignored, err);

	if (r == 0)
		watcher_worktree_scan_nothing(&question, &repo->changes);
	return r;
}

/* -- answers --------------------------------------------------------------------------------------------------------------------------------- */

static int check_looked_at(const struct watcher_repo *repo, const char *path, struct err *err)
{
	for (size_t i = 0; i < repo->paths.n; i++)
		if (path_under(path, repo->paths.v[i]))
			return 0;
	return err_set(err, -EINVAL, "'%s' of source '%s' was not looked at!", path, repo->path);
}

int watcher_repo_entry(struct watcher_repo *repo, const char *path, uint32_t *ret_mode, git_oid *ret, struct err *err)
{
	CLEANUP_FREE char *full = in_work_tree(repo, path);
	int r = check_looked_at(repo, full, err);

	return r < 0 ? r : watcher_tree_entry(repo->git, repo->tree, repo->changes.sorted, repo->changes.n_all, full, ret_mode, ret, err);
}

static int entry_without(struct watcher_repo *repo, const char *full, const struct strvec *without, uint32_t *ret_mode, git_oid *ret,
			 struct err *err)
{
	size_t n = repo->changes.n_all, n_without = without ? without->n : 0;
	CLEANUP(strvec_clear) struct strvec names = { 0 };
	CLEANUP_FREE struct watcher_change *dropped = xcalloc(n_without, sizeof(*dropped));
	CLEANUP_FREE const struct watcher_change **changes = xcalloc(n + n_without, sizeof(*changes));

	for (size_t i = 0; i < n; i++)
		changes[i] = repo->changes.sorted[i];
	for (size_t i = 0; i < n_without; i++) {
		strvec_take(&names, in_work_tree(repo, without->v[i]));
		dropped[i] = (struct watcher_change){ .path = names.v[i], .mode = WATCHER_TREE_DROP };
		changes[n + i] = &dropped[i];
	}
	qsort(changes, n + n_without, sizeof(*changes), watcher_tree_compare_changes);
	return watcher_tree_entry(repo->git, repo->tree, changes, n + n_without, full, ret_mode, ret, err);
}

/* A plain file's ID is its content's; where more than the content counts, that of a tree which holds the file alone. */
static int cover_mode(const char *path, uint32_t mode, git_oid *oid, struct err *err)
{
	struct watcher_change change = { .path = fs_basename(path), .mode = mode, .oid = *oid };
	const struct watcher_change *list = &change;
	uint32_t unused;

	if (mode != GIT_FILEMODE_BLOB_EXECUTABLE && mode != GIT_FILEMODE_LINK)
		return 0;
	return watcher_tree_entry(NULL, NULL, &list, 1, "", &unused, oid, err);
}

/* For what is no entry of our trees since it lies in a submodule, all of that counts. */
static int take_submodule(struct watcher_repo *repo, const char *full, uint32_t *mode, git_oid *oid, struct err *err)
{
	CLEANUP_FREE char *above = xstrdup(full);
	char *slash;
	int r = 0;

	while (r == 0 && *mode == 0 && (slash = strrchr(above, '/'))) {
		*slash = '\0';
		r = watcher_tree_entry(repo->git, repo->tree, repo->changes.sorted, repo->changes.n_all, above, mode, oid, err);
	}
	if (r == 0 && *mode != GIT_FILEMODE_COMMIT) {
		*mode = 0;
		*oid = (git_oid){ 0 };
	}
	return r;
}

int watcher_repo_tree(struct watcher_repo *repo, const char *path, const struct strvec *without, git_oid *ret, struct err *err)
{
	CLEANUP_FREE char *full = in_work_tree(repo, path);
	uint32_t mode = 0;
	git_oid oid;
	int r = check_looked_at(repo, full, err);

	if (r == 0 && without && without->n > 0)
		r = entry_without(repo, full, without, &mode, &oid, err);
	else if (r == 0)
		r = watcher_tree_entry(repo->git, repo->tree, repo->changes.sorted, repo->changes.n_all, full, &mode, &oid, err);
	if (r == 0 && mode == 0)
		r = take_submodule(repo, full, &mode, &oid, err);
	if (r == 0)
		r = cover_mode(full, mode, &oid, err);
	if (r == 0)
		*ret = oid;
	return r;
}

void watcher_repo_each_change(const struct watcher_repo *repo, void (*fn)(void *data, const char *path, const char *value), void *data)
{
	size_t skip = strlen(repo->prefix) > 1 ? strlen(repo->prefix) : 0;

	for (size_t i = 0; i < repo->changes.n_all; i++) {
		const struct watcher_change *change = &repo->changes.all[i];
		char value[WATCHER_FILE_SIZE] = "";

		if (change->mode == WATCHER_TREE_DROP || !path_under(change->path, repo->prefix + 1))
			continue;
		if (change->mode != 0)
			watcher_repo_file_value(change->mode, &change->oid, value);
		fn(data, change->path + skip, value);
	}
}

void watcher_repo_file_value(uint32_t mode, const git_oid *oid, char ret[WATCHER_FILE_SIZE])
{
	char hex[GIT_OID_HEXSZ + 1];

	git_oid_tostr(hex, sizeof(hex), oid);
	snprintf(ret, WATCHER_FILE_SIZE, "%06o %s", (unsigned int)mode, hex);
}

int watcher_repo_dirty(struct watcher_repo *repo, const char *path, struct strvec *ret, struct err *err)
{
	CLEANUP_FREE char *full = in_work_tree(repo, path);
	size_t skip = strlen(repo->prefix) > 1 ? strlen(repo->prefix) : 0;
	CLEANUP(strvec_clear) struct strvec found = { 0 };
	int r = check_looked_at(repo, full, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < repo->changes.n_all; i++)
		if (repo->changes.all[i].mode != WATCHER_TREE_DROP && path_under(repo->changes.all[i].path, full))
			strvec_add(&found, repo->changes.all[i].path + skip);
	strvec_sort_unique(&found);
	strvec_copy(ret, &found);
	return 0;
}
