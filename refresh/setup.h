/* refresh/setup - what a configuration needs to know of a tree, found by looking where it usually lies.
 *
 * Sequence: refresh_setup_begin() finds the root; the caller fills in what it was told (item by item, refresh_setup_set()); refresh_setup_find() looks for
 *           the rest; refresh_setup_text() is the reinject.ini, refresh_setup_config() as much of a configuration as the generated map needs.
 * Root:     where reinject.ini will lie. Going up from a folder: the nearest with recipes/core/base/source (the Redox tree), else the nearest cargo
 *           workspace, else that folder itself, when one or more workspaces lie in it or in its folders.
 * Places:   a table in setup.c, in order; the first that is there counts, and where a pattern has several, that is noted.
 * Ownership: embedded; refresh_setup_clear(). Reads only. */
#ifndef REINJECT_REFRESH_SETUP_H
#define REINJECT_REFRESH_SETUP_H

#include "config/config.h"

enum refresh_setup_item {
	REFRESH_SETUP_SOURCE,
	REFRESH_SETUP_TARGET,
	REFRESH_SETUP_IMAGE,
	REFRESH_SETUP_TOOL,
	REFRESH_SETUP_BACKEND,
	REFRESH_SETUP_TOOLCHAIN,
	REFRESH_SETUP_RELIBC,
	REFRESH_SETUP_STRIP,
	REFRESH_SETUP_BOOT,
	REFRESH_SETUP_INITFS_DIR,
	REFRESH_SETUP_INITFS_TOOL,
	REFRESH_SETUP_BOOTSTRAP,
	REFRESH_SETUP_N
};

struct refresh_setup {
	char *root;                      /* absolute */
	char *start;                     /* absolute: the folder that it began from, which paths that are told are relative to */
	char *values[REFRESH_SETUP_N];   /* owned; absolute paths, or names (toolchain, strip on PATH); NULL: not found */
	bool told[REFRESH_SETUP_N];      /* by the user, not found */
	bool redox;                      /* the Redox tree's layout */
	enum config_image_format format; /* of the image */
	char *mount_point;               /* where somebody has the image mounted; NULL: nowhere, or twice */
	char *rules;                     /* a rule file of the user's; NULL */
	struct strvec notes;             /* what was chosen among several, a sentence each */
};

/** 'image', as its flag and in JSON; what it is, for a question. */
const char *refresh_setup_name(enum refresh_setup_item item);
const char *refresh_setup_what(enum refresh_setup_item item);
/** Whether it is worth a question when it was not found. */
bool refresh_setup_is_wanted(const struct refresh_setup *setup, enum refresh_setup_item item);

/** @dir (NULL: the working folder). -EINVAL, class ERR_USAGE, when it is no folder. */
int refresh_setup_begin(const char *dir, struct refresh_setup *ret, struct err *err) MUST_CHECK;
void refresh_setup_clear(struct refresh_setup *setup);

/** Takes what somebody said; '' for none, which is not looked for then. -EINVAL, class ERR_USAGE, when there is no such file. */
int refresh_setup_set(struct refresh_setup *setup, enum refresh_setup_item item, const char *value, struct err *err) MUST_CHECK;

/** Looks for all that was not told. -EINVAL, class ERR_USAGE, when there is no workspace, or several and nobody said which. */
int refresh_setup_find(struct refresh_setup *setup, struct err *err) MUST_CHECK;

/** -EINVAL (class ERR_USAGE) when a path that was found or told cannot stand in refresh_setup_text(), which would then say something else. */
int refresh_setup_check(const struct refresh_setup *setup, struct err *err) MUST_CHECK;

/** The commented reinject.ini, which includes @map; the caller frees it. */
char *refresh_setup_text(const struct refresh_setup *setup, const char *map) MUST_CHECK;

/** Sources and [build] of what that text says, for refresh_map_make(); config_free(). */
struct config *refresh_setup_config(const struct refresh_setup *setup) MUST_CHECK;

#endif
