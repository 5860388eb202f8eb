/* refresh/initfs_pack - packs an initfs of given members: the configured folder, and over it each of them.
 *
 * Sequence: fill struct refresh_initfs_packing, refresh_initfs_pack_members(); the packed file stays where it was told to be.
 * Contents: a member's is the file that was staged for it, or the blob of its digest (journal/blobs).
 * Threads:  the session's. */
#ifndef REINJECT_REFRESH_INITFS_PACK_H
#define REINJECT_REFRESH_INITFS_PACK_H

#include "refresh/session.h"

enum { REFRESH_INITFS_MODE_PROGRAM = 0755, REFRESH_INITFS_MODE_ASSET = 0644 };

struct refresh_initfs_member {
	char *path;  /* owned; in the initfs: '/bin/init' */
	char *owner; /* owned; 'package NAME' */
	char *file;  /* owned; what was staged in this run, or NULL */
	uint64_t size;
	char hash[HASH_HEX_SIZE];   /* '' for one that is left out from now on */
	char before[HASH_HEX_SIZE]; /* '' for a new one */
};
void refresh_initfs_member_clear(struct refresh_initfs_member *member);

/** All borrowed. */
struct refresh_initfs_packing {
	const struct refresh_session *session;
	const struct refresh_initfs_member *members;
	size_t n;
	const char *tree, *packed; /* the folder and the file that are made, on the host; what stands there goes */
};

/** Packs, and checks the header. @ret_size: of the packed file. */
int refresh_initfs_pack_members(const struct refresh_initfs_packing *packing, uint64_t *ret_size, struct err *err) MUST_CHECK;

#endif
