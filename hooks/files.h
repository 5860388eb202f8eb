/* hooks/files - the files of a hooks folder, by name in an open folder: what a hook is, writing one, keeping one, putting one back.
 *
 * Every step is one rename, link or unlink, so that whatever ends us leaves a state that the next call knows. A temporary file has the fixed name
 * EVENT.reinject-new, so that one that a kill left is found and replaced.
 * Threads:  none; the caller holds the repository's lock. */
#ifndef REINJECT_HOOKS_FILES_H
#define REINJECT_HOOKS_FILES_H

#include "base/err.h"
#include "base/str.h"
#include "hooks/shim.h"

#include <sys/stat.h>

enum hooks_kind { HOOKS_FILE_NONE, HOOKS_FILE_OURS, HOOKS_FILE_FOREIGN };

struct hooks_file {
	enum hooks_kind kind;
	struct stat st;         /* of the name itself, no link followed */
	struct str text;        /* of ours */
	struct hooks_shim shim; /* of ours */
};

/** What stands under @name in the folder @dir, an open descriptor. */
int hooks_file_read(int dir, const char *name, struct hooks_file *ret, struct err *err) MUST_CHECK;
void hooks_file_clear(struct hooks_file *file);

/** True when both are the same file, under two names. */
bool hooks_file_same(const struct hooks_file *a, const struct hooks_file *b);

/** Replaces @name by @text, executable, with the folder's owner where we are root. */
int hooks_file_write(int dir, const char *name, const char *text, struct err *err) MUST_CHECK;

/** Gives what stands at @from the name @to as well; where the file system has no second names, only that one. */
int hooks_file_keep(int dir, const char *from, const char *to, struct err *err) MUST_CHECK;

int hooks_file_rename(int dir, const char *from, const char *to, struct err *err) MUST_CHECK;
/** Removes @name; one that is not there is fine. */
int hooks_file_remove(int dir, const char *name, struct err *err) MUST_CHECK;

#endif
