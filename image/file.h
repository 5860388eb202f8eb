/* image/file - an image as a file on the host: opened, recognised, or refused in the same words by whoever asks.
 *
 * Classes:  what is no image is for the environment to mend, so callers hand their result to image_file_unusable().
 * Threads:  no shared state. */
#ifndef REINJECT_IMAGE_FILE_H
#define REINJECT_IMAGE_FILE_H

#include "config/config.h"
#include "image/redoxfs.h"

#include <sys/stat.h>

/** Opens image @path for reading; a FIFO does not keep us. Returns the descriptor; -EINVAL when it is no regular file; -errno. */
int image_file_open(const char *path, struct stat *ret_st, struct err *err) MUST_CHECK;

/** Reads the newest RedoxFS header of the open image @path. -EINVAL, with a hint, when there is none. */
int image_file_read_redoxfs(int fd, const char *path, struct image_redoxfs *ret, struct err *err) MUST_CHECK;

/** The same for the file system at block @block (of 4 KiB), as [image] block says; 0: searched. */
int image_file_read_redoxfs_at(int fd, const char *path, uint64_t block, struct image_redoxfs *ret, struct err *err) MUST_CHECK;

/** That the open image @path holds the file system that @config says, where it says. */
int image_file_check(int fd, const char *path, const struct config_image *config, struct err *err) MUST_CHECK;

/** That the open image @path holds the file system @format. -EINVAL when it is another. */
int image_file_check_format(int fd, const char *path, enum config_image_format format, struct err *err) MUST_CHECK;

/** For a failure @r of the above: an image that is not there or is something else gets the class ERR_ENVIRONMENT and a hint, whatever the errno.
 * Returns @r. */
int image_file_unusable(const char *path, int r, struct err *err);

#endif
