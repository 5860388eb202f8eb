/* base/fs - files of the host: whole reads, writes that are whole or not at all, sparse copies, paths.
 *
 * Paths handed in may be relative to the working folder unless said otherwise. All descriptors are O_CLOEXEC.
 * Ownership: what comes back in `ret_` is the caller's.
 * Threads:   no shared state. */
#ifndef REINJECT_BASE_FS_H
#define REINJECT_BASE_FS_H

#include "base/cancel.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

/** Reads the regular file @path, at most @max bytes (-EFBIG beyond), and adds its bytes to @ret. -EISDIR and -EINVAL for what is no regular
 * file. */
int fs_read(const char *path, size_t max, struct str *ret, struct err *err) MUST_CHECK;

/** Writes all @n bytes to @fd, however often write(2) has to be called. */
int fs_write_all(int fd, const void *bytes, size_t n) MUST_CHECK;

/** Replaces @path by these bytes: a temporary file beside it, fsync, rename, fsync of the folder. */
int fs_write_atomic(const char *path, const void *bytes, size_t n, mode_t mode, struct err *err) MUST_CHECK;

/** The same among somebody's own files: as root, for instance under sudo, the file belongs to whom its folder belongs. */
int fs_write_for_owner(const char *path, const void *bytes, size_t n, mode_t mode, struct err *err) MUST_CHECK;

/** Makes @path and the folders above it; what exists is left as it is. */
int fs_make_dirs(const char *path, mode_t mode, struct err *err) MUST_CHECK;

/** The same among somebody's own files: as root, each belongs to whom the folder above it belongs. Those above @path have mode 0755. */
int fs_make_dirs_for_owner(const char *path, mode_t mode, struct err *err) MUST_CHECK;

/** As root, gives the file that @fd is to whom @owner belongs, unless that is root. -errno. */
int fs_give(int fd, const struct stat *owner) MUST_CHECK;

/** Deletes the folder @path and all below it, never following a link. An absent one is fine. */
int fs_remove_tree(const char *path, struct err *err) MUST_CHECK;

/** The folder part of @path ('.' when it has none); the caller frees it. */
char *fs_dirname(const char *path) MUST_CHECK;
/** The last component of @path, a pointer into it. */
const char *fs_basename(const char *path);

/** @path made absolute against @base (absolute) and freed of '.', '..' and double slashes by its words alone: links are not resolved, since a
 * path in a command line should look as the user wrote it. The caller frees it. */
char *fs_absolute(const char *base, const char *path) MUST_CHECK;

bool fs_exists(const char *path); /* lstat succeeds */
bool fs_is_dir(const char *path); /* links followed */

/** The absolute path of program @name, looked up on PATH (or @name itself when it has a slash) and executable; NULL when there is none. */
char *fs_find_program(const char *name) MUST_CHECK;
/** The same on @path, which is written as PATH is; NULL: ours. */
char *fs_find_program_on(const char *name, const char *path) MUST_CHECK;

/** The absolute path of the program that runs, links resolved; NULL where the system does not tell. */
char *fs_own_program(void) MUST_CHECK;

/** Makes the empty file @to share all of @from's blocks, which takes no room; -EOPNOTSUPP, -EXDEV, -EINVAL ... where that cannot be. On macOS @to is
 * another file afterwards, of the same name, mode and owner: what was asked of it before is asked again. */
int fs_reflink(int from, int to) MUST_CHECK;

/** Copies up to @n bytes at offset @at of both files inside the kernel. Returns how many; -ENOSYS where the system or the file systems cannot. */
ssize_t fs_copy_range(int from, int to, off_t at, size_t n) MUST_CHECK;

/** Copies all of @from to the empty file @to: a reflink where the file system has one, else data extents only, so that holes stay holes.
 * Returns -ECANCELED soon after @cancel (may be NULL) was asked. @ret_reflinked may be NULL. */
int fs_copy_sparse(int from, int to, const struct cancel *cancel, bool *ret_reflinked) MUST_CHECK;

/** Puts what was written to @fd on the disk itself, past its cache. */
int fs_sync(int fd) MUST_CHECK;
/** The same where the file's size was not changed: its times may be lost. */
int fs_sync_data(int fd) MUST_CHECK;
/** The same for the whole file system that @fd lies on. */
int fs_sync_all(int fd) MUST_CHECK;
/** fs_sync() of the folder @path, so that a rename in it survives a power cut. */
int fs_sync_dir(const char *path) MUST_CHECK;

/** Asks that @fd is read from its file system, not from the kernel's memory of it. A wish. */
void fs_forget(int fd);

/** Exchanges the names @a and @b in one step; -ENOSYS or -EINVAL where the system or the file system cannot. */
int fs_exchange(const char *a, const char *b) MUST_CHECK;

/** Renames @from to @to in the folder @dir unless @to is there (-EEXIST); -EINVAL, -ENOSYS or -ENOTSUP where that cannot be promised. */
int fs_rename_new(int dir, const char *from, const char *to) MUST_CHECK;

/** A descriptor that stands for @name in the folder @dir, a link for itself: to ask about, to look up names below, to hand to fs_reopen(). It reads
 * nothing. @folder: only a folder will do. On macOS the right to read is needed all the same. -errno. */
int fs_hold(int dir, const char *name, bool folder) MUST_CHECK;
/** The same file, found by what @fd holds and not by name, opened to be read. -errno. */
int fs_reopen(int fd) MUST_CHECK;
/** Where the link leads that @fd holds: readlink(2). */
ssize_t fs_read_held_link(int fd, char *ret, size_t size) MUST_CHECK;

/** When the content was written, and when anything of the file was changed. */
struct timespec fs_mtime(const struct stat *st);
struct timespec fs_ctime(const struct stat *st);
int64_t fs_mtime_ms(const struct stat *st);
bool fs_mtime_same(const struct stat *a, const struct stat *b);
bool fs_ctime_same(const struct stat *a, const struct stat *b);

/** Bytes that the caller may still write on the file system of @path. */
int fs_free_bytes(const char *path, uint64_t *ret) MUST_CHECK;

/** True on NFS, CIFS, 9p and the like, where locks and memory maps cannot be trusted. */
bool fs_is_network(const char *path);

#endif
