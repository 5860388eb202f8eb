/* cargo/rules - a rule file: where programs and files go in a tree whose layout is known, which cargo cannot tell.
 *
 * Sequence: cargo_rules_find() where no file is named, cargo_rules_load(), then plain data; cargo_rules_clear().
 * Format:   stands in the head of config/rules/redox.ini.
 * Trust:    as a configuration: a file that everybody may write is refused (config/ini_reader).
 * Ownership: embedded; a cleared or zeroed one has no rules. */
#ifndef REINJECT_CARGO_RULES_H
#define REINJECT_CARGO_RULES_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>

struct cargo_rule {
	char *pattern; /* a glob over a package's folder ([destinations]) or name ([package ...]); an asset's name with placeholders */
	char *in;      /* asset: a glob over the folders of packages, or NULL */
	struct strvec paths;
	struct strvec dests;
	struct strvec copies;
	struct strvec machines; /* empty: all */
	char *activate;         /* or NULL */
};

struct cargo_rule_list {
	struct cargo_rule *v; /* owned */
	size_t n, cap;
};

struct cargo_rules {
	struct cargo_rule_list destinations, packages, assets; /* in the file's order */
	struct cargo_rule_list programs;                       /* by their exact names, from elsewhere (cargo/recipe) */
	size_t n_places;                                       /* of all programs */
};

/** The rule file that comes with the program, beside which it is looked for; NULL when there is none. The caller frees it. */
char *cargo_rules_find(void) MUST_CHECK;

/** -EINVAL, class ERR_USAGE, with the first thing that is wrong as 'FILE:LINE: ...'. */
int cargo_rules_load(const char *path, struct cargo_rules *ret, struct err *err) MUST_CHECK;
void cargo_rules_clear(struct cargo_rules *rules);

/** Adds a place for the program of this name, once. */
void cargo_rules_add_program(struct cargo_rules *rules, const char *program, const char *place);
/** The rule for the program of this name; NULL. */
const struct cargo_rule *cargo_rules_find_program(const struct cargo_rules *rules, const char *program);

/** True when @rule counts on @machine. */
bool cargo_rules_is_for(const struct cargo_rule *rule, const char *machine);

/** The first of @list whose pattern, a glob, matches @text; NULL. */
const struct cargo_rule *cargo_rules_match(const struct cargo_rule_list *list, const char *text);

#endif
