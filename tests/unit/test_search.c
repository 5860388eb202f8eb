/* The search for culprits: that it finds them, in how many trials, and that it blames nobody without proof. */
#include "night/search.h"

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs the three above before it */
#include <cmocka.h>

enum { MAX = 12 };

/* An image of the changes in @set (bits) boots unless it holds all of one of @bad's sets. */
static bool boots(uint32_t set, const uint32_t *bad, size_t n_bad)
{
	for (size_t i = 0; i < n_bad; i++)
		if ((set & bad[i]) == bad[i])
			return false;
	return true;
}

static uint32_t set_of(const struct night_search *search, size_t prefix)
{
	uint32_t set = 0;

	for (size_t i = 0; i < prefix; i++)
		set |= 1u << search->left[i];
	return set;
}

static unsigned int ceil_log2(size_t n)
{
	unsigned int bits = 0;

	while ((1u << bits) < n)
		bits++;
	return bits;
}

struct outcome {
	unsigned int trials;
	uint32_t culprits, kept;
	size_t n_culprits;
	enum night_search_phase phase;
};

static struct outcome run(size_t n, const uint32_t *bad, size_t n_bad)
{
	struct night_search search;
	struct outcome outcome = { .kept = UINT32_MAX };
	size_t prefix;

	night_search_init(&search, n);
	while (night_search_next(&search, &prefix)) {
		uint32_t set = set_of(&search, prefix);

		assert_true(prefix <= search.n_left);
		outcome.trials++;
		assert_true(outcome.trials < 1000);
		outcome.kept = set;
		night_search_tell(&search, boots(set, bad, n_bad));
	}
	for (size_t i = 0; i < search.n_culprits; i++)
		outcome.culprits |= 1u << search.culprits[i];
	outcome.n_culprits = search.n_culprits;
	outcome.phase = search.phase;
	night_search_clear(&search);
	return outcome;
}

static void expect_found(size_t n, uint32_t culprits)
{
	uint32_t bad[MAX];
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (culprits & (1u << i))
			bad[k++] = 1u << i;
	struct outcome outcome = run(n, bad, k);

	assert_int_equal(outcome.phase, NIGHT_SEARCH_DONE);
	assert_int_equal(outcome.culprits, culprits);
	assert_int_equal(outcome.kept, ((1u << n) - 1) & ~culprits);
	/* The two that came before it: all of them, and none. */
	assert_true(outcome.trials + 2 <= k * ceil_log2(n) + 2 * k + 2);
}

static void every_set_of_culprits_is_found(void **state)
{
	(void)state;
	for (size_t n = 1; n <= MAX - 2; n++)
		for (uint32_t culprits = 1; culprits < 1u << n; culprits++)
			expect_found(n, culprits);
}

static void one_of_eight_in_seven_and_two_in_twelve(void **state)
{
	const uint32_t one[] = { 1u << 4 }, two[] = { 1u << 2, 1u << 6 };

	(void)state;
	assert_true(run(8, one, 1).trials + 2 <= 7);
	assert_true(run(8, two, 2).trials + 2 <= 12);
}

static void of_a_pair_the_later_is_blamed(void **state)
{
	(void)state;
	for (size_t n = 2; n <= MAX; n++)
		for (size_t a = 0; a < n; a++)
			for (size_t b = a + 1; b < n; b++) {
				const uint32_t pair[] = { 1u << a | 1u << b };
				struct outcome outcome = run(n, pair, 1);

				assert_int_equal(outcome.phase, NIGHT_SEARCH_DONE);
				assert_int_equal(outcome.culprits, 1u << b);
				assert_true(outcome.trials + 2 <= ceil_log2(n) + 4);
			}
}

/* Any sets whatever: what is kept boots, and each culprit was one. */
static void whatever_fails_together_what_is_kept_boots(void **state)
{
	uint32_t seed = 20260102;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		uint32_t bad[4];
		size_t n, n_bad;
		struct outcome outcome;

		seed = seed * 1664525u + 1013904223u;
		n = 1 + (seed >> 16) % MAX;
		n_bad = 1 + (seed >> 24) % 4;
		for (size_t i = 0; i < n_bad; i++) {
			seed = seed * 1664525u + 1013904223u;
			bad[i] = (seed >> 8) & ((1u << n) - 1);
			bad[i] |= 1u << ((seed >> 4) % n);
		}
		outcome = run(n, bad, n_bad);
		assert_int_equal(outcome.phase, NIGHT_SEARCH_DONE);
		assert_true(boots(outcome.kept, bad, n_bad));
		assert_int_equal(outcome.kept & outcome.culprits, 0);
		assert_true(outcome.trials + 2 <= outcome.n_culprits * (ceil_log2(n) + 2) + 2);
	}
}

static void nobody_is_blamed_when_the_shortest_prefix_boots_afresh(void **state)
{
	struct night_search search;
	size_t prefix;

	(void)state;
	night_search_init(&search, 4);
	while (night_search_next(&search, &prefix) && search.phase == NIGHT_SEARCH_HALVING)
		night_search_tell(&search, prefix < 3);
	assert_int_equal(search.phase, NIGHT_SEARCH_AFRESH);
	assert_int_equal(prefix, 3);
	night_search_tell(&search, true);
	assert_int_equal(search.phase, NIGHT_SEARCH_FLAKY);
	assert_int_equal(search.n_culprits, 0);
	assert_false(night_search_next(&search, &prefix));
	night_search_clear(&search);
}

static void a_rest_that_has_booted_before_and_fails_is_flaky(void **state)
{
	struct night_search search;
	size_t prefix;

	(void)state;
	night_search_init(&search, 2);
	assert_true(night_search_next(&search, &prefix));
	night_search_tell(&search, true); /* the first alone boots */
	night_search_tell(&search, false);
	assert_int_equal(search.phase, NIGHT_SEARCH_REST);
	night_search_tell(&search, false); /* and now it does not */
	assert_int_equal(search.phase, NIGHT_SEARCH_FLAKY);
	night_search_clear(&search);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_set_of_culprits_is_found),
		cmocka_unit_test(one_of_eight_in_seven_and_two_in_twelve),
		cmocka_unit_test(of_a_pair_the_later_is_blamed),
		cmocka_unit_test(whatever_fails_together_what_is_kept_boots),
		cmocka_unit_test(nobody_is_blamed_when_the_shortest_prefix_boots_afresh),
		cmocka_unit_test(a_rest_that_has_booted_before_and_fails_is_flaky),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
