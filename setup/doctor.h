/* setup/doctor - everything a refresh needs, looked at one by one, with the reason and the way to put it right.
 *
 * Sequence: setup_doctor_run() goes through the table of checks and hands each finding to a function; with @fix it does first what is safe.
 * Safe:     what a fix changes belongs to the project and has a copy or can be made again: an empty libgcc_eh.a, the target's .json (the old one stays as
 *           FILE.orig), permission bits of the configuration and of run-dev.sh, the generated map, mounts and files that a dead run of ours left.
 *           Nothing is installed, no repository and no system setting is touched: for these there is a command to read and run.
 * A check:  a const row of the table: name, why it matters, how to look, and, where there is one, how to mend (doctor.c; the looking in doctor_*.c).
 * Image:    is never mounted itself; its content is looked at in the shadow, which is kept for the next run, or through the user's own mount (mode = live).
 * Threads:  one. */
#ifndef REINJECT_SETUP_DOCTOR_H
#define REINJECT_SETUP_DOCTOR_H

#include "base/cancel.h"
#include "config/config.h"

enum setup_doctor_status {
	SETUP_DOCTOR_OK,
	SETUP_DOCTOR_WARNING,
	SETUP_DOCTOR_FAILURE,
	SETUP_DOCTOR_SKIPPED, /* does not apply, or cannot be looked at before another is mended */
};

struct setup_doctor_finding {
	enum setup_doctor_status status;
	const char *name, *why; /* of the check */
	char *said;             /* what was found; owned */
	char *command;          /* what mends it: a command line, or a line for reinject.ini; NULL: nothing to do. Owned */
	bool fixable;           /* --fix would do it */
	bool fixed;             /* it was found wrong, and put right */
};

struct setup_doctor_args {
	const struct config *config; /* NULL: it could not be read, and @problem says why */
	const char *problem, *hint;
	const struct strvec *warnings; /* what was said of a configuration that could be read */
	const struct strvec *only;     /* names of checks; empty: all */
	bool fix;
	struct cancel *cancel;
	void (*on_finding)(void *data, const struct setup_doctor_finding *finding);
	void *data;
};

/** @ret_n_failures: how many checks failed and were not mended. -EINVAL, class ERR_USAGE, for a check that there is not; -ECANCELED. */
int setup_doctor_run(const struct setup_doctor_args *args, size_t *ret_n_failures, struct err *err) MUST_CHECK;

/** The name of check @i and why it matters, for the manual and the completions; false behind the last. */
bool setup_doctor_check(size_t i, const char **ret_name, const char **ret_why);

#endif
