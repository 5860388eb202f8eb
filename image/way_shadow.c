/* The way by a copy: until its rename the image is byte for byte what it was, and whatever fails is thrown away with the copy. */
#include "image/way.h"

#include "base/fault.h"
#include "image/holders.h"
#include "image/shadow.h"
#include "image/swap.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int refuse_holders(const struct image_txn *txn, struct err *err)
{
	CLEANUP(image_holders_clear) struct image_holders holders = { 0 };
	int r = image_holders_find(txn->names.image, &holders, err);

	return r < 0 ? r : image_holders_refuse_for(txn->config, 0, &holders, err);
}

static int shadow_begin(struct image_txn *txn, struct err *err)
{
	int r = refuse_holders(txn, err);

	if (r >= 0)
		r = image_shadow_prepare(&txn->names, txn->config->format, txn->cancel, &txn->from, err);
	if (r < 0)
		return r;
	r = image_way_mount(txn, txn->names.shadow, err);
	/* Whatever is wrong with it, it is not to be used again. */
	if (r < 0)
		txn->dirty = true;
	return r;
}

/* Whether what was put is really in the image is only seen by a daemon that has not seen it yet. */
static int verify(struct image_txn *txn, struct err *err)
{
	int r = image_way_mount(txn, txn->names.shadow, err);

	for (size_t i = 0; r == 0 && i < txn->n_puts; i++) {
		r = image_way_check_cancel(txn, err);
		if (r == 0)
			r = image_mount_explain(txn->mount, image_put_verify(txn->root, &txn->puts[i], err), err);
	}
	if (r == 0) {
		r = FAULT("txn-verified");
		if (r < 0)
			err_set(err, r, "cannot verify '%s'", txn->names.shadow);
	}
	return r < 0 ? r : image_way_unmount(txn, err);
}

static int shadow_seal(struct image_txn *txn, struct image_identity *ret, struct err *err)
{
	int r = image_way_unmount(txn, err);

	if (r < 0)
		return r;
	r = FAULT("txn-unmounted");
	if (r < 0)
		return err_set(err, r, "cannot unmount '%s'", txn->names.shadow);
	r = verify(txn, err);
	if (r >= 0)
		r = image_shadow_take_over(&txn->names, err);
	if (r >= 0)
		r = image_shadow_sync(txn->names.shadow, err);
	return r < 0 ? r : image_identity_read(txn->names.shadow, txn->config->format, txn->names.block, ret, err);
}

static int shadow_is_same(const struct image_txn *txn, const struct image_identity *known, bool *ret, struct err *err)
{
	struct image_identity now;
	int r = image_identity_read(txn->names.image, txn->config->format, txn->names.block, &now, err);

	if (r == 0)
		*ret = image_identity_same(&now, known);
	return r;
}

/* The image must still be the one that was copied, and nobody's but ours. */
static int check_unchanged(const struct image_txn *txn, struct err *err)
{
	bool same = false;
	int r = shadow_is_same(txn, &txn->from, &same, err);

	if (r < 0)
		return r;
	if (!same) {
		err_class_set(err, ERR_BUSY, -EBUSY, "image '%s' was changed by somebody else meanwhile: it is left as it is", txn->names.image);
		err_hint(err, "run it again: it then starts from the changed image");
		return -EBUSY;
	}
	return refuse_holders(txn, err);
}

/* -1 when nothing goes. After the search for holders, which would find us. */
static int open_what_goes(const struct image_txn *txn)
{
	return open(txn->config->keep_previous ? txn->names.prev : txn->names.image, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

static int shadow_commit(struct image_txn *txn, int64_t *ret_swapped_us, char **ret_note, struct err *err)
{
	struct image_swap swap = {
		.names = &txn->names, .from = &txn->from, .shadow = &txn->shadow, .keep_previous = txn->config->keep_previous
	};
	CLEANUP_CLOSE int gone = -1;
	int r = check_unchanged(txn, err);

	/* Once more: a chown or chmod since the seal is no other image, but must not be lost. */
	if (r >= 0)
		r = image_shadow_take_over(&txn->names, err);
	if (r < 0)
		return r;
	gone = open_what_goes(txn);
	r = image_swap(&swap, ret_swapped_us, ret_note, err);
	if (r == 0 && gone >= 0 && txn->hooks.on_gone)
		txn->hooks.on_gone(txn->hooks.data, TAKE_FD(gone));
	return r;
}

static void shadow_abort(struct image_txn *txn)
{
	int r = image_way_unmount(txn, NULL);

	/* A lost one stays, with its note. */
	if (txn->from.ino != 0 && !txn->lost && r == 0 && !txn->dirty)
		image_shadow_keep(&txn->names, txn->config->format, &txn->from);
	else if (txn->from.ino != 0 && !txn->lost)
		image_shadow_drop(&txn->names);
}

const struct image_way image_way_shadow = {
	.begin = shadow_begin,
	.seal = shadow_seal,
	.commit = shadow_commit,
	.abort = shadow_abort,
	.is_same = shadow_is_same,
};
