#include "image/whole.h"

#include "base/fault.h"
#include "base/fs.h"
#include "base/proc.h"
#include "image/check.h"
#include "image/file.h"
#include "image/mount.h"
#include "image/names.h"
#include "image/note.h"
#include "image/shadow.h"
#include "image/still.h"
#include "image/swap.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The same names, note and swap as a transaction's, so that a dead run's remains are put right by the same recovery; only where the shadow's content comes
 * from is another matter. */

static const uint64_t leave_free = 16u << 20; /* on the host's disk */

struct image_whole {
	const struct config_image *config; /* borrowed */
	struct cancel *cancel;             /* borrowed */
	struct image_names names;
	struct image_identity from, shadow;
	const struct image_lock *lock; /* borrowed */
	char *log, *scratch; /* owned */
	char *source;        /* owned: the file that was copied, or NULL */
	bool sealed, lost;
};

static void whole_free(struct image_whole *whole)
{
	image_names_clear(&whole->names);
	free(whole->log);
	free(whole->scratch);
	free(whole->source);
	free(whole);
}

static int refuse_holders(const char *image, struct err *err)
{
	CLEANUP(image_holders_clear) struct image_holders holders = { 0 };
	int r = image_holders_find(image, &holders, err);

	return r < 0 ? r : image_holders_refuse(image, &holders, err);
}

static int begin(const struct image_whole_args *args, struct image_whole *whole, struct err *err)
{
	struct image_note working = { .stage = IMAGE_NOTE_WORKING };
	int r = image_names_init(&whole->names, args->config->path, err);

	if (r == 0)
		r = image_check_file(args->config, err);
	if (r == 0)
		r = refuse_holders(whole->names.image, err);
	if (r == 0)
		r = fs_make_dirs(args->state, 0755, err);
	if (r == 0)
		r = image_identity_read(whole->names.image, args->config->format, args->config->block, &whole->from, err);
	if (r < 0)
		return r;
	/* A copy that the last run kept would have this name. */
	r = image_note_write(whole->names.lock, &working, err);
	if (r == 0 && unlink(whole->names.shadow) < 0 && errno != ENOENT)
		r = err_set(err, -errno, "cannot delete '%s'", whole->names.shadow);
	return r;
}

static int whole_new(const struct image_whole_args *args, struct image_whole **ret, struct err *err)
{
	struct image_whole *whole;
	int r;

	if (!args->lock)
		return err_set(err, -EINVAL, "replacing '%s' needs its lock!", args->config->path);
	whole = xcalloc(1, sizeof(*whole));
	whole->config = args->config;
	whole->cancel = args->cancel;
	whole->lock = args->lock;
	whole->log = xasprintf("%s/mount.log", args->state);
	whole->scratch = xasprintf("%s/stage/compact.img", args->state);
	r = begin(args, whole, err);
	if (r < 0) {
		image_whole_abort(whole);
		return r;
	}
	*ret = whole;
	return 0;
}

static int make_empty(const char *path, uint64_t size, struct err *err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		return err_set(err, -errno, "cannot make '%s'", path);
	return 0;
}

static int check_room(const char *dir, uint64_t need, struct err *err)
{
	uint64_t room;

	if (fs_free_bytes(dir, &room) < 0 || room >= need + leave_free)
		return 0;
	err_class_set(err, ERR_ENVIRONMENT, -ENOSPC, "no space for a new image on the disk of '%s': it needs %llu MB, %llu MB are free", dir,
		      (unsigned long long)(need >> 20), (unsigned long long)(room >> 20));
	err_hint(err, "free some room there; IMAGE.prev and cargo's target folder are the usual large ones");
	return -ENOSPC;
}

/* -- a clone ----------------------------------------------------------------------------------------------------------------------------------- */

/* @n bytes of @from at @at to @to at @target, which is a hole: where the source has holes, it stays one. */
static int copy_range(int from, uint64_t at, uint64_t n, int to, uint64_t target, const struct cancel *cancel)
{
	enum { CHUNK = 256 << 10 };
	CLEANUP_FREE char *buffer = xrealloc(NULL, CHUNK);
	uint64_t end = at + n, start = at;

	while (at < end) {
		off_t data = lseek(from, (off_t)at, SEEK_DATA);
		size_t size;
		ssize_t got;

		if (data < 0 && errno == ENXIO)
			return 0;
		at = data < 0 ? at : (uint64_t)data;
		if (at >= end)
			return 0;
		size = end - at < CHUNK ? (size_t)(end - at) : CHUNK;
		got = pread(from, buffer, size, (off_t)at);
		if (got <= 0)
			return got < 0 ? -errno : -EIO;
		if (pwrite(to, buffer, (size_t)got, (off_t)(target + (at - start))) != got)
			return errno ? -errno : -EIO;
		at += (uint64_t)got;
		if (cancel_requested(cancel))
			return -ECANCELED;
	}
	return 0;
}

