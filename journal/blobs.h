/* journal/blobs - contents that were replaced in an image, so that they can be put back.
 *
 * Store:    STATE/blobs/ab/cdef...: one read-only file for each content, named by its SHA-256, written by temp file and rename, so that a blob
 *           that is there is whole. The same content is stored once.
 * Threads:  none shared. */
#ifndef REINJECT_JOURNAL_BLOBS_H
#define REINJECT_JOURNAL_BLOBS_H

#include "base/err.h"
#include "base/hash.h"

#include <stdint.h>

/** Stores what @fd holds from its start. @hash is the content's, as hash_fd() gave it; a blob that exists is not written again, but for one that
 * is not what its name says any more. */
int journal_blob_add(const char *state, int fd, const char *hash, struct err *err) MUST_CHECK;

/** The file that holds the content with digest @hash; the caller frees @ret. -ENOENT when it was pruned, -EUCLEAN when it holds
 * something else by now. */
int journal_blob_find(const char *state, const char *hash, char **ret, struct err *err) MUST_CHECK;

/** The size of the content with digest @hash, as its file has it; not read. -ENOENT when it was pruned. */
int journal_blob_size(const char *state, const char *hash, uint64_t *ret, struct err *err) MUST_CHECK;

#endif
