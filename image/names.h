/* image/names - the names that lie beside an image.
 *
 * Everything that a transaction makes stands in the folder of the image itself, so that a rename can put it in place: IMAGE.lock, IMAGE.shadow,
 * IMAGE.prev, IMAGE.mnt, IMAGE.steps. When the configured path is a symlink, the names are those of its target, and the link stays a link.
 * Ownership: embedded; image_names_clear() takes half-built and zeroed objects.
 * Threads:   no shared state. */
#ifndef REINJECT_IMAGE_NAMES_H
#define REINJECT_IMAGE_NAMES_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct image_names {
	char *image;    /* absolute, links resolved */
	char *dir;      /* its folder */
	char *lock;     /* IMAGE.lock: flock, and the note (image/note) */
	char *shadow;   /* IMAGE.shadow: the copy that is worked on */
	char *prev;     /* IMAGE.prev: the image before the last swap */
	char *mnt;      /* IMAGE.mnt: where the shadow is mounted, or the image itself (mode = in-place) */
	uint64_t block; /* where the file system begins, in blocks of 4 KiB, in the image and its copies; 0: it is searched */
	char *steps;    /* IMAGE.steps: what is done to the image itself (image/steps) */
};

/** Resolves @path, which must exist. -ENOENT and friends, with a sentence. */
int image_names_init(struct image_names *names, const char *path, struct err *err) MUST_CHECK;
void image_names_clear(struct image_names *names);

/** Gives @fd to the owner of @dir when we are root and somebody else owns that folder: under sudo, what lies beside the image stays the
 * user's. A failure is ignored: it costs the user a chown, nothing else. */
void image_names_give(int fd, const char *dir);

#endif
