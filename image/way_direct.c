/* The ways without a copy. Nothing that the image holds is touched before the steps are decided (image/steps); from then on there is only the way to
 * their end, here or, after a crash, in image_recover(). The list of steps stays until the journal knows: image_commit_forget(). */
#include "image/way.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/fs.h"
#include "image/direct.h"
#include "image/good.h"
#include "image/guard.h"
#include "image/holders.h"
#include "image/live.h"
#include "image/note.h"
#include "image/shadow.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* @own: the daemon that may write, being ours or (live) the one we go by; 0 for none. */
static int refuse_holders(const struct config_image *config, const struct image_names *names, pid_t own, struct err *err)
{
	CLEANUP(image_holders_clear) struct image_holders holders = { 0 };
	int r = image_holders_find(names->image, &holders, err);

	return r < 0 ? r : image_holders_refuse_for(config, own, &holders, err);
}

/* -- in-place ---------------------------------------------------------------------------------------------------------------------------------- */

static int hold(struct image_txn *txn, struct err *err)
{
	struct image_note note = { .stage = IMAGE_NOTE_HOLDING };
	int r;

	if (access(txn->names.image, W_OK) < 0)
		return err_class_set(err, ERR_ENVIRONMENT, -errno, "image '%s' cannot be written: %s", txn->names.image, strerror(errno));
	r = refuse_holders(txn->config, &txn->names, 0, err);
	if (r < 0)
		return r;
	txn->guard = image_guard_take(txn->names.image, err);
	if (txn->guard < 0)
		return txn->guard;
	r = image_good_part(txn->names.image, txn->config, txn->cancel, err);
	if (r == 0)
		r = image_identity_of(txn->config, &note.from, err);
	if (r < 0)
		return r;
	/* A copy that an earlier run in shadow mode kept will not be one any more. */
	if (fs_exists(txn->names.shadow))
		image_shadow_drop(&txn->names);
	/* The mount alone writes to the image: what it was before is for whoever comes after a crash. */
	r = image_note_write(txn->names.lock, &note, err);
	if (r == 0)
		txn->from = note.from;
	return r;
}

/* From here on the image is not mounted, and known to the journal as @known. */
static void let_go(struct image_txn *txn, const struct image_identity *known)
{
	image_direct_note(txn->config, &txn->names, known);
	cleanup_close(&txn->guard);
}

static int in_place_begin(struct image_txn *txn, struct err *err)
{
	int r = hold(txn, err);

	if (r >= 0)
		r = image_way_mount(txn, txn->names.image, err);
	if (r >= 0)
		txn->steps = image_steps_new(&txn->names);
	return r;
}

static int in_place_unmount(struct image_txn *txn, struct err *err)
{
	int r = image_way_unmount(txn, err);

	return r < 0 ? r : image_shadow_sync(txn->names.image, err);
}

static int explain(struct image_txn *txn, int r, struct err *err)
{
	return txn->mount ? image_mount_explain(txn->mount, r, err) : r;
}

static int in_place_seal(struct image_txn *txn, struct image_identity *ret, struct err *err)
{
	struct image_note note = { .stage = IMAGE_NOTE_HOLDING, .from = txn->from };
	int r = in_place_unmount(txn, err);

	if (r >= 0) {
		r = FAULT("txn-unmounted");
		if (r < 0)
			return err_set(err, r, "cannot unmount '%s'", txn->names.image);
		r = image_identity_read(txn->names.image, txn->config->format, txn->names.block, &note.shadow, err);
	}
	/* A daemon that has not seen the files yet reads them. */
	if (r >= 0)
		r = image_way_mount(txn, txn->names.image, err);
	if (r >= 0)
		r = explain(txn, image_steps_verify(txn->steps, txn->root, err), err);
	if (r >= 0)
		r = image_note_write(txn->names.lock, &note, err);
	if (r < 0)
		return r;
	*ret = note.shadow;
	r = FAULT("txn-verified");
	return r < 0 ? err_set(err, r, "cannot verify '%s'", txn->names.image) : 0;
}