/* Partition tables, boot loaders and other partitions from the image; the file system from the clone. */
static int put_between(struct image_whole *whole, const struct image_redoxfs *header, struct err *err)
{
	CLEANUP_CLOSE int image = open(whole->names.image, O_RDONLY | O_CLOEXEC);
	CLEANUP_CLOSE int clone = open(whole->scratch, O_RDONLY | O_CLOEXEC);
	CLEANUP_CLOSE int to = open(whole->names.shadow, O_RDWR | O_CLOEXEC);
	uint64_t end = header->offset + header->size;
	int r = image < 0 || clone < 0 || to < 0 ? -errno : 0;

	if (r == 0)
		r = copy_range(image, 0, header->offset, to, 0, whole->cancel);
	if (r == 0)
		r = copy_range(clone, 0, header->size, to, header->offset, whole->cancel);
	if (r == 0 && whole->from.size > end)
		r = copy_range(image, end, whole->from.size - end, to, end, whole->cancel);
	return r < 0 ? err_set(err, r, "cannot write '%s'", whole->names.shadow) : 0;
}

static int read_header(const char *path, struct image_redoxfs *ret, struct err *err)
{
	struct stat st;
	CLEANUP_CLOSE int fd = image_file_open(path, &st, err);

	return fd < 0 ? fd : image_file_read_redoxfs(fd, path, ret, err);
}

static int run_clone(struct image_whole *whole, const char *to, struct err *err)
{
	int r = image_check_clone(whole->config, whole->names.image, to, whole->cancel, err);

	if (r == 0) {
		r = FAULT("compact-cloned");
		if (r < 0)
			err_set(err, r, "cannot use '%s'", to);
	}
	return r;
}

/* @alone: the clone is the new image itself; else it is made in the state folder first, which may lie on another disk. */
static int check_room_for_clone(const struct image_whole *whole, uint64_t used, bool alone, struct err *err)
{
	CLEANUP_FREE char *scratch = fs_dirname(whole->scratch);
	struct stat here, there;
	bool apart = !alone && stat(whole->names.dir, &here) == 0 && stat(scratch, &there) == 0 && here.st_dev != there.st_dev;
	int r = check_room(whole->names.dir, alone || apart ? used : 2 * used, err);

	return r < 0 || !apart ? r : check_room(scratch, used, err);
}

static int clone_image(struct image_whole *whole, struct err *err)
{
	struct image_redoxfs header;
	int r = read_header(whole->names.image, &header, err);
	bool alone = r == 0 && header.offset == 0 && header.size == whole->from.size;
	uint64_t free_bytes;

	if (r < 0)
		return r;
	/* It searches, as redoxfs does, and cannot be told where. */
	if (whole->config->block > 0 && header.offset != whole->config->block * 4096)
		return err_class_set(err, ERR_USAGE, -ENOTSUP,
				     "redoxfs-clone cannot find the file system that [image] block leads to: it takes the first in the image");
	if (image_whole_free(whole->config, &free_bytes) < 0)
		free_bytes = 0;
	r = check_room_for_clone(whole, header.size - free_bytes, alone, err);
	if (r == 0)
		r = make_empty(whole->names.shadow, whole->from.size, err);
	if (r < 0 || alone)
		return r < 0 ? r : run_clone(whole, whole->names.shadow, err);
	r = make_empty(whole->scratch, header.size, err);
	if (r == 0)
		r = run_clone(whole, whole->scratch, err);
	if (r == 0)
		r = put_between(whole, &header, err);
	(void)!unlink(whole->scratch);
	return r;
}

int image_whole_clone(const struct image_whole_args *args, struct image_whole **ret, struct err *err)
{
	CLEANUP(image_whole_abortp) struct image_whole *whole = NULL;
	int r;

	if (args->config->format != CONFIG_IMAGE_REDOXFS)
		return err_class_set(err, ERR_USAGE, -ENOTSUP, "only RedoxFS leaks room that compacting gets back: [image] format is another");
	r = whole_new(args, &whole, err);
	if (r == 0)
		r = clone_image(whole, err);
	if (r == 0)
		r = image_shadow_take_over(&whole->names, err);
	if (r == 0)
		*ret = TAKE_PTR(whole);
	return r;
}

