/* hooks/install - puts our hooks into a repository, takes them out again, and tells how they stand.
 *
 * Writing:  temporary file and rename, never through a link; a file that is right already is not written. One install at a time for each repository, by a
 *           lock on its git folder. At every moment, that of a kill -9 included, git finds the old hook or ours.
 * Kept:     a hook of somebody else's gets the name EVENT.before-reinject (a second name first, so that it never is without one) and comes back by a
 *           rename: the same file, whatever it is. It keeps its folder; a program that goes by its own name ($0) sees the new one.
 * Edited:   a hook of ours that was changed by hand is saved as STATE/edited-hooks/EVENT-N before it is replaced or removed.
 * Legacy:   pre-commit moves a hook that it finds to EVENT.legacy and runs it there; ours counts there too.
 * Folder:   what the install had to make, the uninstall removes when it is empty.
 * 2.54:     with such a git nothing is put into the folder: `hook.reinject-HASH8-EVENT` in the repository's configuration, HASH8 that of state folder and
 *           work tree; the command is set before the event, and removed after it.
 * Owner:    what root makes belongs to the owner of the git folder. */
#ifndef REINJECT_HOOKS_INSTALL_H
#define REINJECT_HOOKS_INSTALL_H

#include "hooks/folder.h"
#include "hooks/shim.h"

enum hooks_state {
	HOOKS_ABSENT,
	HOOKS_INSTALLED,
	HOOKS_OUTDATED, /* ours, but of another program or configuration file, or without its run bit */
	HOOKS_EDITED,
	HOOKS_FOREIGN, /* somebody else's stands there, and ours is not behind it */
	HOOKS_SHADOWED /* core.hooksPath, or a link, leads elsewhere */
};
/** The word for it in JSON. */
const char *hooks_state_name(enum hooks_state state);

struct hooks_target {
	const struct hooks_folder *folder;
	struct hooks_project project; /* borrowed strings */
	const char *program;          /* NULL: none was found */
};

struct hooks_report {
	enum hooks_state state;
	bool is_kept;    /* another hook runs before ours */
	bool is_program; /* the program that it names is there */
};

/** Installs all events. @notes gets a sentence for each thing worth telling; @ret_n: how many were written. -EEXIST (class ERR_ENVIRONMENT) where another
 * tool owns the folder or a hook: nothing was written there, and the hint is the line to add. */
int hooks_install(const struct hooks_target *target, struct strvec *notes, size_t *ret_n, struct err *err) MUST_CHECK;

/** Takes ours out, for this project; what other projects have installed stays. @ret_n: how many hooks were taken out or changed. */
int hooks_uninstall(const struct hooks_target *target, struct strvec *notes, size_t *ret_n, struct err *err) MUST_CHECK;

/** How @event stands. */
int hooks_inspect(const struct hooks_target *target, const char *event, struct hooks_report *ret, struct err *err) MUST_CHECK;

#endif
