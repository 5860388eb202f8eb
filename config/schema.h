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
	SCHEMA_LIST,       /* separated by blanks; '\ ' a blank inside an item; may be continued on indented lines */
	SCHEMA_COMMAND,    /* split like a shell's words, never run by one */
	SCHEMA_PATH,       /* of the host: made absolute against the INI's folder */
	SCHEMA_PROGRAM,    /* a name for PATH, or, with a slash, a path as above */
	SCHEMA_TREE_PATH,  /* relative to a source, inside it */
	SCHEMA_IMAGE_PATH, /* absolute, inside the image */
	SCHEMA_BOOL,       /* yes, no, true, false, on, off, 1, 0 */
	SCHEMA_UINT,       /* min..max */
	SCHEMA_ENUM,       /* choices, separated by '|' */
	SCHEMA_REGEX,      /* a POSIX ERE, compiled to check it; never expanded, since '$' and '{' are its own */
	SCHEMA_PLACE       /* where a file goes: '/abs', 'initfs:/abs' or 'share:/abs', without '..' */
};

struct schema_option {
	const char *section; /* 'build', 'package *' */
	const char *key;     /* 'env.*' matches every key that starts with 'env.'; '*' every key */
	enum schema_type type;
	const char *fallback;  /* NULL: none */
	uint64_t min, max;     /* SCHEMA_UINT */
	const char *unit;      /* 'ms', 'bytes', or NULL */
	const char *choices;   /* SCHEMA_ENUM */
	enum schema_type item; /* SCHEMA_LIST: what each item is; SCHEMA_STRING unless said */
	bool verbatim;         /* `~` and `${VAR}` stay as written: they are expanded when used, or belong to the guest */
	const char *help;      /* one line */
};

extern const struct schema_option schema_options[];
extern const size_t schema_n_options;

/** The row for @key in section @section ('package init' finds 'package *'), or NULL. */
const struct schema_option *schema_find(const char *section, const char *key);

/** True when there is such a section. */
bool schema_has_section(const char *section);

/** The known key of @section, or the known section, that @word was probably meant to be; NULL when none is near. 'package foo' is near
 * 'packge foo' by its first word, and that word is returned. */
const char *schema_nearest_key(const char *section, const char *word);
const char *schema_nearest_section(const char *word);

/** True when @word is one of @choices, which are separated by '|'. */
bool schema_has_choice(const char *choices, const char *word);

/** Digits only, all of them, within 64 bits: -EINVAL, -ERANGE. */
int schema_parse_uint(const char *text, uint64_t *ret) MUST_CHECK;
/** yes, no, true, false, on, off, 1, 0 in any case: -EINVAL. */
int schema_parse_bool(const char *text, bool *ret) MUST_CHECK;

/** Splits a list value at blanks; '\ ' is a blank and '\;' a semicolon inside an item, '\\' a backslash; any other backslash stays. A backslash
 * at a line's end is dropped: lines of a continued value are ended by '\n' here. */
void schema_split_list(const char *value, struct strvec *ret);

/** The items as a list value that splits into the same items again (except empty ones, which a list cannot hold). The caller frees it. */
char *schema_join_list(const struct strvec *items) MUST_CHECK;

/** Splits a command like a shell's words: quotes and backslashes, no expansion. '\;' is a semicolon in quotes too, since ' ;' would start a
 * comment. -EINVAL for an open quote or a lone backslash at the end; @ret is unchanged then. */
int schema_split_command(const char *value, struct strvec *ret, struct err *err) MUST_CHECK;

#endif
