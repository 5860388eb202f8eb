/* image/shadow - IMAGE.shadow, the copy that is worked on: made, kept for the next run, thrown away.
 *
 * Sequence: image_shadow_prepare() gives a complete copy on the disk, the one that the last run kept or a new one. Then either
 *           image_shadow_keep() (nothing was put) or image_shadow_drop(), or a swap (image/swap).
 * Note:     what the shadow is stands in IMAGE.lock (image/note) before the file changes.
 * Threads:  one thread at a time; under the lock. */
#ifndef REINJECT_IMAGE_SHADOW_H
#define REINJECT_IMAGE_SHADOW_H

#include "base/cancel.h"
#include "image/image.h"
#include "image/names.h"

/* Bytes that a copy leaves on the disk. */
#define IMAGE_SHADOW_LEAVES_FREE (UINT64_C(8) << 20)

/** @ret_from: the identity of the image that the shadow is a copy of. -EBUSY when the image changed while it was copied, twice; -ENOSPC when the host
 * is full. No shadow is left on failure. */
int image_shadow_prepare(const struct image_names *names, enum config_image_format format, const struct cancel *cancel,
			 struct image_identity *ret_from, struct err *err) MUST_CHECK;

/** Gives the shadow the owner and mode that the image has now, which may be others than when it was copied; on the disk when this returns 0. */
int image_shadow_take_over(const struct image_names *names, struct err *err) MUST_CHECK;

/** Syncs @path, a file, to the disk. */
int image_shadow_sync(const char *path, struct err *err) MUST_CHECK;

/** Keeps an unmounted shadow for the next run; drops it when that fails. */
void image_shadow_keep(const struct image_names *names, enum config_image_format format, const struct image_identity *from);

/** Deletes the shadow. */
void image_shadow_drop(const struct image_names *names);

/** True when the note says that the shadow is a complete copy of the image as it is now, and both are what the note says. */
bool image_shadow_is_kept(const struct image_names *names, enum config_image_format format);

#endif
