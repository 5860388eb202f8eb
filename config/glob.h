/* config/glob - the patterns of [destinations].
 *
 * Patterns and paths are cut at '/'. '**' as a whole component stands for any number of components, none too, but at the end for at least one;
 * '**' alone matches every path. Within a component '*', '?' and '[...]' mean what fnmatch(3) says. */
#ifndef REINJECT_CONFIG_GLOB_H
#define REINJECT_CONFIG_GLOB_H

#include <stdbool.h>

/** Whether the whole of @path, relative and without a slash at its ends, is what @pattern stands for. */
bool config_glob_match(const char *pattern, const char *path);

#endif
