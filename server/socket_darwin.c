/* Darwin: LOCAL_PEERCRED and LOCAL_PEERPID tell who is at the other end. A socket has no mode before it has a name, and cannot be opened, so mode and owner
 * go by name, before anybody can connect. Compiled by `make check-darwin`; nothing of it was run on a Mac. */
#include "server/socket.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/ucred.h>
#include <unistd.h>

int server_socket_name(int fd, const struct sockaddr_un *address)
{
	/* Nobody listens yet: whoever connects between the two calls is refused. */
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return -errno;
	return lchmod(address->sun_path, 0600) < 0 ? -errno : 0;
}

int server_socket_give(const char *path, const struct stat *owner, struct stat *ret)
{
	struct stat before, after;

	if (lstat(path, &before) < 0)
		return -errno;
	if (!S_ISSOCK(before.st_mode) || (before.st_mode & 077) != 0)
		return -EPERM;
	if (owner && lchown(path, owner->st_uid, owner->st_gid) < 0)
		return -errno;
	/* The name may have become another file's meanwhile. */
	if (lstat(path, &after) < 0 || after.st_dev != before.st_dev || after.st_ino != before.st_ino)
		return -EPERM;
	*ret = after;
	return 0;
}

int server_socket_peer(int fd, struct server_credentials *ret)
{
	struct xucred cred;
	socklen_t n = sizeof(cred), n_pid = sizeof(pid_t);
	pid_t pid = 0;

	if (getsockopt(fd, SOL_LOCAL, LOCAL_PEERCRED, &cred, &n) < 0)
		return -errno;
	if (n < sizeof(cred) || cred.cr_version != XUCRED_VERSION)
		return -EINVAL;
	/* Whose process has ended by now has no number. */
	if (getsockopt(fd, SOL_LOCAL, LOCAL_PEERPID, &pid, &n_pid) < 0)
		pid = 0;
	*ret = (struct server_credentials){ .pid = pid, .uid = cred.cr_uid };
	return 0;
}
