/* image/swap - the moment at which the shadow becomes the image.
 *
 * With the exchange of two names in one step there is an image at every instant, and a failure right after it is undone by a second one. Without
 * (some file systems): IMAGE.prev is made by link(2), then the shadow is renamed over the image; where links are forbidden (protected_hardlinks),
 * there is no IMAGE.prev.
 * Durable:  the shadow was synced before; the note says 'swapping' on the disk before the first name changes; the folder is synced after the last.
 * Threads:  under the lock. */
#ifndef REINJECT_IMAGE_SWAP_H
#define REINJECT_IMAGE_SWAP_H

#include "image/image.h"
#include "image/names.h"

struct image_swap {
	const struct image_names *names;
	const struct image_identity *from, *shadow;
	bool keep_previous;
	bool no_exchange; /* for tests: as on a file system that has none */
};

/** Swaps. On failure the image is the old one and the shadow has its name (without exchange it may be gone). Only -ENOTRECOVERABLE says that a swap
 * which failed could not be taken back whole: the note stays 'swapping', and what has the shadow's name may be the old image, which is for
 * image_swap_recover() to settle. @ret_swapped_us, @ret_note: see image_txn_commit(). */
int image_swap(const struct image_swap *swap, int64_t *ret_swapped_us, char **ret_note, struct err *err) MUST_CHECK;

/** Completes or takes back a swap that stopped half-way, by the note. @ret_notes gets a sentence for what was done. */
int image_swap_recover(const struct image_names *names, struct strvec *ret_notes, struct err *err) MUST_CHECK;

#endif
