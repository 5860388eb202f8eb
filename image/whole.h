/* image/whole - an image that is replaced as a whole, not file by file: by a compact copy of itself, or by an earlier one.
 *
 * Sequence: image_whole_clone() or image_whole_copy() makes IMAGE.shadow; image_whole_read() looks into it; image_whole_seal() puts it on the disk and says
 *           what identity the image will have, for the journal; image_whole_commit() swaps. image_whole_abort() at any point; takes NULL.
 * Promise:  as in image/txn: until the commit the image is byte for byte what it was, and whatever is killed in between, image_recover() puts right. The
 *           file that is copied is only read.
 * Clone:    RedoxFS never gives back what a replaced file has leaked; redoxfs-clone writes all files into a new file system, which has another UUID. In an
 *           image with partitions the new file system takes the old one's place, and every byte around it stays as it is.
 * Threads:  one thread at a time, under the image's lock. Errors: 0 or -errno, a sentence in `err`. Never logs. */
#ifndef REINJECT_IMAGE_WHOLE_H
#define REINJECT_IMAGE_WHOLE_H

#include "base/cancel.h"
#include "image/image.h"

struct image_whole;

struct image_whole_args {
	const struct config_image *config;
	const struct image_lock *lock; /* proof that it is held */
	const char *state;             /* for the daemon's log; in its folder stage/, which is there, a clone that is to be put between partitions */
	struct cancel *cancel;         /* may be NULL */
};

/** A compact copy of the image. -ENOTSUP (class ERR_USAGE) for another format than RedoxFS, and where only [image] block leads to the file system; -EUCLEAN
 * when a block of the image is damaged; class ERR_ENVIRONMENT without redoxfs-clone. -EBUSY when somebody may write the image. */
int image_whole_clone(const struct image_whole_args *args, struct image_whole **ret, struct err *err) MUST_CHECK;

/** A copy of the file @from, which must hold a file system of the image's format. */
int image_whole_copy(const struct image_whole_args *args, const char *from, struct image_whole **ret, struct err *err) MUST_CHECK;

/** Mounts it, calls @fn with a descriptor of its root folder, and unmounts it. Returns what @fn returned, or why it could not be mounted. */
int image_whole_read(struct image_whole *whole, int (*fn)(void *data, int root, struct err *err), void *data, struct err *err) MUST_CHECK;

/** The same for a function that writes: then it is no copy of its source any more. */
int image_whole_fill(struct image_whole *whole, int (*fn)(void *data, int root, struct err *err), void *data, struct err *err) MUST_CHECK;

/** The file, to be booted once it is sealed. Owned by @whole. */
const char *image_whole_path(const struct image_whole *whole);

/** After this it is complete and on the disk. @ret: the identity that the image will have. */
int image_whole_seal(struct image_whole *whole, struct image_identity *ret, struct err *err) MUST_CHECK;

/** As image_txn_commit(). */
int image_whole_commit(struct image_whole **whole, int64_t *ret_swapped_us, char **ret_note, struct err *err) MUST_CHECK;

void image_whole_abort(struct image_whole *whole);
void image_whole_abortp(struct image_whole **whole); /* for CLEANUP */

/** Bytes that are free in the RedoxFS image that @config names, from its log of allocations. -ENOTSUP where that cannot be known; no sentence. */
int image_whole_free(const struct config_image *config, uint64_t *ret) MUST_CHECK;

/** How big that file system is, and how much of it is used. */
int image_whole_room(const struct config_image *config, uint64_t *ret_size, uint64_t *ret_used) MUST_CHECK;

/** The same of the new image. */
int image_whole_free_shadow(const struct image_whole *whole, uint64_t *ret) MUST_CHECK;

#endif
