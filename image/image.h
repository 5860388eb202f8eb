/* image/image - a disk image as a file: which one it is, who holds it, our lock on it, what a dead run left behind.
 *
 * Names:    beside IMAGE lie IMAGE.lock (ours: who holds it, and what the shadow is), IMAGE.shadow (the copy that is worked on), IMAGE.prev
 *           (the image before the last swap), IMAGE.mnt (a 0700 folder where the shadow is mounted; exists only while it is), IMAGE.steps (what is done
 *           to the image itself; exists only meanwhile).
 * Sequence: image_lock(), image_recover(), then a transaction (image/txn), image_unlock(). Reading functions need no lock.
 * Threads:  no shared state; one lock per image and process.
 * Facts:    docs/facts/redoxfs.md for the header, for QEMU's lock bytes and for who can be seen by whom. */
#ifndef REINJECT_IMAGE_IMAGE_H
#define REINJECT_IMAGE_IMAGE_H

#include "base/cancel.h"
#include "base/err.h"
#include "base/str.h"
#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** The file's identity: if any of it differs, somebody else wrote the image. */
struct image_identity {
	uint64_t dev, ino, size;
	int64_t mtime_ns;
	char uuid[33];       /* RedoxFS: 32 hex digits; '' for other formats */
	uint64_t generation; /* RedoxFS: of the newest header in the ring; 0 for other formats */
};
/** @block: where a RedoxFS begins ([image] block); 0: searched. */
int image_identity_read(const char *path, enum config_image_format format, uint64_t block, struct image_identity *ret,
			struct err *err) MUST_CHECK;
/** The identity by which the journal knows the image of @config. In live mode the mtime, which always moves, is 0, and the generation only ever grows: one
 * that has fallen is of an older image. In in-place mode an image that nobody but our own mounts has written since is the one it was. */
int image_identity_of(const struct config_image *config, struct image_identity *ret, struct err *err) MUST_CHECK;
bool image_identity_same(const struct image_identity *a, const struct image_identity *b);
/** Whether @now can be what mounts of our own have made of @known: the same file and file system, and no earlier state of it. */
bool image_identity_may_follow(const struct image_identity *now, const struct image_identity *known);
/** Whether the file at @path, no link followed, is the one of that identity, written since or not. */
bool image_identity_is_of(const char *path, const struct image_identity *id);

/** Checks that @path can be used at all: it exists, is a regular file (a link is followed), holds the file system that the configuration says (RedoxFS:
 * the header, found as redoxfs finds it, in the first 256 MiB; ext4: magic 0xEF53 at 1080), and that a result could keep its owner (else class
 * ERR_ENVIRONMENT). Sentences with hints. */
int image_check_file(const struct config_image *config, struct err *err) MUST_CHECK;

/** Somebody who has the image open or mounted. */
struct image_holder {
	pid_t pid;       /* 0: unknown, another user's */
	char *program;   /* 'qemu-system-aarch64'; NULL when unknown */
	bool may_write;  /* a writer, or a mount; false for a QEMU with snapshot=on and other readers */
	bool is_mount;   /* a mount daemon */
	bool is_loop;    /* a loop device */
	bool is_machine; /* a virtual machine runs from it: a QEMU, or whoever has QEMU's locks */
	char *how;       /* 'has it open for writing', 'has it mounted at /x', 'runs a VM from it' */
};
struct image_holders {
	struct image_holder *v;
	size_t n;
};
/** Everyone but ourselves who holds the file @path: open descriptors (/proc), mounts by redoxfs and fuse2fs processes and loop devices, QEMU's OFD
 * locks (F_OFD_GETLK on bytes 100..300; one on byte 101, QEMU's permission to write, tells a writer). */
int image_holders_find(const char *path, struct image_holders *ret, struct err *err) MUST_CHECK;
void image_holders_clear(struct image_holders *holders);
/** 0, or -EBUSY (class ERR_BUSY) with a sentence that names the first who may write, by pid and program, and what to do. */
int image_holders_refuse(const char *path, const struct image_holders *holders, struct err *err) MUST_CHECK;
/** The same for a change by the mode of @config: without a copy a machine may not even read the image, for it would meet errors in what changes below it; in
 * live mode the one mount is what we go by. @own: a process that may, or 0. */
int image_holders_refuse_for(const struct config_image *config, pid_t own, const struct image_holders *holders, struct err *err) MUST_CHECK;

struct image_lock;
/** Takes IMAGE.lock (flock on it; on the folder where it cannot be made), waiting at most @wait_s seconds. -EBUSY, class ERR_BUSY, naming who
 * holds it. */
int image_lock(const char *path, uint32_t wait_s, const struct cancel *cancel, struct image_lock **ret, struct err *err) MUST_CHECK;
/** Once more before what cannot be taken back: -EBUSY, class ERR_BUSY, when IMAGE.lock was deleted since, for then another run may hold a lock of its own,
 * and IMAGE.shadow may be that one's. */
int image_lock_check(const struct image_lock *lock, struct err *err) MUST_CHECK;
/** True when a living process is working on image @path, as IMAGE.lock tells; for `status`, which must not take the lock to ask. */
bool image_lock_holder(const char *path, pid_t *ret_pid);
void image_unlock(struct image_lock *lock); /* takes NULL */

/** Ends what a dead run of ours left: a redoxfs on IMAGE.shadow (asked by unmounting, then by signal, then waited for), a stale mount at IMAGE.mnt, a
 * half-made shadow, the folder; a swap that stopped half-way is completed (the old image at IMAGE.shadow becomes IMAGE.prev) or taken back. Which of
 * these a shadow is stands in the note of IMAGE.lock (image/note), not in the journal, so a lost journal does no harm. Call with the lock held. A
 * complete shadow that a run has prepared and not used is kept. In an image that was being changed itself (in-place, live) what was decided is carried to
 * its end, the rest taken back (image/direct); then image_commit_pending() tells which. @ret_notes gets a sentence for each thing done.
 * Returns 0; 1 when one of its files was left as somebody else had made it, so that what the journal has of the image must be compared. */
int image_recover(const struct config_image *config, struct strvec *ret_notes, struct err *err) MUST_CHECK;

/** True when a transaction on the image itself, without a copy, was decided and is done by now, as far as image_recover() has come; the journal may not
 * know yet. image_commit_forget(): now it does. */
bool image_commit_pending(const char *path);
void image_commit_forget(const char *path);

#endif
