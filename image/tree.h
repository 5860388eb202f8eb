/* image/tree - one digest of all that a mounted file system holds, to say of two that they hold the same.
 *
 * In it: the name, kind, permission bits and owner of everything; of files the time and the content; where links lead. Not in it: times of folders,
 * which a copy makes anew.
 * Threads: no shared state. */
#ifndef REINJECT_IMAGE_TREE_H
#define REINJECT_IMAGE_TREE_H

#include "base/cancel.h"
#include "base/err.h"
#include "base/hash.h"

#include <stdint.h>

struct image_tree {
	char digest[HASH_HEX_SIZE];
	uint64_t n_files, bytes; /* regular files, and their sizes together */
};

/** Reads all of it. @root is a descriptor of its root folder. -ECANCELED once @cancel asked. */
int image_tree_read(int root, struct cancel *cancel, struct image_tree *ret, struct err *err) MUST_CHECK;

#endif
