/* Symbolic links among the sources of a package. The compiler's list of inputs has the files that they lead to, links resolved, so the list stays the same
 * when a link is made to lead to an older file, and cargo calls that fresh. */
#include "watcher/internal.h"

#include "base/fs.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static void add_link(int dir, const char *name, const char *path, struct strvec *links)
{
	char target[4096];
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);

	if (n >= 0)
		strvec_addf(links, "%s -> %.*s", path, (int)n, target);
}

/* Where cargo builds, and where git keeps its own, nothing is a source. */
static bool is_skipped(const char *path, const char *name)
{
	CLEANUP_FREE char *tag = xasprintf("%s/CACHEDIR.TAG", path);

	return strcmp(name, ".git") == 0 || fs_exists(tag);
}

static int type_of(int dir, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type;
	if (fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return DT_UNKNOWN;
	return S_ISLNK(st.st_mode) ? DT_LNK : S_ISDIR(st.st_mode) ? DT_DIR : DT_REG;
}

/* What cannot be read has nothing to tell; cargo will say so. */
static void walk(const char *folder, struct strvec *links)
{
	CLEANUP(close_dir) DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", folder, entry->d_name);
		int type = type_of(dirfd(dir), entry);

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (type == DT_LNK)
			add_link(dirfd(dir), entry->d_name, path, links);
		else if (type == DT_DIR && !is_skipped(path, entry->d_name))
			walk(path, links);
	}
}

void watcher_links_value(const struct watcher *watcher, size_t package, char ret[HASH_HEX_SIZE])
{
	const struct pkgmap_inputs *inputs = pkgmap_inputs(watcher->map, package);
	CLEANUP(strvec_clear) struct strvec links = { 0 };
	CLEANUP(hash_freep) struct hash *hash = hash_new();

	for (size_t i = 0; i < inputs->n; i++) {
		CLEANUP_FREE char *folder = watcher_internal_full_path(watcher, inputs->v[i].source, inputs->v[i].path);

		walk(folder, &links);
	}
	strvec_sort_unique(&links);
	for (size_t i = 0; i < links.n; i++) {
		CLEANUP_FREE char *link = config_home_path(watcher->config, links.v[i]);

		hash_field(hash, "link", link);
	}
	hash_end(hash, ret);
	if (links.n == 0)
		ret[0] = '\0';
}
