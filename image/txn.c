/* What is the same for all transactions: files below a root folder. Where the root comes from and by what its changes become the image's is a way's
 * (image/way). */
#include "image/txn.h"

#include "base/fault.h"
#include "base/fs.h"
#include "image/place.h"
#include "image/redoxfs.h"
#include "image/resolve.h"
#include "image/way.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* What RedoxFS may need beside the files themselves, for its own blocks. */
static const uint64_t leave_free = 4u << 20;

static const struct image_way *const ways[] = {
	[CONFIG_IMAGE_SHADOW] = &image_way_shadow,
	[CONFIG_IMAGE_LIVE] = &image_way_live,
	[CONFIG_IMAGE_IN_PLACE] = &image_way_in_place,
};

int image_way_check_cancel(const struct image_txn *txn, struct err *err)
{
	return cancel_requested(txn->cancel) ? err_set(err, -ECANCELED, "interrupted!") : 0;
}

int image_way_mount(struct image_txn *txn, const char *image, struct err *err)
{
	struct image_mount_args args = {
		.config = txn->config,
		.image = image,
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

int image_way_unmount(struct image_txn *txn, struct err *err)
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
	image_steps_free(txn->steps);
	free(txn->point);
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
	if (r >= 0)
		r = open_log(txn, state, err);
	if (r >= 0)
		r = txn->way->begin(txn, err);
	if (r < 0)
		return r;
	r = FAULT("txn-mounted");
	if (r < 0)
		return err_set(err, r, "cannot use the mounted image '%s'", txn->names.image);
	return image_way_check_cancel(txn, err);
}

int image_txn_begin(const struct config_image *config, struct image_lock *lock, const char *state, const struct image_txn_hooks *hooks,
		    struct cancel *cancel, struct image_txn **ret, struct err *err)
{
	struct image_txn *txn;
	int r;

	if (!lock)
		return err_set(err, -EINVAL, "a transaction on '%s' needs its lock!", config->path);
	txn = xcalloc(1, sizeof(*txn));
	txn->way = ways[config->mode];
	txn->config = config;
	txn->lock = lock;
	txn->cancel = cancel;
	txn->root = txn->guard = -1;
	if (hooks)
		txn->hooks = *hooks;
	r = image_names_init(&txn->names, config->path, err);
	txn->names.block = config->block;
	if (r == 0)
		r = begin(txn, state, err);
	if (r < 0) {
		image_txn_abort(txn);
		return r;
	}
	*ret = txn;
	return 0;
}

int image_txn_is_same(const struct image_txn *txn, const struct image_identity *known, bool *ret, struct err *err)
{
	return txn->way->is_same(txn, known, ret, err);
}

int image_way_answers(const struct image_txn *txn, struct err *err)
{
	if (image_pulse_ask(txn->pulse) == 0)
		return 0;
	err_set(err, -ETIMEDOUT, "the mount of the image at '%s' does not answer: process %d, which serves it, hangs or was stopped!",
		txn->point, (int)txn->daemon);
	err_hint(err, "let it go on (kill -CONT %d), or unmount and mount again, then run this again", (int)txn->daemon);
	return -ETIMEDOUT;
}

pid_t image_txn_daemon(const struct image_txn *txn)
{
	if (txn->way == &image_way_shadow)
		return 0;
	return txn->mount ? image_mount_pid(txn->mount) : txn->daemon;
}

static int require_mounted(const struct image_txn *txn, struct err *err)
{
	int r = txn->root < 0 ? err_set(err, -EBADF, "the transaction on '%s' takes no more files!", txn->names.image) : 0;

	if (r >= 0)
		r = image_way_answers(txn, err);
	return r < 0 ? r : image_way_check_cancel(txn, err);
}

static int explain(struct image_txn *txn, int code, struct err *err)
{
	return txn->mount ? image_mount_explain(txn->mount, code, err) : code;
}

int image_txn_target(struct image_txn *txn, const char *dst, const char *name, char **ret, struct err *err)
{
	int r = require_mounted(txn, err);

	if (r < 0)
		return r;
	r = image_place_target(txn->root, txn->config->format, dst, name, ret, err);
	return explain(txn, r, err);
}

int image_txn_check(struct image_txn *txn, const char *dst, const char *name, struct err *err)
{
	int r = require_mounted(txn, err);

	if (r < 0)
		return r;
	return explain(txn, image_put_check(txn->root, txn->config->format, dst, name, err), err);
}

/* An image with holes grows on its disk when it is written; a mount that finds no room there answers with errors only. */
static int require_host_room(const struct image_txn *txn, uint64_t bytes, struct err *err)
{
	uint64_t room;
	struct stat st;

	if (stat(txn->names.image, &st) < 0 || fs_free_bytes(txn->names.dir, &room) < 0)
		return 0;
	if ((uint64_t)st.st_blocks * 512 >= (uint64_t)st.st_size || room >= bytes + leave_free)
		return 0;
	err_class_set(err, ERR_ENVIRONMENT, -ENOSPC,
		      "no space on the disk of '%s', an image with holes: %.1f MB are free, %.1f MB may be needed", txn->names.image,
		      (double)room / 1e6, (double)(bytes + leave_free) / 1e6);
	err_hint(err, "free some room there");
	return -ENOSPC;
}

int image_txn_room(struct image_txn *txn, uint64_t bytes, struct err *err)
{
	struct statvfs st;
	uint64_t room;
	int r = require_mounted(txn, err);

	if (r < 0)
		return r;
	if (fstatvfs(txn->root, &st) < 0)
		return explain(txn, err_set(err, -errno, "cannot ask for the room in image '%s'", txn->names.image), err);
	room = (uint64_t)st.f_bavail * st.f_bsize;
	if (room >= bytes + leave_free)
		return txn->way == &image_way_shadow ? 0 : require_host_room(txn, bytes, err);
	err_set(err, -ENOSPC, "image '%s' is full: %.1f MB are free, %.1f MB are needed!", txn->names.image, (double)room / 1e6,
		(double)(bytes + leave_free) / 1e6);
	err_hint(err, "delete something in it, enlarge it, or get leaked room back: reinject image compact");
	return -ENOSPC;
}

int image_txn_space(struct image_txn *txn, uint64_t *ret_size, uint64_t *ret_used, struct err *err)
{
	struct statvfs st;
	int r = require_mounted(txn, err);

	if (r < 0)
		return r;
	if (fstatvfs(txn->root, &st) < 0)
		return explain(txn, err_set(err, -errno, "cannot ask for the room in image '%s'", txn->names.image), err);
	*ret_size = (uint64_t)st.f_blocks * st.f_frsize;
	*ret_used = (uint64_t)(st.f_blocks - st.f_bfree) * st.f_frsize;
	return 0;
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
	return explain(txn, image_put_compare(&job, ret_identical, err), err);
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
		.steps = txn->steps,
	};
	int r = require_mounted(txn, err);

	if (r < 0)
		return r;
	r = image_put_file(&job, &put, err);
	if (r < 0)
		return explain(txn, r, err);
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
	struct image_put_job job = {
		.root = txn->root, .hooks = &txn->hooks, .hashes = &txn->hashes, .written = &txn->dirty, .steps = txn->steps
	};
	int r = require_mounted(txn, err);

	if (r < 0)
		return r;
	r = image_put_remove(&job, path, hash, &put, err);
	if (r < 0)
		return explain(txn, r, err);
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
		r = explain(txn, image_place_find(txn->root, path, &place, err), err);
	if (r < 0 && r != -ENOENT && r != -ENOTDIR && r != -ELOOP && r != -EXDEV)
		return r;
	if (r >= 0 && place.exists && fstat(place.dir, &dir) < 0)
		return explain(txn, err_set(err, -errno, "cannot look at '%s' in the image", path), err);
	*ret = r >= 0 && place.exists ? xasprintf("%llu/%s", (unsigned long long)dir.st_ino, place.name) : NULL;
	return 0;
}

