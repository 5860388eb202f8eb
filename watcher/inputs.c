/* Inputs that git does not know: a file that .gitignore names and a source `include!`s, a path dependency that nobody mentioned. What cargo says it has
 * compiled is compared with what the tree IDs cover, and the rest joins the fingerprint by content. */
#include "watcher/internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

void watcher_set_inputs(struct watcher *watcher, size_t package, const struct strvec *paths)
{
	strvec_clear(&watcher->inputs[package]);
	strvec_copy(&watcher->inputs[package], paths);
	strvec_sort_unique(&watcher->inputs[package]);
}

static bool is_in_tree(const struct watcher *watcher, size_t source, const char *path)
{
	git_oid oid;
	uint32_t mode;

	return watcher_repo_entry(watcher->repos[source], path, &mode, &oid, NULL) == 0 && mode != 0;
}

/* The folders of packages that nest in @input count for those alone. */
static bool is_left_out(const struct watcher *watcher, size_t source, const char *input, const char *path)
{
	const struct watcher_path *watched = watcher_internal_find(watcher, source, input);

	for (size_t i = 0; i < watched->without.n; i++)
		if (path_under(path, watched->without.v[i]))
			return true;
	return false;
}

static bool is_covered(const struct watcher *watcher, size_t package, size_t source, const char *path)
{
	const struct pkgmap_inputs *inputs = pkgmap_inputs(watcher->map, package);
	const struct strvec *shared = &watcher->config->sources[source].shared;

	for (size_t i = 0; i < inputs->n; i++)
		if (inputs->v[i].source == source && path_under(path, inputs->v[i].path) &&
		    !is_left_out(watcher, source, inputs->v[i].path, path))
			return is_in_tree(watcher, source, path);
	for (size_t i = 0; i < shared->n; i++)
		if (strcmp(shared->v[i], path) == 0 || (path_under(path, shared->v[i]) && is_in_tree(watcher, source, path)))
			return true;
	return false;
}

bool watcher_lacks(const struct watcher *watcher, size_t package, const char *path)
{
	const struct config *config = watcher->config;

	for (size_t i = 0; i < config->n_sources; i++) {
		size_t n = strlen(config->sources[i].path);

		if (path_under(path, config->sources[i].path) && path[n] == '/' && is_covered(watcher, package, i, path + n + 1))
			return false;
	}
	return true;
}

int watcher_input_value(const char *path, char ret[HASH_HEX_SIZE], struct err *err)
{
	struct stat st;
	int r;

	if (stat(path, &st) < 0) {
		snprintf(ret, HASH_HEX_SIZE, "missing");
		return 0;
	}
	/* A build script may name a folder or a device, whose content is no content of ours. */
	if (!S_ISREG(st.st_mode)) {
		snprintf(ret, HASH_HEX_SIZE, "no file");
		return 0;
	}
	r = hash_file(path, ret, err);
	/* Deleted since. */
	if (r == -ENOENT)
		snprintf(ret, HASH_HEX_SIZE, "missing");
	return r == -ENOENT ? 0 : r;
}
