/* image/resolve - paths inside a mounted image.
 *
 * A link in an image was written for another root: '/usr/bin' in it means the image's /usr/bin, and '../../..' stops at the image's root. The
 * kernel resolves so by openat2(RESOLVE_IN_ROOT); where it lacks that (before 5.6), the path is walked by hand, folder by folder.
 * Threads: no shared state. */
#ifndef REINJECT_IMAGE_RESOLVE_H
#define REINJECT_IMAGE_RESOLVE_H

#include "base/cleanup.h"

/** Links that are followed for one path, as in the kernel; more are taken for a loop. */
enum { IMAGE_RESOLVE_MAX_LINKS = 40 };

/** Opens folder @path below descriptor @root, all links followed inside it; O_PATH. -errno: -ENOENT, -ENOTDIR, -ELOOP, -EXDEV (another mount). */
int image_resolve_dir(int root, const char *path) MUST_CHECK;

/** The same by hand; what image_resolve_dir() falls back on. */
int image_resolve_walk(int root, const char *path) MUST_CHECK;

/** As image_resolve_dir() for whatever @path means, a file or a device as well; O_PATH, so that no device is opened by looking at it. */
int image_resolve_any(int root, const char *path) MUST_CHECK;

/** The same by hand. */
int image_resolve_walk_any(int root, const char *path) MUST_CHECK;

#endif
