/* image/good - IMAGE.good, the last image that a boot has proved.
 *
 * In shadow mode it is a second name of the very file that was booted: a swap gives the image another file, and this one stays as it is. In the other
 * modes the image's file itself is written, so a copy is made (reflink, else sparse). Temporary name and rename: there is always a whole one.
 * What was booted is told by device and inode: after a swap meanwhile, it is IMAGE.prev that has it.
 * Threads:  no shared state. */
#ifndef REINJECT_IMAGE_GOOD_H
#define REINJECT_IMAGE_GOOD_H

#include "base/cancel.h"
#include "image/image.h"

/** Makes IMAGE.good of the image @path that was @booted. 0; -ESTALE when neither the image nor IMAGE.prev is that file any more; -errno. */
int image_good_keep(const char *path, enum config_image_mode mode, const struct image_identity *booted, const struct cancel *cancel,
		    struct err *err) MUST_CHECK;

/** 'IMAGE.good' with links resolved; the caller frees it. */
int image_good_path(const char *path, char **ret, struct err *err) MUST_CHECK;

#endif
