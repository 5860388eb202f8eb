/* image/live - the mount of an image that its user has: where it is, and who serves it (mode = live).
 *
 * An image is mounted once or it is destroyed, so it is never mounted a second time: the one mount is found by the daemon that has the image open, or
 * was started on it, and is not what the configuration says by `mount_point` alone.
 * Threads:  no shared state. */
#ifndef REINJECT_IMAGE_LIVE_H
#define REINJECT_IMAGE_LIVE_H

#include "config/config.h"
#include "image/names.h"

#include <sys/types.h>

struct image_live {
	char *point; /* owned; absolute */
	pid_t pid;   /* of its daemon */
};
/** Gives back what image_live_find() has filled. */
void image_live_clear(struct image_live *live);

/** Finds the mount. Class ERR_ENVIRONMENT: -ENOTCONN when its daemon is dead, -ENOENT when the image is not mounted, -EACCES when the mount is another
 * user's, whom we must be to write there; -EBUSY (class ERR_BUSY) when it is mounted twice. */
int image_live_find(const struct config_image *config, const struct image_names *names, struct image_live *ret, struct err *err) MUST_CHECK;

/** The mount's root folder, a descriptor; errors as above. Can hang with its daemon. */
int image_live_open_root(const struct image_live *live, struct err *err) MUST_CHECK;

#endif
