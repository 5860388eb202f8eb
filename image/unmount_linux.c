/* umount(2) is root's; ordinary users have a setuid helper. The Darwin twin is unmount_darwin.c. */
#include "image/unmount.h"

#include <errno.h>
#include <sys/mount.h>

enum { FUSERMOUNT_LIMIT_MS = 10000 };

int image_unmount_point(const char *point, struct err *err)
{
	static char *const names[] = { "fusermount3", "fusermount" };
	int r = umount2(point, UMOUNT_NOFOLLOW) < 0 ? -errno : 0;

	/* EINVAL: no mount point; somebody was faster. */
	if (r == 0 || r == -EINVAL)
		return 0;
	for (size_t i = 0; r == -EPERM && i < N_ELEMENTS(names); i++) {
		char *argv[] = { names[i], "-u", (char *)point, NULL };
		int s = image_unmount_run(argv, FUSERMOUNT_LIMIT_MS, err);

		if (s != -ENOENT)
			return s;
	}
	return err_set(err, r, "cannot unmount '%s'", point);
}
