#include "refresh/initfs_tree.h"

#include "base/fs.h"
#include "base/hash.h"
#include "refresh/stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One walk serves both the digest and the copy. In the order of names, so that the digest is one. */

enum { MAX_DEPTH = 32, MAX_LINK = 4096 };

/* @rel: '/bin/init', '' for the root; @path: the same on the host. */
typedef int visit_fn(void *data, const char *rel, const char *path, const struct stat *st, struct err *err);

static int walk(const char *rel, const char *path, int depth, visit_fn *visit, void *data, struct err *err);

static int walk_folder(const char *rel, const char *path, int depth, visit_fn *visit, void *data, struct err *err)
{
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, NULL, alphasort), r = 0;

	if (n < 0)
		return err_set(err, -errno, "cannot read folder '%s'", path);
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;

		if (r == 0 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
			CLEANUP_FREE char *below = xasprintf("%s/%s", rel, name), *host = xasprintf("%s/%s", path, name);

			r = walk(below, host, depth + 1, visit, data, err);
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int walk(const char *rel, const char *path, int depth, visit_fn *visit, void *data, struct err *err)
{
	struct stat st;
	int r;

	if (lstat(path, &st) < 0)
		return err_set(err, -errno, "cannot read '%s'", path);
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) && !S_ISLNK(st.st_mode))
		return err_set(err, -EINVAL, "'%s' is neither file, folder nor link: an initfs cannot hold it!", path);
	if (depth > MAX_DEPTH)
		return err_set(err, -ELOOP, "'%s' lies too deep!", path);
	r = visit(data, rel, path, &st, err);
	return r == 0 && S_ISDIR(st.st_mode) ? walk_folder(rel, path, depth, visit, data, err) : r;
}

static int read_link(const char *path, char *target, struct err *err)
{
	ssize_t n = readlink(path, target, MAX_LINK - 1);

	if (n < 0)
		return err_set(err, -errno, "cannot read link '%s'", path);
	target[n] = '\0';
	return 0;
}

static void add_state(struct hash *hash, const char *name, const struct stat *st, const char *target)
{
	CLEANUP_FREE char *text = xasprintf("%o %" PRIu64 " %lld.%09ld", (unsigned int)st->st_mode, (uint64_t)st->st_size,
					    (long long)fs_mtime(st).tv_sec, fs_mtime(st).tv_nsec);

	/* A folder's size and time say nothing that its entries do not say. */
	hash_field(hash, name, S_ISDIR(st->st_mode) ? "folder" : text);
	hash_field(hash, "link", target);
}

static int add_entry(void *data, const char *rel, const char *path, const struct stat *st, struct err *err)
{
	char target[MAX_LINK];
	int r = S_ISLNK(st->st_mode) ? read_link(path, target, err) : 0;

	if (r == 0)
		add_state(data, rel, st, S_ISLNK(st->st_mode) ? target : NULL);
	return r;
}

char *refresh_initfs_tree_tool(const struct config_initfs *config)
{
	return fs_find_program(config->tool ? config->tool : "redox-initfs-ar");
}

static void add_file(struct hash *hash, const char *name, const char *path)
{
	struct stat st;

	if (path && stat(path, &st) == 0)
		add_state(hash, name, &st, path);
	else
		hash_field(hash, name, NULL);
}

int refresh_initfs_tree_state(const struct config_initfs *config, char ret[HASH_HEX_SIZE], struct err *err)
{
	CLEANUP(hash_freep) struct hash *hash = hash_new();
	CLEANUP_FREE char *tool = refresh_initfs_tree_tool(config);
	CLEANUP_FREE char *size = xasprintf("%" PRIu64, config->max_size);
	int r = walk("", config->dir, 0, add_entry, hash, err);

	if (r < 0)
		return r;
	add_file(hash, "tool", tool);
	add_file(hash, "bootstrap", config->bootstrap);
	hash_field(hash, "max_size", size);
	hash_field(hash, "dest", config->dest);
	hash_end(hash, ret);
	return 0;
}

/* -- the copy ---------------------------------------------------------------------------------------------------------------------------------- */

struct copying {
	const struct refresh_session *session;
	const char *to;
};

static int copy_file(const struct copying *copying, const char *from, int out, struct err *err)
{
	CLEANUP_CLOSE int in = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int r = in < 0 ? -errno : fs_copy_sparse(in, out, copying->session->cancel, NULL);

	return r < 0 ? err_set(err, r, "cannot copy '%s'", from) : 0;
}

static int copy_entry(void *data, const char *rel, const char *path, const struct stat *st, struct err *err)
{
	const struct copying *copying = data;
	CLEANUP_FREE char *to = xasprintf("%s%s", copying->to, rel);
	CLEANUP_CLOSE int out = -1;
	char target[MAX_LINK];
	int r = 0;

	if (S_ISDIR(st->st_mode)) {
		r = mkdir(to, 0700) < 0 || chmod(to, (st->st_mode & 0777) | 0700) < 0 ? -errno : 0;
	} else if (S_ISLNK(st->st_mode)) {
		r = read_link(path, target, err);
		if (r < 0)
			return r;
		return symlink(target, to) < 0 ? err_set(err, -errno, "cannot make '%s'", to) : 0;
	} else {
		out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		r = out < 0 || fchmod(out, st->st_mode & 0777) < 0 ? -errno : 0;
	}
	if (r < 0)
		return err_set(err, r, "cannot make '%s'", to);
	refresh_stage_give(copying->session, to);
	return out < 0 ? 0 : copy_file(copying, path, out, err);
}

int refresh_initfs_tree_copy(const struct refresh_session *session, const char *from, const char *to, struct err *err)
{
	struct copying copying = { .session = session, .to = to };

	return walk("", from, 0, copy_entry, &copying, err);
}

/* The folder that @path's last name is in, made where it is missing, without following a link. */
static int open_parent(const char *tree, const char *path, struct err *err)
{
	CLEANUP_CLOSE int dir = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *last = strrchr(path, '/');

	if (dir < 0)
		return err_set(err, -errno, "cannot open '%s'", tree);
	for (const char *p = path + 1; p < last;) {
		size_t n = strcspn(p, "/");
		CLEANUP_FREE char *name = xstrndup(p, n);
		int next;

		if (mkdirat(dir, name, 0755) < 0 && errno != EEXIST)
			return err_set(err, -errno, "cannot make folder '%s' for '%s' in the initfs", name, path);
		next = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return err_set(err, -errno, "'%s' on the way to '%s' in the initfs is no folder", name, path);
		cleanup_close(&dir);
		dir = next;
		p += n + 1;
	}
	return TAKE_FD(dir);
}

int refresh_initfs_tree_add(const struct refresh_session *session, const char *tree, const char *path, const char *file, mode_t mode,
			    struct err *err)
{
	struct copying copying = { .session = session };
	CLEANUP_CLOSE int dir = open_parent(tree, path, err), out = -1;
	const char *name = fs_basename(path);

	if (dir < 0)
		return dir;
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return err_set(err, -errno, "cannot replace '%s' in the initfs", path);
	out = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0 || fchmod(out, mode) < 0)
		return err_set(err, -errno, "cannot make '%s' in the initfs", path);
	return copy_file(&copying, file, out, err);
}
