/* image/mount - one mount of one image file: a daemon of our own, from its start to its exit status.
 *
 * Sequence: image_mount_start() makes the private folder, starts the daemon and returns when the mount is there; image_mount_stop() unmounts and
 *           waits for the daemon's exit status 0, which alone says that its last blocks are written; it frees the handle whatever comes.
 * Daemon:   the leader of a session of its own (a Ctrl-C must not reach it), its words in a log file, its folder 0700.
 * Danger:   redoxfs never fsyncs the image file: who mounts must do it after image_mount_stop(). Never lazy, never forced: the daemon would go on
 *           writing out of sight.
 * Threads:  one thread at a time.
 * Facts:    docs/facts/redoxfs.md, 'Mount and unmount'. */
#ifndef REINJECT_IMAGE_MOUNT_H
#define REINJECT_IMAGE_MOUNT_H

#include "base/cancel.h"
#include "base/err.h"
#include "config/config.h"

#include <stdbool.h>
#include <sys/types.h>

struct image_mount;

struct image_mount_args {
	const struct config_image *config; /* format, tool, templates, mount_timeout_ms */
	const char *image;                 /* the file to mount, absolute */
	const char *point;                 /* the folder; made 0700 when absent, and removed by stop; absolute, links resolved */
	bool is_users;                     /* one that is there already is somebody's own: neither its mode is changed nor is it removed */
	const char *log;                   /* the daemon's output is appended here */
	const struct cancel *cancel; /* may be NULL; ends the wait for the mount, and with it the daemon; a mount that is there is not touched */
	void (*on_child)(void *data, pid_t pid, bool started); /* may be NULL */
	void *data;
};

/** Mounts. On failure nothing is mounted, no daemon runs and the folder is gone (unless is_users). -ENOENT (class ERR_ENVIRONMENT) when the tool is missing;
 * -ETIMEDOUT; -ECANCELED; -EIO when the daemon ended, with its last words. */
int image_mount_start(const struct image_mount_args *args, struct image_mount **ret, struct err *err) MUST_CHECK;

/** That the program is there that mounts images of @config's format. -ENOENT (class ERR_ENVIRONMENT) with a hint; nothing is started. */
int image_mount_check_tool(const struct config_image *config, struct err *err) MUST_CHECK;

/** The mount's root folder, a descriptor that must be closed before image_mount_stop(). -errno, with a sentence. */
int image_mount_open_root(const struct image_mount *mount, struct err *err) MUST_CHECK;

/** The daemon's process; 0 when a custom command put itself into the background. */
pid_t image_mount_pid(const struct image_mount *mount);

/** When the daemon has died, replaces what @err says by how it died; else leaves it. Returns @code. */
int image_mount_explain(struct image_mount *mount, int code, struct err *err);

/** Unmounts and waits for the daemon's end; frees *@mount, which is NULL afterwards. Does nothing on NULL. An error means that the image file
 * cannot be trusted: -EBUSY (still mounted, left so for image_recover), -EIO (the daemon failed or was killed; a stale mount is cleared). */
int image_mount_stop(struct image_mount **mount, struct err *err) MUST_CHECK;

/** Frees the handle of a mount that is to stay when we end, with its daemon. */
void image_mount_leave(struct image_mount **mount);

/** Unmounts @point, retrying while it is busy for at most @limit_ms; clears a stale mount too; the custom format by its own command. For
 * recovery; stop() uses it. -EBUSY (class ERR_BUSY) when it stays busy. */
int image_mount_clear(const char *point, const struct config_image *config, const char *image, uint32_t limit_ms, struct err *err) MUST_CHECK;

#endif
