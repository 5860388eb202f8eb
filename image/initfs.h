/* image/initfs - the header of an initfs, and what must be true of it before a kernel may jump where it points.
 *
 * An initfs is one file: a page with the header, the bootstrap ELF as it is, then the content. The kernel maps it and jumps to the entry point that the
 * header names, which the packer copies from the ELF. Packed without a bootstrap the entry is all ones, the packer exits with 0 all the same, and the
 * next boot jumps to 0xffffffffffffffff. So: nothing goes into an image as its initfs that image_initfs_check() has not found good.
 * Layout:   docs/facts/redoxfs.md, 'initfs'. The time in the header makes two packings of one content differ: whether a content is new is not to be asked
 *           of the packed file (refresh/initfs).
 * Threads:  no shared state. Errors: 0 or -errno, a sentence in `err`. */
#ifndef REINJECT_IMAGE_INITFS_H
#define REINJECT_IMAGE_INITFS_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct image_initfs {
	uint32_t inode_table; /* where the table of inodes begins, in bytes */
	uint16_t n_inodes;
	uint64_t seconds; /* when it was packed, since 1970 */
	uint32_t nanoseconds;
	uint64_t entry; /* IMAGE_INITFS_NO_ENTRY: packed without a bootstrap */
	uint64_t size;  /* bytes, as the header says */
	uint16_t page_size;
	uint64_t file_size;       /* bytes, as it is */
	bool has_bootstrap;       /* an ELF file stands behind the header */
	uint64_t bootstrap_entry; /* what that says */
	uint64_t text_start, text_end; /* its executable segment that the header's entry lies in; both 0 when it lies in none */
};

#define IMAGE_INITFS_NO_ENTRY UINT64_MAX

/** Reads the header of the file @path, and of the bootstrap in it, good or not. -EINVAL, with a hint, for what is no initfs at all (too short, another
 * magic); -errno when it cannot be read. */
int image_initfs_read(const char *path, struct image_initfs *ret, struct err *err) MUST_CHECK;

/** -ENOEXEC, with a hint, when what image_initfs_read() has found must not be booted: the size is not the file's, the table lies outside, there is no
 * entry or no bootstrap, or the entry is not inside the bootstrap's code. */
int image_initfs_judge(const char *path, const struct image_initfs *initfs, struct err *err) MUST_CHECK;

/** Both. */
int image_initfs_check(const char *path, struct err *err) MUST_CHECK;

/** Gives the initfs @path the time in the header of the one that @other is open on, when nothing else differs: then the two are the same, byte for byte.
 * When they differ, @path stays as it is. */
int image_initfs_take_time(const char *path, int other, struct err *err) MUST_CHECK;

/** That @path can be a bootstrap: an ELF file whose entry lies in its own code. -ENOENT, -ENOEXEC; class ERR_ENVIRONMENT, with a hint. */
int image_initfs_check_bootstrap(const char *path, struct err *err) MUST_CHECK;

#endif
