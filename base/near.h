/* base/near - the known word that a mistyped one was probably meant to be: for verbs, options, sections and keys.
 *
 * Sequence: struct near near = { .word = WORD, .n = strlen(WORD) }; near_offer() for each word that there is; then near.best, NULL when none is near.
 * Near:     two letters of five may be wrong, missing, added, or two neighbours swapped; of two words that are as near the first one offered. */
#ifndef REINJECT_BASE_NEAR_H
#define REINJECT_BASE_NEAR_H

#include <stddef.h>

struct near {
	const char *word; /* what was typed */
	size_t n;         /* its letters */
	const char *best; /* borrowed from who offered it */
	size_t distance;  /* of best, in letters */
};

/** Takes @candidate, of which the first @n letters count, when it is nearer than what was offered before. */
void near_offer(struct near *near, const char *candidate, size_t n);

/** The same for each of @choices, which are separated by '|'; near.best then points into them. */
void near_offer_choices(struct near *near, const char *choices);

#endif
