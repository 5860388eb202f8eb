/* What an image has lost to replaced files: the one rule, by hand. */
#include "refresh/space.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define KIND(kind) REFRESH_SPACE_##kind

static const struct journal_space last = { .run = 1, .uuid = "aa", .size = 1000, .before = 100, .used = 200, .lost = 50 };

static uint64_t after(const char *uuid, uint64_t before, uint64_t used, int64_t grown, enum refresh_space_kind kind)
{
	struct journal_space now = { .run = 2, .size = 1000, .before = before, .used = used, .grown = grown };

	snprintf(now.uuid, sizeof(now.uuid), "%s", uuid);
	return refresh_space_lost(&last, &now, kind);
}

static void replacements_add_what_is_beyond_their_growth(void **state)
{
	(void)state;
	assert_int_equal(after("aa", 200, 230, 0, KIND(REPLACED)), 80);
	assert_int_equal(after("aa", 200, 230, 10, KIND(REPLACED)), 70);
	assert_int_equal(after("aa", 200, 190, -25, KIND(REPLACED)), 65);
	/* Compression, or a block that was free after all: what was too much goes again, and nothing is less than nothing. */
	assert_int_equal(after("aa", 200, 210, 40, KIND(REPLACED)), 20);
	assert_int_equal(after("aa", 200, 210, 400, KIND(REPLACED)), 0);
}

static void files_that_come_or_go_add_nothing(void **state)
{
	(void)state;
	assert_int_equal(after("aa", 200, 400, 10, KIND(MIXED)), 50);
	assert_int_equal(after("aa", 200, 150, -10, KIND(MIXED)), 50);
}

static void what_was_got_back_is_not_lost(void **state)
{
	(void)state;
	/* Between the runs. */
	assert_int_equal(after("aa", 180, 180, 0, KIND(MIXED)), 30);
	assert_int_equal(after("aa", 180, 200, 0, KIND(REPLACED)), 50);
	assert_int_equal(after("aa", 100, 100, 0, KIND(MIXED)), 0);
	/* Somebody has put something in: that is used, not lost. */
	assert_int_equal(after("aa", 300, 305, 0, KIND(REPLACED)), 55);
	/* By another image, of the same file system. */
	assert_int_equal(after("aa", 200, 170, 0, KIND(WHOLE)), 20);
	assert_int_equal(after("aa", 200, 100, 0, KIND(WHOLE)), 0);
	assert_int_equal(after("aa", 200, 260, 0, KIND(WHOLE)), 50);
}

static void another_file_system_begins_at_nothing(void **state)
{
	struct journal_space now = { .run = 2, .uuid = "bb", .size = 1000, .before = 100, .used = 130 };

	(void)state;
	assert_int_equal(after("bb", 200, 200, 0, KIND(WHOLE)), 0);
	assert_int_equal(after("bb", 200, 200, 0, KIND(MIXED)), 0);
	assert_int_equal(after("bb", 200, 230, 10, KIND(REPLACED)), 20);
	assert_int_equal(refresh_space_lost(NULL, &now, KIND(REPLACED)), 30);
	assert_int_equal(refresh_space_lost(NULL, &now, KIND(MIXED)), 0);
}

static void what_leaks_nothing_has_lost_nothing(void **state)
{
	struct journal_space before = last;

	(void)state;
	before.uuid[0] = '\0';
	assert_int_equal(after("", 200, 230, 0, KIND(REPLACED)), 0);
	assert_int_equal(refresh_space_lost(&before, &before, KIND(REPLACED)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replacements_add_what_is_beyond_their_growth),
		cmocka_unit_test(files_that_come_or_go_add_nothing),
		cmocka_unit_test(what_was_got_back_is_not_lost),
		cmocka_unit_test(another_file_system_begins_at_nothing),
		cmocka_unit_test(what_leaks_nothing_has_lost_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
