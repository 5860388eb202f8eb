/* The order of a transaction, and who undoes what: the parts are image/shadow (the copy), image/mount (the daemon), image/put (the files) and
 * image/swap (the names). */
#include "image/txn.h"

#include "base/fault.h"
#include "base/fs.h"
#include "image/mount.h"
#include "image/names.h"
#include "image/place.h"
#include "image/put.h"
#include "image/redoxfs.h"
#include "image/resolve.h"
#include "image/shadow.h"
#include "image/swap.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* What RedoxFS may need beside the files themselves, for its own blocks. */
static const uint64_t leave_free = 4u << 20;

struct image_txn {
	const struct config_image *config; /* borrowed, with all that it holds */
	struct image_txn_hooks hooks;
	struct cancel *cancel; /* borrowed; may be NULL */
	struct image_names names;
	char *log;                    /* owned: the daemon's output */
	struct image_identity from;   /* the image that was copied */
	struct image_identity shadow; /* valid when sealed */
	struct image_mount *mount;    /* owned; NULL while the shadow is not mounted */
	int root;                     /* owned; -1 while not mounted */
	struct image_put *puts;       /* owned: what was written and is to be read back */
	size_t n_puts, cap_puts;
	struct image_put_hashes hashes;
	unsigned int n_written;
	bool dirty; /* the shadow's files may differ from the image's */
	bool sealed;
	bool lost; /* what has the shadow's name may be served still, or be the image of before: it is image_recover()'s */
};

static int check_cancel(const struct image_txn *txn, struct err *err)
{
	return cancel_requested(txn->cancel) ? err_set(err, -ECANCELED, "interrupted!") : 0;
}

static int refuse_holders(const char *image, struct err *err)
{
	CLEANUP(image_holders_clear) struct image_holders holders = { 0 };
	int r = image_holders_find(image, &holders, err);

	return r < 0 ? r : image_holders_refuse(image, &holders, err);
}

static int mount_shadow(struct image_txn *txn, struct err *err)
{
	struct image_mount_args args = {
		.config = txn->config,
		.image = txn->names.shadow,
		.point = txn->names.mnt,
		.log = txn->log,
		.cancel = txn->cancel,
		.on_child = txn->hooks.on_child,
		.data = txn->hooks.data,
	};
	int r = image_mount_start(&args, &txn->mount, err);

	if (r < 0)
		return r;
	txn->root = image_mount_open_root(txn->mount, err);
	return txn->root < 0 ? txn->root : 0;
}

static int unmount_shadow(struct image_txn *txn, struct err *err)
{
	int r;

	cleanup_close(&txn->root);
	r = image_mount_stop(&txn->mount, err);
	/* -EIO: the daemon is gone, but not as it should. Whatever else failed, it may still be writing. */
	if (r < 0 && r != -EIO)
		txn->lost = true;
	return r;
}

static void txn_free(struct image_txn *txn)
{
	for (size_t i = 0; i < txn->n_puts; i++)
		image_put_clear(&txn->puts[i]);
	free(txn->puts);
	image_put_hashes_clear(&txn->hashes);
	free(txn->log);
	image_names_clear(&txn->names);
	free(txn);
}

static int open_log(struct image_txn *txn, const char *state, struct err *err)
{
	int r = fs_make_dirs(state, 0755, err);

	if (r < 0)
		return r;
	txn->log = xasprintf("%s/mount.log", state);
	/* The last transaction's words; absent is fine. */
	(void)!truncate(txn->log, 0);
	return 0;
}

static int begin(struct image_txn *txn, const char *state, struct err *err)
{
	int r = FAULT("txn-locked");

	if (r < 0)
		return err_set(err, r, "cannot begin a transaction on '%s'", txn->names.image);
	r = image_check_file(txn->config, err);
	if (r < 0)
		return r;
	r = refuse_holders(txn->names.image, err);
	if (r < 0)
		return r;
	r = open_log(txn, state, err);
	if (r < 0)
		return r;
	r = image_shadow_prepare(&txn->names, txn->config->format, txn->cancel, &txn->from, err);
	if (r < 0)
		return r;
	r = mount_shadow(txn, err);
	if (r < 0) {
		/* Whatever is wrong with it, it is not to be used again. */
		txn->dirty = true;
		return r;
	}
	r = FAULT("txn-mounted");
	if (r < 0)
		return err_set(err, r, "cannot use the mounted image '%s'", txn->names.shadow);
	return check_cancel(txn, err);
}

