#include "watcher/changes.h"

#include "watcher/giterr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void free_commit(git_commit **commit)
{
	git_commit_free(*commit);
}

static void free_tree(git_tree **tree)
{
	git_tree_free(*tree);
}

static void free_diff(git_diff **diff)
{
	git_diff_free(*diff);
}

static void free_walk(git_revwalk **walk)
{
	git_revwalk_free(*walk);
}

static void free_object(git_object **object)
{
	git_object_free(*object);
}

static void free_blob(git_blob **blob)
{
	git_blob_free(*blob);
}

static void free_entry(git_tree_entry **entry)
{
	git_tree_entry_free(*entry);
}

static int fail(const struct watcher_repo *repo, int code, const char *what, struct err *err)
{
	const char *path = git_repository_workdir(watcher_repo_git(repo));

	return watcher_giterr_set(err, code, path, "cannot read %s of '%s'", what, path);
}

/* -- revisions -------------------------------------------------------------------------------------------------------------------------------- */

int watcher_changes_resolve(const struct watcher_repo *repo, const char *rev, git_oid *ret, struct err *err)
{
	CLEANUP(free_object) git_object *object = NULL, *commit = NULL;
	const char *path = git_repository_workdir(watcher_repo_git(repo));
	int r = *rev ? git_revparse_single(&object, watcher_repo_git(repo), rev) : GIT_EINVALIDSPEC;

	if (r == 0)
		r = git_object_peel(&commit, object, GIT_OBJECT_COMMIT);
	if (r == GIT_EAMBIGUOUS)
		return err_class_set(err, ERR_USAGE, -EINVAL, "'%s' may be any of several commits of '%s'", rev, path);
	if (r < 0)
		return err_class_set(err, ERR_USAGE, -EINVAL, "'%s' is no commit of '%s'", rev, path);
	git_oid_cpy(ret, git_object_id(commit));
	return 0;
}

bool watcher_changes_is_merge(const struct watcher_repo *repo, const git_oid *commit)
{
	CLEANUP(free_commit) git_commit *object = NULL;

	return git_commit_lookup(&object, watcher_repo_git(repo), commit) == 0 && git_commit_parentcount(object) > 1;
}

char *watcher_changes_describe(const struct watcher_repo *repo, const git_oid *commit)
{
	CLEANUP(free_commit) git_commit *object = NULL;
	char id[9];
	const char *summary = NULL;

	git_oid_tostr(id, sizeof(id), commit);
	if (git_commit_lookup(&object, watcher_repo_git(repo), commit) == 0)
		summary = git_commit_summary(object);
	return xasprintf("%s %s", id, summary ? summary : "");
}

void watcher_commits_clear(struct watcher_commits *commits)
{
	free(commits->v);
	*commits = (struct watcher_commits){ 0 };
}

/* The ends of 'A..B', zero for the side that hides nothing. */
static int read_range(const struct watcher_repo *repo, const char *range, git_oid *ret_from, git_oid *ret_to, struct err *err)
{
	const char *dots = strstr(range, "..");
	CLEANUP_FREE char *from = dots ? xstrndup(range, (size_t)(dots - range)) : NULL;
	const char *to = dots ? dots + strlen("..") : range;
	int r;

	*ret_from = (git_oid){ 0 };
	if (dots && *to == '.')
		return err_class_set(err, ERR_USAGE, -EINVAL, "'%s': a range is written A..B, with two dots", range);
	r = watcher_changes_resolve(repo, dots && !*to ? "HEAD" : to, ret_to, err);
	return r < 0 || !from ? r : watcher_changes_resolve(repo, *from ? from : "HEAD", ret_from, err);
}

int watcher_changes_range(const struct watcher_repo *repo, const char *range, struct watcher_commits *ret, struct err *err)
{
	CLEANUP(watcher_commits_clear) struct watcher_commits commits = { 0 };
	CLEANUP(free_walk) git_revwalk *walk = NULL;
	git_oid from, to, oid;
	int r = read_range(repo, range, &from, &to, err);

	if (r < 0)
		return r;
	r = git_revwalk_new(&walk, watcher_repo_git(repo));
	if (r == 0)
		r = git_revwalk_sorting(walk, GIT_SORT_TOPOLOGICAL | GIT_SORT_REVERSE);
	if (r == 0)
		r = git_revwalk_push(walk, &to);
	if (r == 0 && !git_oid_is_zero(&from))
		r = git_revwalk_hide(walk, &from);
	while (r == 0 && (r = git_revwalk_next(&oid, walk)) == 0) {
		grow_array(&commits.v, &commits.cap, commits.n, sizeof(*commits.v));
		commits.v[commits.n++] = oid;
	}
	if (r < 0 && r != GIT_ITEROVER)
		return fail(repo, r, "the commits", err);
	*ret = commits;
	commits = (struct watcher_commits){ 0 };
	return 0;
}

