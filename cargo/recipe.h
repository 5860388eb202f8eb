/* cargo/recipe - where a tree's own build recipes put its programs, read from their shell scripts.
 *
 * Redox builds a source folder by the recipe.toml beside it, whose script copies each program into a staging folder: ${COOKBOOK_STAGE}/usr/bin becomes
 * /usr/bin, ${COOKBOOK_BUILD}/initfs/bin becomes initfs:/bin. A recipe that is `same_as` that one builds the same source for another place.
 * Nothing is run. A small reader follows what such scripts are made of (lists, for, if, case, functions, cp of something in target/) for one machine;
 * what it does not understand it passes over, so that a program is left to the rule file and never gets a wrong place.
 * Facts:    the recipes `base` and `base-initfs` of the Redox tree. Threads: no shared state. */
#ifndef REINJECT_CARGO_RECIPE_H
#define REINJECT_CARGO_RECIPE_H

#include "cargo/rules.h"

/** Adds to rules->programs what the recipes of the source folder @source say for @machine ('aarch64'). @ret_files: those that named something. */
void cargo_recipe_read(const char *source, const char *machine, struct cargo_rules *rules, struct strvec *ret_files);

/** The same for the text of one script. */
void cargo_recipe_follow(const char *script, const char *machine, struct cargo_rules *rules);

#endif
