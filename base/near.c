#include "base/near.h"

#include <string.h>

/* The distance is Damerau's, without edits inside a swapped pair. */

#define MAX_WORD 31 /* longer words are near nothing */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Of words with at most MAX_WORD letters. */
static size_t distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
	size_t d[MAX_WORD + 1][MAX_WORD + 1];

	for (size_t i = 0; i <= n_a; i++) {
		for (size_t j = 0; j <= n_b; j++) {
			d[i][j] = i > j ? i : j;
			if (i == 0 || j == 0)
				continue;
			d[i][j] = least(d[i - 1][j - 1] + (a[i - 1] != b[j - 1]), least(d[i - 1][j], d[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[n_a][n_b];
}

void near_offer(struct near *near, const char *candidate, size_t n)
{
	size_t d;

	if (near->n > MAX_WORD || n > MAX_WORD)
		return;
	d = distance(near->word, near->n, candidate, n);
	if (d * 5 > 2 * (near->n > n ? near->n : n) || (near->best && d >= near->distance))
		return;
	near->best = candidate;
	near->distance = d;
}

void near_offer_choices(struct near *near, const char *choices)
{
	for (const char *p = choices; *p; p += *p == '|') {
		size_t n = strcspn(p, "|");

		near_offer(near, p, n);
		p += n;
	}
}
