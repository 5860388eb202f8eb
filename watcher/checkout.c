#include "watcher/checkout.h"

#include "base/fault.h"
#include "base/fs.h"
#include "base/sudo.h"
#include "watcher/giterr.h"

#include <git2/sys/mempack.h>
#include <git2/sys/odb_backend.h>
#include <git2/sys/repository.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HIDING     ".gitignore"
#define HIDES_ALL  "*\n"
#define NAME_INFIX ".reinject-"

/* Before the repository's own places, so that all that is written comes here. */
enum { FIRST = 1000, MAX_EXTRA = 64 << 20 };

struct writer {
	const char *work_tree;        /* borrowed; ends in '/' */
	git_repository *git;          /* owned: a handle of its own, with an index of its own */
	git_index *index;             /* owned; the one on disk */
	git_index *before;            /* owned; the same as it was */
	git_tree *commit_tree, *tree; /* owned */
};

static void writer_clear(struct writer *writer)
{
	git_tree_free(writer->tree);
	git_tree_free(writer->commit_tree);
	git_index_free(writer->before);
	git_index_free(writer->index);
	git_repository_free(writer->git);
}

static void free_index(git_index **index)
{
	git_index_free(*index);
}

static void free_commit(git_commit **commit)
{
	git_commit_free(*commit);
}

static void free_odb(git_odb **odb)
{
	git_odb_free(*odb);
}

static int failed(struct err *err, int r, const struct writer *writer, const char *what)
{
	return watcher_giterr_set(err, r, writer->work_tree, "cannot %s '%s'", what, writer->work_tree);
}

/* -- opening ---------------------------------------------------------------------------------------------------------------------------------- */

static int write_to_memory(struct writer *writer)
{
	CLEANUP(free_odb) git_odb *odb = NULL;
	git_odb_backend *memory = NULL;
	int r = git_repository_odb(&odb, writer->git);

	if (r == 0)
		r = git_mempack_new(&memory);
	return r < 0 ? r : git_odb_add_backend(odb, memory, FIRST);
}

static int open_writer(struct writer *writer, const char *repository, const struct watcher_checkout *checkout)
{
	int r = git_repository_open(&writer->git, repository);

	if (r == 0)
		r = write_to_memory(writer);
	if (r == 0)
		r = git_repository_set_workdir(writer->git, checkout->folder, 0);
	if (r == 0)
		r = git_index_open(&writer->index, checkout->index);
	if (r == 0)
		r = git_index_open(&writer->before, checkout->index);
	return r < 0 ? r : git_repository_set_index(writer->git, writer->index);
}

/* -- the tree to write ------------------------------------------------------------------------------------------------------------------------- */

static int add_bytes(struct writer *writer, git_index *index, const char *path, uint32_t mode, const void *bytes, size_t n)
{
	git_index_entry entry = { .mode = mode, .path = path };
	int r = git_blob_create_from_buffer(&entry.id, writer->git, bytes, n);

	return r < 0 ? r : git_index_add(index, &entry);
}

