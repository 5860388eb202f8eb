/* refresh/trial - an image that was not, made beside the image to be booted: some whole one, with some files of it other than they are there.
 *
 * The trial is IMAGE.shadow: it is dropped by image_whole_abort(), or takes the image's place by refresh_swap_whole(). A crash leaves what image_recover()
 * puts right.
 * Threads: the session's, under its lock. */
#ifndef REINJECT_REFRESH_TRIAL_H
#define REINJECT_REFRESH_TRIAL_H

#include "image/whole.h"
#include "refresh/session.h"

struct refresh_trial_file {
	char *path;    /* owned; in the image */
	char *content; /* owned; a file on the host; NULL: there is to be none */
	char *there;   /* owned; the digest of what is removed, where content is NULL */
	mode_t mode;   /* of a new one */
};

struct refresh_trial_files {
	struct refresh_trial_file *v; /* owned */
	size_t n, cap;
};
void refresh_trial_files_clear(struct refresh_trial_files *files);

/** At @path stands what the host's file @content holds; takes @content over. NULL: nothing stands there, if it is of digest @there. */
void refresh_trial_files_add(struct refresh_trial_files *files, const char *path, char *content, const char *there, mode_t mode);

/** A copy of the whole image @from with @files: complete, read back, on the disk. */
int refresh_trial_make(struct refresh_session *session, const char *from, const struct refresh_trial_files *files, struct image_whole **ret,
		       struct err *err) MUST_CHECK;

#endif
