#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

int fs_read(const char *path, size_t max, struct str *ret, struct err *err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t start = ret->len;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, -errno, "cannot open '%s'", path);
	if (S_ISDIR(st.st_mode))
		return err_set(err, -EISDIR, "cannot read '%s'", path);
	if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode) && st.st_size != 0)
		return err_set(err, -EINVAL, "cannot read '%s', which is no regular file", path);
	for (;;) {
		grow_array(&ret->buf, &ret->cap, ret->len + 65536, 1);
		n = read(fd, ret->buf + ret->len, 65535);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, -errno, "cannot read '%s'", path);
		ret->len += (size_t)n;
		ret->buf[ret->len] = '\0';
		if (n == 0)
			return 0;
		if (ret->len - start > max)
			return err_set(err, -EFBIG, "cannot read '%s', which has more than %zu bytes", path, max);
	}
}

int fs_write_all(int fd, const void *bytes, size_t n)
{
	const char *p = bytes;

	while (n > 0) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

static int write_and_rename(int fd, const char *temp, const char *path, const void *bytes, size_t n, mode_t mode)
{
	int r = fs_write_all(fd, bytes, n);

	if (r < 0)
		return r;
	if (fchmod(fd, mode) < 0)
		return -errno;
	r = fs_sync(fd);
	if (r < 0)
		return r;
	return rename(temp, path) < 0 ? -errno : 0;
}

int fs_write_atomic(const char *path, const void *bytes, size_t n, mode_t mode, struct err *err)
{
	CLEANUP_FREE char *temp = xasprintf("%s.XXXXXX", path);
	CLEANUP_FREE char *dir = fs_dirname(path);
	CLEANUP_CLOSE int fd = mkostemp(temp, O_CLOEXEC);
	int r;

	if (fd < 0)
		return err_set(err, -errno, "cannot make a file in '%s'", dir);
	r = write_and_rename(fd, temp, path, bytes, n, mode);
	if (r < 0) {
		unlink(temp);
		return err_set(err, r, "cannot write '%s'", path);
	}
	r = fs_sync_dir(dir);
	return r < 0 ? err_set(err, r, "cannot sync folder '%s'", dir) : 0;
}

int fs_write_for_owner(const char *path, const void *bytes, size_t n, mode_t mode, struct err *err)
{
	CLEANUP_FREE char *dir = fs_dirname(path);
	struct stat st;
	int r = fs_write_atomic(path, bytes, n, mode, err);

	if (r < 0 || geteuid() != 0 || stat(dir, &st) < 0 || st.st_uid == 0 || lchown(path, st.st_uid, st.st_gid) == 0)
		return r;
	return err_set(err, -errno, "cannot give '%s' to the owner of its folder", path);
}

int fs_make_dirs(const char *path, mode_t mode, struct err *err)
{
	CLEANUP_FREE char *parent = NULL;
	int r;

	if (mkdir(path, mode) == 0 || (errno == EEXIST && fs_is_dir(path)))
		return 0;
	if (errno != ENOENT)
		return err_set(err, -errno, "cannot make folder '%s'", path);
	parent = fs_dirname(path);
	if (str_eq(parent, path))
		return err_set(err, -ENOENT, "cannot make folder '%s'", path);
	r = fs_make_dirs(parent, mode, err);
	if (r < 0)
		return r;
	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return err_set(err, -errno, "cannot make folder '%s'", path);
	return 0;
}

int fs_give(int fd, const struct stat *owner)
{
	struct stat st;

	if (geteuid() != 0 || owner->st_uid == 0)
		return 0;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid == owner->st_uid)
		return 0;
	return fchown(fd, owner->st_uid, owner->st_gid) < 0 ? -errno : 0;
}

/* A new folder belongs to the owner of the folder above it. */
static int make_one_dir(const char *path, const char *parent, mode_t mode)
{
	CLEANUP_CLOSE int fd = -1;
	struct stat above;

	if (stat(parent, &above) < 0)
		return -errno;
	if (mkdir(path, mode) < 0)
		return errno == EEXIST ? 0 : -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fs_give(fd, &above);
}

int fs_make_dirs_for_owner(const char *path, mode_t mode, struct err *err)
{
	CLEANUP_FREE char *parent = fs_dirname(path);
	int r;

	if (fs_is_dir(path))
		return 0;
	if (!str_eq(parent, path) && !fs_is_dir(parent)) {
		r = fs_make_dirs_for_owner(parent, 0755, err);
		if (r < 0)
			return r;
	}
	r = make_one_dir(path, parent, mode);
	if (r == 0 && !fs_is_dir(path))
		r = -ENOTDIR;
	return r < 0 ? err_set(err, r, "cannot make folder '%s'", path) : 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

int fs_remove_tree(const char *path, struct err *err)
{
	if (!fs_exists(path))
		return 0;
	/* FTW_MOUNT: what is mounted below belongs to somebody else. */
	if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0)
		return err_set(err, -errno, "cannot remove '%s'", path);
	return 0;
}

char *fs_dirname(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

const char *fs_basename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void drop_last_component(struct str *s)
{
	while (s->len > 0 && s->buf[s->len - 1] != '/')
		s->len--;
	if (s->len > 0)
		s->len--;
	if (s->buf)
		s->buf[s->len] = '\0';
}

static void add_components(struct str *s, const char *path)
{
	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && path[0] == '.' && path[1] == '.') {
			drop_last_component(s);
		} else if (n > 0 && !(n == 1 && path[0] == '.')) {
			str_add_c(s, '/');
			str_add_n(s, path, n);
		}
		path += n;
		while (*path == '/')
			path++;
	}
}

char *fs_absolute(const char *base, const char *path)
{
	struct str s = { 0 };

	if (path[0] != '/')
		add_components(&s, base);
	add_components(&s, path);
	if (s.len == 0)
		str_add_c(&s, '/');
	return str_take(&s);
}

bool fs_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

bool fs_is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

char *fs_find_program(const char *name)
{
	return fs_find_program_on(name, NULL);
}

char *fs_find_program_on(const char *name, const char *path)
{
	if (strchr(name, '/'))
		return is_program(name) ? xstrdup(name) : NULL;
	if (!path)
		path = getenv("PATH");
	if (!path)
		path = "/usr/local/bin:/usr/bin:/bin";
	while (*path) {
		size_t n = strcspn(path, ":");
		char *candidate = n > 0 ? xasprintf("%.*s/%s", (int)n, path, name) : xasprintf("./%s", name);

		if (is_program(candidate))
			return candidate;
		free(candidate);
		path += n;
		if (*path == ':')
			path++;
	}
	return NULL;
}

int fs_sync_dir(const char *path)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fs_sync(fd);
}

int64_t fs_mtime_ms(const struct stat *st)
{
	struct timespec t = fs_mtime(st);

	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool fs_mtime_same(const struct stat *a, const struct stat *b)
{
	return same_time(fs_mtime(a), fs_mtime(b));
}

bool fs_ctime_same(const struct stat *a, const struct stat *b)
{
	return same_time(fs_ctime(a), fs_ctime(b));
}

int fs_free_bytes(const char *path, uint64_t *ret)
{
	struct statvfs st;

	if (statvfs(path, &st) < 0)
		return -errno;
	*ret = (uint64_t)st.f_bavail * st.f_frsize;
	return 0;
}