int image_txn_begin(const struct config_image *config, struct image_lock *lock, const char *state, const struct image_txn_hooks *hooks,
		    struct cancel *cancel, struct image_txn **ret, struct err *err)
{
	struct image_txn *txn;
	int r;

	if (config->mode != CONFIG_IMAGE_SHADOW)
		return err_class_set(err, ERR_USAGE, -ENOTSUP, "this transaction is for mode = shadow only");
	if (!lock)
		return err_set(err, -EINVAL, "a transaction on '%s' needs its lock!", config->path);
	txn = xcalloc(1, sizeof(*txn));
	txn->config = config;
	txn->cancel = cancel;
	txn->root = -1;
	if (hooks)
		txn->hooks = *hooks;
	r = image_names_init(&txn->names, config->path, err);
	if (r == 0)
		r = begin(txn, state, err);
	if (r < 0) {
		image_txn_abort(txn);
		return r;
	}
	*ret = txn;
	return 0;
}

static int require_mounted(const struct image_txn *txn, struct err *err)
{
	if (txn->root >= 0)
		return check_cancel(txn, err);
	return err_set(err, -EBADF, "the transaction on '%s' takes no more files!", txn->names.image);
}

int image_txn_target(struct image_txn *txn, const char *dst, const char *name, char **ret, struct err *err)
{
	int r = require_mounted(txn, err);

	if (r < 0)
		return r;
	r = image_place_target(txn->root, txn->config->format, dst, name, ret, err);
	return image_mount_explain(txn->mount, r, err);
}

int image_txn_check(struct image_txn *txn, const char *dst, const char *name, struct err *err)
{
	int r = require_mounted(txn, err);

	if (r < 0)
		return r;
	return image_mount_explain(txn->mount, image_put_check(txn->root, txn->config->format, dst, name, err), err);
}

int image_txn_room(struct image_txn *txn, uint64_t bytes, struct err *err)
{
	struct statvfs st;
	uint64_t room;
	int r = require_mounted(txn, err);

	if (r < 0)
		return r;
	if (fstatvfs(txn->root, &st) < 0)
		return image_mount_explain(txn->mount, err_set(err, -errno, "cannot ask for the room in image '%s'", txn->names.image), err);
	room = (uint64_t)st.f_bavail * st.f_bsize;
	if (room >= bytes + leave_free)
		return 0;
	err_set(err, -ENOSPC, "image '%s' is full: %.1f MB are free, %.1f MB are needed!", txn->names.image, (double)room / 1e6,
		(double)(bytes + leave_free) / 1e6);
	err_hint(err, "delete something in it, enlarge it, or get leaked room back: reinject image compact");
	return -ENOSPC;
}

int image_txn_compare(struct image_txn *txn, const char *src, const char *dst, const char *name, bool *ret_identical, struct err *err)
{
	struct image_put_job job = {
		.root = txn->root,
		.format = txn->config->format,
		.src = src,
		.dst = dst,
		.name = name,
		.hashes = &txn->hashes,
	};
	int r = require_mounted(txn, err);

	if (r < 0)
		return r;
	return image_mount_explain(txn->mount, image_put_compare(&job, ret_identical, err), err);
}

/* Keeps what seal() will read back; a second put of one path replaces the first. */
static void remember(struct image_txn *txn, const struct image_put *put)
{
	struct image_put copy = *put;

	copy.path = xstrdup(put->path);
	for (size_t i = 0; i < txn->n_puts; i++) {
		if (strcmp(txn->puts[i].path, put->path) != 0)
			continue;
		image_put_clear(&txn->puts[i]);
		txn->puts[i] = copy;
		return;
	}
	grow_array(&txn->puts, &txn->cap_puts, txn->n_puts, sizeof(*txn->puts));
	txn->puts[txn->n_puts++] = copy;
}

int image_txn_put(struct image_txn *txn, const char *src, const char *dst, const char *name, mode_t mode, struct image_put *ret, struct err *err)
{
	struct image_put put;
	struct image_put_job job = {
		.root = txn->root,
		.format = txn->config->format,
		.src = src,
		.dst = dst,
		.name = name,
		.mode = mode,
		.hooks = &txn->hooks,
		.cancel = txn->cancel,
		.hashes = &txn->hashes,
		.written = &txn->dirty,
	};
	int r = require_mounted(txn, err);

	if (r < 0)
		return r;
	r = image_put_file(&job, &put, err);
	if (r < 0)
		return image_mount_explain(txn->mount, r, err);
	if (put.result == IMAGE_PUT_WRITTEN) {
		txn->n_written++;
		remember(txn, &put);
	}
	*ret = put;
	return 0;
}

