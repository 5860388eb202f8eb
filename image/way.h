/* image/way - the inside of a transaction, and the ways in which it reaches the image; for image/txn and the files of the ways only.
 *
 * One transaction, three ways ([image] mode). image/txn has what is the same: files are compared, put, removed, looked at below `root`. A way says where
 * that root comes from, what proves what was put, and by what it becomes the image's:
 *   shadow    (way_shadow.c) a copy, mounted by us; proved by a second mount; takes the image's name by a rename
 *   in-place  (way_direct.c) the image itself, mounted by us while QEMU is kept out; new files lie ready beside the old ones, are proved by a second
 *             mount, and take their names one after the other (image/steps)
 *   live      (way_direct.c) the image itself, by the mount that its user has; the same steps, read back past the kernel's memory
 * Promise:  shadow: all or nothing, at every instant. The others: nothing at all until all is ready and on the disk; what is cut off in the middle of the
 *           names is carried to its end by image_recover(), until then the set is a mixture of whole files. */
#ifndef REINJECT_IMAGE_WAY_H
#define REINJECT_IMAGE_WAY_H

#include "image/mount.h"
#include "image/names.h"
#include "image/pulse.h"
#include "image/put.h"
#include "image/steps.h"
#include "image/txn.h"

struct image_way {
	/** Opens txn->root. On failure image_txn_abort() follows. */
	int (*begin)(struct image_txn *txn, struct err *err);
	/** See image_txn_seal(); the root may be another afterwards, or closed. */
	int (*seal)(struct image_txn *txn, struct image_identity *ret, struct err *err);
	/** See image_txn_commit(); does not free. */
	int (*commit)(struct image_txn *txn, int64_t *ret_swapped_us, char **ret_note, struct err *err);
	/** Gives back what begin took, whatever came after it. */
	void (*abort)(struct image_txn *txn);
	/** That the image is @known still, or was when it was opened. */
	int (*is_same)(const struct image_txn *txn, const struct image_identity *known, bool *ret, struct err *err);
};
extern const struct image_way image_way_shadow, image_way_in_place, image_way_live;

struct image_txn {
	const struct image_way *way;
	const struct config_image *config; /* borrowed, with all that it holds */
	struct image_txn_hooks hooks;
	const struct image_lock *lock; /* borrowed */
	struct cancel *cancel; /* borrowed; may be NULL */
	struct image_names names;
	char *log;                    /* owned: the daemon's output */
	struct image_identity from;   /* the image as it was; inode 0 until begin has come so far that there is something to give back */
	struct image_identity shadow; /* valid when sealed: how the image will be known */
	struct image_mount *mount;    /* owned; NULL while nothing of ours is mounted */
	int root;                     /* owned; -1 while there is none */
	struct image_put *puts;       /* owned: what was written and is to be read back */
	size_t n_puts, cap_puts;
	struct image_put_hashes hashes;
	unsigned int n_written;
	bool dirty; /* files may differ from the image's as it was */
	bool sealed;
	bool lost; /* what we mounted may be served still, or (shadow) be the image of before: it is image_recover()'s */

	/* in-place and live */
	struct image_steps *steps; /* owned */
	int guard;                 /* owned; in-place: has QEMU's locks; -1 */
	char *point;               /* owned; live: where the image is mounted */
	pid_t daemon;              /* live: who serves it */
	struct image_pulse *pulse; /* owned; live */
};

/** -ECANCELED, with a sentence, once the run was asked to end. */
int image_way_check_cancel(const struct image_txn *txn, struct err *err) MUST_CHECK;

/** Asks somebody else's mount (live) before anything is begun on it: one that hangs could not be ended by us. -ETIMEDOUT, with a sentence. */
int image_way_answers(const struct image_txn *txn, struct err *err) MUST_CHECK;

/** Mounts @image (the shadow, or the image itself) and opens txn->root. */
int image_way_mount(struct image_txn *txn, const char *image, struct err *err) MUST_CHECK;
int image_way_unmount(struct image_txn *txn, struct err *err) MUST_CHECK;

#endif
