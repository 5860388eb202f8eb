/* What differs between systems: reflinks, what is on the disk, the exchange of two names, descriptors that only hold, what a network file system is called.
 * The Darwin twin is fs_darwin.c. */
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Not in linux/magic.h of every kernel; the values are the kernel's ABI. */
#define MAGIC_CIFS 0xff534d42u
#define MAGIC_SMB2 0xfe534d42u

int fs_reflink(int from, int to)
{
	return ioctl(to, FICLONE, from) < 0 ? -errno : 0;
}

ssize_t fs_copy_range(int from, int to, off_t at, size_t n)
{
	off_t in = at, out = at;
	ssize_t r = copy_file_range(from, &in, to, &out, n, 0);

	if (r >= 0)
		return r;
	return errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP ? -ENOSYS : -errno;
}

int fs_exchange(const char *a, const char *b)
{
	return renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) < 0 ? -errno : 0;
}

int fs_rename_new(int dir, const char *from, const char *to)
{
	return renameat2(dir, from, dir, to, RENAME_NOREPLACE) < 0 ? -errno : 0;
}

int fs_sync(int fd)
{
	return fsync(fd) < 0 ? -errno : 0;
}

int fs_sync_data(int fd)
{
	return fdatasync(fd) < 0 ? -errno : 0;
}

int fs_sync_all(int fd)
{
	return syncfs(fd) < 0 ? -errno : 0;
}

void fs_forget(int fd)
{
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

int fs_hold(int dir, const char *name, bool folder)
{
	int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC | (folder ? O_DIRECTORY : 0));

	return fd < 0 ? -errno : fd;
}

/* /proc gives what O_PATH holds, with no second look-up by name. */
int fs_reopen(int fd)
{
	CLEANUP_FREE char *self = xasprintf("/proc/self/fd/%d", fd);
	struct stat st;
	int again;

	if (fstat(fd, &st) < 0)
		return -errno;
	again = S_ISDIR(st.st_mode) ? openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : open(self, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return again < 0 ? -errno : again;
}

ssize_t fs_read_held_link(int fd, char *ret, size_t size)
{
	ssize_t n = readlinkat(fd, "", ret, size);

	return n < 0 ? -errno : n;
}

struct timespec fs_mtime(const struct stat *st)
{
	return st->st_mtim;
}

struct timespec fs_ctime(const struct stat *st)
{
	return st->st_ctim;
}

bool fs_is_network(const char *path)
{
	struct statfs st;

	if (statfs(path, &st) < 0)
		return false;
	switch ((unsigned int)st.f_type) {
	case NFS_SUPER_MAGIC:
	case SMB_SUPER_MAGIC:
	case MAGIC_CIFS:
	case MAGIC_SMB2:
	case V9FS_MAGIC:
	case AFS_SUPER_MAGIC:
		return true;
	default:
		return false;
	}
}

char *fs_own_program(void)
{
	return realpath("/proc/self/exe", NULL);
}
