/* Darwin: a socket takes no flags at its birth. Compiled by `make check-darwin`; nothing of it was run on a Mac. */
#include "base/local.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

static int adjust(int fd)
{
	int on = 1;

	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof(on)) < 0)
		return -errno;
	return 0;
}

int local_socket(int type)
{
	CLEANUP_CLOSE int fd = socket(AF_UNIX, type, 0);
	int r = fd < 0 ? -errno : adjust(fd);

	return r < 0 ? r : TAKE_FD(fd);
}

int local_pair(int type, int ret[2])
{
	int fds[2], r;

	if (socketpair(AF_UNIX, type, 0, fds) < 0)
		return -errno;
	r = adjust(fds[0]);
	if (r == 0)
		r = adjust(fds[1]);
	for (int i = 0; i < 2; i++) {
		if (r < 0)
			cleanup_close(&fds[i]);
		else
			ret[i] = fds[i];
	}
	return r;
}
