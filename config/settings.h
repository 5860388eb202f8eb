/* config/settings - every key that counts, after reinject.ini, what it includes and -o were laid over each other.
 *
 * Sequence: config_settings_add_file() for each file, the one that wins first; config_settings_override() for each -o;
 *           config_settings_add_defaults(); then config_settings_find() and friends.
 * Checks:   unknown sections and keys (with the nearest known one), names, types and ranges, continued lines; of every value in every file, also of
 *           one that another file's wins over. All into the report.
 * Ownership: embedded; config_settings_clear(). Pointers into it live until something is added. */
#ifndef REINJECT_CONFIG_SETTINGS_H
#define REINJECT_CONFIG_SETTINGS_H

#include "config/ini_reader.h"
#include "config/report.h"
#include "config/value.h"

struct config_setting {
	char *key;
	const struct schema_option *option;
	struct config_value_parsed parsed;
	bool valid;        /* false: it was said, but wrongly; reported already */
	char *file;        /* NULL: the default; '-o' */
	unsigned int line; /* 0: of no file */
};

struct config_section {
	char *name;
	char *file; /* where it stands first, '-o', or NULL: nowhere, it holds defaults */
	unsigned int line;
	struct config_setting *v; /* owned */
	size_t n, cap;
};

struct config_settings {
	const char *dir;          /* borrowed: what paths are relative to */
	struct config_section *v; /* owned */
	size_t n, cap;
};

/** Adds the sections of one file; what is wrong in it goes into @report. */
void config_settings_add_file(struct config_settings *settings, const struct config_ini *ini, struct config_report *report);

/** One 'section.key=value' of the command line. */
void config_settings_override(struct config_settings *settings, const char *text, struct config_report *report);

/** Fills in the table's defaults: of all plain sections, and of the named ones that are there. */
void config_settings_add_defaults(struct config_settings *settings);

struct config_section *config_settings_section(const struct config_settings *settings, const char *name);
struct config_section *config_settings_make_section(struct config_settings *settings, const char *name);

/** The setting if it was said at all, or has a default; it may be invalid. */
const struct config_setting *config_section_find(const struct config_section *section, const char *key);

/** The value if it is valid and not empty, else NULL. @section may be NULL. */
const struct config_value_parsed *config_section_value(const struct config_section *section, const char *key);

/** Sets @key to a default that the table cannot know; @file and @line (NULL, 0: none) say where it comes from. */
void config_section_set_default(struct config_section *section, const char *key, const char *text, const char *file, unsigned int line);

void config_settings_clear(struct config_settings *settings);

#endif
