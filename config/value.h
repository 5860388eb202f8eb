/* config/value - one value as it was written, turned into what its row of the table says.
 *
 * Order:    cut into words, then `~` and `${VAR}` (so that a blank in a folder's name splits nothing), then paths, types and ranges.
 * Errors:   -EINVAL, class ERR_USAGE, a sentence that says what is expected; the caller knows file, line and key. */
#ifndef REINJECT_CONFIG_VALUE_H
#define REINJECT_CONFIG_VALUE_H

#include "base/err.h"
#include "base/str.h"
#include "config/schema.h"

struct config_value_parsed {
	bool empty;          /* nothing was said, by a type for which that means 'as if the key were not there' */
	char *text;          /* never NULL once parsed: what `reinject config` shows; paths absolute, lists joined again */
	struct strvec items; /* SCHEMA_LIST, SCHEMA_COMMAND */
	uint64_t number;     /* SCHEMA_UINT; SCHEMA_BOOL: 1 or 0 */
};

/** Parses @raw, in which '\n' ends a line that the next one continues. @dir (absolute): what paths of the host are relative to. */
int config_value_parse(const struct schema_option *option, const char *raw, const char *dir, struct config_value_parsed *ret,
		       struct err *err) MUST_CHECK;
/** Gives back what config_value_parse() has filled; takes a zeroed one, too. */
void config_value_clear(struct config_value_parsed *value);

/** True when values of this type may go over several lines. */
bool config_value_may_continue(const struct schema_option *option);

#endif
