/* image/hand - the image mounted and unmounted by hand, for its user: `reinject image mount`.
 *
 * The daemon outlives us, in a session of its own. While the image is mounted every run but one in live mode is refused, as image_holders_find() tells; a
 * copy of it would be corrupt.
 * Unmounting waits, and never forces: 'unmounted' is said when the daemon has written its last block and ended, and the image is on the disk.
 * Threads:  no shared state; under the image's lock. */
#ifndef REINJECT_IMAGE_HAND_H
#define REINJECT_IMAGE_HAND_H

#include "base/cancel.h"
#include "image/image.h"

/** Mounts at @point (absolute; made when it is absent). -EBUSY when somebody may write the image. @log: the daemon's words. */
int image_hand_mount(const struct config_image *config, const char *point, const char *log, struct cancel *cancel, struct err *err) MUST_CHECK;

/** Unmounts @point, waiting at most @wait_s seconds for those who use it; -EBUSY (class ERR_BUSY) names them. -ENOENT (class ERR_USAGE) when nothing is
 * mounted there. */
int image_hand_unmount(const struct config_image *config, const char *point, uint32_t wait_s, struct err *err) MUST_CHECK;

#endif