/* What is not there, or no file, or too big to be a source, stays away. */
static int add_extra(struct writer *writer, git_repository *home, git_index *index, const char *path)
{
	CLEANUP_FREE char *full = fs_absolute(writer->work_tree, path);
	CLEANUP(str_clear) struct str bytes = { 0 };
	struct stat st;
	int ignored = 0, r;

	if (git_index_get_bypath(index, path, 0) || stat(full, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	r = git_ignore_path_is_ignored(&ignored, home, path);
	if (r < 0 || !ignored || fs_read(full, MAX_EXTRA, &bytes, NULL) < 0)
		return r;
	return add_bytes(writer, index, path, st.st_mode & S_IXUSR ? GIT_FILEMODE_BLOB_EXECUTABLE : GIT_FILEMODE_BLOB, str_text(&bytes),
			 bytes.len);
}

static int make_tree(struct writer *writer, git_repository *home, const struct watcher_checkout *checkout)
{
	CLEANUP(free_index) git_index *index = NULL;
	git_oid oid;
	int r = git_index_new(&index);

	if (r == 0)
		r = git_index_read_tree(index, writer->commit_tree);
	for (size_t i = 0; r == 0 && i < checkout->extra->n; i++)
		r = add_extra(writer, home, index, checkout->extra->v[i]);
	if (r == 0)
		r = add_bytes(writer, index, HIDING, GIT_FILEMODE_BLOB, HIDES_ALL, strlen(HIDES_ALL));
	if (r == 0)
		r = git_index_write_tree_to(&oid, index, writer->git);
	return r < 0 ? r : git_tree_lookup(&writer->tree, writer->git, &oid);
}

static int read_commit(struct writer *writer, const git_oid *oid)
{
	CLEANUP(free_commit) git_commit *commit = NULL;
	int r = git_commit_lookup(&commit, writer->git, oid);

	return r < 0 ? r : git_commit_tree(&writer->commit_tree, commit);
}

/* -- writing ------------------------------------------------------------------------------------------------------------------------------------- */

static void name_submodules(const struct writer *writer, struct strvec *notes)
{
	for (size_t i = 0; i < git_index_entrycount(writer->index); i++) {
		const git_index_entry *entry = git_index_get_byindex(writer->index, i);

		if (entry->mode == GIT_FILEMODE_COMMIT)
			strvec_addf(notes, "submodule '%s%s' is not in the folder that the commit is built in", writer->work_tree, entry->path);
	}
}

/* A test ends it in the middle. */
static void on_progress(const char *path, size_t done, size_t all, void *data)
{
	int *r = data;

	if (path && *r == 0 && 2 * done >= all)
		*r = FAULT("isolate-half");
}

static int write_tree(struct writer *writer, const struct watcher_checkout *checkout)
{
	int fault = 0;
	git_checkout_options options;
	int r = git_checkout_options_init(&options, GIT_CHECKOUT_OPTIONS_VERSION);

	if (r < 0)
		return r;
	options.checkout_strategy = GIT_CHECKOUT_FORCE | GIT_CHECKOUT_REMOVE_UNTRACKED | GIT_CHECKOUT_REMOVE_IGNORED;
	options.target_directory = checkout->folder;
	options.baseline_index = writer->before;
	options.progress_cb = on_progress;
	options.progress_payload = &fault;
	r = git_checkout_tree(writer->git, (git_object *)writer->tree, &options);
	if (r == 0 && (fault < 0 || FAULT("isolate-written") < 0))
		git_error_set_str(GIT_ERROR_CHECKOUT, "a test wants no more"), r = GIT_ERROR;
	return r;
}

/* Whatever is in the folder and not in the commit is removed: behind a link that would be somebody's. */
static int refuse_link(const char *folder, struct err *err)
{
	err_class_set(err, ERR_ENVIRONMENT, -ELOOP, "'%s', in which the commit is to be built, is a link: what it leads to would be written over",
		      folder);
	err_hint(err, "remove the link; the folder is made anew");
	return -ELOOP;
}

/* Before anything else, so that what a kill leaves is known as ours, and hidden. The tree that is written has it, too. */
static int mark_ours(const char *folder, struct err *err)
{
	CLEANUP_FREE char *hiding = xasprintf("%s/" HIDING, folder);

	return fs_write_atomic(hiding, HIDES_ALL, strlen(HIDES_ALL), 0644, err);
}

static int make_folder(const char *folder, struct err *err)
{
	struct stat st;
	int r;

	r = mkdir(folder, 0755) < 0 ? -errno : 0;
	if (r == 0)
		return mark_ours(folder, err);
	if (r == -EEXIST && lstat(folder, &st) == 0 && S_ISLNK(st.st_mode))
		return refuse_link(folder, err);
	if (r == -EEXIST && fs_is_dir(folder))
		return 0;
	err_class_set(err, ERR_ENVIRONMENT, r, "cannot make the folder '%s', in which the commit is to be built: %s", folder, strerror(-r));
	err_hint(err, "it has to lie there, beside the work tree, so that relative paths mean the same; or set [hooks] isolate = no");
	return r;
}

/* What a killed one left; whoever may write here is alone. */
static void drop_lock(const char *index)
{
	CLEANUP_FREE char *lock = xasprintf("%s.lock", index);

	(void)!unlink(lock);
}

char *watcher_checkout_folder(const struct watcher_repo *repo, const char *tag)
{
	CLEANUP_FREE char *top = fs_absolute("/", git_repository_workdir(watcher_repo_git(repo)));
	CLEANUP_FREE char *above = fs_dirname(top);

	return xasprintf("%s/.%s" NAME_INFIX "%s", strcmp(above, "/") == 0 ? "" : above, fs_basename(top), tag);
}

/* What root would write into a folder of the caller's could be led elsewhere by a link, and would not be the caller's afterwards. The user's git
 * configuration is then the caller's, too: root's he cannot read. */
static bool enter(const char *work_tree)
{
	CLEANUP_FREE char *home = sudo_home(work_tree);
	CLEANUP_FREE char *xdg = home ? xasprintf("%s/.config/git", home) : NULL;

	if (!sudo_enter(work_tree))
		return false;
	(void)!git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_GLOBAL, home ? home : "");
	(void)!git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_XDG, xdg ? xdg : "");
	return true;
}

