/* hooks/configured - hooks that git's configuration names, for git 2.54 and later: docs/facts/git-hooks.md.
 *
 * One section for each hook: `hook.reinject-HASH8-EVENT`, HASH8 that of state folder and work tree. An event without a command stops every commit,
 * so the command is written first and removed last; a kill in between leaves a command that nothing calls.
 * The program is guarded against being absent, since git's own command would fail with it. */
#ifndef REINJECT_HOOKS_CONFIGURED_H
#define REINJECT_HOOKS_CONFIGURED_H

#include "hooks/install.h"

/** Returns 1 when something was written, 0 when it was right already. */
int hooks_configured_install(const struct hooks_target *target, const char *event, struct err *err) MUST_CHECK;
/** Returns 1 when something was removed. */
int hooks_configured_uninstall(const struct hooks_target *target, const char *event, struct err *err) MUST_CHECK;
int hooks_configured_inspect(const struct hooks_target *target, const char *event, struct hooks_report *ret, struct err *err) MUST_CHECK;

#endif
