/* tools/docs/roff - plain text, as the help has it, in the macros of man(7): what `mandoc -Tlint` and `man --warnings` take without a word.
 * In the text `code` is bold, a paragraph that begins with two blanks is an example and stays as it is, and lines such as 'word   what it means' are a list. */
#ifndef REINJECT_TOOLS_ROFF_H
#define REINJECT_TOOLS_ROFF_H

#include "base/str.h"

/** The title line, NAME and @summary. */
void docs_roff_head(struct str *page, const char *name, int section, const char *summary);

/** @word in bold, and beside it @text. */
void docs_roff_item(struct str *page, const char *word, const char *text);

/** Paragraphs, separated by an empty line, each of which begins a paragraph of the page. */
void docs_roff_text(struct str *page, const char *text);

/** @text as one paragraph's lines, without a macro before it. */
void docs_roff_fill(struct str *page, const char *text);

/** @text as it stands, with what roff would take for its own escaped. */
void docs_roff_word(struct str *page, const char *text);

/** Lines that stay as they are. */
void docs_roff_example(struct str *page, const char *text);

#endif
