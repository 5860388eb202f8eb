/* image/place - where a path of the image leads: its folder, open, and its last name, resolved inside the image.
 *
 * Links:    followed as the image's own system would, by image/resolve; the last name's too, so that a link stays a link and the file behind it is the
 *           one that is replaced.
 * Errors:   sentences about the image's folder or file; what can be seen from the words alone is class ERR_USAGE. */
#ifndef REINJECT_IMAGE_PLACE_H
#define REINJECT_IMAGE_PLACE_H

#include "base/err.h"
#include "config/config.h"

#include <stdbool.h>
#include <sys/stat.h>

struct image_place {
	int dir;    /* owned; O_PATH */
	char *name; /* owned */
	bool exists;
	struct stat st; /* valid when it exists */
};
/** Closes the folder and frees the name. */
void image_place_clear(struct image_place *place);

/** The place of @path; whether something is there, and what, is in @ret. */
int image_place_find(int root, const char *path, struct image_place *ret, struct err *err) MUST_CHECK;

/** The place of @path itself: a link as the last name is what stands there. */
int image_place_find_name(int root, const char *path, struct image_place *ret, struct err *err) MUST_CHECK;

/** See image_txn_target(). */
int image_place_target(int root, enum config_image_format format, const char *dst, const char *name, char **ret, struct err *err) MUST_CHECK;

/** The place that @dst and @name mean, refused when it is none for a file. @ret_path: as by image_place_target(). The caller clears what was set, also on
 * failure. */
int image_place_find_target(int root, enum config_image_format format, const char *dst, const char *name, char **ret_path,
			    struct image_place *ret, struct err *err) MUST_CHECK;

#endif
