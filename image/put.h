/* image/put - one file into a mounted image, whole or not at all.
 *
 * Order:    resolve the folder inside the image, read and hash what is there, then a temporary file in the same folder, write, owner, mode, fsync,
 *           rename. A target is never truncated: with RedoxFS that breaks it in half of all crashes (docs/facts/redoxfs.md).
 * Two ways: in a copy the file is replaced at once. In the image itself the new one is only made ready beside it, as a step (image/steps).
 * Threads:  one thread at a time. */
#ifndef REINJECT_IMAGE_PUT_H
#define REINJECT_IMAGE_PUT_H

#include "image/place.h"
#include "image/steps.h"
#include "image/txn.h"

#include <stdbool.h>

/** Digests of files, on the host and in the image, that were read in this transaction: one that is compared and then put is read for it once. */
struct image_put_hashes {
	struct image_put_hash *v; /* owned */
	size_t n, cap;
};
/** Forgets all of them. */
void image_put_hashes_clear(struct image_put_hashes *hashes);

struct image_put_job {
	int root; /* the mount's root folder; borrowed, like all the rest */
	enum config_image_format format;
	const char *src, *dst, *name;
	mode_t mode;
	const struct image_txn_hooks *hooks; /* may be NULL */
	const struct cancel *cancel;         /* may be NULL */
	struct image_put_hashes *hashes;     /* may be NULL */
	bool *written;                       /* set to true before the first byte of the image changes */
	struct image_steps *steps;           /* NULL: a copy, which is changed at once; else the image itself: made ready, and added to these */
};

/** See image_txn_put(). */
int image_put_file(const struct image_put_job *job, struct image_put *ret, struct err *err) MUST_CHECK;

/** See image_txn_check(). */
int image_put_check(int root, enum config_image_format format, const char *dst, const char *name, struct err *err) MUST_CHECK;

/** See image_txn_compare(). Of @job root, format, src, dst, name and hashes count. */
int image_put_compare(const struct image_put_job *job, bool *ret_identical, struct err *err) MUST_CHECK;

/** See image_txn_remove(). Of @job root, hooks, hashes, written and steps count. */
int image_put_remove(const struct image_put_job *job, const char *path, const char *hash, struct image_put *ret, struct err *err) MUST_CHECK;

/** See image_txn_hash(). Of @job root and hashes count. */
int image_put_read_hash(const struct image_put_job *job, const char *path, char ret[HASH_HEX_SIZE], struct err *err) MUST_CHECK;

/** Removes the file at @place, also from an image that is full to the brim. -errno, without a sentence. */
int image_put_unlink(const struct image_place *place) MUST_CHECK;

/** Reads back what @put says was put: content, size and mode, or that it is gone. -EIO with a sentence when it is anything else. */
int image_put_verify(int root, const struct image_put *put, struct err *err) MUST_CHECK;

#endif