/* -- a copy ------------------------------------------------------------------------------------------------------------------------------------ */

/* Returns 1 when @path was written meanwhile. */
static int copy_once(const struct image_whole *whole, const char *path, int to, struct err *err)
{
	CLEANUP_CLOSE int from = open(path, O_RDONLY | O_CLOEXEC);
	struct image_still before, after;
	int r = from < 0 ? err_set(err, -errno, "cannot open '%s'", path) : refuse_holders(path, err);

	if (r == 0)
		r = image_still_look(path, whole->config, &before, err);
	if (r < 0)
		return r;
	r = fs_copy_sparse(from, to, whole->cancel, NULL);
	if (r < 0)
		return err_set(err, r, "cannot copy '%s' to '%s'", path, whole->names.shadow);
	r = image_still_look(path, whole->config, &after, err);
	if (r == 0)
		r = refuse_holders(path, err);
	return r < 0 ? r : !image_still_same(&before, &after);
}

static int copy_twice(const struct image_whole *whole, const char *path, int to, struct err *err)
{
	int r = copy_once(whole, path, to, err);

	if (r != 1)
		return r;
	r = ftruncate(to, 0) < 0 ? err_set(err, -errno, "cannot write '%s'", whole->names.shadow) : copy_once(whole, path, to, err);
	if (r != 1)
		return r;
	err_class_set(err, ERR_BUSY, -EBUSY, "'%s' changed while it was being copied: the image is left as it is", path);
	err_hint(err, "some program writes it: end that first");
	return -EBUSY;
}