static void leave(void)
{
	sudo_leave();
	(void)!git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_GLOBAL, NULL);
	(void)!git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_XDG, NULL);
}

static int write_commit(const struct watcher_repo *repo, const git_oid *commit, const struct watcher_checkout *checkout, struct strvec *notes,
			struct err *err)
{
	git_repository *home = watcher_repo_git(repo);
	CLEANUP(writer_clear) struct writer writer = { .work_tree = git_repository_workdir(home) };
	int r = make_folder(checkout->folder, err);

	if (r < 0)
		return r;
	drop_lock(checkout->index);
	r = open_writer(&writer, git_repository_path(home), checkout);
	if (r == 0)
		r = read_commit(&writer, commit);
	if (r < 0)
		return failed(err, r, &writer, "read the commit to be built of");
	r = make_tree(&writer, home, checkout);
	if (r == 0)
		r = write_tree(&writer, checkout);
	if (r < 0)
		return failed(err, r, &writer, "put into its own folder the commit of");
	name_submodules(&writer, notes);
	return 0;
}

int watcher_checkout_write(const struct watcher_repo *repo, const git_oid *commit, const struct watcher_checkout *checkout, struct strvec *notes,
			   struct err *err)
{
	bool entered = enter(git_repository_workdir(watcher_repo_git(repo)));
	int r = write_commit(repo, commit, checkout, notes, err);

	if (entered)
		leave();
	return r;
}

/* -- removing ------------------------------------------------------------------------------------------------------------------------------------ */

static bool is_ours(const char *folder)
{
	CLEANUP_FREE char *hiding = xasprintf("%s/" HIDING, folder);
	CLEANUP(str_clear) struct str text = { 0 };
	const char *name = fs_basename(folder);

	if (name[0] != '.' || !strstr(name, NAME_INFIX))
		return false;
	/* A folder that a kill left with nothing in it is removed by rmdir alone. */
	return rmdir(folder) == 0 || (fs_read(hiding, sizeof(HIDES_ALL), &text, NULL) == 0 && strcmp(str_text(&text), HIDES_ALL) == 0);
}

int watcher_checkout_remove(const char *folder, struct err *err)
{
	if (!fs_exists(folder))
		return 0;
	if (!is_ours(folder))
		return err_set(err, -EINVAL, "'%s' is no folder of ours, and stays", folder);
	return fs_remove_tree(folder, err);
}
