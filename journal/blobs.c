#include "journal/blobs.h"

#include "base/fs.h"
#include "journal/state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY_SIZE = 256 << 10 };

static int blob_path(const char *state, const char *hash, char **ret, struct err *err)
{
	size_t n = strspn(hash, "0123456789abcdef");

	if (n != HASH_HEX_SIZE - 1 || hash[n] != '\0')
		return err_set(err, -EINVAL, "'%s' is no content hash!", hash);
	*ret = xasprintf("%s/blobs/%.2s/%s", state, hash, hash + 2);
	return 0;
}

/* Copies and hashes in one go: what lies under a name must be what the name says, or a rollback would put rubbish into the image. */
static int copy_content(int from, int to, const char *hash)
{
	CLEANUP_FREE char *buffer = xrealloc(NULL, COPY_SIZE);
	CLEANUP(hash_freep) struct hash *now = hash_new();
	char hex[HASH_HEX_SIZE];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(from, buffer, COPY_SIZE, at)) != 0) {
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		r = n < 0 ? -errno : fs_write_all(to, buffer, (size_t)n);
		if (r < 0)
			return r;
		hash_add(now, buffer, (size_t)n);
		at += n;
	}
	hash_end(now, hex);
	return strcmp(hex, hash) == 0 ? 0 : -EUCLEAN;
}

static int finish_file(const char *state, int fd, struct err *err)
{
	int r = journal_state_give(state, fd, err);

	if (r < 0)
		return r;
	r = fchmod(fd, 0400) < 0 ? -errno : fs_sync(fd);
	return r < 0 ? err_set(err, r, "cannot write a blob in '%s'", state) : 0;
}

#ifdef O_TMPFILE
/* A file without a name vanishes with us, so that a kill leaves nothing behind. */
static int open_nameless(const char *dir)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}

static int name_it(int fd, const char *path)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0 || errno == EEXIST)
		return 0;
	return -errno;
}
#else
static int open_nameless(const char *dir)
{
	(void)dir;
	return -ENOTSUP;
}

static int name_it(int fd, const char *path)
{
	(void)fd;
	(void)path;
	return -ENOTSUP;
}
#endif

static int add_named(const char *state, int from, const char *hash, const char *path, struct err *err)
{
	CLEANUP_FREE char *temp = xasprintf("%s.XXXXXX", path);
	CLEANUP_CLOSE int fd = mkostemp(temp, O_CLOEXEC);
	int r;

	if (fd < 0)
		return err_set(err, -errno, "cannot make a file beside '%s'", path);
	r = copy_content(from, fd, hash);
	if (r < 0)
		err_set(err, r, "cannot write blob '%s'", path);
	if (r == 0)
		r = finish_file(state, fd, err);
	if (r == 0 && rename(temp, path) < 0)
		r = err_set(err, -errno, "cannot rename a blob to '%s'", path);
	if (r < 0)
		unlink(temp);
	return r;
}

static int add_file(const char *state, int from, const char *hash, const char *dir, const char *path, struct err *err)
{
	CLEANUP_CLOSE int fd = open_nameless(dir);
	int r;

	if (fd < 0)
		return add_named(state, from, hash, path, err);
	r = copy_content(from, fd, hash);
	if (r < 0)
		return err_set(err, r, "cannot write blob '%s'", path);
	r = finish_file(state, fd, err);
	if (r < 0)
		return r;
	/* Without /proc, or where links are forbidden, there is the other way. */
	return name_it(fd, path) == 0 ? 0 : add_named(state, from, hash, path, err);
}

/* A disk or a hand may have changed it since; to find that out costs less than to write it. */
static bool is_whole(const char *path, const char *hash)
{
	struct stat st;
	char now[HASH_HEX_SIZE];

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && hash_file(path, now, NULL) == 0 && str_eq(now, hash);
}

int journal_blob_add(const char *state, int fd, const char *hash, struct err *err)
{
	CLEANUP_FREE char *path = NULL, *dir = NULL, *name = NULL;
	int r = blob_path(state, hash, &path, err);
	bool is_there;

	if (r < 0)
		return r;
	/* Its time tells a pruning beside us that it is wanted again. */
	is_there = utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW) == 0;
	if (is_there && is_whole(path, hash))
		return 0;
	name = xasprintf("blobs/%.2s", hash);
	dir = fs_dirname(path);
	r = journal_state_make_dir(state, name, err);
	if (r == 0)
		r = is_there ? add_named(state, fd, hash, path, err) : add_file(state, fd, hash, dir, path, err);
	if (r < 0)
		return r;
	r = fs_sync_dir(dir);
	return r < 0 ? err_set(err, r, "cannot sync folder '%s'", dir) : 0;
}

int journal_blob_find(const char *state, const char *hash, char **ret, struct err *err)
{
	CLEANUP_FREE char *path = NULL;
	char now[HASH_HEX_SIZE];
	int r = blob_path(state, hash, &path, err);

	if (r < 0)
		return r;
	if (!fs_exists(path))
		return err_set(err, -ENOENT, "the journal does not keep the content %.12s any more!", hash);
	r = hash_file(path, now, err);
	if (r < 0)
		return r;
	if (!str_eq(now, hash))
		return err_set(err, -EUCLEAN, "'%s' is not what was kept there!", path);
	*ret = TAKE_PTR(path);
	return 0;
}

int journal_blob_size(const char *state, const char *hash, uint64_t *ret, struct err *err)
{
	CLEANUP_FREE char *path = NULL;
	struct stat st;
	int r = blob_path(state, hash, &path, err);

	if (r < 0)
		return r;
	if (stat(path, &st) < 0)
		return err_set(err, -errno, "cannot look at '%s'", path);
	*ret = (uint64_t)st.st_size;
	return 0;
}
