/* image/txn - one transaction on a disk image: all of it, or nothing.
 *
 * Ways:     by the configuration's mode (image/way). What follows is told for `shadow`; in-place and live work on the image itself: begin mounts it or finds
 *           its mount, put makes files ready beside their targets, seal reads them back, commit gives them their names, by a list that a crash cannot lose
 *           (image/steps). After the journal knows of such a commit, image_commit_forget().
 * Sequence: image_txn_begin() copies IMAGE to IMAGE.shadow, fsyncs it and mounts it (slow; meant for a second thread while cargo runs);
 *           image_txn_put() and image_txn_remove() any number of times; image_txn_seal() unmounts, mounts again, reads back what was put, unmounts, fsyncs;
 *           image_txn_commit() looks once more that nobody changed or holds the image, and swaps by rename. Between seal and commit the caller writes
 *           its journal, with the shadow's identity. image_txn_abort() at any point; does nothing on NULL.
 * Promise:  (shadow) until image_txn_commit() returns 0 the image is byte for byte what it was; from then on it is the new one. Whatever is killed in between,
 *           image_recover() puts right. A shadow in which nothing was put is kept, unmounted, for the next transaction (with a note of the image's
 *           identity beside it), as long as the image is the same.
 * Threads:  one thread at a time; begin may run in another thread than the rest. One transaction for each image, held by image_lock().
 * Errors:   0 or -errno, a full sentence in `err`; nothing in ret_ on failure. Never logs. -ENOSPC: image or host is full, said which.
 * Symlinks: paths are resolved inside the image (openat2 RESOLVE_IN_ROOT): an absolute or climbing link never leads to the host's files. */
#ifndef REINJECT_IMAGE_TXN_H
#define REINJECT_IMAGE_TXN_H

#include "base/cancel.h"
#include "base/err.h"
#include "base/hash.h"
#include "config/config.h"
#include "image/image.h"

#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct image_txn;

struct image_txn_hooks {
	/* A mount daemon was started (@started true) or has ended; for the journal. Called in begin's thread. */
	void (*on_child)(void *data, pid_t pid, bool started);
	/* The content that a put is about to replace: @fd is open for reading, @hash its digest. A negative return stops the put. */
	int (*on_old)(void *data, int fd, const char *hash, struct err *err);
	/* (shadow) After the swap: @fd, to be closed, is the last of the file that went away with it: the image of before, or what was IMAGE.prev. With a
	 * big one the file system takes 50 ms to give its room back, which nobody needs to wait for. NULL: commit closes it. */
	void (*on_gone)(void *data, int fd);
	void *data;
};

/** @state: the folder for the daemon's log (mount.log), this image's own. @lock is borrowed until the transaction ends. */
int image_txn_begin(const struct config_image *config, struct image_lock *lock, const char *state, const struct image_txn_hooks *hooks,
		    struct cancel *cancel, struct image_txn **ret, struct err *err) MUST_CHECK;

enum image_put_result {
	IMAGE_PUT_WRITTEN,
	IMAGE_PUT_IDENTICAL,
	IMAGE_PUT_REMOVED,
	IMAGE_PUT_ABSENT,  /* to be removed, and not there */
	IMAGE_PUT_FOREIGN, /* to be removed, and of another content: left alone */
};

struct image_put {
	enum image_put_result result;
	char *path;                   /* the file's path in the image, as asked for with the file name; owned, image_put_clear() */
	uint64_t bytes;               /* size of the file */
	char new_hash[HASH_HEX_SIZE]; /* '' for what was to be removed */
	char old_hash[HASH_HEX_SIZE]; /* '' when there was no such file */
	mode_t mode;                  /* what the file has now */
};
/** Frees what a put has filled in. */
void image_put_clear(struct image_put *put);

/** The place that @dst means for a file called @name: with a trailing slash, or when it is a folder in the image, DST/NAME, else DST itself. Nothing
 * is written. Same errors as put. */
int image_txn_target(struct image_txn *txn, const char *dst, const char *name, char **ret, struct err *err) MUST_CHECK;

/** Refuses what image_txn_put() would refuse about the place of @dst and @name, in the same words, and writes nothing: so that all places are
 * known to be good before the first file is written. */
int image_txn_check(struct image_txn *txn, const char *dst, const char *name, struct err *err) MUST_CHECK;

/** Whether a put of @src would find the same content there and write nothing: such a file needs no room. Refuses what put would refuse. A put that
 * follows does not read the two again for their digests. */
int image_txn_compare(struct image_txn *txn, const char *src, const char *dst, const char *name, bool *ret_identical,
		      struct err *err) MUST_CHECK;

