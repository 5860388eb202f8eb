/* image/mounts - what is mounted where, as the kernel tells it.
 *
 * The source of a FUSE mount is '/dev/fuse' or whatever its daemon said, so a mount is known by its mount point alone, and tied to an image by the
 * process that serves it (image_holders_find). Paths are compared as they stand in /proc/self/mountinfo: absolute, links resolved.
 * Threads:  no shared state.
 * Platform: mounts_linux.c; mounts_darwin.c asks getfsstat(2). */
#ifndef REINJECT_IMAGE_MOUNTS_H
#define REINJECT_IMAGE_MOUNTS_H

#include "base/cleanup.h"
#include "base/str.h"

#include <stdbool.h>

/** True when something is mounted at @path itself, be its daemon alive or dead. */
bool image_mounts_has(const char *path);

/** Where @device (such as '/dev/loop3' or a partition of it, '/dev/loop3p1') is mounted first; NULL when nowhere. The caller frees it. */
char *image_mounts_of_device(const char *device) MUST_CHECK;

/** Adds the mount points in @dir, itself included, whose daemon is dead ('Transport endpoint is not connected'). */
void image_mounts_find_dead(const char *dir, struct strvec *ret);

/** True when the mount at @point is another user's, who lets nobody else in, not even root. Asks the kernel, not what serves it, which may hang. */
bool image_mounts_is_foreign(const char *point);

/** Asks what serves the mount at @point something that the kernel cannot answer from its memory, and waits for it, if need be for ever. */
void image_mounts_ask(const char *point);

/** A descriptor for proc_wait_ready(): it has an event whenever the table of mounts changes; -errno. The caller closes it. */
int image_mounts_watch(void) MUST_CHECK;

/** A line of the table. */
struct image_mount_entry {
	const char *point, *type, *source;
};

/** Calls @fn for each mount in @text, a table of the kernel's, which is taken apart by that, until @fn returns true. */
void image_mounts_each_in(char *text, bool (*fn)(void *data, const struct image_mount_entry *mount), void *data);

#endif
