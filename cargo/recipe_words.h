/* cargo/recipe_words - the words and operators of a shell script, for cargo/recipe.
 *
 * Quotes are taken away, variables and $(...) stay as they are written; a comment and a line that is continued leave nothing. Operators are newline (also
 * for ';'), ';;', '|', '||', '&', '&&', '(', ')'; redirections are words.
 * Ownership: embedded; recipe_words_clear(). */
#ifndef REINJECT_CARGO_RECIPE_WORDS_H
#define REINJECT_CARGO_RECIPE_WORDS_H

#include "base/str.h"

struct recipe_word {
	char *text; /* owned */
	bool is_operator;
};

struct recipe_words {
	struct recipe_word *v; /* owned */
	size_t n, cap;
};

/** Cuts a recipe's shell script into words and operators, as a shell would; nothing is expanded. @ret: cleared by the caller. */
void recipe_words_split(const char *script, struct recipe_words *ret);
void recipe_words_clear(struct recipe_words *words);

/** True when there is a word @at that is this operator, or this plain word. */
bool recipe_words_is_operator(const struct recipe_words *words, size_t at, const char *text);
bool recipe_words_is(const struct recipe_words *words, size_t at, const char *text);

#endif
