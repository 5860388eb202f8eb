#include "watcher/worktree.h"

#include "base/fs.h"
#include "watcher/filter.h"
#include "watcher/giterr.h"

#include <git2/sys/repository.h>

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What libgit2 found in the work tree, as against what it found in the index. */
#define STATUS_WORK_TREE                                                                                                                        \
	(GIT_STATUS_WT_NEW | GIT_STATUS_WT_MODIFIED | GIT_STATUS_WT_DELETED | GIT_STATUS_WT_TYPECHANGE | GIT_STATUS_WT_RENAMED |                \
	 GIT_STATUS_WT_UNREADABLE | GIT_STATUS_CONFLICTED)

struct scan {
	const struct watcher_question *question;
	struct watcher_changes *changes;
	git_index *index; /* owned */
	bool trust_mode;  /* core.fileMode */
};

static void scan_clear(struct scan *scan)
{
	git_index_free(scan->index);
}

static void free_status(git_status_list **list)
{
	git_status_list_free(*list);
}

static void free_entry(git_tree_entry **entry)
{
	git_tree_entry_free(*entry);
}

static void free_repository(git_repository **git)
{
	git_repository_free(*git);
}

static int git_fail(const struct scan *scan, int code, const char *what, struct err *err)
{
	const char *folder = git_repository_workdir(scan->question->git);

	return watcher_giterr_set(err, code, folder, "cannot read %s of '%s'", what, folder);
}

static bool is_below_any(const char *path, const struct strvec *dirs)
{
	for (size_t i = 0; i < dirs->n; i++)
		if (path_under(path, dirs->v[i]))
			return true;
	return false;
}

/* -- one file ------------------------------------------------------------------------------------------------------------------------------- */

static int hash_link(const char *full, git_oid *ret, struct err *err)
{
	char target[PATH_MAX];
	ssize_t n = readlink(full, target, sizeof(target));
	int r = n < 0 ? 0 : git_odb_hash(ret, target, (size_t)n, GIT_OBJECT_BLOB);

	if (n < 0)
		return err_set(err, -errno, "cannot read link '%s'", full);
	return r < 0 ? watcher_giterr_set(err, r, full, "cannot read '%s'", full) : 0;
}

/* The mode that git would store; @index_mode is what it has stored (0: nothing). */
static uint32_t file_mode(const struct scan *scan, const struct stat *st, uint32_t index_mode)
{
	if (scan->trust_mode)
		return st->st_mode & S_IXUSR ? GIT_FILEMODE_BLOB_EXECUTABLE : GIT_FILEMODE_BLOB;
	return index_mode == GIT_FILEMODE_BLOB_EXECUTABLE ? GIT_FILEMODE_BLOB_EXECUTABLE : GIT_FILEMODE_BLOB;
}

/* @known: what libgit2 has just read of it, by its own filters; NULL when it had no need to. */
static int hash_regular(git_repository *git, const char *path, const char *full, const git_oid *known, git_oid *ret, struct err *err)
{
	int r = watcher_filter_hash(git, path, ret, err);

	if (r != 0)
		return r < 0 ? r : 0;
	if (known) {
		*ret = *known;
		return 0;
	}
	r = git_repository_hashfile(ret, git, path, GIT_OBJECT_BLOB, path);
	return r < 0 ? watcher_giterr_set(err, r, full, "cannot read '%s'", full) : 0;
}

/* What stands at @path: mode 0 when nothing does that git would store. A file that goes away under our hands is gone; the event of that brings the
 * next look. */
static int read_file(const struct scan *scan, const char *path, uint32_t index_mode, const git_oid *known, struct watcher_change *ret,
		     struct err *err)
{
	git_repository *git = scan->question->git;
	CLEANUP_FREE char *full = xasprintf("%s%s", git_repository_workdir(git), path);
	struct stat st;
	int r;

