/* image/process - what the system tells of other processes: which files they have open, how they were started.
 *
 * Only what we may see: another user's open files are hidden from an ordinary user, their command line is not.
 * Ownership: strings are the caller's.
 * Threads:   no shared state. What is told is what was true a moment ago.
 * Platform:  process_linux.c, process_darwin.c. */
#ifndef REINJECT_IMAGE_PROCESS_H
#define REINJECT_IMAGE_PROCESS_H

#include "base/cleanup.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/** A file, known by device and inode. */
struct image_target {
	const char *path; /* absolute; borrowed */
	uint64_t dev, ino;
};

/** True when @path leads to it; never waits for a file system that hangs. */
bool image_target_is(const struct image_target *target, const char *path);

enum image_hold {
	IMAGE_HOLD_NONE,
	IMAGE_HOLD_READS,
	IMAGE_HOLD_WRITES,
	IMAGE_HOLD_HIDDEN /* another user's: what it has open is closed to us */
};

/** Calls @fn for each process but ourselves. */
void image_process_each(void (*fn)(void *data, pid_t pid), void *data);

/** How process @pid has the file open. What cannot be read of a descriptor is taken for the worst. */
enum image_hold image_process_holds(const struct image_target *target, pid_t pid);

/** Calls @fn for each regular file that @pid has open. */
void image_process_files(pid_t pid, void (*fn)(void *data, const struct stat *st), void *data);

/** True when @pid stands in the folder @point or has a file in it open. Never waits for the file system there. */
bool image_process_uses(pid_t pid, const char *point);

/** The words of its command line. */
void image_process_words(pid_t pid, struct strvec *ret);

/** The name of its program's file, else of the first of @words (may be NULL); NULL when neither is told. */
char *image_process_program(pid_t pid, const struct strvec *words) MUST_CHECK;

/** Its working folder; NULL when that is not told. */
char *image_process_cwd(pid_t pid) MUST_CHECK;

#endif
