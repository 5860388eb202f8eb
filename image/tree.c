#include "image/tree.h"

#include "base/fs.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* d_type is wrong for symlinks on RedoxFS, so everything is looked at. */

enum { MAX_DEPTH = 200, MAX_LINK = 4096 };

struct reading {
	struct hash *hash;
	struct cancel *cancel;
	struct image_tree tree;
};

static int read_folder(struct reading *reading, int dir, const char *path, int depth, struct err *err);

static int list(int dir, const char *path, struct strvec *ret, struct err *err)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(cleanup_closedir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!d) {
		int r = -errno;

		cleanup_close(&fd);
		return err_set(err, r, "cannot read folder '%s' in the image", path);
	}
	errno = 0;
	while ((entry = readdir(d)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			strvec_add(ret, entry->d_name);
	if (errno != 0)
		return err_set(err, -errno, "cannot read folder '%s' in the image", path);
	strvec_sort_unique(ret);
	return 0;
}

static int read_file(struct reading *reading, int dir, const char *name, const struct stat *st, struct err *err)
{
	CLEANUP_CLOSE int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP_FREE char *time = xasprintf("%lld.%09ld", (long long)fs_mtime(st).tv_sec, fs_mtime(st).tv_nsec);
	char content[HASH_HEX_SIZE];
	int r = fd < 0 ? -errno : hash_fd(fd, content, NULL);

	if (r < 0)
		return err_set(err, r, "cannot read '%s' in the image", name);
	hash_field(reading->hash, "time", time);
	hash_field(reading->hash, "content", content);
	reading->tree.n_files++;
	reading->tree.bytes += (uint64_t)st->st_size;
	return 0;
}

static int read_link(struct reading *reading, int dir, const char *name, struct err *err)
{
	char target[MAX_LINK];
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return err_set(err, -errno, "cannot read link '%s' in the image", name);
	target[n] = '\0';
	hash_field(reading->hash, "link", target);
	return 0;
}

static int read_entry(struct reading *reading, int dir, const char *path, const char *name, int depth, struct err *err)
{
	CLEANUP_FREE char *below = xasprintf("%s/%s", path, name), *kind = NULL;
	CLEANUP_CLOSE int child = -1;
	struct stat st;

	if (cancel_requested(reading->cancel))
		return err_set(err, -ECANCELED, "interrupted!");
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, -errno, "cannot look at '%s' in the image", below);
	kind = xasprintf("%o %u:%u", (unsigned int)st.st_mode, (unsigned int)st.st_uid, (unsigned int)st.st_gid);
	hash_field(reading->hash, "path", below);
	hash_field(reading->hash, "kind", kind);
	if (S_ISREG(st.st_mode))
		return read_file(reading, dir, name, &st, err);
	if (S_ISLNK(st.st_mode))
		return read_link(reading, dir, name, err);
	if (!S_ISDIR(st.st_mode))
		return 0;
	child = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (child < 0)
		return err_set(err, -errno, "cannot open folder '%s' in the image", below);
	return read_folder(reading, child, below, depth + 1, err);
}

static int read_folder(struct reading *reading, int dir, const char *path, int depth, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec names = { 0 };
	int r = depth > MAX_DEPTH ? err_set(err, -ELOOP, "'%s' in the image lies too deep!", path) : list(dir, path, &names, err);

	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = read_entry(reading, dir, path, names.v[i], depth, err);
	return r;
}

int image_tree_read(int root, struct cancel *cancel, struct image_tree *ret, struct err *err)
{
	CLEANUP(hash_freep) struct hash *hash = hash_new();
	struct reading reading = { .hash = hash, .cancel = cancel };
	int r = read_folder(&reading, root, "", 0, err);

	if (r < 0)
		return r;
	hash_end(hash, reading.tree.digest);
	*ret = reading.tree;
	return 0;
}
