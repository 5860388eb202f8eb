/* cli/wrap - the help's text in lines that fit the terminal.
 *
 * A description is paragraphs, parted by an empty line. Where its lines end in the source means nothing; but a paragraph whose lines begin with blanks is
 * an example and stays as it is, and one that begins with a short word and two blanks is a list of such words and what they mean. The manual is made by
 * the same rules (tools/docs/roff.c). */
#ifndef REINJECT_CLI_WRAP_H
#define REINJECT_CLI_WRAP_H

#include "base/str.h"

/** Appends the paragraphs of @text in lines of at most @width bytes. */
void cli_wrap_text(struct str *to, const char *text, size_t width);

/** Appends @left, and from @column on what it means, below itself where it takes several lines; below @left when that is too long. */
void cli_wrap_item(struct str *to, const char *left, size_t column, const char *text, size_t width);

/** Where the second column of 'word   what it means' begins; 0 for what is no such line. */
size_t cli_wrap_column(const char *line);

#endif