static int check_file_is_the_same(const struct image_txn *txn, struct err *err)
{
	if (image_identity_is_of(txn->names.image, &txn->from))
		return 0;
	err_class_set(err, ERR_BUSY, -EBUSY, "image '%s' was replaced by somebody else meanwhile: nothing was put into either",
		      txn->names.image);
	err_hint(err, "run it again: it then starts from the new image");
	return -EBUSY;
}

/* Half of the names may be changed: the list stays, and the next start goes on with it. */
static int say_half_done(const struct image_txn *txn, int r, struct err *err)
{
	err_wrap(err, r, "the files of this run may be in '%s' only in part", txn->names.image);
	err_hint(err, "all of them lie ready in it: the next run puts the rest in place first");
	return -ENOTRECOVERABLE;
}

/* Returns 0 when all is done, and proved. */
static int carry_out(struct image_txn *txn, int64_t *ret_swapped_us, struct strvec *notes, struct err *err)
{
	int r = image_steps_apply(txn->steps, txn->root, notes, err);

	*ret_swapped_us = clock_us();
	for (size_t i = 0; r == 0 && notes->n == 0 && i < txn->n_puts; i++)
		r = image_put_verify(txn->root, &txn->puts[i], err);
	if (r == 0) {
		r = FAULT("txn-swapped");
		if (r < 0)
			err_set(err, r, "cannot finish the change of '%s'", txn->names.image);
	}
	return explain(txn, r, err);
}

/* @settle makes it lasting. Before the decision a failure has changed nothing. */
static int decide_and_do(struct image_txn *txn, int (*settle)(struct image_txn *txn, struct err *err), int64_t *ret_swapped_us,
			 struct strvec *notes, struct err *err)
{
	int r = image_steps_decide(txn->steps, err);

	if (r < 0)
		return txn->steps->decided ? say_half_done(txn, r, err) : r;
	r = carry_out(txn, ret_swapped_us, notes, err);
	if (r >= 0)
		r = settle(txn, err);
	if (r >= 0) {
		r = FAULT("txn-done");
		if (r < 0)
			err_set(err, r, "cannot finish the change of '%s'", txn->names.image);
	}
	return r < 0 ? say_half_done(txn, r, err) : 0;
}

/* Returns 1 when somebody else's file was left as it is, which is said. */
static int tell_left(const struct strvec *notes, char **ret_note)
{
	if (ret_note && notes->n > 0)
		*ret_note = strvec_join(notes, "; ");
	return notes->n > 0;
}

static int in_place_commit(struct image_txn *txn, int64_t *ret_swapped_us, char **ret_note, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec notes = { 0 };
	pid_t own = image_mount_pid(txn->mount);
	int r = check_file_is_the_same(txn, err);

	if (r >= 0)
		r = refuse_holders(txn->config, &txn->names, own, err);
	if (r >= 0)
		r = decide_and_do(txn, in_place_unmount, ret_swapped_us, &notes, err);
	if (r < 0)
		return r;
	/* What somebody else changed in between is to be found out: then it is no image that the journal knows. */
	let_go(txn, notes.n == 0 ? &txn->shadow : NULL);
	return tell_left(&notes, ret_note);
}

/* Nothing was decided: what lies ready goes. */
static void take_back(struct image_txn *txn)
{
	if (!txn->steps || txn->steps->n == 0 || txn->steps->decided || txn->root < 0)
		return;
	if (image_pulse_ask(txn->pulse) == 0 && image_steps_take_back(txn->steps, txn->root, NULL) == 0)
		image_steps_forget(&txn->names);
}

static void in_place_abort(struct image_txn *txn)
{
	int r;

	take_back(txn);
	r = in_place_unmount(txn, NULL);
	/* With steps left or the daemon not ended well, the note stays as it is, for image_recover(). */
	if (txn->from.ino != 0 && r == 0 && !txn->lost && !fs_exists(txn->names.steps))
		let_go(txn, &txn->from);
	cleanup_close(&txn->guard);
}

static int in_place_is_same(const struct image_txn *txn, const struct image_identity *known, bool *ret, struct err *err)
{
	(void)err;
	*ret = image_identity_same(&txn->from, known);
	return 0;
}

