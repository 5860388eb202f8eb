/* hooks/program - the small program that git's hooks run, where it lies, and how a worker is woken by it.
 *
 * `reinject-hook` (hooks/enqueue.c) is found beside the running reinject, then in ../libexec from there, then in the LIBEXECDIR of the build. */
#ifndef REINJECT_HOOKS_PROGRAM_H
#define REINJECT_HOOKS_PROGRAM_H

#include "base/err.h"

/** The absolute path of the program that runs; the caller frees it. */
int hooks_program_own(char **ret, struct err *err) MUST_CHECK;

/** Absolute paths of reinject-hook and of the reinject that runs; the caller frees both. -ENOENT (class ERR_ENVIRONMENT) when there is no
 * reinject-hook. */
int hooks_program_find(char **ret_hook, char **ret_reinject, struct err *err) MUST_CHECK;

/** Starts a worker for @config_file with state folder @state when records wait there and neither a watch nor a worker runs. For whoever lets go of
 * what a worker may have found held. Says nothing when it cannot: the record waits for the next hook. */
void hooks_program_wake(const char *state, const char *config_file);

#endif
