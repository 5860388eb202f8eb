/* Darwin: getfsstat(2) has the table of mounts, and a kqueue tells when it changes. MNT_NOWAIT, since asking each file system would hang with one that does.
 * Compiled by `make check-darwin`; nothing of it was run on a Mac: above all not what macFUSE calls its mounts ('macfuse', 'osxfuse' and 'fusefs' are
 * known), nor what a mount says whose daemon is dead. */
#include "image/mounts.h"

#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/event.h>
#include <sys/mount.h>
#include <sys/param.h>
#include <unistd.h>

/* All mounts; the caller frees them. NULL when the system does not tell. */
static struct statfs *list_mounts(size_t *ret_n)
{
	int n = getfsstat(NULL, 0, MNT_NOWAIT);
	struct statfs *mounts;

	if (n <= 0)
		return NULL;
	/* Some may be added between the two calls. */
	n += 16;
	mounts = xcalloc((size_t)n, sizeof(*mounts));
	n = getfsstat(mounts, n * (int)sizeof(*mounts), MNT_NOWAIT);
	*ret_n = n > 0 ? (size_t)n : 0;
	return mounts;
}

bool image_mounts_has(const char *path)
{
	size_t n = 0;
	CLEANUP_FREE struct statfs *mounts = list_mounts(&n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(mounts[i].f_mntonname, path) == 0)
			return true;
	return false;
}

/* A partition of '/dev/disk4' is '/dev/disk4s1'. */
static bool is_of_device(const char *source, const char *device)
{
	size_t n = strlen(device);

	return strncmp(source, device, n) == 0 && (source[n] == '\0' || (source[n] == 's' && isdigit((unsigned char)source[n + 1])));
}

char *image_mounts_of_device(const char *device)
{
	size_t n = 0;
	CLEANUP_FREE struct statfs *mounts = list_mounts(&n);

	for (size_t i = 0; i < n; i++)
		if (is_of_device(mounts[i].f_mntfromname, device))
			return xstrdup(mounts[i].f_mntonname);
	return NULL;
}

static bool is_fuse(const struct statfs *mount)
{
	return strcasestr(mount->f_fstypename, "fuse") != NULL;
}

void image_mounts_find_dead(const char *dir, struct strvec *ret)
{
	size_t n = 0;
	CLEANUP_FREE struct statfs *mounts = list_mounts(&n);

	for (size_t i = 0; i < n; i++) {
		struct statfs now;

		if (path_under(mounts[i].f_mntonname, dir) && is_fuse(&mounts[i]) && statfs(mounts[i].f_mntonname, &now) < 0 &&
		    (errno == ENOTCONN || errno == ENXIO || errno == EIO))
			strvec_add(ret, mounts[i].f_mntonname);
	}
}

int image_mounts_watch(void)
{
	CLEANUP_CLOSE int queue = kqueue();
	struct kevent change;

	if (queue < 0)
		return -errno;
	EV_SET(&change, 0, EVFILT_FS, EV_ADD | EV_CLEAR, 0, 0, NULL);
	if (kevent(queue, &change, 1, NULL, 0, NULL) < 0)
		return -errno;
	return TAKE_FD(queue);
}

void image_mounts_ask(const char *point)
{
	struct statfs st;

	(void)!statfs(point, &st);
}

/* access(2) asks the kernel first, which refuses before macFUSE's daemon is asked; of our own mount the daemon may be. */
bool image_mounts_is_foreign(const char *point)
{
	return access(point, F_OK) < 0 && (errno == EACCES || errno == EPERM);
}