int image_txn_remove(struct image_txn *txn, const char *path, const char *hash, struct image_put *ret, struct err *err)
{
	struct image_put put;
	struct image_put_job job = { .root = txn->root, .hooks = &txn->hooks, .hashes = &txn->hashes, .written = &txn->dirty };
	int r = require_mounted(txn, err);

	if (r < 0)
		return r;
	r = image_put_remove(&job, path, hash, &put, err);
	if (r < 0)
		return image_mount_explain(txn->mount, r, err);
	if (put.result == IMAGE_PUT_REMOVED) {
		txn->n_written++;
		remember(txn, &put);
	}
	*ret = put;
	return 0;
}

/* A byte that RedoxFS does not take would end its daemon. '..' may stand here: it ends at the image's root. */
static int check_words(const char *path, enum config_image_format format, struct err *err)
{
	if (path[0] != '/')
		return err_class_set(err, ERR_USAGE, -EINVAL, "'%s' is no path in the image: it must begin with '/'", path);
	for (const char *p = path; format == CONFIG_IMAGE_REDOXFS && *p;) {
		size_t n = strcspn(p, "/");
		const char *problem = n > 0 ? image_redoxfs_name_problem(p, n) : NULL;

		if (problem)
			return err_class_set(err, ERR_USAGE, -EINVAL, "'%.*s' in '%s' %s", (int)n, p, path, problem);
		p += n;
		p += strspn(p, "/");
	}
	return 0;
}

int image_txn_locate(struct image_txn *txn, const char *path, char **ret, struct err *err)
{
	CLEANUP(image_place_clear) struct image_place place = { .dir = -1 };
	struct stat dir;
	int r = require_mounted(txn, err);

	if (r >= 0)
		r = check_words(path, txn->config->format, err);
	if (r >= 0)
		r = image_mount_explain(txn->mount, image_place_find(txn->root, path, &place, err), err);
	if (r < 0 && r != -ENOENT && r != -ENOTDIR && r != -ELOOP && r != -EXDEV)
		return r;
	if (r >= 0 && place.exists && fstat(place.dir, &dir) < 0)
		return image_mount_explain(txn->mount, err_set(err, -errno, "cannot look at '%s' in the image", path), err);
	*ret = r >= 0 && place.exists ? xasprintf("%llu/%s", (unsigned long long)dir.st_ino, place.name) : NULL;
	return 0;
}

int image_txn_hash(struct image_txn *txn, const char *path, char ret[HASH_HEX_SIZE], struct err *err)
{
	struct image_put_job job = { .root = txn->root, .hashes = &txn->hashes };
	int r = require_mounted(txn, err);

	return r < 0 ? r : image_mount_explain(txn->mount, image_put_read_hash(&job, path, ret, err), err);
}

static int say_missing(const struct image_txn *txn, const char *path, struct err *err)
{
	CLEANUP_FREE char *near = fs_absolute("/", path), *visible = str_visible(path), *there = NULL;

	while (strcmp(near, "/") != 0) {
		CLEANUP_FREE char *child = near;
		CLEANUP_CLOSE int fd = -1;

		near = fs_dirname(child);
		fd = image_resolve_dir(txn->root, near);
		if (fd >= 0)
			break;
	}
	there = str_visible(near);
	return err_set(err, -ENOENT, "the image has no '%s': the nearest folder that exists is '%s'!", visible, there);
}

