/* With the flags that Linux takes at once. The Darwin twin is local_darwin.c. */
#include "base/local.h"

#include <errno.h>
#include <sys/socket.h>

int local_socket(int type)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

int local_pair(int type, int ret[2])
{
	return socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ret) < 0 ? -errno : 0;
}
