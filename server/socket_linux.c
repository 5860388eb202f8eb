/* How the system tells who is at the other end. The Darwin twin is socket_darwin.c (LOCAL_PEERCRED, LOCAL_PEERPID). */
#include "server/socket.h"

#include <errno.h>
#include <sys/socket.h>

int server_socket_peer(int fd, struct server_credentials *ret)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) < 0)
		return -errno;
	*ret = (struct server_credentials){ .pid = cred.pid, .uid = cred.uid };
	return 0;
}
