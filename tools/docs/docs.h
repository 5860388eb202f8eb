/* tools/docs/docs - what `make docs` writes: the manual pages, the reference of the configuration, and the completions of three shells.
 *
 * All of it is made from the tables that the program itself works by: cli/table.c and the verbs' descriptors, cli_global_options, schema_options, the
 * checks of setup/doctor. So a page cannot know another program than the one that is built; a test fails when the files in the tree are older.
 * Each writer adds one file's text to a struct str and does no I/O; main.c writes the files. Nothing depends on the day or the machine. */
#ifndef REINJECT_TOOLS_DOCS_H
#define REINJECT_TOOLS_DOCS_H

#include "base/str.h"
#include "cli/cli.h"
#include "config/schema.h"

/** man.c, man_ini.c: reinject.1, reinject-VERB.1, reinject.ini.5. */
void docs_man_program(struct str *page);
void docs_man_verb(struct str *page, const struct cli_verb *verb);
void docs_man_ini(struct str *page);

/** configuration.c: docs/configuration.md. */
void docs_configuration(struct str *page);

/** bash.c, zsh.c, fish.c. */
void docs_bash(struct str *page);
void docs_zsh(struct str *page);
void docs_fish(struct str *page);

/* -- what they share: text.c ------------------------------------------------------------------------------------------------------------------- */

/** What may stand in a place of the command line, as the completions tell it apart. */
enum docs_kind {
	DOCS_NOTHING,
	DOCS_CHOICE,
	DOCS_FILE,
	DOCS_FOLDER,
	DOCS_PACKAGE,
	DOCS_RUN,
	DOCS_REVISION,
	DOCS_CHECK,
	DOCS_KEY,
	DOCS_SETTING,
	DOCS_VERB
};

/** The kind of an option's value or of an operand; DOCS_CHOICE for 'a|b'. */
enum docs_kind docs_kind_of(const char *value);

/** 'a|b|c' as 'a b c'; all verbs; all checks of doctor; all keys as SECTION.KEY, those of named sections left out. The caller frees them. */
char *docs_words(const char *choices) MUST_CHECK;
char *docs_verbs(void) MUST_CHECK;
char *docs_checks(void) MUST_CHECK;
char *docs_keys(void) MUST_CHECK;

/** What a key's value is, as a phrase: 'a number from 0 to 60000, in ms'. The caller frees it. */
char *docs_type(const struct schema_option *option) MUST_CHECK;

/** Adds @text with a backslash before each of @special. */
void docs_add_escaped(struct str *s, const char *text, const char *special);

/* -- the sections of reinject.ini: sections.c ---------------------------------------------------------------------------------------------------- */

struct docs_section {
	const char *name;    /* as in schema_options: 'package *' */
	const char *intro;   /* a paragraph; `code` in backquotes */
	const char *example; /* lines of a file */
};

extern const struct docs_section docs_sections[];
extern const size_t docs_n_sections;

/** What holds for the whole file: paragraphs, and an example. */
extern const char *const docs_file_form[];
extern const size_t docs_n_file_form;

/** '[package NAME]' for 'package *'. The caller frees it. */
char *docs_section_title(const char *name) MUST_CHECK;

/** Names on stderr what has no text: an option, a key, a verb, a section; false when there is any. */
bool docs_complete(void);

#endif
