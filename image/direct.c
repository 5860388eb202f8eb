#include "image/direct.h"

#include "base/fs.h"
#include "image/guard.h"
#include "image/holders.h"
#include "image/live.h"
#include "image/mount.h"
#include "image/note.h"
#include "image/pulse.h"
#include "image/shadow.h"
#include "image/steps.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void image_direct_note(const struct config_image *config, const struct image_names *names, const struct image_identity *known)
{
	struct image_note note = { .stage = IMAGE_NOTE_TOUCHED };

	if (known)
		note.from = *known;
	/* Without the note the image counts as changed by somebody else, and is compared; so does another file under its name. */
	if (!known || image_identity_read(names->image, config->format, names->block, &note.shadow, NULL) < 0 ||
	    !image_identity_may_follow(&note.shadow, known) || image_note_write(names->lock, &note, NULL) < 0)
		image_note_done(names->lock);
}

/* -- the rest of a dead run -------------------------------------------------------------------------------------------------------------------- */

static int settle(const struct image_steps *steps, int root, struct strvec *ret_notes, size_t *ret_n_foreign, struct err *err)
{
	size_t before = ret_notes->n;
	int r = steps->decided ? image_steps_apply(steps, root, ret_notes, err) : image_steps_take_back(steps, root, err);

	*ret_n_foreign = ret_notes->n - before;
	return r;
}

static int settle_by_live_mount(const struct config_image *config, const struct image_names *names, const struct image_steps *steps,
				struct strvec *ret_notes, size_t *ret_n_foreign, struct err *err)
{
	CLEANUP(image_live_clear) struct image_live live = { 0 };
	struct image_pulse *pulse = NULL;
	CLEANUP_CLOSE int root = -1;
	int r = image_live_find(config, names, &live, err);

	if (r >= 0)
		r = image_pulse_start(live.point, config->answer_timeout_ms, NULL, NULL, &pulse);
	if (r >= 0 && image_pulse_ask(pulse) < 0)
		r = err_set(err, -ETIMEDOUT, "the mount of the image at '%s' does not answer: process %d hangs or was stopped!", live.point,
			    (int)live.pid);
	if (r >= 0)
		r = root = image_live_open_root(&live, err);
	if (r >= 0)
		r = settle(steps, root, ret_notes, ret_n_foreign, err);
	if (r >= 0) {
		r = fs_sync_all(root);
		if (r < 0)
			err_set(err, r, "cannot sync the mount at '%s'", live.point);
	}
	image_pulse_stop(pulse);
	return r;
}

static int mount_and_settle(const struct image_mount_args *args, const struct image_steps *steps, struct strvec *ret_notes,
			    size_t *ret_n_foreign, struct err *err)
{
	struct image_mount *mount = NULL;
	CLEANUP_CLOSE int root = -1;
	int e, r = image_mount_start(args, &mount, err);

	if (r < 0)
		return r;
	r = root = image_mount_open_root(mount, err);
	if (r >= 0)
		r = image_mount_explain(mount, settle(steps, root, ret_notes, ret_n_foreign, err), err);
	cleanup_close(&root);
	e = image_mount_stop(&mount, r < 0 ? NULL : err);
	return r < 0 ? r : e;
}

static int settle_by_own_mount(const struct config_image *config, const struct image_names *names, const struct image_steps *steps,
			       struct strvec *ret_notes, size_t *ret_n_foreign, struct err *err)
{
	CLEANUP(image_holders_clear) struct image_holders holders = { 0 };
	CLEANUP_FREE char *log = xasprintf("%s.log", names->mnt);
	struct image_mount_args args = { .config = config, .image = names->image, .point = names->mnt, .log = log };
	/* It is the image itself that is mounted, whatever the mode is by now. */
	struct config_image in_place = *config;
	CLEANUP_CLOSE int guard = -1;
	int r;

	in_place.mode = CONFIG_IMAGE_IN_PLACE;
	r = image_holders_find(names->image, &holders, err);
	if (r >= 0)
		r = image_holders_refuse_for(&in_place, 0, &holders, err);
	if (r >= 0)
		r = guard = image_guard_take(names->image, err);
	if (r >= 0)
		r = mount_and_settle(&args, steps, ret_notes, ret_n_foreign, err);
	unlink(log);
	return r;
}

static void tell(const struct image_names *names, const struct image_steps *steps, struct strvec *ret_notes)
{
	if (steps->n == 0)
		return;
	if (steps->decided)
		strvec_addf(ret_notes, "a run ended while its files took their places in '%s': the rest is there now", names->image);
	else
		strvec_addf(ret_notes, "a run ended before its files took their places: they were removed from '%s', which holds what it held",
			    names->image);
}

static int settle_steps(const struct config_image *config, const struct image_names *names, bool *ret_decided, size_t *ret_n_foreign,
			struct strvec *ret_notes, struct err *err)
{
	CLEANUP(image_steps_freep) struct image_steps *steps = NULL;
	int r = image_steps_load(names, &steps, err);

	if (r <= 0)
		return r;
	*ret_decided = steps->decided;
	if (steps->n == 0)
		r = 0;
	else if (config->mode == CONFIG_IMAGE_LIVE)
		r = settle_by_live_mount(config, names, steps, ret_notes, ret_n_foreign, err);
	else
		r = settle_by_own_mount(config, names, steps, ret_notes, ret_n_foreign, err);
	if (r >= 0)
		r = image_shadow_sync(names->image, err);
	if (r < 0)
		return err_wrap(err, r, "an interrupted run left files half-way in the image");
	tell(names, steps, ret_notes);
	if (!steps->decided)
		image_steps_forget(names);
	return 0;
}

int image_direct_recover(const struct config_image *config, const struct image_names *names, struct strvec *ret_notes, struct err *err)
{
	struct image_note note;
	size_t n_foreign = 0;
	bool decided = false;
	int r = settle_steps(config, names, &decided, &n_foreign, ret_notes, err);

	if (r < 0)
		return r;
	image_note_read(names->lock, &note);
	if (note.stage == IMAGE_NOTE_HOLDING)
		image_direct_note(config, names, n_foreign > 0 ? NULL : decided ? &note.shadow : &note.from);
	return n_foreign > 0;
}

bool image_commit_pending(const char *path)
{
	CLEANUP(image_names_clear) struct image_names names = { 0 };
	CLEANUP(image_steps_freep) struct image_steps *steps = NULL;

	return image_names_init(&names, path, NULL) == 0 && image_steps_load(&names, &steps, NULL) == 1 && steps->decided;
}

void image_commit_forget(const char *path)
{
	CLEANUP(image_names_clear) struct image_names names = { 0 };

	if (image_names_init(&names, path, NULL) == 0)
		image_steps_forget(&names);
}
