/* A copy that takes no more room than the original: the image's is the largest file that a refresh writes. */
#include "base/fs.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* Small enough that a Ctrl-C is heard within a few milliseconds, large enough that the system calls do not count. */
#define COPY_CHUNK (8u << 20)

static int copy_range_by_hand(int from, int to, off_t at, size_t n, char *buffer, size_t size)
{
	while (n > 0) {
		ssize_t r = pread(from, buffer, n < size ? n : size, at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -errno : -EIO;
		if (pwrite(to, buffer, (size_t)r, at) != r)
			return errno ? -errno : -ENOSPC;
		at += r;
		n -= (size_t)r;
	}
	return 0;
}

static int copy_extent(int from, int to, off_t at, off_t end, const struct cancel *cancel)
{
	CLEANUP_FREE char *buffer = NULL;
	int r;

	while (at < end) {
		size_t want = (size_t)(end - at) < COPY_CHUNK ? (size_t)(end - at) : COPY_CHUNK;
		ssize_t n = buffer ? -ENOSYS : fs_copy_range(from, to, at, want);

		if (cancel_requested(cancel))
			return -ECANCELED;
		if (n > 0) {
			at += n;
			continue;
		}
		if (n < 0 && n != -ENOSYS)
			return (int)n;
		if (!buffer)
			buffer = xrealloc(NULL, 1 << 20);
		errno = 0;
		r = copy_range_by_hand(from, to, at, want, buffer, 1 << 20);
		if (r < 0)
			return r;
		at += (off_t)want;
	}
	return 0;
}

static int copy_extents(int from, int to, off_t size, const struct cancel *cancel)
{
	off_t data = 0, hole;
	int r;

	while (data < size) {
		data = lseek(from, data, SEEK_DATA);
		if (data < 0)
			return errno == ENXIO ? 0 : -errno;
		hole = lseek(from, data, SEEK_HOLE);
		if (hole < 0)
			return -errno;
		r = copy_extent(from, to, data, hole < size ? hole : size, cancel);
		if (r < 0)
			return r;
		data = hole;
	}
	return 0;
}

int fs_copy_sparse(int from, int to, const struct cancel *cancel, bool *ret_reflinked)
{
	struct stat st;
	bool reflinked;

	if (fstat(from, &st) < 0)
		return -errno;
	reflinked = fs_reflink(from, to) == 0;
	if (!reflinked) {
		int r;

		if (ftruncate(to, st.st_size) < 0)
			return -errno;
		r = copy_extents(from, to, st.st_size, cancel);
		if (r < 0)
			return r;
	}
	if (ret_reflinked)
		*ret_reflinked = reflinked;
	return 0;
}
