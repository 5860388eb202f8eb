/* image/guard - keeps virtual machines out of an image that is written in place, by QEMU's own locks.
 *
 * QEMU marks what it does with an image by OFD read locks on single bytes (docs/facts/redoxfs.md): 100 and up, a byte for each right it uses; 200 and
 * up, a byte for each right that it leaves to nobody else. We take the bytes of reading, writing and resizing in both rows: a QEMU that is started
 * now, with snapshot=on or not, says 'Failed to get lock' and ends, instead of reading what changes below it.
 * Threads:  the locks belong to the descriptor and end with it, whatever ends us. */
#ifndef REINJECT_IMAGE_GUARD_H
#define REINJECT_IMAGE_GUARD_H

#include "base/err.h"

/** Takes the locks on the image @path. Returns the descriptor that has them, which must be closed; -EBUSY (class ERR_BUSY) when a machine has it. */
int image_guard_take(const char *path, struct err *err) MUST_CHECK;

#endif
