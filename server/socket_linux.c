/* How the system tells who is at the other end, and how a socket's file gets its mode and owner. The Darwin twin is socket_darwin.c. */
#include "server/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

int server_socket_name(int fd, const struct sockaddr_un *address)
{
	/* The mode of the socket's own inode is that of the file to come (unix(7)). */
	if (fchmod(fd, 0600) < 0 || bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return -errno;
	return 0;
}

/* By descriptor: in a folder that is another's, a name may be anything a moment later. */
int server_socket_give(const char *path, const struct stat *owner, struct stat *ret)
{
	CLEANUP_CLOSE int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISSOCK(st.st_mode) || (st.st_mode & 077) != 0)
		return -EPERM;
	if (owner && fchownat(fd, "", owner->st_uid, owner->st_gid, AT_EMPTY_PATH) < 0)
		return -errno;
	*ret = st;
	return 0;
}

int server_socket_peer(int fd, struct server_credentials *ret)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) < 0)
		return -errno;
	*ret = (struct server_credentials){ .pid = cred.pid, .uid = cred.uid };
	return 0;
}
