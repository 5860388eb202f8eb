/* The image's part of a round: the transaction beside the builds, the files, the swap, and a journal row for each of these steps. */
#include "refresh/round.h"

#include "base/clock.h"
#include "image/live.h"
#include "image/mount.h"
#include "image/whole.h"
#include "refresh/space.h"
#include "refresh/stamp.h"
#include "refresh/symbols.h"

#include <errno.h>

/* One step of the transaction, as a row of the journal: pending before, ok or failed after. */
struct timed_step {
	struct journal *journal;
	int64_t row;
	int64_t since_ms;
};

static int step_begin(const struct refresh_round *round, const char *kind, struct timed_step *ret, struct err *err)
{
	ret->journal = round->session->journal;
	ret->since_ms = clock_ms();
	return journal_step_begin(ret->journal, round->id, kind, round->session->config->image.path, &ret->row, err);
}

/* Returns @r, or why its success could not be journaled. */
static int step_end(const struct timed_step *step, int r, struct err *err)
{
	enum journal_result result = r >= 0 ? JOURNAL_OK : r == -ECANCELED ? JOURNAL_CANCELLED : JOURNAL_FAILED;
	const char *detail = r < 0 && err ? err->message : NULL;
	int e = journal_step_end(step->journal, step->row, result, detail, clock_ms() - step->since_ms, r < 0 ? NULL : err);

	return r < 0 ? r : e;
}

static int seal(const struct refresh_round *round, struct image_txn *txn, struct image_identity *ret, struct err *err)
{
	struct timed_step step;
	int r = step_begin(round, "verify", &step, err);

	return r < 0 ? r : step_end(&step, image_txn_seal(txn, ret, err), err);
}

static void tell_machines(const struct refresh_round *round)
{
	for (size_t i = 0; i < round->machines.n; i++) {
		CLEANUP_FREE char *text = xasprintf("%s goes on with the image as it was: restart it to see the change", round->machines.v[i]);

		refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_NOTE, .text = text });
	}
}

static void tell_swap(const struct refresh_round *round, int64_t swapped_us)
{
	CLEANUP(refresh_activations_clear) struct refresh_activations activations = { 0 };

	for (size_t i = 0; i < round->n_files; i++)
		if (round->files[i].put.result == IMAGE_PUT_WRITTEN)
			refresh_activate_add(&activations, round->session->config, round->session->map, round->files[i].owner);
	refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_SWAP,
							  .path = round->session->config->image.path,
							  .activations = &activations,
							  .ms = (swapped_us - round->after_us) / 1000 });
}

/* What was announced to the journal did not happen: its inode may be given out again, and must prove nothing then. */
static int commit(struct refresh_round *round, int64_t *ret_us, char **ret_note, struct err *err)
{
	int r = refresh_round_interrupted(round, err);

	if (r >= 0)
		r = image_txn_commit(&round->txn, ret_us, ret_note, err);
	/* Half-way and not to be taken back: the next start finds out by the files which of the two it is. */
	if (r < 0 && r != -ENOTRECOVERABLE)
		(void)!journal_swap_failed(round->session->journal, round->id, NULL);
	return r;
}

/* What is to be done once the image is the new one. */
static int swapped(struct refresh_round *round, const struct timed_step *step, const struct image_identity *shadow, int64_t swapped_us,
		   const char *note, struct err *err)
{
	int r;

	round->session->identity = *shadow;
	tell_swap(round, swapped_us);
	tell_machines(round);
	if (note)
		refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_WARNING, .text = note });
	r = journal_swap_done(round->session->journal, round->id, err);
	if (r >= 0 && round->is_left)
		r = refresh_session_distrust(round->session, err);
	if (r >= 0) {
		image_commit_forget(round->session->config->image.path);
		refresh_space_swapped(round);
	}
	return step_end(step, r, err);
}

static int swap(struct refresh_round *round, struct err *err)
{
	CLEANUP_FREE char *note = NULL;
	struct image_identity shadow;
	struct timed_step step;
	int64_t swapped_us = 0;
	int r;

	refresh_space_written(round);
	r = seal(round, round->txn, &shadow, err);
	if (r >= 0)
		r = refresh_record_swap(round, &shadow, err);
	if (r >= 0)
		r = step_begin(round, "swap", &step, err);
	if (r < 0)
		return r;
	r = commit(round, &swapped_us, &note, err);
	if (r < 0)
		return step_end(&step, r, err);
	round->is_left = r == 1;
	return swapped(round, &step, &shadow, swapped_us, note, err);
}

