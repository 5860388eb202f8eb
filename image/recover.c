/* What a dead run left is put right in the order in which it is safe: first whoever still serves the shadow, then the mount, then the names. The
 * lock is held, so no living run of ours is met here. */
#include "image/image.h"

#include "base/fs.h"
#include "base/proc.h"
#include "image/direct.h"
#include "image/holders.h"
#include "image/mount.h"
#include "image/mounts.h"
#include "image/names.h"
#include "image/note.h"
#include "image/shadow.h"
#include "image/swap.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

enum {
	UNMOUNTED_LIMIT_MS = 60000, /* for a daemon whose mount is gone: it writes its last blocks and ends by itself */
	ASKED_LIMIT_MS = 5000,      /* for one that never got its mount up */
};

/* A dead run served the shadow, or (mode = in-place) the image itself: then the note says so, or whoever serves the image is a user's. */
static int find_daemons(const struct image_names *names, const struct config_image *config, struct image_daemons *ret, struct err *err)
{
	struct image_note note;

	image_note_read(names->lock, &note);
	if (note.stage == IMAGE_NOTE_HOLDING)
		return image_daemons_find(names->image, config->tool, ret, err);
	return fs_exists(names->shadow) ? image_daemons_find(names->shadow, config->tool, ret, err) : 0;
}

static int clear_mount(const struct image_names *names, const struct config_image *config, const char *point, struct strvec *ret_notes,
		       struct err *err)
{
	int r;

	if (!image_mounts_has(point))
		return 0;
	r = image_mount_clear(point, config, names->shadow, config->mount_timeout_ms, err);
	if (r < 0)
		return err_wrap(err, r, "what an earlier run left mounted is still there");
	/* Then it is gone in other mount namespaces, too (image/mount.c), and its daemon can end. Files in it are not ours: then the folder stays. */
	if (str_eq(point, names->mnt))
		(void)!rmdir(point);
	strvec_addf(ret_notes, "unmounted '%s', which a run that ended had left", point);
	return 0;
}

/* A daemon whose mount is gone ends by itself; one that hangs or has no mount yet is told to. */
static int end_daemon(const struct image_daemon *daemon, bool was_mounted, struct strvec *ret_notes, struct err *err)
{
	int r = was_mounted ? proc_wait_gone(daemon->pid, UNMOUNTED_LIMIT_MS) : -ETIMEDOUT;

	if (r == -ETIMEDOUT)
		r = proc_end_stray(daemon->pid, daemon->started, SIGTERM, ASKED_LIMIT_MS, err);
	if (r < 0)
		return r;
	strvec_addf(ret_notes, "ended the mount daemon %d, which a run that ended had left", (int)daemon->pid);
	return 0;
}

static int end_daemons(const struct image_names *names, const struct config_image *config, struct strvec *ret_notes, struct err *err)
{
	CLEANUP(image_daemons_clear) struct image_daemons daemons = { 0 };
	bool was_mounted = image_mounts_has(names->mnt);
	struct image_note note;
	int r = find_daemons(names, config, &daemons, err);
	bool holding;

	if (r < 0)
		return r;
	image_note_read(names->lock, &note);
	holding = note.stage == IMAGE_NOTE_HOLDING;
	r = clear_mount(names, config, names->mnt, ret_notes, err);
	for (size_t i = 0; r == 0 && i < daemons.n; i++) {
		const char *point = daemons.v[i].mount_point;
		bool elsewhere = point && !str_eq(point, names->mnt) && image_mounts_has(point);

		/* In its folder the shadow is ours wherever it is mounted; the image is ours to unmount at IMAGE.mnt only. */
		if (holding && !str_eq(point, names->mnt))
			continue;
		if (elsewhere)
			r = clear_mount(names, config, point, ret_notes, err);
		if (r == 0)
			r = end_daemon(&daemons.v[i], was_mounted || elsewhere, ret_notes, err);
	}
	/* One that was told to end may have got its mount up in between, and left it dead. */
	return r < 0 ? r : clear_mount(names, config, names->mnt, ret_notes, err);
}

static int settle_shadow(const struct image_names *names, const struct config_image *config, struct strvec *ret_notes, struct err *err)
{
	struct image_note note;

	if (!fs_exists(names->shadow) || image_shadow_is_kept(names, config->format))
		return 0;
	if (unlink(names->shadow) < 0)
		return err_set(err, -errno, "cannot delete '%s'", names->shadow);
	/* Another note is about the image itself. */
	image_note_read(names->lock, &note);
	if (note.stage == IMAGE_NOTE_WORKING || note.stage == IMAGE_NOTE_KEPT)
		image_note_done(names->lock);
	strvec_addf(ret_notes, "deleted '%s', which a run that ended had left", names->shadow);
	return 0;
}

int image_recover(const struct config_image *config, struct strvec *ret_notes, struct err *err)
{
	CLEANUP(image_names_clear) struct image_names names = { 0 };
	int r = image_names_init(&names, config->path, err);

	if (r < 0)
		return r;
	names.block = config->block;
	r = end_daemons(&names, config, ret_notes, err);
	if (r < 0)
		return r;
	/* Files in it are not ours: then the folder stays. */
	(void)!rmdir(names.mnt);
	r = image_swap_recover(&names, ret_notes, err);
	if (r >= 0)
		r = settle_shadow(&names, config, ret_notes, err);
	return r < 0 ? r : image_direct_recover(config, &names, ret_notes, err);
}
