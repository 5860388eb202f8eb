#include "image/swap.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/fs.h"
#include "image/note.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The old image, which has the shadow's name, becomes IMAGE.prev or goes. */
static int put_old_away(const struct image_names *names, bool keep_previous, struct err *err)
{
	if (!keep_previous)
		return unlink(names->shadow) < 0 ? err_set(err, -errno, "cannot delete the old image '%s'", names->shadow) : 0;
	return rename(names->shadow, names->prev) < 0 ? err_set(err, -errno, "cannot rename the old image to '%s'", names->prev) : 0;
}

/* @old_name holds the old image: it becomes the image again, and the new one the shadow. */
static int undo_exchange(const struct image_names *names, const char *old_name)
{
	int r = fs_exchange(old_name, names->image);

	if (r < 0)
		return r;
	if (strcmp(old_name, names->shadow) != 0 && rename(old_name, names->shadow) < 0)
		return -errno;
	return fs_sync_dir(names->dir);
}

/* The swap failed, and so did taking it back, with @r: what is where now is said, and the note stays for image_swap_recover(). */
static int say_half_done(const struct image_swap *swap, const char *old_name, int r, struct err *err)
{
	const struct image_names *names = swap->names;

	if (image_identity_is_of(names->image, swap->from))
		err_wrap(err, r, "the swap was taken back ('%s' is the one of before), but not to its end (%s)", names->image, strerror(-r));
	else
		err_wrap(err, r, "the swap could not be taken back (%s): '%s' is the new image, the one of before is '%s'", strerror(-r),
			 names->image, old_name);
	err_hint(err, "once the disk takes writes again, run this again: it settles the swap first");
	return -ENOTRECOVERABLE;
}

/* After the exchange; what fails here is undone by the caller. @ret_old: where the old image is then. */
static int finish_exchange(const struct image_swap *swap, const char **ret_old, struct err *err)
{
	const struct image_names *names = swap->names;
	int r = FAULT("txn-swapped");

	if (r < 0)
		return err_set(err, r, "cannot finish the swap of '%s'", names->image);
	if (swap->keep_previous) {
		r = put_old_away(names, true, err);
		if (r < 0)
			return r;
		*ret_old = names->prev;
	}
	r = fs_sync_dir(names->dir);
	if (r < 0)
		return err_set(err, r, "cannot sync folder '%s'", names->dir);
	r = FAULT("txn-done");
	if (r < 0)
		return err_set(err, r, "cannot finish the swap of '%s'", names->image);
	/* Only now, when the swap is on the disk, may the old image go for good. */
	return swap->keep_previous ? 0 : put_old_away(names, false, err);
}

/* The names are exchanged; puts the rest in order, or takes all of it back. */
static int settle_exchange(const struct image_swap *swap, struct err *err)
{
	const char *old = swap->names->shadow;
	int r = finish_exchange(swap, &old, err);

	int undone;

	if (r == 0)
		return 0;
	undone = undo_exchange(swap->names, old);
	return undone < 0 ? say_half_done(swap, old, undone, err) : err_wrap(err, r, "the swap was taken back");
}

/* Gives the old image a second name, so that it survives the rename. @ret_linked: false when that is not allowed here. */
static int link_previous(const struct image_swap *swap, bool *ret_linked, char **ret_note, struct err *err)
{
	const struct image_names *names = swap->names;

	*ret_linked = false;
	if (!swap->keep_previous)
		return 0;
	if (unlink(names->prev) < 0 && errno != ENOENT)
		return err_set(err, -errno, "cannot delete '%s'", names->prev);
	*ret_linked = link(names->image, names->prev) == 0;
	if (!*ret_linked)
		*ret_note = xasprintf("the image before was not kept as '%s': %s", names->prev, strerror(errno));
	return 0;
}

static int swap_by_rename(const struct image_swap *swap, int64_t *ret_swapped_us, char **ret_note, struct err *err)
{
	const struct image_names *names = swap->names;
	bool linked;
	int r = link_previous(swap, &linked, ret_note, err);

	if (r < 0)
		return r;
	if (rename(names->shadow, names->image) < 0) {
		r = err_set(err, -errno, "cannot rename '%s' to '%s'", names->shadow, names->image);
		if (linked)
			unlink(names->prev);
		return r;
	}
	*ret_swapped_us = clock_us();
	r = FAULT("txn-swapped");
	if (r == 0)
		r = fs_sync_dir(names->dir);
	if (r == 0)
		r = FAULT("txn-done");
	if (r == 0 || !linked)
		return 0;
	err_set(err, r, "cannot finish the swap of '%s'", names->image);
	if (rename(names->prev, names->image) < 0)
		return say_half_done(swap, names->prev, -errno, err);
	return err_wrap(err, r, "the swap was taken back");
}

