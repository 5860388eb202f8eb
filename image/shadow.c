#include "image/shadow.h"

#include "base/fault.h"
#include "base/fs.h"
#include "image/note.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int image_shadow_sync(const char *path, struct err *err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : fs_sync(fd);

	return r < 0 ? err_set(err, r, "cannot sync '%s' to the disk", path) : 0;
}

void image_shadow_drop(const struct image_names *names)
{
	/* A failure is ignored: the note still says 'working', and the next recovery tries again. */
	if (unlink(names->shadow) == 0 || errno == ENOENT)
		image_note_done(names->lock);
}

void image_shadow_keep(const struct image_names *names, enum config_image_format format, const struct image_identity *from)
{
	struct image_note note = { .stage = IMAGE_NOTE_KEPT, .from = *from };

	if (image_shadow_sync(names->shadow, NULL) < 0 || image_identity_read(names->shadow, format, names->block, &note.shadow, NULL) < 0 ||
	    image_note_write(names->lock, &note, NULL) < 0)
		image_shadow_drop(names);
}

static bool find_kept(const struct image_names *names, enum config_image_format format, struct image_note *ret)
{
	struct image_identity image, shadow;

	image_note_read(names->lock, ret);
	return ret->stage == IMAGE_NOTE_KEPT && image_identity_read(names->image, format, names->block, &image, NULL) == 0 &&
	       image_identity_read(names->shadow, format, names->block, &shadow, NULL) == 0 && image_identity_same(&image, &ret->from) &&
	       image_identity_same(&shadow, &ret->shadow);
}

bool image_shadow_is_kept(const struct image_names *names, enum config_image_format format)
{
	struct image_note note;

	return find_kept(names, format, &note);
}

static int say_full(const struct image_names *names, uint64_t need, struct err *err)
{
	uint64_t free_bytes = 0;

	(void)!fs_free_bytes(names->dir, &free_bytes);
	err_class_set(err, ERR_ENVIRONMENT, -ENOSPC, "no space for a copy of the image on the disk of '%s': it needs %llu MB, %llu MB are free",
		      names->dir, (unsigned long long)(need >> 20), (unsigned long long)(free_bytes >> 20));
	err_hint(err, "free some room there; IMAGE.prev and cargo's target folder are the usual large ones");
	return -ENOSPC;
}

/* Filling the disk to the brim would hurt whatever else writes there, so it is looked at first; a reflink needs no room. */
static int copy_bytes(const struct image_names *names, int from, int to, const struct cancel *cancel, struct err *err)
{
	uint64_t need, free_bytes;
	struct stat st;
	int r;

	if (fstat(from, &st) < 0)
		return err_set(err, -errno, "cannot look at '%s'", names->image);
	need = (uint64_t)st.st_blocks * 512;
	if (fs_free_bytes(names->dir, &free_bytes) == 0 && free_bytes < need + IMAGE_SHADOW_LEAVES_FREE)
		return fs_reflink(from, to) == 0 ? 0 : say_full(names, need + IMAGE_SHADOW_LEAVES_FREE, err);
	r = fs_copy_sparse(from, to, cancel, NULL);
	if (r == -ENOSPC || r == -EDQUOT)
		return say_full(names, need, err);
	return r < 0 ? err_set(err, r, "cannot copy '%s' to '%s'", names->image, names->shadow) : 0;
}

/* A copy of an image that somebody writes is corrupt, so its identity is read before and after. Returns 1 when it changed. */
static int copy_once(const struct image_names *names, enum config_image_format format, int to, const struct cancel *cancel,
		     struct image_identity *ret_from, struct err *err)
{
	CLEANUP_CLOSE int from = open(names->image, O_RDONLY | O_CLOEXEC);
	struct image_identity before, after;
	int r;