int refresh_swap_whole(struct refresh_round *round, struct image_whole **whole, struct err *err)
{
	CLEANUP_FREE char *note = NULL;
	struct image_identity shadow;
	struct timed_step step;
	int64_t swapped_us = 0;
	int r = image_whole_seal(*whole, &shadow, err);

	round->after_us = clock_us();
	if (r >= 0)
		r = refresh_record_swap(round, &shadow, err);
	if (r >= 0)
		r = step_begin(round, "swap", &step, err);
	if (r < 0)
		return r;
	r = image_whole_commit(whole, &swapped_us, &note, err);
	if (r < 0) {
		if (r != -ENOTRECOVERABLE)
			(void)!journal_swap_failed(round->session->journal, round->id, NULL);
		return step_end(&step, r, err);
	}
	round->is_whole = true;
	return swapped(round, &step, &shadow, swapped_us, note, err);
}

/* The image holds all of it already: the image is left alone, the shadow kept for the next time. */
static int leave_alone(struct refresh_round *round, struct err *err)
{
	image_txn_abort(TAKE_PTR(round->txn));
	return refresh_record_identical(round, err);
}

/* A VM with snapshot=on may stay: it goes on with the old inode, which its user should hear after the swap. */
static void remember_machines(struct refresh_round *round, const struct image_holders *holders)
{
	for (size_t i = 0; i < holders->n; i++) {
		const struct image_holder *holder = &holders->v[i];

		if (holder->is_machine && holder->pid > 0)
			strvec_addf(&round->machines, "%s (process %d)", holder->program ? holder->program : "a VM", (int)holder->pid);
		else if (holder->is_machine)
			strvec_add(&round->machines, "a VM of another user");
	}
}

/* So that nobody waits for cargo to hear that there is no mount. */
static int require_live_mount(const struct config_image *image, struct err *err)
{
	CLEANUP(image_names_clear) struct image_names names = { 0 };
	CLEANUP(image_live_clear) struct image_live live = { 0 };
	int r = image_names_init(&names, image->path, err);

	return r < 0 ? r : image_live_find(image, &names, &live, err);
}

int refresh_swap_check(struct refresh_round *round, struct err *err)
{
	CLEANUP(image_holders_clear) struct image_holders holders = { 0 };
	const struct config_image *image = &round->session->config->image;
	int r = image->mode == CONFIG_IMAGE_LIVE ? 0 : image_mount_check_tool(image, err);

	if (r >= 0)
		r = image_holders_find(image->path, &holders, err);
	if (r >= 0)
		r = image_holders_refuse_for(image, round->txn ? image_txn_daemon(round->txn) : 0, &holders, err);
	if (r >= 0 && image->mode == CONFIG_IMAGE_LIVE)
		r = require_live_mount(image, err);
	/* Without a copy there is none. */
	if (r >= 0 && image->mode == CONFIG_IMAGE_SHADOW)
		remember_machines(round, &holders);
	if (r >= 0)
		refresh_space_begin(round);
	return r;
}

int refresh_swap_prepare(struct refresh_round *round, struct err *err)
{
	if (round->prepare || !refresh_prepare_early(&round->session->config->image))
		return 0;
	return refresh_prepare_start(round->session, round->id, &round->expected, &round->prepare, err);
}

/* The plan rests on the image as it was when the session was opened; the transaction watches it from then on. */
static int still_the_same_image(const struct refresh_round *round, struct err *err)
{
	bool same = true;
	int r = image_txn_is_same(round->txn, &round->session->identity, &same, err);

	if (r < 0 || same)
		return r;
	err_class_set(err, ERR_BUSY, -EBUSY, "image '%s' was written by somebody else during this run; nothing of ours was put into it",
		      round->session->config->image.path);
	err_hint(err, "let the other one finish, then run it again");
	return -EBUSY;
}

int refresh_swap_open(struct refresh_round *round, struct err *err)
{
	int r = 0;

	if (!round->prepare)
		r = refresh_prepare_start(round->session, round->id, NULL, &round->prepare, err);
	if (r >= 0 && !round->txn)
		r = refresh_prepare_finish(round->prepare, &round->txn, err);
	if (r < 0)
		return r;
	refresh_space_opened(round);
	return still_the_same_image(round, err);
}

int refresh_swap_finish(struct refresh_round *round, struct err *err)
{
	return image_txn_n_written(round->txn) > 0 ? swap(round, err) : leave_alone(round, err);
}

static int open_as_step(struct refresh_round *round, struct err *err)
{
	struct timed_step step;
	int r = step_begin(round, "begin", &step, err);

	return r < 0 ? r : step_end(&step, refresh_swap_open(round, err), err);
}

int refresh_swap_put(struct refresh_round *round, struct err *err)
{
	int r = open_as_step(round, err);

	if (r >= 0)
		r = refresh_put_all(round, err);
	if (r >= 0)
		r = refresh_remove_all(round, err);
	if (r >= 0 && round->look && round->session->config->image.stamp && image_txn_n_written(round->txn) > 0)
		r = refresh_stamp_put(round, err);
	if (r >= 0)
		r = refresh_swap_finish(round, err);
	if (r >= 0)
		refresh_symbols_keep(round);
	return r;
}
