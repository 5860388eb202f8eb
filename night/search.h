/* night/search - which of several changes keep an image from booting: the order of trials, decided purely, without any I/O.
 *
 * Sequence: night_search_init() when the image with all of them is known not to boot, and the one with none of them to boot; then night_search_next() and
 *           night_search_tell(), until there is no next; night_search_clear().
 * Trials:   each is a prefix of those changes that are not blamed, in their order (the oldest first). By halving, the shortest prefix that does not boot is
 *           found; the same is booted afresh, and only when that fails too its last element is a culprit: with it the image does not boot, without it it
 *           does. The culprit is left out, the rest is booted, and so on until the rest boots. That rest is what is kept; it is always the last trial.
 * Number:   at most k*(ceil(log2 n) + 2) for k culprits among n, of which two more trials, the image with all and the one with none, came before. A pair
 *           that fails only together is found too: the later of the two is blamed.
 * Flaky:    a prefix that fails and boots when it is booted afresh, or boots and fails afterwards, proves that the verdicts are worth nothing: the search
 *           ends, and nobody is blamed. */
#ifndef REINJECT_NIGHT_SEARCH_H
#define REINJECT_NIGHT_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

enum night_search_phase {
	NIGHT_SEARCH_HALVING,
	NIGHT_SEARCH_AFRESH, /* the shortest failing prefix, once more */
	NIGHT_SEARCH_REST,   /* all that is not blamed */
	NIGHT_SEARCH_DONE,
	NIGHT_SEARCH_FLAKY,
};

struct night_search {
	enum night_search_phase phase;
	size_t *left; /* owned: the changes that are not blamed, by number, in order */
	size_t n_left;
	size_t *culprits; /* owned: in the order in which they were found */
	size_t n_culprits;
	size_t good, bad; /* prefixes of so many of `left` are known to boot, and not to */
};

/** @n: how many changes there are, at least one. */
void night_search_init(struct night_search *search, size_t n);
void night_search_clear(struct night_search *search);

/** The next trial: the first @ret of search->left. False when the search is over. */
bool night_search_next(const struct night_search *search, size_t *ret);

/** What became of it. */
void night_search_tell(struct night_search *search, bool boots);

#endif
