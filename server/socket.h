/* server/socket - where the watch's socket lies, who may use it, and that there is one watch.
 *
 * Place:    STATE/watch.sock; where that path has more than 107 bytes (a socket's name holds no more), reinject-HASH16.sock in $XDG_RUNTIME_DIR,
 *           HASH16 being the hash of the state folder's path. The folder and the socket must be nobody's to write but their owner's.
 * One:      STATE/watch.lock is locked (flock) by the watch as long as it lives, and holds its pid. So a socket file that is found beside a free lock
 *           is a dead watch's, and is replaced without a race; the lock file itself stays for good.
 * Owner:    the socket is 0600 from its first moment. Under sudo it goes to the state folder's owner, as all in that folder does.
 * Platform: socket_linux.c, socket_darwin.c.
 * Peers:    root, ourselves, and the state folder's owner when we are root; the kernel tells who the other end is. */
#ifndef REINJECT_SERVER_SOCKET_H
#define REINJECT_SERVER_SOCKET_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/un.h>

struct server_socket {
	int fd;      /* bound, not yet listening; -1: handed over, or none */
	int lock_fd; /* owned */
	char *path;  /* owned */
	dev_t dev;   /* of the file that we made */
	ino_t ino;
};

struct server_credentials {
	pid_t pid; /* 0: not known */
	uid_t uid;
};

/** The socket's path for @state; the caller frees it. -ENAMETOOLONG (class ERR_ENVIRONMENT) when it is too long and there is no $XDG_RUNTIME_DIR to
 * be used instead. */
int server_socket_path(const char *state, char **ret, struct err *err) MUST_CHECK;

/** Takes the lock and binds, in a state folder that exists. -EBUSY (class ERR_BUSY) names the watch that runs. */
int server_socket_bind(const char *state, struct server_socket *ret, struct err *err) MUST_CHECK;

/** True while both files are there under their names: who deletes the state folder takes them from a watch that runs. */
bool server_socket_is_there(const char *state, const struct server_socket *socket);

/** Removes the socket file if it is still ours, and gives the lock back. */
void server_socket_clear(struct server_socket *socket);

/** Connects. -ENOENT when no watch runs, which a file that nobody listens on means too; -EPERM (class ERR_USAGE) for a socket that somebody else
 * can write or serves; -ETIMEDOUT when nobody takes the call for @limit_ms. */
int server_socket_connect(const char *state, uint32_t limit_ms, int *ret_fd, struct server_credentials *ret_peer, struct err *err) MUST_CHECK;

/** The system's part of server_socket_bind(): binds @fd to @address with mode 0600, which nobody can be quicker than; it does not listen yet. */
int server_socket_name(int fd, const struct sockaddr_un *address) MUST_CHECK;
/** Gives the socket file @path to @owner (NULL: it stays ours) and tells what it is; -EPERM for what is no socket with that mode. */
int server_socket_give(const char *path, const struct stat *owner, struct stat *ret) MUST_CHECK;

/** Who is at the other end of @fd. */
int server_socket_peer(int fd, struct server_credentials *ret) MUST_CHECK;

/** True when user @uid may speak for @state with us. */
bool server_socket_trusts(const char *state, uid_t uid);

#endif
