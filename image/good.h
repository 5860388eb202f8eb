/* image/good - IMAGE.good, the last image that a boot has proved.
 *
 * In shadow mode it is a second name of the very file that was booted: a swap gives the image another file, and this one stays as it is. In the other
 * modes the image's file itself is written, and so it is by a machine without snapshot=on: then a copy is made (reflink, else sparse). A machine that is
 * started so later writes through both names: what was proved stands in the journal, and is compared before IMAGE.good comes back. Temporary name and rename: there is always a whole one.
 * What was booted is told by device and inode: after a swap meanwhile, it is IMAGE.prev that has it.
 * Threads:  no shared state. */
#ifndef REINJECT_IMAGE_GOOD_H
#define REINJECT_IMAGE_GOOD_H

#include "base/cancel.h"
#include "image/image.h"

struct image_good_args {
	const char *path; /* the image */
	const struct config_image *config;
	const struct image_identity *booted;
	const struct cancel *cancel; /* may be NULL */
	/* May be NULL. What is about to be IMAGE.good, before it is; a negative return leaves all as it was. */
	int (*on_ready)(void *data, const struct image_identity *good, struct err *err);
	void *data;
};

/** Makes IMAGE.good of the image that was booted. 0; -errno. -ESTALE when it is not there any more: neither the image nor an IMAGE.prev that somebody has
 * open is that file, or it was written since. */
int image_good_keep(const struct image_good_args *args, struct err *err) MUST_CHECK;

/** Before the file of the image @path itself is written: IMAGE.good and IMAGE.prev that are other names of it become copies of it. 0; -errno, with a
 * sentence: then it must not be written. With the image's lock held. */
int image_good_part(const char *path, const struct config_image *config, const struct cancel *cancel, struct err *err) MUST_CHECK;

/** 'IMAGE.good' with links resolved; the caller frees it. */
int image_good_path(const char *path, char **ret, struct err *err) MUST_CHECK;

#endif
