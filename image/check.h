/* image/check - what can be said of an image without mounting it, for `reinject image check`.
 *
 * Facts are sentences for people, in order: the file, its file system, who holds it, and with @deep the result of a full check: RedoxFS by
 * redoxfs-clone into a nameless scratch file on the image's disk, which reads every block with its hash; ext4 by e2fsck -fn. Neither writes the image.
 * A check that came to no verdict, because its program was killed or the disk has no room for the scratch file, says nothing of the image.
 * A mount proves nothing: an image cut to 2 MB still mounts (docs/facts/redoxfs.md).
 * Threads:  no shared state; the lock is not needed, but a deep check refuses an image that somebody may be writing. */
#ifndef REINJECT_IMAGE_CHECK_H
#define REINJECT_IMAGE_CHECK_H

#include "base/cancel.h"
#include "image/image.h"

/** Checks @path (NULL: the configuration's image) as @config says. 0: no fault found. -EUCLEAN: the deep check found damage, which @err tells.
 * -EBUSY: deep, and somebody may write it. -EIO: the checker was killed or could not do its work; -ENOSPC (class ERR_ENVIRONMENT): no room for the scratch
 * file. Class ERR_ENVIRONMENT, as for image_check_file(): the image is missing or is something else than
 * @config says, or the checking program is missing. @ret_facts is filled as far as the check
 * got, also on failure. */
int image_check_run(const struct config_image *config, const char *path, bool deep, struct cancel *cancel, struct strvec *ret_facts,
		    struct err *err) MUST_CHECK;

/** Clones the RedoxFS image @from into the file @to, which has its size already: reads every block of every file with its hash. -EUCLEAN (what it said in
 * @err) when that finds damage; -EIO and -ENOSPC as above; class ERR_ENVIRONMENT without redoxfs-clone. */
int image_check_clone(const struct config_image *config, const char *from, const char *to, struct cancel *cancel, struct err *err) MUST_CHECK;

#endif
