/* Darwin: clonefile for reflinks, F_FULLFSYNC for what is on the disk (fsync leaves it in the drive's cache), renamex_np for the exchange of two names, and
 * descriptors that hold by reading, since there is no O_PATH. Compiled by `make check-darwin`; nothing of it was run on a Mac. To be tried there first:
 * fs_reflink() on APFS, F_FULLFSYNC on folders and on macFUSE mounts, where it may fail and fsync has to do. */
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <mach-o/dyld.h>
#include <stdio.h>
#include <sys/clonefile.h>
#include <sys/mount.h>
#include <sys/param.h>
#include <sys/stat.h>
#include <unistd.h>

/* -- copies ------------------------------------------------------------------------------------------------------------------------------------ */

/* A clone is always a new file, with the original's mode. */
static int open_clone(int to, const char *clone)
{
	int flags = fcntl(to, F_GETFL);
	struct stat st;
	CLEANUP_CLOSE int fd = -1;

	if (flags < 0 || fstat(to, &st) < 0 || chmod(clone, st.st_mode & 07777) < 0)
		return -errno;
	fd = open(clone, (flags & O_ACCMODE) | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fchown(fd, st.st_uid, st.st_gid) < 0 && geteuid() == 0)
		return -errno;
	return TAKE_FD(fd);
}

/* Takes the name, and then the number of the descriptor too. */
static int take_place(int to, const char *path, const char *clone)
{
	CLEANUP_CLOSE int fd = open_clone(to, clone);

	if (fd < 0)
		return fd;
	if (rename(clone, path) < 0 || dup2(fd, to) < 0 || fcntl(to, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return 0;
}

int fs_reflink(int from, int to)
{
	CLEANUP_FREE char *clone = NULL;
	char path[MAXPATHLEN];
	int r;

	if (fcntl(to, F_GETPATH, path) < 0)
		return -errno;
	clone = xasprintf("%s.clone", path);
	if ((unlink(clone) < 0 && errno != ENOENT) || fclonefileat(from, AT_FDCWD, clone, CLONE_NOOWNERCOPY) < 0)
		return -errno;
	r = take_place(to, path, clone);
	if (r < 0)
		unlink(clone);
	return r;
}

ssize_t fs_copy_range(int from, int to, off_t at, size_t n)
{
	(void)from;
	(void)to;
	(void)at;
	(void)n;
	return -ENOSYS;
}

/* -- names ------------------------------------------------------------------------------------------------------------------------------------- */

int fs_exchange(const char *a, const char *b)
{
	if (renamex_np(a, b, RENAME_SWAP) == 0)
		return 0;
	return errno == ENOTSUP ? -ENOSYS : -errno;
}

int fs_rename_new(int dir, const char *from, const char *to)
{
	return renameatx_np(dir, from, dir, to, RENAME_EXCL) < 0 ? -errno : 0;
}

/* -- the disk ---------------------------------------------------------------------------------------------------------------------------------- */

int fs_sync(int fd)
{
	/* What is no file of a disk of its own (a network's, a FUSE mount's) knows fsync at most. */
	if (fcntl(fd, F_FULLFSYNC) == 0)
		return 0;
	return fsync(fd) < 0 ? -errno : 0;
}

int fs_sync_data(int fd)
{
	return fs_sync(fd);
}

int fs_sync_all(int fd)
{
	return fsync_volume_np(fd, SYNC_VOLUME_FULLSYNC | SYNC_VOLUME_WAIT) < 0 ? -errno : 0;
}

void fs_forget(int fd)
{
	(void)fcntl(fd, F_NOCACHE, 1);
}

/* -- descriptors that hold --------------------------------------------------------------------------------------------------------------------- */

int fs_hold(int dir, const char *name, bool folder)
{
	int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | (folder ? O_DIRECTORY | O_NOFOLLOW : O_SYMLINK));

	return fd < 0 ? -errno : fd;
}

int fs_reopen(int fd)
{
	struct stat st;
	int again;

	if (fstat(fd, &st) < 0)
		return -errno;
	/* What holds it was opened to be read. The copy shares its offset with it. */
	again = S_ISDIR(st.st_mode) ? openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (again >= 0)
		(void)lseek(again, 0, SEEK_SET);
	return again < 0 ? -errno : again;
}

ssize_t fs_read_held_link(int fd, char *ret, size_t size)
{
	ssize_t n = freadlink(fd, ret, size);

	return n < 0 ? -errno : n;
}

/* -- what is what ------------------------------------------------------------------------------------------------------------------------------ */

struct timespec fs_mtime(const struct stat *st)
{
	return st->st_mtimespec;
}

struct timespec fs_ctime(const struct stat *st)
{
	return st->st_ctimespec;
}

bool fs_is_network(const char *path)
{
	struct statfs st;

	return statfs(path, &st) == 0 && !(st.f_flags & MNT_LOCAL);
}

char *fs_own_program(void)
{
	char path[MAXPATHLEN];
	uint32_t size = sizeof(path);

	return _NSGetExecutablePath(path, &size) == 0 ? realpath(path, NULL) : NULL;
}
