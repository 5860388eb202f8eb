/* Darwin: FSEvents watches a tree as a whole, however many folders it has, so all is covered and nothing is counted. Compiled by `make check-darwin`; nothing
 * of it was run on a Mac: not how soon libfswatch's FSEvents monitor tells of the sentinel, which a session is ready by (watcher/session), nor by which
 * name it calls what lies below a link such as /tmp. */
#include "watcher/coverage.h"

#include "base/fs.h"

#include <string.h>
#include <sys/mount.h>
#include <sys/param.h>

static bool count_folder(void *data, const char *path)
{
	(void)path;
	(*(size_t *)data)++;
	return true;
}

/* Of what others change on them, FSEvents hears nothing. */
static bool is_remote(const char *path)
{
	struct statfs st;

	return fs_is_network(path) || (statfs(path, &st) == 0 && strcasestr(st.f_fstypename, "fuse"));
}

static void add(const struct strvec *roots, struct strvec *ret, struct strvec *remote)
{
	for (size_t i = 0; i < roots->n; i++) {
		strvec_add(ret, roots->v[i]);
		if (is_remote(roots->v[i]))
			strvec_add(remote, roots->v[i]);
	}
}

int watcher_coverage_plan(const struct watcher_roots *roots, int *trial, struct watcher_coverage *ret, struct err *err)
{
	(void)trial;
	(void)err;
	*ret = (struct watcher_coverage){ .n_folders = roots->folders.n };
	add(&roots->trees, &ret->trees, &ret->remote);
	add(&roots->folders, &ret->folders, &ret->remote);
	for (size_t i = 0; i < roots->trees.n; i++)
		watcher_roots_walk(roots, roots->trees.v[i], count_folder, &ret->n_folders);
	ret->n_watches = ret->n_folders;
	strvec_sort_unique(&ret->trees);
	return 0;
}

bool watcher_coverage_counts(void)
{
	return false;
}

size_t watcher_coverage_count(int fd)
{
	(void)fd;
	return 0;
}

int watcher_coverage_find(const char *path)
{
	(void)path;
	return -1;
}
