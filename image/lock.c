/* flock(2) belongs to the open file, so it ends with the process whatever ends that, and needs no cleaning up. The lock file itself is never
 * deleted: between somebody's open and flock that would make two locks of one. */
#include "image/image.h"

#include "base/clock.h"
#include "image/names.h"
#include "image/note.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct image_lock {
	int fd;
	bool on_file; /* on IMAGE.lock, not on the folder */
	char *path;   /* owned: of IMAGE.lock */
};

/* No event tells when a flock is given up; flock without LOCK_NB cannot listen to a cancel beside it. */
enum { RETRY_MS = 50 };

static int open_lock(const struct image_names *names, bool *ret_on_file, struct err *err)
{
	int fd = open(names->lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

	/* Another user's lock file can be locked without being written. */
	if (fd < 0 && errno == EACCES)
		fd = open(names->lock, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	*ret_on_file = fd >= 0;
	if (fd >= 0) {
		image_names_give(fd, names->dir);
		return fd;
	}
	if (errno == EACCES || errno == ENOENT || errno == EROFS || errno == EPERM)
		fd = open(names->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_set(err, -errno, "cannot open '%s'", names->lock) : fd;
}

/* Somebody may have deleted the lock file since we opened it; then ours is a lock on nothing. */
static bool still_there(const char *path, const struct image_lock *lock)
{
	struct stat by_name, by_fd;

	if (!lock->on_file)
		return true;
	return stat(path, &by_name) == 0 && fstat(lock->fd, &by_fd) == 0 && by_name.st_dev == by_fd.st_dev &&
	       by_name.st_ino == by_fd.st_ino;
}

static int try_lock(const struct image_names *names, struct image_lock *lock, struct err *err)
{
	for (;;) {
		lock->fd = open_lock(names, &lock->on_file, err);
		if (lock->fd < 0)
			return lock->fd;
		if (flock(lock->fd, LOCK_EX | LOCK_NB) < 0) {
			int r = -errno;

			cleanup_close(&lock->fd);
			return r == -EWOULDBLOCK ? -EBUSY : err_set(err, r, "cannot lock '%s'", names->lock);
		}
		if (still_there(names->lock, lock))
			return 0;
		cleanup_close(&lock->fd);
	}
}

static int refuse(const struct image_names *names, struct err *err)
{
	CLEANUP_FREE char *program = NULL;
	pid_t pid = 0;

	if (image_note_holder(names->lock, &pid, &program))
		err_class_set(err, ERR_BUSY, -EBUSY, "image '%s' is being worked on by %s (process %d)", names->image, program, (int)pid);
	else
		err_class_set(err, ERR_BUSY, -EBUSY, "image '%s' is being worked on by another run", names->image);
	err_hint(err, "wait for it, or give --wait-lock SECONDS");
	return -EBUSY;
}

int image_lock(const char *path, uint32_t wait_s, const struct cancel *cancel, struct image_lock **ret, struct err *err)
{
	CLEANUP(image_names_clear) struct image_names names = { 0 };
	CLEANUP_FREE struct image_lock *lock = xcalloc(1, sizeof(*lock));
	struct pollfd cancelled = { .fd = cancel_fd(cancel), .events = POLLIN };
	int64_t end = clock_ms() + (int64_t)wait_s * 1000;
	int r = image_names_init(&names, path, err);

	if (r < 0)
		return r;
	while ((r = try_lock(&names, lock, err)) == -EBUSY) {
		if (clock_ms() >= end)
			return refuse(&names, err);
		/* A descriptor of -1 is passed over, so this is a pause then. */
		(void)poll(&cancelled, 1, RETRY_MS);
		if (cancel_requested(cancel))
			return err_set(err, -ECANCELED, "interrupted!");
	}
	if (r < 0)
		return r;
	if (lock->on_file)
		image_note_set_holder(lock->fd, true);
	lock->path = xstrdup(names.lock);
	*ret = TAKE_PTR(lock);
	return 0;
}

int image_lock_check(const struct image_lock *lock, struct err *err)
{
	if (still_there(lock->path, lock))
		return 0;
	err_class_set(err, ERR_BUSY, -EBUSY, "somebody deleted '%s' during this run, and with it what keeps others away: the image is left as it is",
		      lock->path);
	err_hint(err, "leave that file to reinject; then run it again");
	return -EBUSY;
}

bool image_lock_holder(const char *path, pid_t *ret_pid)
{
	CLEANUP(image_names_clear) struct image_names names = { 0 };
	CLEANUP_FREE char *program = NULL;

	return image_names_init(&names, path, NULL) >= 0 && image_note_holder(names.lock, ret_pid, &program);
}

void image_unlock(struct image_lock *lock)
{
	if (!lock)
		return;
	if (lock->on_file)
		image_note_set_holder(lock->fd, false);
	cleanup_close(&lock->fd);
	free(lock->path);
	free(lock);
}
