/* setup/init - what a configuration needs to know of a tree, found by looking where it usually lies.
 *
 * Sequence: setup_begin() finds the root; the caller fills in what it was told (item by item, setup_set()); setup_find() looks for
 *           the rest; setup_text() is the reinject.ini, setup_config() as much of a configuration as the generated map needs.
 * Root:     where reinject.ini will lie. Going up from a folder: the nearest with recipes/core/base/source (the Redox tree), else the nearest cargo
 *           workspace, else that folder itself, when one or more workspaces lie in it or in its folders.
 * Places:   a table in init.c, in order; the first that is there counts, and where a pattern has several, that is noted.
 * Ownership: embedded; setup_clear(). Reads only. */
#ifndef REINJECT_SETUP_INIT_H
#define REINJECT_SETUP_INIT_H

#include "config/config.h"

enum setup_item {
	SETUP_SOURCE,
	SETUP_TARGET,
	SETUP_IMAGE,
	SETUP_TOOL,
	SETUP_BACKEND,
	SETUP_TOOLCHAIN,
	SETUP_RELIBC,
	SETUP_STRIP,
	SETUP_BOOT,
	SETUP_INITFS_DIR,
	SETUP_INITFS_TOOL,
	SETUP_BOOTSTRAP,
	SETUP_N
};

struct setup {
	char *root;                      /* absolute */
	char *start;                     /* absolute: the folder that it began from, which paths that are told are relative to */
	char *values[SETUP_N];           /* owned; absolute paths, or names (toolchain, strip on PATH); NULL: not found */
	bool told[SETUP_N];              /* by the user, not found */
	bool redox;                      /* the Redox tree's layout */
	enum config_image_format format; /* of the image */
	char *mount_point;               /* where somebody has the image mounted; NULL: nowhere, or twice */
	char *rules;                     /* a rule file of the user's; NULL */
	struct strvec notes;             /* what was chosen among several, a sentence each */
};

/** 'image', as its flag and in JSON; what it is, for a question. */
const char *setup_name(enum setup_item item);
const char *setup_what(enum setup_item item);
/** Whether it is worth a question when it was not found. */
bool setup_is_wanted(const struct setup *setup, enum setup_item item);

/** @dir (NULL: the working folder). -EINVAL, class ERR_USAGE, when it is no folder. */
int setup_begin(const char *dir, struct setup *ret, struct err *err) MUST_CHECK;
void setup_clear(struct setup *setup);

/** Takes what somebody said; '' for none, which is not looked for then. -EINVAL, class ERR_USAGE, when there is no such file. */
int setup_set(struct setup *setup, enum setup_item item, const char *value, struct err *err) MUST_CHECK;

/** Looks for all that was not told. -EINVAL, class ERR_USAGE, when there is no workspace, or several and nobody said which. */
int setup_find(struct setup *setup, struct err *err) MUST_CHECK;

/** -EINVAL (class ERR_USAGE) when a path that was found or told cannot stand in setup_text(), which would then say something else. */
int setup_check(const struct setup *setup, struct err *err) MUST_CHECK;

/** The commented reinject.ini, which includes @map; the caller frees it. */
char *setup_text(const struct setup *setup, const char *map) MUST_CHECK;

/** Sources and [build] of what that text says, for refresh_map_make(); config_free(). */
struct config *setup_config(const struct setup *setup) MUST_CHECK;

#endif
