/* A console's bytes as lines: line ends, escape sequences, prompts that have no end, however the bytes are cut. */
#include "boot/lines.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

/* Complete lines as 'a|b|', what is handed over before its end in brackets. */
static void note(void *data, const char *line, uint64_t number, bool complete)
{
	(void)number;
	str_printf(data, complete ? "%s|" : "[%s]", line);
}

static void expect(const char *bytes, const char *want)
{
	CLEANUP(str_clear) struct str got = { 0 };
	CLEANUP(boot_lines_clear) struct boot_lines lines = { .on_line = note, .data = &got };

	boot_lines_feed(&lines, bytes, strlen(bytes));
	assert_string_equal(str_text(&got), want);
}

/* Byte by byte the complete lines must be the same. */
static void expect_cut(const char *bytes, const char *want)
{
	CLEANUP(str_clear) struct str got = { 0 }, whole = { 0 };
	CLEANUP(boot_lines_clear) struct boot_lines lines = { .on_line = note, .data = &got };

	for (size_t i = 0; bytes[i]; i++) {
		boot_lines_feed(&lines, bytes + i, 1);
		if (strchr(str_text(&got), '|'))
			str_add(&whole, str_text(&got) + (strrchr(str_text(&got), ']') ? strrchr(str_text(&got), ']') - got.buf + 1 : 0));
		str_reset(&got);
	}
	assert_string_equal(str_text(&whole), want);
}

static void line_ends(void **state)
{
	(void)state;
	expect("a\nb\r\nc\r\r\nd\re\n", "a|b|c|d|e|");
	expect("\n\n\r\n", "");
}

static void prompts(void **state)
{
	CLEANUP(str_clear) struct str got = { 0 };
	CLEANUP(boot_lines_clear) struct boot_lines lines = { .on_line = note, .data = &got };

	(void)state;
	expect("up\nredox login: ", "up|[redox login: ]");
	boot_lines_feed(&lines, "redox ", 6);
	boot_lines_feed(&lines, "", 0);
	boot_lines_feed(&lines, "\033[1m", 4);
	boot_lines_feed(&lines, "login:", 6);
	assert_string_equal(str_text(&got), "[redox ][redox login:]");
	boot_lines_end(&lines);
	boot_lines_end(&lines);
	assert_string_equal(str_text(&got), "[redox ][redox login:]redox login:|");
}

static void numbers(void **state)
{
	CLEANUP(str_clear) struct str got = { 0 };
	CLEANUP(boot_lines_clear) struct boot_lines lines = { .on_line = note, .data = &got };

	(void)state;
	boot_lines_feed(&lines, "a\n\nb\nc", 6);
	assert_int_equal(lines.number, 2);
}

static void escapes(void **state)
{
	(void)state;
	expect("\033[32mgreen\033[0m text\n", "green text|");
	expect("\033]0;title\007shown\n\033]0;t\033\\also\n", "shown|also|");
	expect("\033(Bplain\033=\033>\n", "plain|");
	expect("\033Pq data\033\\after\n", "after|");
	/* The cursor goes elsewhere. */
	expect("left\033[5;1Hright\n", "left|right|");
	/* A sequence that a crash has cut off. */
	expect("\033]0;never ended\nnext\n", "next|");
	expect("a\bb\033\033[1mc\n", "bc|");
	expect("tab\tbell\007\001\177.\n", "tab\tbell.|");
}

static void cut_anywhere(void **state)
{
	(void)state;
	expect_cut("\033[1;32mone\033[0m\r\n\033]0;t\007two\n\033(Bthree\n", "one|two|three|");
}

static void endless_line(void **state)
{
	CLEANUP(str_clear) struct str got = { 0 };
	CLEANUP(boot_lines_clear) struct boot_lines lines = { .on_line = note, .data = &got };

	(void)state;
	for (int i = 0; i < BOOT_LINES_MAX + 10; i++) {
		boot_lines_feed(&lines, "x", 1);
		str_reset(&got);
	}
	assert_int_equal(lines.line.len, 10);
	assert_int_equal(lines.number, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_ends),    cmocka_unit_test(prompts),      cmocka_unit_test(numbers),
		cmocka_unit_test(escapes),      cmocka_unit_test(cut_anywhere), cmocka_unit_test(endless_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