/** Space check before the first put: enough for @bytes, the sizes of all files that differ (image_txn_compare()), and 4 MiB, else -ENOSPC. */
int image_txn_room(struct image_txn *txn, uint64_t bytes, struct err *err) MUST_CHECK;

/** How big the copy's file system is, and how much of it is used now, bytes. */
int image_txn_space(struct image_txn *txn, uint64_t *ret_size, uint64_t *ret_used, struct err *err) MUST_CHECK;

/** Copies host file @src to @dst, a path inside the image: equal content is left alone; else temp file in the same folder, write, fchmod, fchown,
 * fsync, rename over. @name: the file name used when @dst is a folder. @mode: permission bits of a new file; a replaced file keeps its mode and
 * owner. Returns 0; -ENOENT for a folder that the image lacks (none is made); -EINVAL for '..' (class ERR_USAGE); -EPERM for a target with setuid;
 * -EISDIR; -ENOSPC (nothing changed); -EXDEV if @dst leads out of the image; other -errno. */
int image_txn_put(struct image_txn *txn, const char *src, const char *dst, const char *name, mode_t mode, struct image_put *ret,
		  struct err *err) MUST_CHECK;

/** Removes the file at @path, if its content has digest @hash; anything else, a link too, is somebody else's, and stays. @ret->result tells. */
int image_txn_remove(struct image_txn *txn, const char *path, const char *hash, struct image_put *ret, struct err *err) MUST_CHECK;

/** Which file @path leads to: a text that is the same for two paths of one file, such as /bin/x and /usr/bin/x where /bin is a link. NULL when nothing
 * stands there. The caller frees it. */
int image_txn_locate(struct image_txn *txn, const char *path, char **ret, struct err *err) MUST_CHECK;

/** The digest of the file at @path as it is in the copy now; '' when there is no regular file. */
int image_txn_hash(struct image_txn *txn, const char *path, char ret[HASH_HEX_SIZE], struct err *err) MUST_CHECK;

/** Opens what @path in the image means for reading: a folder or a regular file, every link followed inside the image; devices are never opened. Reading
 * leaves the shadow unwritten as far as image_txn_abort() is concerned: it is kept. @ret: what it is. Returns the descriptor, which must be closed
 * before the transaction ends. -ENOENT, with the nearest folder that exists; -EINVAL (class ERR_USAGE) for words that are no path in this image, -ENXIO
 * for what is neither file nor folder. */
int image_txn_open_path(struct image_txn *txn, const char *path, struct stat *ret, struct err *err) MUST_CHECK;

/** For a failure @code of reading through such a descriptor: when the mount's daemon has died, @err says so instead. Returns @code. */
int image_txn_explain(struct image_txn *txn, int code, struct err *err);

/** Whether the image was @known when the transaction took it up, and (mode = shadow) is still. */
int image_txn_is_same(const struct image_txn *txn, const struct image_identity *known, bool *ret, struct err *err) MUST_CHECK;

/** The process that serves what the transaction works on, if that is the image itself: it is no stranger. Else 0. */
pid_t image_txn_daemon(const struct image_txn *txn);

/** How many files were written or removed so far. */
unsigned int image_txn_n_written(const struct image_txn *txn);

/** After this the shadow is complete, proved and on disk. @ret: the identity that the image will have after the swap (without uuid where there is none).
 * On failure the transaction can only be aborted. */
int image_txn_seal(struct image_txn *txn, struct image_identity *ret, struct err *err) MUST_CHECK;

/** Swaps and consumes *@txn (NULL afterwards) on success. @ret_swapped_us: clock_us() at the return of the rename. @ret_note (may be NULL): a sentence
 * when the image before could not be kept as IMAGE.prev or a file was left as somebody else had made it, else NULL; the caller frees it.
 * Returns 0; 1 when such a file was left, so that what the journal has of the image must be compared. On failure the image is the old one, but for
 * -ENOTRECOVERABLE: then it may be either, and the next image_recover() settles it. */
int image_txn_commit(struct image_txn **txn, int64_t *ret_swapped_us, char **ret_note, struct err *err) MUST_CHECK;

/** Gives everything back: unmounts, waits for the daemon, deletes the shadow (or keeps it when nothing was put). What cannot be given back now, such
 * as a mount that somebody stands in, is left as it is, with its note, for image_recover(). Takes NULL. */
void image_txn_abort(struct image_txn *txn);
void image_txn_abortp(struct image_txn **txn); /* for CLEANUP */

#endif
