/* base/sudo - root that works for somebody: what belongs to whoever called sudo is built by him, not by root.
 *
 * Why:      cargo, as root, leaves folders in the user's target folder that his next build cannot write, and runs his build scripts, filters and
 *           commands with root's powers. Only what needs root (mounting, the image) stays root's.
 * When:     we are root, SUDO_UID names another user, and the folder in question is his. Otherwise nothing here does anything. */
#ifndef REINJECT_BASE_SUDO_H
#define REINJECT_BASE_SUDO_H

#include "base/proc.h"

/** Makes @spec one that runs as the owner of @folder, if he called sudo; then @env (which becomes spec->env) gets his HOME, USER and LOGNAME,
 * where it does not say something of its own. */
void sudo_drop(const char *folder, struct strvec *env, struct proc_spec *spec);

/** Becomes the owner of @folder, if he called sudo, for what this process itself writes; true when it did, and then sudo_leave() is to follow. Only while no
 * other thread runs. */
bool sudo_enter(const char *folder) MUST_CHECK;
void sudo_leave(void);

/** The home of the owner of @folder as a child under sudo_drop() has it; NULL where nothing is dropped. The caller frees it. */
char *sudo_home(const char *folder) MUST_CHECK;

#endif
