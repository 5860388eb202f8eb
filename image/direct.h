/* image/direct - what a dead run left in an image that it changed without a copy (mode = in-place, live).
 *
 * Steps that were decided are carried to their end, others are taken back, by the mount that its user has (mode = live) or by one of our own.
 * Threads:  under the image's lock. */
#ifndef REINJECT_IMAGE_DIRECT_H
#define REINJECT_IMAGE_DIRECT_H

#include "base/str.h"
#include "config/config.h"
#include "image/image.h"
#include "image/names.h"

/** After a mount of ours in the image itself: as it is now, it is the image that the journal knows as @known; NULL: as none. */
void image_direct_note(const struct config_image *config, const struct image_names *names, const struct image_identity *known);

/** Settles IMAGE.steps and the note. A list that was decided stays, done, for image_commit_pending(). @ret_notes: a sentence for each thing done.
 * Returns 0; 1 when a file was left as somebody else had made it. */
int image_direct_recover(const struct config_image *config, const struct image_names *names, struct strvec *ret_notes,
			 struct err *err) MUST_CHECK;

#endif
