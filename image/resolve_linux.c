/* The kernel resolves below a root in one call (openat2, Linux 5.6); where it cannot, we walk. The Darwin twin is resolve_darwin.c. */
#include "image/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

static int resolve(int root, const char *path, bool any)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC | (any ? 0u : O_DIRECTORY),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};
	int fd = (int)syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof(how));

	/* EPERM: what an old container's filter says of a call that it does not know. EAGAIN: somewhere on the host something was renamed or mounted
	 * while the kernel followed a '..', so that it cannot vouch for it. */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM || errno == EAGAIN))
		return any ? image_resolve_walk_any(root, path) : image_resolve_walk(root, path);
	return fd < 0 ? -errno : fd;
}

int image_resolve_dir(int root, const char *path)
{
	return resolve(root, path, false);
}

int image_resolve_any(int root, const char *path)
{
	return resolve(root, path, true);
}
