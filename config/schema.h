/* config/schema - the one table of options: the parser, the range checks, the defaults, `reinject config` and the manual all read it.
 *
 * A row names section, key, type, range, unit, default and a line of help. A row whose section ends in ' *' stands for named sections
 * ('[package NAME]'). New keys are rows here and a field in config/config.h, nothing else.
 * Keys of verbs that are still to come stand here already, so that a complete configuration is accepted; they are checked by type. */
#ifndef REINJECT_CONFIG_SCHEMA_H
#define REINJECT_CONFIG_SCHEMA_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum schema_type {
	SCHEMA_STRING,
	SCHEMA_LIST,    /* separated by blanks; '\ ' a blank inside an item; may be continued on indented lines */
	SCHEMA_COMMAND, /* split like a shell's words, never run by one */
	SCHEMA_PATH,    /* of the host: made absolute against the INI's folder */
	SCHEMA_PROGRAM, /* a name for PATH, or, with a slash, a path as above */
	SCHEMA_TREE_PATH, /* relative to a source, inside it */
	SCHEMA_IMAGE_PATH, /* absolute, inside the image */
	SCHEMA_BOOL,    /* yes, no, true, false, on, off, 1, 0 */
	SCHEMA_UINT,    /* min..max */
	SCHEMA_ENUM,    /* choices, separated by '|' */
	SCHEMA_REGEX    /* a POSIX ERE, compiled to check it */
};

struct schema_option {
	const char *section; /* 'build', 'package *' */
	const char *key;     /* 'env.*' matches every key that starts with 'env.'; '*' every key */
	enum schema_type type;
	const char *fallback; /* NULL: none */
	uint64_t min, max;    /* SCHEMA_UINT */
	const char *unit;     /* 'ms', 'bytes', or NULL */
	const char *choices;  /* SCHEMA_ENUM */
	const char *help;     /* one line */
};

extern const struct schema_option schema_options[];
extern const size_t schema_n_options;

/** The row for @key in section @section ('package init' finds 'package *'), or NULL. */
const struct schema_option *schema_find(const char *section, const char *key);

/** True when there is such a section. */
bool schema_has_section(const char *section);

/** Splits a list value at blanks; '\ ' is a blank and '\;' a semicolon inside an item. */
void schema_split_list(const char *value, struct strvec *ret);

/** Splits a command like a shell's words: quotes and backslashes, no expansion. -EINVAL for an open quote. */
int schema_split_command(const char *value, struct strvec *ret, struct err *err) MUST_CHECK;

#endif
