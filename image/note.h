/* image/note - what a run leaves in IMAGE.lock for the next one: who holds the lock, and what IMAGE.shadow is.
 *
 * A shadow cannot be told from what it looks like: half-made, kept for the next run and the image of before the swap are all just files. So the
 * intent is written, and synced, before each step that would leave one behind:
 *   none      there should be no shadow
 *   working   a shadow is being made or worked on: worth nothing once its run is dead
 *   kept      a complete, unmounted shadow (`shadow`) made from the image `from`, for the next run
 *   swapping  `from` is about to be replaced by `shadow`. Whichever of the two has the image's name tells how far it came; when it is `shadow`, what
 *             has the shadow's name is the image of before, and becomes IMAGE.prev, or goes (`drop`): what the swap was told to do, not what is
 *             configured when it is recovered, as a restore keeps the image of before whatever is configured
 *   holding   (mode = in-place) the image itself is mounted; `from` is how it is known: to the journal the image is that until something is put
 *   touched   it was mounted by us, which alone writes to it: as it is now (`shadow`) it holds what it held as `from`
 * Format:   text, padded to one sector of 512 bytes and written at once, so that a crash leaves the old note or the new one.
 * Threads:  only the holder of the lock writes. */
#ifndef REINJECT_IMAGE_NOTE_H
#define REINJECT_IMAGE_NOTE_H

#include "image/image.h"

enum image_note_stage { IMAGE_NOTE_NONE, IMAGE_NOTE_WORKING, IMAGE_NOTE_KEPT, IMAGE_NOTE_SWAPPING, IMAGE_NOTE_HOLDING, IMAGE_NOTE_TOUCHED };

struct image_note {
	enum image_note_stage stage;
	struct image_identity from;   /* kept, swapping: the image that the shadow was made from; holding, touched: see there */
	struct image_identity shadow; /* kept, swapping, touched; holding: how it is known once its steps are done */
	bool drop;                    /* swapping: the image of before goes for good */
};

/** Reads the note in lock file @path; one that is absent or garbled reads as none. */
void image_note_read(const char *path, struct image_note *ret);

/** Writes @note, and on to the disk: what it announces may be done when this has returned 0. */
int image_note_write(const char *path, const struct image_note *note, struct err *err) MUST_CHECK;

/** Writes note 'none', for the disk whenever it likes: losing this costs the next run a look. */
void image_note_done(const char *path);

/** Who holds the lock, in the same file: this process, or (@held false) nobody. Best effort, for the busy message. */
void image_note_set_holder(int fd, bool held);

/** The holder that the file names, if that process still lives; false otherwise. The caller frees @ret_program. */
bool image_note_holder(const char *path, pid_t *ret_pid, char **ret_program);

#endif
