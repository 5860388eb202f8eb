/* The help's text in lines that fit: what is filled, what stays as it is, and that nothing gets lost on the narrowest terminal. */
#include "cli/wrap.h"

#include "cli/cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void text_is(const char *text, size_t width, const char *expected)
{
	CLEANUP(str_clear) struct str s = { 0 };

	cli_wrap_text(&s, text, width);
	assert_string_equal(str_text(&s), expected);
}

static void item_is(const char *left, size_t column, const char *text, size_t width, const char *expected)
{
	CLEANUP(str_clear) struct str s = { 0 };

	cli_wrap_item(&s, left, column, text, width);
	assert_string_equal(str_text(&s), expected);
}

static void paragraphs_are_filled(void **state)
{
	(void)state;
	text_is("one two three\nfour five six seven\n\nand another", 24, "one two three four five\nsix seven\n\nand another\n");
	/* A line may be as long as it is wide, and no longer. */
	text_is("1234567890 123456789 123", 24, "1234567890 123456789 123\n");
	text_is("1234567890 123456789 1234", 24, "1234567890 123456789\n1234\n");
	text_is("a-word-that-is-longer-than-the-line b", 24, "a-word-that-is-longer-than-the-line\nb\n");
	text_is("", 24, "");
}

static void examples_stay_as_they_are(void **state)
{
	(void)state;
	text_is("so:\n\n  reinject extract /etc/passwd -    an example\n  another\n\nend", 24,
		"so:\n\n  reinject extract /etc/passwd -    an example\n  another\n\nend\n");
}

static void lists_hang(void **state)
{
	(void)state;
	text_is("check    reads the image, all of it\n         and says what is wrong\ncompact  gets lost room back\n\nend", 30,
		"check    reads the image, all\n         of it and says what\n         is wrong\ncompact  gets lost room back\n\nend\n");
	assert_int_equal(cli_wrap_column("check    reads"), 9);
	assert_int_equal(cli_wrap_column("plain words"), 0);
	assert_int_equal(cli_wrap_column("much-too-long-a-word  for a list"), 0);
}

static void items_hang(void **state)
{
	(void)state;
	item_is("  -n, --dry-run", 18, "print what would be done", 40, "  -n, --dry-run   print what would be\n                  done\n");
	/* What is too long on the left stands alone; the text has room even where there is none. */
	item_is("  --an-option VALUE", 10, "what it does", 40, "  --an-option VALUE\n          what it does\n");
	item_is("x", 30, "these words have twenty bytes each", 10,
		"x                             these words have\n                              twenty bytes each\n");
}

/* The words of @text, each followed by one blank. */
static char *words_of(const char *text)
{
	struct str s = { 0 };

	for (text += strspn(text, " \n"); *text; text += strspn(text, " \n")) {
		size_t n = strcspn(text, " \n");

		str_add_n(&s, text, n);
		str_add_c(&s, ' ');
		text += n;
	}
	return str_take(&s);
}

static void no_verb_loses_a_word_or_is_wider_than_its_words(void **state)
{
	static const size_t widths[] = { 40, 80, 100, 120 };

	(void)state;
	for (size_t v = 0; cli_verbs[v]; v++) {
		CLEANUP_FREE char *expected = words_of(cli_verbs[v]->description);

		for (size_t i = 0; i < N_ELEMENTS(widths); i++) {
			CLEANUP(str_clear) struct str s = { 0 };
			CLEANUP_FREE char *words = NULL;

			cli_wrap_text(&s, cli_verbs[v]->description, widths[i]);
			words = words_of(str_text(&s));
			assert_string_equal(words, expected);
			for (const char *line = str_text(&s); *line; line += strcspn(line, "\n") + 1) {
				size_t n = strcspn(line, "\n");

				/* Examples are not broken; they fit the usual terminal all the same. */
				if (n > (widths[i] > 80 ? widths[i] : 80))
					fail_msg("%s: %.*s", cli_verbs[v]->name, (int)n, line);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paragraphs_are_filled),
		cmocka_unit_test(examples_stay_as_they_are),
		cmocka_unit_test(lists_hang),
		cmocka_unit_test(items_hang),
		cmocka_unit_test(no_verb_loses_a_word_or_is_wider_than_its_words),
	};

	return cmocka_run_group_tests_name("wrap", tests, NULL, NULL);
}
