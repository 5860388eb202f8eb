#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "config/glob.h"

static void globs_match_folders(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool match;
	} cases[] = {
		{ "**", "a", true },
		{ "**", "a/b/c", true },
		{ "**", "", true },
		{ "drivers/**", "drivers/net/x", true },
		{ "drivers/**", "drivers/x", true },
		{ "drivers/**", "drivers", false },
		{ "drivers/**", "driversx/y", false },
		{ "drivers/*", "drivers/x", true },
		{ "drivers/*", "drivers/x/y", false },
		{ "*", "a", true },
		{ "*", "a/b", false },
		{ "a?c", "abc", true },
		{ "a?c", "a/c", false },
		{ "[ab]/x", "b/x", true },
		{ "**/x", "x", true },
		{ "**/x", "a/b/x", true },
		{ "**/x", "a/b/y", false },
		{ "a/**/z", "a/z", true },
		{ "a/**/z", "a/b/c/z", true },
		{ "a/**/z", "a/b/c", false },
		{ "a", "a", true },
		{ "a", "a/b", false },
		{ "a/b", "a", false },
		{ "a/**/b/**", "a/x/b/y", true },
		{ "a/**/b/**", "a/x/b", false },
		{ "dri*", "drivers", true },
		{ "a**", "abc", true },
		{ "a**", "ab/c", false },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++)
		if (config_glob_match(cases[i].pattern, cases[i].path) != cases[i].match)
			fail_msg("'%s' over '%s' should be %d", cases[i].pattern, cases[i].path, cases[i].match);
}

/* The oracle: what the header says, tried in every way. Components of one letter: '*' and '?' stand for any. */
static bool means(const char *pattern, const char *path)
{
	const char *next_pattern = pattern + strcspn(pattern, "/"), *next_path = path + strcspn(path, "/");

	next_pattern += *next_pattern == '/';
	next_path += *next_path == '/';
	if (!*pattern)
		return !*path;
	if (str_starts(pattern, "**"))
		return !*next_pattern ? *path : means(next_pattern, path) || (*path && means(pattern, next_path));
	return *path && (strchr("*?", *pattern) || *pattern == *path) && means(next_pattern, next_path);
}

static char *random_components(unsigned int *seed, const char *const *words, int n_words, int at_most)
{
	struct str s = { 0 };

	for (int i = rand_r(seed) % at_most; i >= 0; i--)
		str_printf(&s, "%s%s", s.len > 0 ? "/" : "", words[rand_r(seed) % n_words]);
	return str_take(&s);
}

static void globs_match_as_the_oracle_says(void **state)
{
	static const char *const words[] = { "a", "b", "*", "?", "**", "**" };
	unsigned int seed = 4711;
	size_t matches = 0;

	(void)state;
	for (int i = 0; i < 50000; i++) {
		CLEANUP_FREE char *pattern = random_components(&seed, words, N_ELEMENTS(words), 7);
		CLEANUP_FREE char *path = random_components(&seed, words, 2, 8);
		bool match = config_glob_match(pattern, path);

		if (match != means(pattern, path))
			fail_msg("'%s' over '%s' should be %d", pattern, path, !match);
		matches += match;
	}
	assert_in_range(matches, 10000, 40000);
}

/* Tried in every way, these would take longer than anybody lives. */
static void hostile_globs_come_to_an_end(void **state)
{
	struct str pattern = { 0 }, path = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++) {
		str_add(&pattern, "**/a/");
		str_add(&path, "a/a/");
	}
	str_add(&pattern, "b");
	str_add(&path, "c");
	alarm(10);
	assert_false(config_glob_match(pattern.buf, path.buf));
	path.buf[path.len - 1] = 'b';
	assert_true(config_glob_match(pattern.buf, path.buf));
	alarm(0);
	str_clear(&pattern);
	str_clear(&path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(globs_match_folders),
		cmocka_unit_test(globs_match_as_the_oracle_says),
		cmocka_unit_test(hostile_globs_come_to_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
