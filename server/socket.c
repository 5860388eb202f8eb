/* All that concerns the socket as a file: its place, its owner, its lock. What is said on it is elsewhere. */
#include "server/socket.h"

#include "base/clock.h"
#include "base/local.h"
#include "base/fs.h"
#include "base/hash.h"
#include "journal/state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* sockaddr_un.sun_path has 108 bytes on Linux, the NUL included; fewer elsewhere. */
enum { MAX_PATH = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1 };

bool server_socket_trusts(const char *state, uid_t uid)
{
	struct stat st;

	if (uid == geteuid() || uid == 0)
		return true;
	return geteuid() == 0 && stat(state, &st) == 0 && st.st_uid == uid;
}

static int check_runtime_dir(const char *state, const char *dir, struct err *err)
{
	struct stat st;

	if (!dir || dir[0] != '/' || stat(dir, &st) < 0 || !S_ISDIR(st.st_mode)) {
		err_class_set(
			err, ERR_ENVIRONMENT, -ENAMETOOLONG,
			"the path of state folder '%s' is too long for a socket in it, and XDG_RUNTIME_DIR names no folder to take instead",
			state);
		err_hint(err, "set XDG_RUNTIME_DIR to a folder of yours (0700), or choose a shorter `[reinject] state = ...`");
		return -ENAMETOOLONG;
	}
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) || !server_socket_trusts(state, st.st_uid)) {
		err_class_set(err, ERR_USAGE, -EPERM, "XDG_RUNTIME_DIR is '%s', which others can write: no socket is put there", dir);
		err_hint(err, "it must belong to you and have mode 0700");
		return -EPERM;
	}
	return 0;
}

int server_socket_path(const char *state, char **ret, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/watch.sock", state);
	CLEANUP(hash_freep) struct hash *hash = NULL;
	const char *dir = getenv("XDG_RUNTIME_DIR");
	char digest[HASH_HEX_SIZE];
	int r;

	if (strlen(path) > MAX_PATH) {
		r = check_runtime_dir(state, dir, err);
		if (r < 0)
			return r;
		hash = hash_new();
		hash_field(hash, "state", state);
		hash_end(hash, digest);
		free(path);
		path = xasprintf("%s/reinject-%.16s.sock", dir, digest);
	}
	if (strlen(path) > MAX_PATH) {
		err_class_set(err, ERR_ENVIRONMENT, -ENAMETOOLONG, "'%s' is too long for a socket, and so is the state folder's path", path);
		err_hint(err, "choose a shorter `[reinject] state = ...`");
		return -ENAMETOOLONG;
	}
	*ret = TAKE_PTR(path);
	return 0;
}

static void fill_address(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(address->sun_path, path, strlen(path) + 1);
}

/* -- the watch's end --------------------------------------------------------------------------------------------------------------------------- */

static int another_watch(const char *state, pid_t pid, struct err *err)
{
	if (pid > 0)
		err_class_set(err, ERR_BUSY, -EBUSY, "another watch (process %d) works with state folder '%s'", (int)pid, state);
	else
		err_class_set(err, ERR_BUSY, -EBUSY, "another watch works with state folder '%s'", state);
	err_hint(err, "one is enough: `reinject status` tells what it does; end it before you start another");
	return -EBUSY;
}

static pid_t read_pid(int fd)
{
	char text[16] = { 0 };
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	return n > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

enum { DYING_MS = 500, DYING_PAUSE_MS = 20 };

/* A watch that was killed this moment keeps its lock until its last thread has ended, and a git hook that looks whether one runs
 * has it, shared, for some microseconds. */
static int lock_soon(int fd)
{
	int64_t end = clock_ms() + DYING_MS;
	int r;

	while ((r = flock(fd, LOCK_EX | LOCK_NB)) < 0 && errno == EWOULDBLOCK && clock_ms() < end)
		(void)poll(NULL, 0, DYING_PAUSE_MS);
	return r;
}

static int take_lock(const char *state, int *ret_fd, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/watch.lock", state);
	CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	CLEANUP_FREE char *pid = xasprintf("%d\n", (int)getpid());
	int r;

	if (fd < 0)
		return err_set(err, -errno, "cannot open '%s'", path);
	if (lock_soon(fd) < 0)
		return errno == EWOULDBLOCK ? another_watch(state, read_pid(fd), err) : err_set(err, -errno, "cannot lock '%s'", path);
	r = journal_state_give(state, fd, err);
	if (r < 0)
		return r;
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, strlen(pid), 0) < 0)
		return err_set(err, -errno, "cannot write '%s'", path);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* What lies at @path with the lock in our hands: nobody's, unless somebody deleted the lock file below a watch. */
static int clear_place(const char *state, const char *path, const struct sockaddr_un *address, struct err *err)
{
	CLEANUP_CLOSE int fd = -1;
	struct server_credentials peer = { 0 };
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : err_set(err, -errno, "cannot look at '%s'", path);
	if (!S_ISSOCK(st.st_mode))
		return err_class_set(err, ERR_USAGE, -EEXIST, "'%s' is in the way: the watch's socket belongs there, and this is none", path);
	fd = local_socket(SOCK_STREAM);
	if (fd < 0)
		return err_set(err, fd, "cannot make a socket");
	/* With nobody taking calls and a full queue this would wait, without end. */
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return err_set(err, -errno, "cannot make a socket");
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
		return another_watch(state, server_socket_peer(fd, &peer) == 0 ? peer.pid : 0, err);
	if (errno != ECONNREFUSED)
		return err_set(err, -errno, "cannot look whether anybody listens on '%s'", path);
	return unlink(path) < 0 && errno != ENOENT ? err_set(err, -errno, "cannot remove '%s', which a dead watch left", path) : 0;
}

