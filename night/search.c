#include "night/search.h"

#include "base/str.h"

#include <string.h>

/* A machine of states: so the same search is driven by boots at night, and by an oracle in its test. */

void night_search_init(struct night_search *search, size_t n)
{
	*search = (struct night_search){ .n_left = n, .bad = n };
	search->left = xcalloc(n, sizeof(*search->left));
	search->culprits = xcalloc(n, sizeof(*search->culprits));
	for (size_t i = 0; i < n; i++)
		search->left[i] = i;
	search->phase = n > 1 ? NIGHT_SEARCH_HALVING : NIGHT_SEARCH_AFRESH;
}

void night_search_clear(struct night_search *search)
{
	free(search->left);
	free(search->culprits);
	*search = (struct night_search){ 0 };
}

bool night_search_next(const struct night_search *search, size_t *ret)
{
	switch (search->phase) {
	case NIGHT_SEARCH_HALVING:
		*ret = search->good + (search->bad - search->good) / 2;
		return true;
	case NIGHT_SEARCH_AFRESH:
		*ret = search->bad;
		return true;
	case NIGHT_SEARCH_REST:
		*ret = search->n_left;
		return true;
	default:
		return false;
	}
}

static void halve(struct night_search *search)
{
	search->phase = search->bad - search->good > 1 ? NIGHT_SEARCH_HALVING : NIGHT_SEARCH_AFRESH;
}

static void blame(struct night_search *search)
{
	size_t *last = &search->left[search->bad - 1];

	search->culprits[search->n_culprits++] = *last;
	memmove(last, last + 1, (search->n_left - search->bad) * sizeof(*last));
	search->n_left--;
	search->phase = NIGHT_SEARCH_REST;
}

static void tell_rest(struct night_search *search, bool boots)
{
	if (boots) {
		search->phase = NIGHT_SEARCH_DONE;
	} else if (search->good == search->n_left) {
		/* This very set has booted before. */
		search->phase = NIGHT_SEARCH_FLAKY;
	} else {
		search->bad = search->n_left;
		halve(search);
	}
}

void night_search_tell(struct night_search *search, bool boots)
{
	size_t prefix;

	switch (search->phase) {
	case NIGHT_SEARCH_HALVING:
		if (!night_search_next(search, &prefix))
			return;
		*(boots ? &search->good : &search->bad) = prefix;
		halve(search);
		break;
	case NIGHT_SEARCH_AFRESH:
		if (boots)
			search->phase = NIGHT_SEARCH_FLAKY;
		else
			blame(search);
		break;
	case NIGHT_SEARCH_REST:
		tell_rest(search, boots);
		break;
	default:
		break;
	}
}