/* -- trees ------------------------------------------------------------------------------------------------------------------------------------ */

/* NULL for the zero ID, without an error. */
static int find_tree(const struct watcher_repo *repo, const git_oid *id, git_tree **ret, struct err *err)
{
	CLEANUP(free_commit) git_commit *commit = NULL;
	int r = 0;

	*ret = NULL;
	if (git_oid_is_zero(id))
		return 0;
	r = git_commit_lookup(&commit, watcher_repo_git(repo), id);
	if (r == 0)
		r = git_commit_tree(ret, commit);
	return r < 0 ? fail(repo, r, "a commit", err) : 0;
}

/* @full, of the work tree, as the source has it; NULL for what lies elsewhere. */
static const char *in_source(const struct watcher_repo *repo, const char *full)
{
	const char *prefix = watcher_repo_prefix(repo);
	size_t n = strlen(prefix);

	if (!path_under(full, prefix))
		return NULL;
	return n > 0 && full[n] == '/' ? full + n + 1 : full + n;
}

static char *in_repository(const struct watcher_repo *repo, const char *path)
{
	const char *prefix = watcher_repo_prefix(repo);

	return xasprintf("%s%s%s", prefix, *prefix && *path ? "/" : "", path);
}

/* What lies below @under, of the work tree; '' is all of it. */
static int compare_trees(const struct watcher_repo *repo, git_tree *from, git_tree *to, const char *under, struct strvec *ret, struct err *err)
{
	CLEANUP(free_diff) git_diff *diff = NULL;
	char *prefix = (char *)under;
	git_diff_options options;
	int r = git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION);

	options.flags = GIT_DIFF_INCLUDE_TYPECHANGE | GIT_DIFF_DISABLE_PATHSPEC_MATCH | GIT_DIFF_SKIP_BINARY_CHECK;
	if (*prefix)
		options.pathspec = (git_strarray){ .strings = &prefix, .count = 1 };
	if (r == 0)
		r = git_diff_tree_to_tree(&diff, watcher_repo_git(repo), from, to, &options);
	if (r < 0)
		return fail(repo, r, "the trees", err);
	for (size_t i = 0; i < git_diff_num_deltas(diff); i++) {
		const git_diff_delta *delta = git_diff_get_delta(diff, i);
		const char *path = in_source(repo, delta->new_file.path);

		if (path)
			strvec_add(ret, path);
	}
	return 0;
}

int watcher_changes_of_commit(const struct watcher_repo *repo, const git_oid *commit, struct strvec *ret, git_oid *ret_parent, struct err *err)
{
	CLEANUP(free_tree) git_tree *before = NULL, *after = NULL;
	CLEANUP(free_commit) git_commit *object = NULL;
	CLEANUP(strvec_clear) struct strvec paths = { 0 };
	git_oid parent = { 0 };
	int r = git_commit_lookup(&object, watcher_repo_git(repo), commit);

	if (r < 0)
		return fail(repo, r, "a commit", err);
	if (git_commit_parentcount(object) > 0)
		git_oid_cpy(&parent, git_commit_parent_id(object, 0));
	r = find_tree(repo, &parent, &before, err);
	if (r == 0)
		r = find_tree(repo, commit, &after, err);
	if (r == 0)
		r = compare_trees(repo, before, after, watcher_repo_prefix(repo), &paths, err);
	if (r < 0)
		return r;
	strvec_sort_unique(&paths);
	strvec_copy(ret, &paths);
	*ret_parent = parent;
	return 0;
}

/* -- the work tree ---------------------------------------------------------------------------------------------------------------------------- */

static bool is_below_any(const char *path, const struct strvec *folders)
{
	for (size_t i = 0; i < folders->n; i++)
		if (path_under(path, folders->v[i]))
			return true;
	return false;
}

/* True when what stands at @path in the work tree is not what @tree has there. */
static int differs(struct watcher_repo *repo, const git_tree *tree, const char *path, bool *ret, struct err *err)
{
	CLEANUP_FREE char *full = in_repository(repo, path);
	CLEANUP(free_entry) git_tree_entry *entry = NULL;
	uint32_t mode;
	git_oid oid;
	int r = watcher_repo_entry(repo, path, &mode, &oid, err);

	if (r < 0)
		return r;
	r = tree ? git_tree_entry_bypath(&entry, tree, full) : GIT_ENOTFOUND;
	if (r < 0 && r != GIT_ENOTFOUND)
		return fail(repo, r, "a tree", err);
	*ret = entry ? git_tree_entry_filemode(entry) != mode || !git_oid_equal(git_tree_entry_id(entry), &oid) : mode != 0;
	return 0;
}