static int copy_from(const struct image_whole *whole, const struct stat *st, const char *path, struct err *err)
{
	CLEANUP_CLOSE int to = -1;
	int r = check_room(whole->names.dir, (uint64_t)st->st_blocks * 512, err);

	if (r < 0)
		return r;
	to = open(whole->names.shadow, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	r = to < 0 ? err_set(err, -errno, "cannot make '%s'", whole->names.shadow) : copy_twice(whole, path, to, err);
	if (r < 0)
		return r;
	r = FAULT("whole-copied");
	return r < 0 ? err_set(err, r, "cannot copy '%s' to '%s'", path, whole->names.shadow) : 0;
}

static int check_format(const struct config_image *config, int fd, const char *from, struct err *err)
{
	struct image_redoxfs header;

	if (config->format != CONFIG_IMAGE_REDOXFS)
		return image_file_check_format(fd, from, config->format, err);
	return image_file_read_redoxfs_at(fd, from, config->block, &header, err);
}

int image_whole_copy(const struct image_whole_args *args, const char *from, struct image_whole **ret, struct err *err)
{
	CLEANUP(image_whole_abortp) struct image_whole *whole = NULL;
	struct stat st = { 0 };
	CLEANUP_CLOSE int fd = image_file_open(from, &st, err);
	int r = fd < 0 ? fd : check_format(args->config, fd, from, err);

	/* Before the copy that is kept goes for it. */
	if (r == 0)
		r = refuse_holders(from, err);
	if (r == 0)
		r = whole_new(args, &whole, err);
	if (r == 0)
		whole->source = xstrdup(from);
	if (r == 0)
		r = copy_from(whole, &st, from, err);
	if (r == 0)
		r = image_shadow_take_over(&whole->names, err);
	if (r == 0)
		*ret = TAKE_PTR(whole);
	return r;
}

/* -- what both are used by ----------------------------------------------------------------------------------------------------------------------- */

int image_whole_read(struct image_whole *whole, int (*fn)(void *data, int root, struct err *err), void *data, struct err *err)
{
	struct image_mount_args args = { .config = whole->config,
					 .image = whole->names.shadow,
					 .point = whole->names.mnt,
					 .log = whole->log,
					 .cancel = whole->cancel };
	struct image_mount *mount = NULL;
	struct err stopping = ERR_INIT;
	int r = image_mount_start(&args, &mount, err), root, stopped;

	if (r < 0)
		return r;
	root = image_mount_open_root(mount, err);
	r = root < 0 ? root : fn(data, root, err);
	r = image_mount_explain(mount, r, err);
	cleanup_close(&root);
	stopped = image_mount_stop(&mount, &stopping);
	/* As in a transaction: whoever may still write it is recovery's. */
	whole->lost = stopped < 0 && stopped != -EIO;
	if (r < 0 || stopped == 0)
		return r;
	if (err)
		*err = stopping;
	return stopped;
}

int image_whole_fill(struct image_whole *whole, int (*fn)(void *data, int root, struct err *err), void *data, struct err *err)
{
	free(whole->source);
	whole->source = NULL;
	return image_whole_read(whole, fn, data, err);
}

const char *image_whole_path(const struct image_whole *whole)
{
	return whole->names.shadow;
}

int image_whole_seal(struct image_whole *whole, struct image_identity *ret, struct err *err)
{
	int r = image_shadow_take_over(&whole->names, err);

	if (r == 0)
		r = image_shadow_sync(whole->names.shadow, err);
	if (r == 0)
		r = image_identity_read(whole->names.shadow, whole->config->format, whole->config->block, &whole->shadow, err);
	if (r < 0)
		return r;
	whole->sealed = true;
	*ret = whole->shadow;
	return 0;
}

static int check_unchanged(const struct image_whole *whole, struct err *err)
{
	struct image_identity now;
	int r = image_identity_read(whole->names.image, whole->config->format, whole->config->block, &now, err);

	if (r < 0)
		return r;
	if (image_identity_same(&now, &whole->from))
		return refuse_holders(whole->names.image, err);
	err_class_set(err, ERR_BUSY, -EBUSY, "image '%s' was changed by somebody else meanwhile: it is left as it is", whole->names.image);
	err_hint(err, "run it again");
	return -EBUSY;
}

int image_whole_commit(struct image_whole **whole, int64_t *ret_swapped_us, char **ret_note, struct err *err)
{
	struct image_whole *w = *whole;
	struct image_swap swap = { .names = &w->names, .from = &w->from, .shadow = &w->shadow, .keep_previous = w->config->keep_previous };
	int r = w->sealed ? 0 : err_set(err, -EINVAL, "the new image for '%s' is not sealed!", w->names.image);

	if (r == 0 && cancel_requested(w->cancel))
		r = err_set(err, -ECANCELED, "interrupted!");
	if (r == 0) {
		r = FAULT("txn-before-swap");
		if (r < 0)
			err_set(err, r, "cannot swap '%s'", w->names.image);
	}
	if (r == 0) {
		r = image_lock_check(w->lock, err);
		w->lost = r < 0;
	}
	if (r == 0)
		r = check_unchanged(w, err);
	if (r == 0)
		r = image_swap(&swap, ret_swapped_us, ret_note, err);
	if (r == -ENOTRECOVERABLE)
		w->lost = true;
	if (r < 0)
		return r;
	whole_free(w);
	*whole = NULL;
	return 0;
}

void image_whole_abort(struct image_whole *whole)
{
	if (!whole)
		return;
	/* A lost one stays, with its note; so does what was there when nothing was begun. */
	if (whole->from.ino != 0 && !whole->lost) {
		(void)!unlink(whole->scratch);
		/* A swap that was taken back late has lost IMAGE.prev; where that was the source, here is its content. */
		if (whole->sealed && whole->source && !fs_exists(whole->source))
			(void)!rename(whole->names.shadow, whole->source);
		image_shadow_drop(&whole->names);
	}
	whole_free(whole);
}

void image_whole_abortp(struct image_whole **whole)
{
	image_whole_abort(*whole);
}

static int room_in(const char *path, uint64_t block, uint64_t *ret_size, uint64_t *ret_free)
{
	struct image_redoxfs header;
	struct stat st;
	CLEANUP_CLOSE int fd = image_file_open(path, &st, NULL);
	int r = fd < 0 ? fd : image_redoxfs_read_at(fd, block, &header);

	if (r == 0)
		r = image_redoxfs_free(fd, &header, ret_free);
	if (r < 0)
		return -ENOTSUP;
	*ret_size = header.size;
	return 0;
}

int image_whole_free(const struct config_image *config, uint64_t *ret)
{
	uint64_t size;

	return room_in(config->path, config->block, &size, ret);
}

int image_whole_room(const struct config_image *config, uint64_t *ret_size, uint64_t *ret_used)
{
	uint64_t size, free_bytes;
	int r = room_in(config->path, config->block, &size, &free_bytes);

	if (r < 0 || free_bytes > size)
		return -ENOTSUP;
	*ret_size = size;
	*ret_used = size - free_bytes;
	return 0;
}

int image_whole_free_shadow(const struct image_whole *whole, uint64_t *ret)
{
	uint64_t size;

	return room_in(whole->names.shadow, whole->config->block, &size, ret);
}
