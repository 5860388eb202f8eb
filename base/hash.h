/* base/hash - SHA-256 of contents and of field lists, by OpenSSL's libcrypto (which uses the processor's own instructions).
 *
 * Two uses: the content of files (is what is in the image what we built?), and fingerprints: a list of named fields that stays unambiguous
 * because every field goes in with its length.
 * Sequence: hash_new(), hash_add()/hash_field() any number of times, hash_end().
 * Ownership: hash_free() takes NULL; hash_end() leaves the object to be freed. A digest is text: 64 hex digits and a NUL.
 * Threads:  one object, one thread. */
#ifndef REINJECT_BASE_HASH_H
#define REINJECT_BASE_HASH_H

#include "base/cleanup.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define HASH_HEX_SIZE 65

struct hash;

struct hash *hash_new(void) MUST_CHECK;
void hash_free(struct hash *hash);
void hash_freep(struct hash **hash); /* for CLEANUP */

void hash_add(struct hash *hash, const void *bytes, size_t n);
/** Adds '@name', the length of @value, and @value; NULL counts as absent, which differs from ''. */
void hash_field(struct hash *hash, const char *name, const char *value);
void hash_end(struct hash *hash, char ret_hex[HASH_HEX_SIZE]);

/** The digest of what descriptor @fd holds from its start; the offset is moved. @ret_size may be NULL: the number of bytes read. */
int hash_fd(int fd, char ret_hex[HASH_HEX_SIZE], uint64_t *ret_size) MUST_CHECK;

/** The digest of the file at @path, links followed. Returns -ENOENT and friends, with a sentence. */
int hash_file(const char *path, char ret_hex[HASH_HEX_SIZE], struct err *err) MUST_CHECK;

#endif
