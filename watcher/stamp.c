/* Whether anybody has written what a package is built from: an edit that is taken back leaves every fingerprint as it was, but not the files' times.
 * Nothing is read but what lstat() says, and two stamps are compared only with each other, so that it does not matter whose clock the times are of. */
#include "watcher/internal.h"

#include "base/fs.h"

#include <string.h>
#include <sys/stat.h>

struct listing {
	const char *path; /* relative to the source; only what lies below it */
	const char *root; /* the source's folder */
	struct strvec *files;
};

static void add_dirty(void *data, const char *path, const char *value)
{
	const struct listing *listing = data;

	(void)value;
	if (path_under(path, listing->path))
		strvec_addf(listing->files, "%s/%s", listing->root, path);
}

/* A submodule's files are in an index of its own. */
static void list_place(const char *path, bool is_submodule, struct strvec *ret)
{
	git_repository *git = NULL;
	git_index *index = NULL;

	if (!is_submodule) {
		strvec_add(ret, path);
		return;
	}
	if (git_repository_open_ext(&git, path, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL) == 0 && git_repository_index(&index, git) == 0) {
		for (size_t i = 0; i < git_index_entrycount(index); i++) {
			const git_index_entry *e = git_index_get_byindex(index, i);
			CLEANUP_FREE char *below = xasprintf("%s/%s", path, e->path);

			list_place(below, e->mode == GIT_FILEMODE_COMMIT, ret);
		}
	}
	git_index_free(index);
	git_repository_free(git);
}

static void list_entry(const git_index_entry *e, const char *root, size_t skip, struct strvec *ret)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", root, e->path + skip);

	list_place(path, e->mode == GIT_FILEMODE_COMMIT, ret);
}

/* All of the submodule that @full lies in. */
static void list_submodule_above(git_index *index, const char *root, const char *full, size_t skip, struct strvec *ret)
{
	CLEANUP_FREE char *above = xstrdup(full);

	for (char *slash; (slash = strrchr(above, '/'));) {
		const git_index_entry *e;

		*slash = '\0';
		e = git_index_get_bypath(index, above, 0);
		if (e && e->mode == GIT_FILEMODE_COMMIT && strlen(above) > skip)
			list_entry(e, root, skip, ret);
	}
}

/* What git tracks there, and what the last look found beside it. cargo writes the lock file itself: it is looked at apart. */
static void list_files(const struct watcher *watcher, size_t source, const char *path, struct strvec *ret)
{
	struct watcher_repo *repo = watcher->repos[source];
	const char *prefix = watcher_repo_prefix(repo), *root = watcher->config->sources[source].path;
	CLEANUP_FREE char *full = xasprintf("%s%s%s", prefix, *prefix && *path ? "/" : "", path);
	struct listing listing = { .path = path, .root = root, .files = ret };
	git_index *index = NULL;
	size_t at = 0, skip = *prefix ? strlen(prefix) + 1 : 0;

	if (git_repository_index(&index, watcher_repo_git(repo)) < 0)
		return;
	if (*full == '\0' || git_index_find_prefix(&at, index, full) == 0)
		for (; at < git_index_entrycount(index); at++) {
			const git_index_entry *e = git_index_get_byindex(index, at);

			if (!str_starts(e->path, full))
				break;
			if (path_under(e->path, full) && !str_eq(e->path + skip, WATCHER_LOCK_FILE) &&
			    !pkgmap_is_ignored(watcher->map, source, e->path + skip))
				list_entry(e, root, skip, ret);
		}
	list_submodule_above(index, root, full, skip, ret);
	git_index_free(index);
	watcher_repo_each_change(repo, add_dirty, &listing);
}

/* Without the inputs that git does not know: most of them a build script writes, each time. */
static void list_all(const struct watcher *watcher, size_t package, struct strvec *ret)
{
	const struct config *config = watcher->config;
	const struct pkgmap_inputs *inputs = pkgmap_inputs(watcher->map, package);

	/* What is built apart from the work tree is nobody's to edit. */
	for (size_t i = 0; i < inputs->n; i++)
		if (!config->sources[inputs->v[i].source].home)
			list_files(watcher, inputs->v[i].source, inputs->v[i].path, ret);
	for (size_t i = 0; i < config->n_sources; i++)
		for (size_t j = 0; !config->sources[i].home && pkgmap_concerns(watcher->map, package, i) && j < config->sources[i].shared.n; j++)
			list_files(watcher, i, config->sources[i].shared.v[j], ret);
	strvec_sort_unique(ret);
}

void watcher_stamp(const struct watcher *watcher, size_t package, char ret[HASH_HEX_SIZE])
{
	CLEANUP(strvec_clear) struct strvec files = { 0 };
	CLEANUP(hash_freep) struct hash *hash = hash_new();

	list_all(watcher, package, &files);
	for (size_t i = 0; i < files.n; i++) {
		struct timespec changed;
		struct stat st;

		/* Another name of the same thing: a link that is followed by cargo counts by where it leads. */
		if (stat(files.v[i], &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		hash_add(hash, &st.st_ino, sizeof(st.st_ino));
		hash_add(hash, &st.st_size, sizeof(st.st_size));
		changed = fs_ctime(&st);
		hash_add(hash, &changed, sizeof(changed));
	}
	hash_end(hash, ret);
}