const struct image_way image_way_in_place = {
	.begin = in_place_begin,
	.seal = in_place_seal,
	.commit = in_place_commit,
	.abort = in_place_abort,
	.is_same = in_place_is_same,
};

/* -- live -------------------------------------------------------------------------------------------------------------------------------------- */

static int start_pulse(struct image_txn *txn, struct err *err)
{
	int r = image_pulse_start(txn->point, txn->config->answer_timeout_ms, NULL, NULL, &txn->pulse);

	return r < 0 ? err_set(err, r, "cannot start a thread") : 0;
}

static int live_begin(struct image_txn *txn, struct err *err)
{
	struct image_live live = { 0 };
	int r = image_live_find(txn->config, &txn->names, &live, err);

	if (r < 0)
		return r;
	txn->point = live.point;
	txn->daemon = live.pid;
	r = refuse_holders(txn->config, &txn->names, txn->daemon, err);
	if (r >= 0)
		r = image_identity_of(txn->config, &txn->from, err);
	if (r >= 0)
		r = start_pulse(txn, err);
	if (r >= 0)
		r = image_way_answers(txn, err);
	if (r >= 0)
		r = image_good_part(txn->names.image, txn->config, txn->cancel, err);
	if (r < 0)
		return r;
	txn->root = image_live_open_root(&live, err);
	if (txn->root < 0)
		return txn->root;
	txn->steps = image_steps_new(&txn->names);
	return 0;
}

/* What was written past the mount's daemon is in the image file, but not on the disk: redoxfs never syncs it. */
static int live_sync(struct image_txn *txn, struct err *err)
{
	int r = fs_sync_all(txn->root);

	if (r < 0)
		return err_set(err, r, "cannot sync the mount at '%s'", txn->point);
	return image_shadow_sync(txn->names.image, err);
}

static int live_seal(struct image_txn *txn, struct image_identity *ret, struct err *err)
{
	int r = live_sync(txn, err);

	if (r >= 0)
		r = image_steps_verify(txn->steps, txn->root, err);
	/* With the generation that the files lie ready in: an image that is set back to an older one has a lower. */
	if (r >= 0)
		r = image_identity_of(txn->config, ret, err);
	if (r < 0)
		return r;
	r = FAULT("txn-verified");
	return r < 0 ? err_set(err, r, "cannot verify '%s'", txn->names.image) : 0;
}

/* The mount may be another by now, or gone. */
static int check_mount(const struct image_txn *txn, struct err *err)
{
	struct image_live live = { 0 };
	int r = image_live_find(txn->config, &txn->names, &live, err);

	if (r >= 0 && (live.pid != txn->daemon || !str_eq(live.point, txn->point)))
		r = err_class_set(err, ERR_BUSY, -EBUSY, "image '%s' was mounted anew meanwhile, at '%s': run it again", txn->names.image,
				  live.point);
	image_live_clear(&live);
	return r < 0 ? r : refuse_holders(txn->config, &txn->names, txn->daemon, err);
}

static int live_commit(struct image_txn *txn, int64_t *ret_swapped_us, char **ret_note, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec notes = { 0 };
	int r = check_file_is_the_same(txn, err);

	if (r >= 0)
		r = check_mount(txn, err);
	if (r >= 0)
		r = image_way_answers(txn, err);
	if (r >= 0)
		r = decide_and_do(txn, live_sync, ret_swapped_us, &notes, err);
	if (r < 0)
		return r;
	cleanup_close(&txn->root);
	image_pulse_stop(TAKE_PTR(txn->pulse));
	return tell_left(&notes, ret_note);
}

static void live_abort(struct image_txn *txn)
{
	take_back(txn);
	cleanup_close(&txn->root);
	image_pulse_stop(TAKE_PTR(txn->pulse));
}

/* The mount may write at any time: that it is the same file is all there is to see. */
static int live_is_same(const struct image_txn *txn, const struct image_identity *known, bool *ret, struct err *err)
{
	(void)err;
	*ret = image_identity_is_of(txn->names.image, known);
	return 0;
}

const struct image_way image_way_live = {
	.begin = live_begin,
	.seal = live_seal,
	.commit = live_commit,
	.abort = live_abort,
	.is_same = live_is_same,
};