/* All paths that may differ: those between @from and HEAD, and those between HEAD and the work tree. */
static int collect_candidates(struct watcher_repo *repo, git_tree *from, const struct strvec *ignore, struct strvec *ret, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec everything = { 0 };
	CLEANUP(free_tree) git_tree *head = NULL;
	char name[GIT_OID_HEXSZ + 1];
	git_oid id = { 0 };
	int r;

	strvec_add(&everything, "");
	r = watcher_repo_look(repo, &everything, ignore, NULL, err);
	if (r == 0)
		r = watcher_repo_head(repo, name, err);
	if (r == 0 && name[0] && git_oid_fromstr(&id, name) < 0)
		r = -EIO;
	if (r == 0)
		r = find_tree(repo, &id, &head, err);
	if (r == 0)
		r = compare_trees(repo, from, head, watcher_repo_prefix(repo), ret, err);
	if (r == 0)
		r = watcher_repo_dirty(repo, "", ret, err);
	strvec_sort_unique(ret);
	return r;
}

int watcher_changes_since(struct watcher_repo *repo, const git_oid *commit, const struct strvec *ignore, struct strvec *ret, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec candidates = { 0 };
	CLEANUP(free_tree) git_tree *from = NULL;
	int r = find_tree(repo, commit, &from, err);

	if (r == 0)
		r = collect_candidates(repo, from, ignore, &candidates, err);
	for (size_t i = 0; r == 0 && i < candidates.n; i++) {
		bool differ = false;

		if (is_below_any(candidates.v[i], ignore))
			continue;
		r = differs(repo, from, candidates.v[i], &differ, err);
		if (r == 0 && differ)
			strvec_add(ret, candidates.v[i]);
	}
	return r;
}

int watcher_changes_between(const struct watcher_repo *repo, const git_oid *from, const git_oid *to, const char *path, struct strvec *ret,
			    struct err *err)
{
	CLEANUP_FREE char *full = in_repository(repo, path);
	CLEANUP(free_tree) git_tree *before = NULL, *after = NULL;
	int r = git_oid_equal(from, to) ? 0 : find_tree(repo, from, &before, err);

	if (r < 0 || git_oid_equal(from, to))
		return r;
	r = find_tree(repo, to, &after, err);
	return r < 0 ? r : compare_trees(repo, before, after, full, ret, err);
}

int watcher_changes_value(const struct watcher_repo *repo, const git_oid *commit, const char *path, char ret[WATCHER_FILE_SIZE], struct err *err)
{
	CLEANUP_FREE char *full = in_repository(repo, path);
	CLEANUP(free_entry) git_tree_entry *entry = NULL;
	CLEANUP(free_tree) git_tree *tree = NULL;
	int r = find_tree(repo, commit, &tree, err);

	if (r < 0)
		return r;
	r = tree ? git_tree_entry_bypath(&entry, tree, full) : GIT_ENOTFOUND;
	if (r < 0 && r != GIT_ENOTFOUND)
		return fail(repo, r, "a tree", err);
	ret[0] = '\0';
	if (entry)
		watcher_repo_file_value(git_tree_entry_filemode(entry), git_tree_entry_id(entry), ret);
	return 0;
}

int watcher_changes_file(const struct watcher_repo *repo, const git_oid *commit, const char *path, struct str *ret, struct err *err)
{
	CLEANUP_FREE char *full = in_repository(repo, path);
	CLEANUP(free_entry) git_tree_entry *entry = NULL;
	CLEANUP(free_tree) git_tree *tree = NULL;
	CLEANUP(free_blob) git_blob *blob = NULL;
	int r = find_tree(repo, commit, &tree, err);

	if (r < 0)
		return r;
	r = tree ? git_tree_entry_bypath(&entry, tree, full) : GIT_ENOTFOUND;
	if (r == GIT_ENOTFOUND || (r == 0 && git_tree_entry_type(entry) != GIT_OBJECT_BLOB))
		return err_set(err, -ENOENT, "cannot find '%s'", path);
	if (r == 0)
		r = git_blob_lookup(&blob, watcher_repo_git(repo), git_tree_entry_id(entry));
	if (r < 0)
		return fail(repo, r, "a file", err);
	str_add_n(ret, git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob));
	return 0;
}
