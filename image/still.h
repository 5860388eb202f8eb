/* image/still - whether a file stays as it is while it is copied: what somebody writes meanwhile is corrupt in the copy.
 *
 * Sequence: image_still_look() before, the copy, image_still_look() again, image_still_same().
 * Threads:  no shared state. */
#ifndef REINJECT_IMAGE_STILL_H
#define REINJECT_IMAGE_STILL_H

#include "image/image.h"

#include <time.h>

struct image_still {
	struct image_identity id;
	struct timespec changed; /* its ctime, which a writer cannot put back as it can the mtime */
};

/** How the image file @path is now; @config says which file system it holds, and where. */
int image_still_look(const char *path, const struct config_image *config, struct image_still *ret, struct err *err) MUST_CHECK;

bool image_still_same(const struct image_still *a, const struct image_still *b);

#endif
