/* As QEMU does it itself (block/file-posix.c): first the own locks, then a look at those of others, so that of two who come at once one is refused. */
#include "image/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

enum { ROWS = 100, ROWS_LEN = 201 };

/* Consistent read, write, resize: used, and not shared. */
static const off_t bytes[] = { 100, 101, 103, 200, 201, 203 };

static int take(int fd, off_t byte)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

	return fcntl(fd, F_OFD_SETLK, &lock) < 0 ? -errno : 0;
}

static bool others_have(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = ROWS, .l_len = ROWS_LEN };

	return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

int image_guard_take(const char *path, struct err *err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : 0;

	for (size_t i = 0; r == 0 && i < N_ELEMENTS(bytes); i++)
		r = take(fd, bytes[i]);
	if (r < 0 && r != -EAGAIN && r != -EACCES)
		return err_set(err, r, "cannot lock image '%s' against virtual machines", path);
	if (r == 0 && !others_have(fd))
		return TAKE_FD(fd);
	err_class_set(err, ERR_BUSY, -EBUSY, "image '%s' is busy: a virtual machine has it", path);
	err_hint(err, "with mode = in-place no machine may have the image, not even with snapshot=on: end it first");
	return -EBUSY;
}
