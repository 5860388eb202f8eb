/* image/unmount - one attempt to unmount, as the system does it.
 *
 * Never by force and never lazily: what is told to be unmounted was written. Whoever calls tries again while somebody uses the mount (image/mount).
 * Threads:  no shared state.
 * Platform: unmount_linux.c, unmount_darwin.c. */
#ifndef REINJECT_IMAGE_UNMOUNT_H
#define REINJECT_IMAGE_UNMOUNT_H

#include "base/err.h"

#include <stdint.h>

/** Unmounts @point. 0 also when nothing is mounted there; -EBUSY while somebody uses it. */
int image_unmount_point(const char *point, struct err *err) MUST_CHECK;

/** Runs a program that unmounts argv[2]: -EBUSY when it says that it could not, -ENOENT when there is no such program, -ETIMEDOUT. */
int image_unmount_run(char *const *argv, uint32_t limit_ms, struct err *err) MUST_CHECK;

#endif
