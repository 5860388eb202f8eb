/* image/steps - what a transaction does to an image that is no copy, in a list beside the image (IMAGE.steps), written before it is done.
 *
 * A copy can be thrown away; the image itself cannot. So nothing that it holds is touched until all is ready: each new file lies complete, under a
 * name of ours, in the folder of its target. Then one line, 'decided', is written and synced; only after it the names change. Whoever finds such a
 * list after a crash takes everything back when that line is missing, and carries it to the end when it is there. Both can be done any number of times.
 *
 * Sequence: image_steps_new(); image_steps_add() before each temporary file is made; image_steps_decide(); image_steps_apply(). Or
 *           image_steps_take_back(). After a crash: image_steps_load(), then one of the two.
 * The list: goes by image_steps_forget() when nobody needs it any more: after taking back, or when the journal knows of it.
 * Not ours: a target that is neither as it was nor as it is to be was changed by somebody else meanwhile. It stays, and that is said.
 * Threads:  under the image's lock. */
#ifndef REINJECT_IMAGE_STEPS_H
#define REINJECT_IMAGE_STEPS_H

#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"
#include "image/names.h"

#include <stdbool.h>
#include <stddef.h>

struct image_step {
	char *path;                   /* in the image; owned */
	char *temp;                   /* the name beside it; owned; NULL: the file at @path is to be removed */
	char old_hash[HASH_HEX_SIZE]; /* '' when there was no such file */
	char new_hash[HASH_HEX_SIZE]; /* '' when it is to be removed */
};

struct image_steps {
	char *file; /* IMAGE.steps; owned */
	char *dir;  /* its folder; owned */
	int fd;     /* owned; -1 until the first step */
	bool decided;
	struct image_step *v; /* owned */
	size_t n, cap;
};

/** An empty list; nothing is written yet. */
struct image_steps *image_steps_new(const struct image_names *names) MUST_CHECK;
void image_steps_free(struct image_steps *steps); /* takes NULL; the file stays */
void image_steps_freep(struct image_steps **steps);

/** Adds a step, which is on the disk when this returns 0; with @temp it gets a name, in the step. An earlier step for the same path does not count any
 * more. @ret dies with the next call. */
int image_steps_add(struct image_steps *steps, const char *path, bool with_temp, const char *old_hash, const char *new_hash,
		    const struct image_step **ret, struct err *err) MUST_CHECK;

/** Reads every temporary file again and compares it with its hash; -EIO. @root: the image's root folder. */
int image_steps_verify(const struct image_steps *steps, int root, struct err *err) MUST_CHECK;

/** From here on there is no way back, only to the end. */
int image_steps_decide(struct image_steps *steps, struct err *err) MUST_CHECK;

/** Carries all of them out, whatever was done before. @ret_notes gets a sentence for each that somebody else has made impossible. */
int image_steps_apply(const struct image_steps *steps, int root, struct strvec *ret_notes, struct err *err) MUST_CHECK;

/** Removes the temporary files. */
int image_steps_take_back(const struct image_steps *steps, int root, struct err *err) MUST_CHECK;

/** Reads the list of a dead run. Returns 1, or 0 when there is none. */
int image_steps_load(const struct image_names *names, struct image_steps **ret, struct err *err) MUST_CHECK;

/** Deletes the list. */
void image_steps_forget(const struct image_names *names);

#endif
