/* hooks/shim - the text of a hook of ours, and how one is recognised.
 *
 * Text:     POSIX sh, builtins only. The hook that was there before lies beside it as EVENT.before-reinject and runs first, with the arguments, the
 *           standard input (ours reads none, so a post-rewrite hook gets all of it) and, at the end, the exit status. REINJECT=0 in the environment skips
 *           ours, not that. A missing program is silent.
 * Ours:     the second line says so, with a checksum of all the rest; that a text mentions reinject means nothing. A wrong checksum means that it was
 *           edited.
 * Projects: several configurations may serve one repository, such as one for each work tree; each has a line and four words for the program.
 * Ownership: hooks_shim_clear(). */
#ifndef REINJECT_HOOKS_SHIM_H
#define REINJECT_HOOKS_SHIM_H

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

#define HOOKS_SHIM_BEFORE ".before-reinject"

struct hooks_project {
	char *top, *state, *reinject, *config; /* owned; see hooks/enqueue.c */
};

struct hooks_shim {
	struct hooks_project *projects; /* owned */
	size_t n, cap;
	char *program;    /* owned; parsed: what it runs; NULL where that cannot be read */
	bool made_folder; /* the hooks folder was made for it */
	bool is_edited;   /* parsed: not as it was written */
};

/** The hooks that are installed, ended by NULL. */
extern const char *const hooks_events[];

/** The hook's text for @event, with @program to be run; the caller frees it. */
char *hooks_shim_text(const struct hooks_shim *shim, const char *event, const char *program) MUST_CHECK;

/** The command for a hook that git's configuration names, for the one @project; git adds the arguments. The caller frees it. */
char *hooks_shim_command(const struct hooks_project *project, const char *event, const char *program) MUST_CHECK;

/** The line for a hook of somebody else's, under any of the names; the caller frees it. */
char *hooks_shim_line(const struct hooks_project *project, const char *program) MUST_CHECK;

/** True, with @ret, when the @n bytes at @text are a hook of ours. */
bool hooks_shim_parse(const char *text, size_t n, struct hooks_shim *ret);

/** Adds or replaces @project (its strings are copied), which is known by state folder and work tree. */
void hooks_shim_add(struct hooks_shim *shim, const struct hooks_project *project);
/** Takes it out. False when it was not there. */
bool hooks_shim_remove(struct hooks_shim *shim, const struct hooks_project *project);
bool hooks_shim_has(const struct hooks_shim *shim, const struct hooks_project *project);

void hooks_shim_clear(struct hooks_shim *shim);

#endif