int image_txn_hash(struct image_txn *txn, const char *path, char ret[HASH_HEX_SIZE], struct err *err)
{
	struct image_put_job job = { .root = txn->root, .hashes = &txn->hashes };
	int r = require_mounted(txn, err);

	return r < 0 ? r : explain(txn, image_put_read_hash(&job, path, ret, err), err);
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
		return explain(txn, say_missing(txn, path, err), err);
	r = fd < 0 ? fd : fstat(fd, ret) < 0 ? -errno : 0;
	if (r < 0)
		return explain(txn, err_set(err, r, "cannot find '%s' in the image", visible), err);
	if (!S_ISDIR(ret->st_mode) && !S_ISREG(ret->st_mode))
		return err_set(err, -ENXIO, "'%s' in the image is neither a file nor a folder!", visible);
	again = fs_reopen(fd);
	return again < 0 ? explain(txn, err_set(err, again, "cannot open '%s' in the image", visible), err) : again;
}

int image_txn_explain(struct image_txn *txn, int code, struct err *err)
{
	return explain(txn, code, err);
}

unsigned int image_txn_n_written(const struct image_txn *txn)
{
	return txn->n_written;
}

/* Without it what has our names may be another run's: nothing of it is touched then. */
static int check_lock(struct image_txn *txn, struct err *err)
{
	int r = image_lock_check(txn->lock, err);

	if (r < 0)
		txn->lost = true;
	return r;
}

int image_txn_seal(struct image_txn *txn, struct image_identity *ret, struct err *err)
{
	int r = require_mounted(txn, err);

	if (r >= 0)
		r = check_lock(txn, err);
	if (r >= 0)
		r = txn->way->seal(txn, &txn->shadow, err);
	if (r < 0)
		return r;
	txn->sealed = true;
	*ret = txn->shadow;
	return 0;
}

int image_txn_commit(struct image_txn **txn, int64_t *ret_swapped_us, char **ret_note, struct err *err)
{
	struct image_txn *t = *txn;
	int r = image_way_check_cancel(t, err);

	if (r < 0)
		return r;
	if (!t->sealed)
		return err_set(err, -EINVAL, "the transaction on '%s' is not sealed!", t->names.image);
	r = FAULT("txn-before-swap");
	if (r < 0)
		return err_set(err, r, "cannot swap '%s'", t->names.image);
	r = check_lock(t, err);
	if (r < 0)
		return r;
	r = t->way->commit(t, ret_swapped_us, ret_note, err);
	if (r == -ENOTRECOVERABLE)
		t->lost = true;
	if (r < 0)
		return r;
	txn_free(t);
	*txn = NULL;
	return r;
}

void image_txn_abort(struct image_txn *txn)
{
	if (!txn)
		return;
	if (txn->names.image)
		txn->way->abort(txn);
	txn_free(txn);
}

void image_txn_abortp(struct image_txn **txn)
{
	image_txn_abort(*txn);
}