static int settle_owner(const char *state, struct server_socket *socket)
{
	struct stat st, owner;
	int r;

	if (stat(state, &owner) < 0)
		return -errno;
	r = server_socket_give(socket->path, geteuid() == 0 && owner.st_uid != 0 ? &owner : NULL, &st);
	if (r < 0)
		return r;
	socket->dev = st.st_dev;
	socket->ino = st.st_ino;
	return 0;
}

int server_socket_bind(const char *state, struct server_socket *ret, struct err *err)
{
	CLEANUP(server_socket_clear) struct server_socket socket = { .fd = -1, .lock_fd = -1 };
	struct sockaddr_un address;
	int r = server_socket_path(state, &socket.path, err);

	if (r >= 0)
		r = take_lock(state, &socket.lock_fd, err);
	if (r < 0)
		return r;
	fill_address(&address, socket.path);
	r = clear_place(state, socket.path, &address, err);
	if (r < 0)
		return r;
	r = socket.fd = local_socket(SOCK_STREAM);
	if (r >= 0)
		r = server_socket_name(socket.fd, &address);
	if (r >= 0)
		r = settle_owner(state, &socket);
	if (r < 0)
		return err_set(err, r, "cannot make socket '%s'", socket.path);
	*ret = socket;
	socket = (struct server_socket){ .fd = -1, .lock_fd = -1 };
	return 0;
}

bool server_socket_is_there(const char *state, const struct server_socket *socket)
{
	CLEANUP_FREE char *path = xasprintf("%s/watch.lock", state);
	struct stat named, held;

	if (lstat(socket->path, &named) < 0 || named.st_dev != socket->dev || named.st_ino != socket->ino)
		return false;
	return lstat(path, &named) == 0 && fstat(socket->lock_fd, &held) == 0 && named.st_dev == held.st_dev && named.st_ino == held.st_ino;
}

void server_socket_clear(struct server_socket *socket)
{
	struct stat st;

	if (socket->ino != 0 && lstat(socket->path, &st) == 0 && st.st_dev == socket->dev && st.st_ino == socket->ino)
		(void)!unlink(socket->path);
	cleanup_close(&socket->fd);
	cleanup_close(&socket->lock_fd);
	free(socket->path);
	*socket = (struct server_socket){ .fd = -1, .lock_fd = -1 };
}

/* -- the other end ----------------------------------------------------------------------------------------------------------------------------- */

static int check_file(const char *state, const char *path, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return err_set(err, -errno, "no watch runs ('%s')", path);
	if (S_ISSOCK(st.st_mode) && !(st.st_mode & (S_IWGRP | S_IWOTH)) && server_socket_trusts(state, st.st_uid))
		return 0;
	err_class_set(err, ERR_USAGE, -EPERM, "'%s' is no socket of ours: others can write it, or it belongs to somebody else; it is not used",
		      path);
	err_hint(err, "end the watch if one runs, delete the file, and look who put it there");
	return -EPERM;
}

static int limit_wait(int fd, uint32_t limit_ms)
{
	struct timeval limit = { .tv_sec = limit_ms / 1000, .tv_usec = (suseconds_t)(limit_ms % 1000) * 1000 };

	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ? -errno : 0;
}

static int call(int fd, const char *path, struct err *err)
{
	struct sockaddr_un address;

	fill_address(&address, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return 0;
	if (errno == ECONNREFUSED || errno == ENOENT)
		return err_set(err, -ENOENT, "no watch runs: nobody listens on '%s'!", path);
	if (errno == EAGAIN)
		return err_set(err, -ETIMEDOUT, "the watch does not take a call on '%s'!", path);
	if (errno == EINTR)
		return err_set(err, -ECANCELED, "interrupted!");
	return err_set(err, -errno, "cannot call the watch on '%s'", path);
}

static int check_peer(const char *state, int fd, struct server_credentials *ret, struct err *err)
{
	int r = server_socket_peer(fd, ret);

	if (r < 0)
		return err_set(err, r, "cannot tell who is at the other end of the watch's socket");
	if (server_socket_trusts(state, ret->uid))
		return 0;
	err_class_set(err, ERR_USAGE, -EPERM, "the watch on state folder '%s' is user %u's (process %d): it is not asked", state,
		      (unsigned int)ret->uid, (int)ret->pid);
	err_hint(err, "end that watch, or give this tree a state folder of its own by `[reinject] state = ...`");
	return -EPERM;
}

int server_socket_connect(const char *state, uint32_t limit_ms, int *ret_fd, struct server_credentials *ret_peer, struct err *err)
{
	CLEANUP_FREE char *path = NULL;
	CLEANUP_CLOSE int fd = -1;
	int r = journal_state_check(state, err);

	if (r >= 0)
		r = server_socket_path(state, &path, err);
	/* Without a place for it, no watch of ours can have one. */
	if (r == -ENAMETOOLONG)
		return -ENOENT;
	if (r >= 0)
		r = check_file(state, path, err);
	if (r < 0)
		return r;
	r = fd = local_socket(SOCK_STREAM);
	if (r >= 0)
		r = limit_wait(fd, limit_ms);
	if (r < 0)
		return err_set(err, r, "cannot make a socket");
	r = call(fd, path, err);
	if (r >= 0)
		r = check_peer(state, fd, ret_peer, err);
	if (r < 0)
		return r;
	*ret_fd = TAKE_FD(fd);
	return 0;
}
