/* image/holders - the parts of image_holders_find() (image/image.h) that recovery needs too.
 *
 * Threads:  no shared state. What is told is what was true a moment ago. */
#ifndef REINJECT_IMAGE_HOLDERS_H
#define REINJECT_IMAGE_HOLDERS_H

#include "image/image.h"

/** A process that serves an image: a mount daemon, wherever it mounted it. */
struct image_daemon {
	pid_t pid;
	uint64_t started;  /* proc_start_time */
	char *mount_point; /* absolute, from its command line; NULL when that does not tell */
};
struct image_daemons {
	struct image_daemon *v;
	size_t n, cap;
};

/** The mount daemons (redoxfs, fuse2fs, and @tool) that hold the file @path open, or were started on this path and have not opened it yet. */
int image_daemons_find(const char *path, const char *tool, struct image_daemons *ret, struct err *err) MUST_CHECK;
void image_daemons_clear(struct image_daemons *daemons);

/** Adds one; takes the ownership of @program and @how. */
void image_holders_add(struct image_holders *holders, pid_t pid, char *program, bool may_write, char *how);

#endif
