/* image/extract - a file or a folder out of a mounted image, onto the host: whole or not at all.
 *
 * Sequence: image_extract_target() says what TO means, before anything is copied or mounted; then, within a transaction, image_extract_to() or
 *           image_extract_to_fd(); then image_txn_abort(), which keeps the shadow for the next one.
 * Distrust: names and links in the image are somebody else's. The named path is resolved inside the image; a link met in a folder is copied as a
 *           link; devices, sockets and pipes are told and passed over. On the host nothing is opened by a name that could be a link.
 * Result:   modes without setuid, setgid and sticky; the caller's owner (as root: the owner of the folder that it is put into). A file or folder is
 *           made under a temporary name beside its target and gets its own name at the end, so that a failure or a signal leaves nothing.
 * Threads:  one thread at a time. Errors: 0 or -errno, a sentence in `err`. */
#ifndef REINJECT_IMAGE_EXTRACT_H
#define REINJECT_IMAGE_EXTRACT_H

#include "image/txn.h"

struct image_extract_hooks {
	/* After each piece: what is being read, and how many bytes there were so far in all. */
	void (*on_progress)(void *data, const char *path, uint64_t bytes);
	/* Something that is not copied; @why: 'is a device'. */
	void (*on_skip)(void *data, const char *path, const char *why);
	/* A file that is in place. Called for each when all of them are. */
	void (*on_file)(void *data, const char *path, const char *to, uint64_t bytes);
	void *data;
};

struct image_extract {
	const char *path; /* in the image */
	const char *to;   /* on the host, as image_extract_target() gave it */
	bool force;       /* an existing regular file is replaced */
	const struct cancel *cancel;
	const struct image_extract_hooks *hooks; /* each may be NULL */
};

/** The host path that @to (NULL: the working folder) means for @path: in an existing folder a file of @path's last name, else @to itself. Class
 * ERR_USAGE: something is there that must not be replaced (with @force a regular file may be), the folder is missing, @path has no last name. */
int image_extract_target(const char *path, const char *to, bool force, char **ret, struct err *err) MUST_CHECK;

/** Copies. On failure the host is as it was. -EEXIST (class ERR_USAGE) when the target has come into being meanwhile. */
int image_extract_to(struct image_txn *txn, const struct image_extract *extract, struct err *err) MUST_CHECK;

/** Writes the content of a file to @fd, a pipe or whatever it is. -EISDIR (class ERR_USAGE) for a folder. @extract->to and force do not count. */
int image_extract_to_fd(struct image_txn *txn, const struct image_extract *extract, int fd, struct err *err) MUST_CHECK;

#endif
