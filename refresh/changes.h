/* refresh/changes - in what the image differs from an earlier whole one, file by file; and images beside it that have some of these changes, to be booted.
 *
 * Sequence: refresh_changes_find() while the image is still there, which keeps the contents of all that differs (journal/blobs); then, also after the earlier
 *           image has taken its place, refresh_changes_make() for each selection: IMAGE.shadow, sealed; refresh_changes_keep() lets it take the image's
 *           place, image_whole_abort() drops it.
 * Found:    of what the journal knows: files that are ours in the image, and those that were since the earlier image was made. Anything else that
 *           somebody has written into one of the two is not looked at.
 * Initfs:   its members are changes of their own. An image with some of them gets an initfs that is packed from the folder as it is now; when folder,
 *           bootstrap or packer have moved, that is a change too (owner 'initfs'), which cannot be parted from those of the members.
 * Stamp:    the build stamp belongs to every selection.
 * Ownership: refresh_changes_clear(). Threads: the session's, under its lock. */
#ifndef REINJECT_REFRESH_CHANGES_H
#define REINJECT_REFRESH_CHANGES_H

#include "image/whole.h"
#include "refresh/run.h"

struct refresh_change {
	char *path, *owner; /* owned, as in refresh_content; path may be 'initfs:/bin/x' */
	char before[HASH_HEX_SIZE], after[HASH_HEX_SIZE]; /* in the earlier image and in the image; '': no such file */
	mode_t mode;
	uint64_t bytes; /* of what the image has */
};

/** What was recorded of a subject when the image had all of the changes. */
struct refresh_change_subject {
	char *subject;     /* 'package NAME' */
	char *fingerprint; /* NULL: none was 'fresh' */
};

struct refresh_changes {
	char *from;  /* the earlier image */
	int64_t run;   /* the run that made it; 0: not known */
	char *commits; /* of that run: 'SOURCE=40 hex digits', separated by blanks; NULL: not known */
	struct refresh_change *v;
	size_t n, cap;
	struct refresh_change_subject *subjects; /* of all these changes, each once */
	size_t n_subjects, subjects_cap;
	struct refresh_content *members; /* of the initfs that the image has: 'initfs:/PATH' */
	size_t n_members, members_cap;
	bool is_initfs_moved; /* its members cannot be parted */
};

/** @from: the earlier image. */
int refresh_changes_find(struct refresh_session *session, const char *from, struct refresh_changes *ret, struct err *err) MUST_CHECK;
void refresh_changes_clear(struct refresh_changes *changes);

/** True when @change goes with the subject of its owner: not for the stamp, and not for the packed initfs, which follows from its members. */
bool refresh_change_is_choice(const struct refresh_session *session, const struct refresh_change *change);

/** Makes the earlier image with the changes of which @owners names the owner. It is complete, read back, and on the disk. */
int refresh_changes_make(struct refresh_session *session, struct refresh_changes *changes, const struct strvec *owners, struct image_whole **ret,
			 struct err *err) MUST_CHECK;

struct refresh_changes_kept {
	struct refresh_changes *changes;
	const struct strvec *owners; /* whose changes @whole has: fresh now */
	const struct strvec *held;   /* whose were left out, and are not to be built again until they change */
	struct image_whole **whole;  /* consumed */
	const char *commits;         /* what the sources were when all of the changes were made */
};

/** A run: what refresh_changes_make() has made becomes the image, which must be the earlier one. */
int refresh_changes_keep(struct refresh_session *session, const struct refresh_changes_kept *kept, const struct refresh_args *args,
			 enum refresh_result *ret, struct err *err) MUST_CHECK;

/** Holds what was recorded of @subjects, as found by run @run, without touching the image. */
int refresh_changes_hold(struct refresh_session *session, const struct refresh_changes *changes, const struct strvec *subjects, int64_t run,
			 struct err *err) MUST_CHECK;

#endif
