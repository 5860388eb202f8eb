/* config/ini_reader - one INI file, read by inih through a reader of ours that knows each line's number and closes inih's traps.
 *
 * What inih does silently is a problem with 'FILE:LINE: ' here (docs/facts/libraries.md has what was measured): a line of more than 198 bytes, a NUL, a
 * line that is neither header nor key, words after a header, an indented line with nothing before it to continue, a key or section that stands
 * twice, a key before the first section. All of them are collected; the parse goes on.
 * Sections keep their whole name (inih cuts it at 49 bytes), with single blanks, and stand here even when they are empty.
 * Values are without comment (' ;' starts one) and without blanks around them; what continues a value is added after a '\n', and whether it may
 * be continued is for the caller to judge, who knows its type.
 * Trust:    a file that everybody may write, or that belongs to neither the user, root nor SUDO_UID, is refused: it names programs to run.
 * Errors:   the file as such: -EINVAL, class ERR_USAGE, with sentence and hint. Never logs. */
#ifndef REINJECT_CONFIG_INI_READER_H
#define REINJECT_CONFIG_INI_READER_H

#include "base/err.h"
#include "config/report.h"

#include <stdbool.h>
#include <stddef.h>

#define CONFIG_INI_MAX_LINE 198 /* bytes without the line's end: inih's buffer of 200 less newline and NUL */

struct config_ini_entry {
	char *key;
	char *value;
	unsigned int line;
	unsigned int *continued; /* the numbers of the lines that continue it; owned */
	size_t n_continued, cap_continued;
	bool broken; /* its line was reported: the value should not be judged, a duplicate not be used */
};

struct config_ini_section {
	char *name; /* '' for a header that could not be read */
	unsigned int line;
	struct config_ini_entry *entries; /* owned */
	size_t n_entries, cap_entries;
	bool broken; /* the header was reported */
};

struct config_ini {
	char *path;
	struct config_ini_section *sections; /* owned */
	size_t n_sections, cap_sections;
};

/** Reads the file @path (which is also its name in messages) into @ret. Returns 0 whatever is wrong inside the file: @report has it. */
int config_ini_read(const char *path, struct config_ini *ret, struct config_report *report, struct err *err) MUST_CHECK;

/** The entry, or NULL. */
const struct config_ini_entry *config_ini_find(const struct config_ini *ini, const char *section, const char *key);

void config_ini_clear(struct config_ini *ini);

#endif