	ret->mode = 0;
	if (lstat(full, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_set(err, -errno, "cannot look at '%s'", full);
	if (S_ISLNK(st.st_mode))
		r = hash_link(full, &ret->oid, err);
	else if (S_ISREG(st.st_mode))
		r = hash_regular(git, path, full, known, &ret->oid, err);
	else
		return 0;
	if (r < 0 && lstat(full, &st) < 0 && errno == ENOENT)
		return 0;
	if (r < 0)
		return r;
	ret->mode = S_ISLNK(st.st_mode) ? (uint32_t)GIT_FILEMODE_LINK : file_mode(scan, &st, index_mode);
	return 0;
}

/* Adds the file unless it is what HEAD has (staged, then put back). */
static int add_change(struct scan *scan, const struct watcher_change *change, struct err *err)
{
	struct watcher_changes *changes = scan->changes;
	CLEANUP(free_entry) git_tree_entry *e = NULL;
	int r = scan->question->head ? git_tree_entry_bypath(&e, scan->question->head, change->path) : GIT_ENOTFOUND;

	if (r < 0 && r != GIT_ENOTFOUND)
		return git_fail(scan, r, "HEAD's tree", err);
	/* Deleted on both sides of a merge: HEAD may have a file where this path had a folder. */
	if (r == GIT_ENOTFOUND && change->mode == 0)
		return 0;
	if (r == 0 && (uint32_t)git_tree_entry_filemode(e) == change->mode && git_oid_equal(git_tree_entry_id(e), &change->oid))
		return 0;
	grow_array(&changes->all, &changes->cap, changes->n_all, sizeof(*changes->all));
	changes->all[changes->n_all] = *change;
	changes->all[changes->n_all++].path = xstrdup(change->path);
	return 0;
}

/* -- files that git was told not to look at -------------------------------------------------------------------------------------------------- */

static bool is_sparse(const git_index_entry *e)
{
	return e->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE;
}

/* libgit2 calls them unchanged, and those that a sparse checkout leaves out deleted. cargo compiles what stands there. */
static bool is_marked(const git_index_entry *e)
{
	return is_sparse(e) || (e->flags & GIT_INDEX_ENTRY_VALID);
}

static bool is_time(const git_index_time *time, struct timespec of)
{
	return time->seconds == (int32_t)of.tv_sec && time->nanoseconds == (uint32_t)of.tv_nsec;
}

/* The file is as it was when the index was told of it, and older than the index: then nobody needs to read it. */
static bool is_known(const git_index_entry *e, const struct stat *st, const struct stat *index)
{
	return is_time(&e->mtime, fs_mtime(st)) && is_time(&e->ctime, fs_ctime(st)) && e->file_size == (uint32_t)st->st_size &&
	       e->ino == (uint32_t)st->st_ino && fs_mtime(st).tv_sec < fs_mtime(index).tv_sec;
}

static int take_marked(struct scan *scan, const git_index_entry *e, const struct stat *index, char **absent, struct err *err)
{
	struct watcher_change change = { .path = e->path, .mode = e->mode, .oid = e->id };
	CLEANUP_FREE char *full = xasprintf("%s%s", git_repository_workdir(scan->question->git), e->path);
	struct stat st;
	bool is_there = lstat(full, &st) == 0;
	int r = 0;

	if (!is_there && is_sparse(e)) {
		CLEANUP_FREE char *dir = fs_dirname(full);

		/* The rest of the folder need not be asked for, where all of it was left out. */
		if (!fs_exists(dir)) {
			free(*absent);
			*absent = fs_dirname(e->path);
		}
		return 0;
	}
	if (!is_there || !is_known(e, &st, index))
		r = read_file(scan, e->path, e->mode, NULL, &change, err);
	return r < 0 ? r : add_change(scan, &change, err);
}

static int add_marked(struct scan *scan, struct err *err)
{
	const struct strvec *marked = &scan->changes->marked;
	CLEANUP_FREE char *absent = NULL;
	struct stat index = { 0 };
	int r = 0;

	if (marked->n > 0 && stat(git_index_path(scan->index), &index) < 0)
		return err_set(err, -errno, "cannot look at '%s'", git_index_path(scan->index));
	for (size_t i = 0; r == 0 && i < marked->n; i++) {
		const char *path = marked->v[i];
		const git_index_entry *e = git_index_get_bypath(scan->index, path, 0);

		if (e && !(absent && path_under(path, absent)) && is_below_any(path, scan->question->paths) &&
		    !is_below_any(path, scan->question->ignore))
			r = take_marked(scan, e, &index, &absent, err);
	}
	return r;
}

/* -- submodules ----------------------------------------------------------------------------------------------------------------------------- */

/* What the index says of single files, read once for each state of it. */
static void read_index(struct scan *scan)
{
	struct watcher_changes *changes = scan->changes;
	const git_oid *checksum = git_index_checksum(scan->index);
	size_t n = git_index_entrycount(scan->index);

	if (checksum && git_oid_equal(checksum, &changes->index_id))
		return;
	strvec_clear(&changes->links);
	strvec_clear(&changes->marked);
	for (size_t i = 0; i < n; i++) {
		const git_index_entry *e = git_index_get_byindex(scan->index, i);

		if (e->mode == GIT_FILEMODE_COMMIT)
			strvec_add(&changes->links, e->path);
		else if (is_marked(e))
			strvec_add(&changes->marked, e->path);
	}
	changes->index_id = checksum ? *checksum : (git_oid){ 0 };
}

static void free_commit(git_commit **commit)
{
	git_commit_free(*commit);
}

static void free_tree(git_tree **tree)
{
	git_tree_free(*tree);
}

/* What is dirty inside the submodule @git, whose HEAD is *@oid: then the ID of its whole tree takes the commit's place. */
static int fold_submodule(git_repository *git, const char *path, git_oid *oid, struct err *err)
{
	static char whole[] = "";
	char *paths[] = { whole, NULL };
	const struct strvec everything = { .v = paths, .n = 1 }, nothing = { 0 };
	CLEANUP(watcher_worktree_clear) struct watcher_changes changes = { 0 };
	CLEANUP(free_commit) git_commit *commit = NULL;
	CLEANUP(free_tree) git_tree *tree = NULL;
	struct watcher_question question = { .git = git, .paths = &everything, .ignore = &nothing };
	uint32_t mode;
	int r = git_commit_lookup(&commit, git, oid);

	if (r == 0)
		r = git_commit_tree(&tree, commit);
	if (r < 0)
		return watcher_giterr_set(err, r, path, "cannot read the commit of submodule '%s'", path);
	question.head = tree;
	r = watcher_worktree_scan(&question, &changes, err);
	if (r < 0 || changes.n_all == 0)
		return r < 0 ? err_wrap(err, r, "submodule '%s'", path) : 0;
	return watcher_tree_entry(git, tree, changes.sorted, changes.n_all, "", &mode, oid, err);
}

/* The commit that a submodule has checked out, or the tree of what is dirty in it; the index's commit where nothing is checked out. */
static int read_link(const struct scan *scan, const char *path, struct watcher_change *ret, struct err *err)
{
	CLEANUP_FREE char *full = xasprintf("%s%s", git_repository_workdir(scan->question->git), path);
	CLEANUP(free_repository) git_repository *git = NULL;
	const git_index_entry *e = git_index_get_bypath(scan->index, path, 0);
	struct stat st;
	int r;

	if (lstat(full, &st) < 0 || !S_ISDIR(st.st_mode))
		return read_file(scan, path, 0, NULL, ret, err);
	ret->mode = GIT_FILEMODE_COMMIT;
	r = git_repository_open_ext(&git, full, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL);
	if (r == 0)
		r = git_reference_name_to_id(&ret->oid, git, "HEAD");
	if (r == 0)
		return fold_submodule(git, full, &ret->oid, err);
	/* One that is there and cannot be read would hide every edit in it. */
	if (r != GIT_ENOTFOUND)
		return watcher_giterr_set(err, r, full, "cannot open submodule '%s'", full);
	if (e)
		ret->oid = e->id;
	else
		ret->mode = 0;
	return 0;
}

/* As a whole, where only a part of it was asked for: what lies in it is no entry of this repository's trees. */
static bool is_asked_for(const char *link, const struct strvec *paths)
{
	for (size_t i = 0; i < paths->n; i++)
		if (path_under(paths->v[i], link))
			return true;
	return is_below_any(link, paths);
}

static int add_links(struct scan *scan, struct err *err)
{
	const struct strvec *links = &scan->changes->links;
	int r = 0;

	for (size_t i = 0; r == 0 && i < links->n; i++) {
		struct watcher_change change = { .path = links->v[i] };

		if (!is_asked_for(links->v[i], scan->question->paths) || is_below_any(links->v[i], scan->question->ignore))
			continue;
		r = read_link(scan, links->v[i], &change, err);
		if (r == 0)
			r = add_change(scan, &change, err);
	}
	return r;
}

/* -- all of them ---------------------------------------------------------------------------------------------------------------------------- */

/* What is staged of a file that a sparse checkout leaves out; all else that is marked add_marked() has read. */
static int take_left_out(struct scan *scan, const git_status_entry *status, const git_index_entry *e, struct err *err)
{
	struct watcher_change change = { .path = e->path, .mode = e->mode, .oid = e->id };

	if (!is_sparse(e) || !(status->status & GIT_STATUS_WT_DELETED) || !status->head_to_index)
		return 0;
	return add_change(scan, &change, err);
}

/* A file of the same size as the index has it was read to know whether it differs: once is enough for a large one. A regular file only. */
static const git_oid *read_by_status(const git_diff_delta *work)
{
	bool read = work && (work->new_file.flags & GIT_DIFF_FLAG_VALID_ID) && !git_oid_is_zero(&work->new_file.id);

	return read && (work->new_file.mode & S_IFMT) == S_IFREG ? &work->new_file.id : NULL;
}

static int take_status(struct scan *scan, const git_status_entry *e, struct err *err)
{
	const git_diff_delta *work = e->index_to_workdir, *staged = e->head_to_index;
	const char *path = work ? work->new_file.path : staged->new_file.path;
	struct watcher_change change = { .path = path };
	const git_index_entry *entry = git_index_get_bypath(scan->index, path, 0);
	int r = 0;

	if (strvec_has(&scan->changes->links, path))
		return 0;
	/* 'name/': a folder that libgit2 did not go into, which is a nested repository. */
	if (str_ends(path, "/")) {
		strvec_add_n(&scan->changes->nested, path, strlen(path) - 1);
		return 0;
	}
	/* Other paths may come too, where core.ignoreCase lets libgit2 take one name for another. */
	if (!is_below_any(path, scan->question->paths) || is_below_any(path, scan->question->ignore))
		return 0;
	if (entry && is_marked(entry))
		return take_left_out(scan, e, entry, err);
	if (!(e->status & STATUS_WORK_TREE) && !(e->status & GIT_STATUS_INDEX_DELETED)) {
		change.mode = staged->new_file.mode;
		change.oid = staged->new_file.id;
	} else if ((e->status & STATUS_WORK_TREE) && !(e->status & GIT_STATUS_WT_DELETED)) {
		r = read_file(scan, path, work ? work->old_file.mode : 0, read_by_status(work), &change, err);
	}
	return r < 0 ? r : add_change(scan, &change, err);
}

static int take_all(struct scan *scan, struct err *err)
{
	CLEANUP(free_status) git_status_list *list = NULL;
	const struct watcher_question *q = scan->question;
	bool everything = strvec_has(q->paths, "");
	git_status_options options;
	int r = git_status_options_init(&options, GIT_STATUS_OPTIONS_VERSION);

	if (r < 0)
		return git_fail(scan, r, "the state", err);
	options.flags = GIT_STATUS_OPT_INCLUDE_UNTRACKED | GIT_STATUS_OPT_RECURSE_UNTRACKED_DIRS | GIT_STATUS_OPT_DISABLE_PATHSPEC_MATCH |
			GIT_STATUS_OPT_EXCLUDE_SUBMODULES | GIT_STATUS_OPT_NO_REFRESH;
	if (!everything)
		options.pathspec = (git_strarray){ .strings = q->paths->v, .count = q->paths->n };
	r = git_status_list_new(&list, q->git, &options);
	if (r < 0)
		return git_fail(scan, r, "the state", err);
	for (size_t i = 0; i < git_status_list_entrycount(list); i++) {
		r = take_status(scan, git_status_byindex(list, i), err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* So that libgit2 does not walk through them for untracked files. What is tracked in them it looks at all the same; take_status() drops that. */
static int ignore_folders(struct scan *scan, struct err *err)
{
	CLEANUP(str_clear) struct str rules = { 0 };
	git_repository *git = scan->question->git;
	int r;

	for (size_t i = 0; i < scan->question->ignore->n; i++) {
		str_add_c(&rules, '/');
		for (const char *c = scan->question->ignore->v[i]; *c; c++) {
			if (strchr("\\*?[! #", *c))
				str_add_c(&rules, '\\');
			str_add_c(&rules, *c);
		}
		str_add(&rules, "/\n");
	}
	if (str_eq(str_text(&rules), scan->changes->ignored ? scan->changes->ignored : ""))
		return 0;
	r = git_ignore_clear_internal_rules(git);
	if (r == 0 && rules.len > 0)
		r = git_ignore_add_rule(git, rules.buf);
	if (r < 0)
		return git_fail(scan, r, "the ignore rules", err);
	free(scan->changes->ignored);
	scan->changes->ignored = str_take(&rules);
	return 0;
}

static void add_ignored(const struct watcher_question *question, struct watcher_changes *changes)
{
	changes->n_files = changes->n_all;
	for (size_t i = 0; i < question->ignore->n; i++) {
		grow_array(&changes->all, &changes->cap, changes->n_all, sizeof(*changes->all));
		changes->all[changes->n_all++] = (struct watcher_change){ .path = xstrdup(question->ignore->v[i]),
									  .mode = WATCHER_TREE_DROP };
	}
}

static void sort_changes(struct watcher_changes *changes)
{
	changes->sorted = xrealloc(changes->sorted, changes->n_all * sizeof(*changes->sorted));
	for (size_t i = 0; i < changes->n_all; i++)
		changes->sorted[i] = &changes->all[i];
	if (changes->n_all > 1)
		qsort(changes->sorted, changes->n_all, sizeof(*changes->sorted), watcher_tree_compare_changes);
}

static void forget_changes(struct watcher_changes *changes)
{
	for (size_t i = 0; i < changes->n_all; i++)
		free((char *)changes->all[i].path);
	changes->n_all = changes->n_files = 0;
	strvec_clear(&changes->nested);
}

static int add_config(git_config *config, git_repository *git, const char *dir, const char *name, git_config_level_t level)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);

	return fs_exists(path) ? git_config_add_file_ondisk(config, path, level, git, 0) : 0;
}

/* All files anew: libgit2 keeps what it made of them (core.autocrlf and the like) until it is given a configuration, and does not know that a work tree
 * may have one of its own. */
static int read_config(git_repository *git, int *ret_trust_mode)
{
	git_config *config = NULL;
	int own = 0, r = git_config_open_default(&config);

	if (r == 0)
		r = add_config(config, git, git_repository_commondir(git), "config", GIT_CONFIG_LEVEL_LOCAL);
	if (r == 0 && git_config_get_bool(&own, config, "extensions.worktreeconfig") == 0 && own)
		r = add_config(config, git, git_repository_path(git), "config.worktree", GIT_CONFIG_LEVEL_APP);
	if (r == 0)
		r = git_repository_set_config(git, config);
	if (r == 0 && git_config_get_bool(ret_trust_mode, config, "core.filemode") < 0)
		*ret_trust_mode = 1;
	git_config_free(config);
	return r;
}

static int open_scan(struct scan *scan, struct err *err)
{
	git_repository *git = scan->question->git;
	int trust = 1, r = read_config(git, &trust);

	if (r < 0)
		return git_fail(scan, r, "the configuration", err);
	scan->trust_mode = trust != 0;
	r = git_repository_index(&scan->index, git);

	/* Outside of status, which would take an index that cannot be read for an empty one. */
	if (r == 0)
		r = git_index_read(scan->index, 0);
	if (r < 0)
		return git_fail(scan, r, "the index", err);
	return 0;
}

int watcher_worktree_scan(const struct watcher_question *question, struct watcher_changes *changes, struct err *err)
{
	CLEANUP(scan_clear) struct scan scan = { .question = question, .changes = changes };
	int r;

	forget_changes(changes);
	r = open_scan(&scan, err);
	if (r < 0)
		return r;
	read_index(&scan);
	r = ignore_folders(&scan, err);
	if (r == 0)
		r = take_all(&scan, err);
	if (r == 0)
		r = add_marked(&scan, err);
	if (r == 0)
		r = add_links(&scan, err);
	if (r < 0) {
		forget_changes(changes);
		return r;
	}
	add_ignored(question, changes);
	sort_changes(changes);
	return 0;
}

void watcher_worktree_scan_nothing(const struct watcher_question *question, struct watcher_changes *changes)
{
	forget_changes(changes);
	add_ignored(question, changes);
	sort_changes(changes);
}

void watcher_worktree_clear(struct watcher_changes *changes)
{
	forget_changes(changes);
	free(changes->all);
	free(changes->sorted);
	free(changes->ignored);
	strvec_clear(&changes->links);
	strvec_clear(&changes->marked);
	*changes = (struct watcher_changes){ 0 };
}