static int swap_names(const struct image_swap *swap, int64_t *ret_swapped_us, char **ret_note, struct err *err)
{
	const struct image_names *names = swap->names;
	int r = swap->no_exchange ? -ENOSYS : fs_exchange(names->shadow, names->image);

	if (r == -ENOSYS || r == -EINVAL || r == -EOPNOTSUPP)
		return swap_by_rename(swap, ret_swapped_us, ret_note, err);
	if (r < 0)
		return err_set(err, r, "cannot exchange '%s' and '%s'", names->shadow, names->image);
	*ret_swapped_us = clock_us();
	return settle_exchange(swap, err);
}

int image_swap(const struct image_swap *swap, int64_t *ret_swapped_us, char **ret_note, struct err *err)
{
	struct image_note note = {
		.stage = IMAGE_NOTE_SWAPPING, .from = *swap->from, .shadow = *swap->shadow, .drop = !swap->keep_previous
	};
	struct image_note working = { .stage = IMAGE_NOTE_WORKING };
	CLEANUP_FREE char *said = NULL;
	int64_t swapped_us = 0;
	int r;

	/* The names are all that is exchanged: it must be what was proved that has it. */
	if (!image_identity_is_of(swap->names->shadow, swap->shadow))
		return err_class_set(err, ERR_BUSY, -EBUSY, "'%s' is not what was proved any more: the image is left as it is", swap->names->shadow);
	r = image_note_write(swap->names->lock, &note, err);
	if (r < 0)
		return r;
	r = swap_names(swap, &swapped_us, &said, err);
	if (r == -ENOTRECOVERABLE)
		return r;
	if (r < 0) {
		(void)!image_note_write(swap->names->lock, &working, NULL);
		return r;
	}
	image_note_done(swap->names->lock);
	*ret_swapped_us = swapped_us;
	if (ret_note)
		*ret_note = TAKE_PTR(said);
	return 0;
}

/* The image is still the old one: what was prepared is given up, with a link that was made for it. */
static int take_back(const struct image_names *names, const struct image_note *note, struct strvec *ret_notes, struct err *err)
{
	/* It is the new one when an undo came no further. */
	if ((image_identity_is_of(names->prev, &note->from) || image_identity_is_of(names->prev, &note->shadow)) && unlink(names->prev) < 0)
		return err_set(err, -errno, "cannot delete '%s'", names->prev);
	if (image_identity_is_of(names->shadow, &note->shadow) && unlink(names->shadow) < 0)
		return err_set(err, -errno, "cannot delete '%s'", names->shadow);
	strvec_addf(ret_notes, "a run ended before its new image was swapped in: '%s' is the one of before", names->image);
	return 0;
}

static int complete(const struct image_names *names, bool keep_previous, struct strvec *ret_notes, struct err *err)
{
	int r = put_old_away(names, keep_previous, err);

	if (r < 0)
		return r;
	strvec_addf(ret_notes, "a run ended right after its swap: '%s' is the new image, the one of before %s%s", names->image,
		    keep_previous ? "is now " : "was deleted", keep_previous ? names->prev : "");
	return 0;
}

int image_swap_recover(const struct image_names *names, struct strvec *ret_notes, struct err *err)
{
	struct image_note note;
	int r = 0;

	image_note_read(names->lock, &note);
	if (note.stage != IMAGE_NOTE_SWAPPING)
		return 0;
	if (image_identity_is_of(names->image, &note.from))
		r = take_back(names, &note, ret_notes, err);
	else if (image_identity_is_of(names->shadow, &note.from))
		r = complete(names, !note.drop, ret_notes, err);
	if (r < 0)
		return r;
	r = fs_sync_dir(names->dir);
	if (r < 0)
		return err_set(err, r, "cannot sync folder '%s'", names->dir);
	image_note_done(names->lock);
	return 0;
}
