/* Darwin: unmount(2), which lets a mount's own user do it, and `diskutil unmount`, which asks whoever has it open first. Compiled by `make check-darwin`;
 * nothing of it was run on a Mac: not whether macFUSE's daemon has written its last block when either returns (wait_daemon() in image/mount waits for its
 * end all the same). */
#include "image/unmount.h"

#include <errno.h>
#include <sys/mount.h>

enum { DISKUTIL_LIMIT_MS = 10000 };

int image_unmount_point(const char *point, struct err *err)
{
	char *argv[] = { (char *)"/usr/sbin/diskutil", (char *)"unmount", (char *)point, NULL };
	int r = unmount(point, 0) < 0 ? -errno : 0;

	/* EINVAL: no mount point; somebody was faster. */
	if (r == 0 || r == -EINVAL)
		return 0;
	return r == -EPERM ? image_unmount_run(argv, DISKUTIL_LIMIT_MS, err) : err_set(err, r, "cannot unmount '%s'", point);
}
