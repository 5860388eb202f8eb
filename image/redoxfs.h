/* image/redoxfs - the header of a RedoxFS file system, found as redoxfs itself finds it.
 *
 * A ring of 256 blocks of 4 KiB each holds a header; every transaction writes the next one, and the newest valid generation wins. The ring stands
 * at the start of the image or of a partition in it: redoxfs takes the first valid header among the first 65,536 blocks, and so do we, a stale
 * older file system in front of the real one included. Facts: docs/facts/redoxfs.md.
 * Threads: no shared state. */
#ifndef REINJECT_IMAGE_REDOXFS_H
#define REINJECT_IMAGE_REDOXFS_H

#include "base/err.h"

#include <stdint.h>

struct image_redoxfs {
	uint64_t offset;     /* bytes from the image's start to the ring */
	uint64_t version;    /* 8 for redoxfs 0.9 */
	uint64_t size;       /* bytes, as the header says */
	uint64_t generation; /* of the newest header */
	uint64_t block;      /* where that header stands: by it redoxfs opens this file system and no other */
	uint64_t alloc[2];   /* where its log of allocations ends: address and hash of a block */
	char uuid[33];       /* 32 hex digits */
};

/** Reads the newest header of the file system on @fd. -ENODATA when there is none, -EIO and friends; no sentence. */
int image_redoxfs_read(int fd, struct image_redoxfs *ret) MUST_CHECK;

/** The same for the file system whose ring begins at block @first (of 4 KiB), wherever that is: one that the scan cannot find, or of several. 0: searched. */
int image_redoxfs_read_at(int fd, uint64_t first, struct image_redoxfs *ret) MUST_CHECK;

/** How many bytes are free in the file system whose header is @header, from its log of allocations: what a mount would say, without one. -ENOTSUP for
 * another version than 8; -EUCLEAN when the log cannot be read, as in an encrypted image. */
int image_redoxfs_free(int fd, const struct image_redoxfs *header, uint64_t *ret) MUST_CHECK;

/** Checks that @name (one component) is one that RedoxFS takes: no ':', at most 252 bytes, UTF-8 (any other byte kills the mount daemon).
 * Returns NULL, or what is wrong with it, a static text. */
const char *image_redoxfs_name_problem(const char *name, size_t n);

#endif