/* /proc gives what O_PATH holds, with no second look-up by name. */
static int reopen(int fd, const struct stat *st)
{
	CLEANUP_FREE char *self = xasprintf("/proc/self/fd/%d", fd);
	int again = S_ISDIR(st->st_mode) ? openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : open(self, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	return again < 0 ? -errno : again;
}

int image_txn_open_path(struct image_txn *txn, const char *path, struct stat *ret, struct err *err)
{
	CLEANUP_FREE char *visible = str_visible(path);
	CLEANUP_CLOSE int fd = -1;
	int again, r = require_mounted(txn, err);

	if (r >= 0)
		r = check_words(path, txn->config->format, err);
	if (r < 0)
		return r;
	fd = image_resolve_any(txn->root, path);
	if (fd == -ENOENT || fd == -ENOTDIR)
		return image_mount_explain(txn->mount, say_missing(txn, path, err), err);
	r = fd < 0 ? fd : fstat(fd, ret) < 0 ? -errno : 0;
	if (r < 0)
		return image_mount_explain(txn->mount, err_set(err, r, "cannot find '%s' in the image", visible), err);
	if (!S_ISDIR(ret->st_mode) && !S_ISREG(ret->st_mode))
		return err_set(err, -ENXIO, "'%s' in the image is neither a file nor a folder!", visible);
	again = reopen(fd, ret);
	return again < 0 ? image_mount_explain(txn->mount, err_set(err, again, "cannot open '%s' in the image", visible), err) : again;
}

int image_txn_explain(struct image_txn *txn, int code, struct err *err)
{
	return txn->mount ? image_mount_explain(txn->mount, code, err) : code;
}

unsigned int image_txn_n_written(const struct image_txn *txn)
{
	return txn->n_written;
}

/* Whether what was put is really in the image is only seen by a daemon that has not seen it yet. */
static int verify(struct image_txn *txn, struct err *err)
{
	int r = mount_shadow(txn, err);

	for (size_t i = 0; r == 0 && i < txn->n_puts; i++) {
		r = check_cancel(txn, err);
		if (r == 0)
			r = image_mount_explain(txn->mount, image_put_verify(txn->root, &txn->puts[i], err), err);
	}
	if (r == 0) {
		r = FAULT("txn-verified");
		if (r < 0)
			err_set(err, r, "cannot verify '%s'", txn->names.shadow);
	}
	return r < 0 ? r : unmount_shadow(txn, err);
}

int image_txn_seal(struct image_txn *txn, struct image_identity *ret, struct err *err)
{
	int r = require_mounted(txn, err);

	if (r < 0)
		return r;
	r = unmount_shadow(txn, err);
	if (r < 0)
		return r;
	r = FAULT("txn-unmounted");
	if (r < 0)
		return err_set(err, r, "cannot unmount '%s'", txn->names.shadow);
	r = verify(txn, err);
	if (r < 0)
		return r;
	r = image_shadow_take_over(&txn->names, err);
	if (r < 0)
		return r;
	r = image_shadow_sync(txn->names.shadow, err);
	if (r < 0)
		return r;
	r = image_identity_read(txn->names.shadow, txn->config->format, &txn->shadow, err);
	if (r < 0)
		return r;
	txn->sealed = true;
	*ret = txn->shadow;
	return 0;
}

/* The image must still be the one that was copied, and nobody's but ours. */
static int check_unchanged(const struct image_txn *txn, struct err *err)
{
	struct image_identity now;
	int r = image_identity_read(txn->names.image, txn->config->format, &now, err);

	if (r < 0)
		return r;
	if (!image_identity_same(&now, &txn->from)) {
		err_class_set(err, ERR_BUSY, -EBUSY, "image '%s' was changed by somebody else meanwhile: it is left as it is", txn->names.image);
		err_hint(err, "run it again: it then starts from the changed image");
		return -EBUSY;
	}
	return refuse_holders(txn->names.image, err);
}

int image_txn_commit(struct image_txn **txn, int64_t *ret_swapped_us, char **ret_note, struct err *err)
{
	struct image_txn *t = *txn;
	struct image_swap swap = { .names = &t->names, .from = &t->from, .shadow = &t->shadow, .keep_previous = t->config->keep_previous };
	int r = check_cancel(t, err);

	if (r < 0)
		return r;
	if (!t->sealed)
		return err_set(err, -EINVAL, "the transaction on '%s' is not sealed!", t->names.image);
	r = FAULT("txn-before-swap");
	if (r < 0)
		return err_set(err, r, "cannot swap '%s'", t->names.image);
	r = check_unchanged(t, err);
	if (r < 0)
		return r;
	/* Once more: a chown or chmod since the seal is no other image, but must not be lost. */
	r = image_shadow_take_over(&t->names, err);
	if (r < 0)
		return r;
	r = image_swap(&swap, ret_swapped_us, ret_note, err);
	if (r == -ENOTRECOVERABLE)
		t->lost = true;
	if (r < 0)
		return r;
	txn_free(t);
	*txn = NULL;
	return 0;
}

void image_txn_abort(struct image_txn *txn)
{
	int r;

	if (!txn)
		return;
	r = txn->names.image ? unmount_shadow(txn, NULL) : 0;
	/* A lost one stays, with its note. */
	if (txn->from.ino != 0 && !txn->lost && r == 0 && !txn->dirty)
		image_shadow_keep(&txn->names, txn->config->format, &txn->from);
	else if (txn->from.ino != 0 && !txn->lost)
		image_shadow_drop(&txn->names);
	txn_free(txn);
}

void image_txn_abortp(struct image_txn **txn)
{
	image_txn_abort(*txn);
}