	if (from < 0)
		return err_set(err, -errno, "cannot open image '%s'", names->image);
	r = image_identity_read(names->image, format, names->block, &before, err);
	if (r < 0)
		return r;
	r = copy_bytes(names, from, to, cancel, err);
	if (r < 0)
		return r;
	r = image_identity_read(names->image, format, names->block, &after, err);
	if (r < 0)
		return r;
	if (!image_identity_same(&before, &after))
		return 1;
	*ret_from = after;
	return 0;
}

static int copy_twice(const struct image_names *names, enum config_image_format format, int to, const struct cancel *cancel,
		      struct image_identity *ret_from, struct err *err)
{
	int r = copy_once(names, format, to, cancel, ret_from, err);

	if (r != 1)
		return r;
	if (ftruncate(to, 0) < 0)
		return err_set(err, -errno, "cannot write '%s'", names->shadow);
	r = copy_once(names, format, to, cancel, ret_from, err);
	if (r != 1)
		return r;
	err_class_set(err, ERR_BUSY, -EBUSY, "image '%s' changed while it was being copied", names->image);
	err_hint(err, "some program writes it: end that first");
	return -EBUSY;
}

/* The shadow becomes the image, so it gets the image's owner and mode. Returns 1 when it had others. */
static int take_over_owner(const struct image_names *names, int to, struct err *err)
{
	struct stat st, now;

	if (stat(names->image, &st) < 0)
		return err_set(err, -errno, "cannot look at '%s'", names->image);
	if (fstat(to, &now) < 0)
		return err_set(err, -errno, "cannot look at '%s'", names->shadow);
	if (now.st_uid == st.st_uid && now.st_gid == st.st_gid && now.st_mode == st.st_mode)
		return 0;
	if (fchown(to, st.st_uid, st.st_gid) < 0 || fchmod(to, st.st_mode & 07777) < 0)
		return err_set(err, -errno, "cannot give '%s' the owner and mode of the image", names->shadow);
	return 1;
}

int image_shadow_take_over(const struct image_names *names, struct err *err)
{
	CLEANUP_CLOSE int fd = open(names->shadow, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return err_set(err, -errno, "cannot open '%s'", names->shadow);
	r = take_over_owner(names, fd, err);
	if (r != 1)
		return r;
	r = fs_sync(fd);
	return r < 0 ? err_set(err, r, "cannot sync '%s' to the disk", names->shadow) : 0;
}

static int make_copy(const struct image_names *names, enum config_image_format format, const struct cancel *cancel,
		     struct image_identity *ret_from, struct err *err)
{
	CLEANUP_CLOSE int to = open(names->shadow, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r;

	if (to < 0)
		return err_set(err, -errno, "cannot make '%s'", names->shadow);
	r = copy_twice(names, format, to, cancel, ret_from, err);
	if (r < 0)
		return r;
	r = FAULT("txn-copied");
	if (r < 0)
		return err_set(err, r, "cannot copy '%s'", names->image);
	r = take_over_owner(names, to, err);
	if (r < 0)
		return r;
	if (cancel_requested(cancel))
		return err_set(err, -ECANCELED, "interrupted!");
	r = fs_sync(to);
	return r < 0 ? err_set(err, r, "cannot sync '%s' to the disk", names->shadow) : 0;
}

int image_shadow_prepare(const struct image_names *names, enum config_image_format format, const struct cancel *cancel,
			 struct image_identity *ret_from, struct err *err)
{
	struct image_note working = { .stage = IMAGE_NOTE_WORKING }, kept;
	bool use_kept = find_kept(names, format, &kept);
	int r;

	if (!use_kept && unlink(names->shadow) < 0 && errno != ENOENT)
		return err_set(err, -errno, "cannot delete '%s'", names->shadow);
	/* From here on the shadow is worth nothing to whoever comes after a crash. */
	r = image_note_write(names->lock, &working, err);
	if (r < 0)
		return r;
	r = use_kept ? image_shadow_take_over(names, err) : make_copy(names, format, cancel, ret_from, err);
	if (r < 0) {
		image_shadow_drop(names);
		return r;
	}
	if (use_kept)
		*ret_from = kept.from;
	return 0;
}
