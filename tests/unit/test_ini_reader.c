#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "config/ini_reader.h"

struct fixture {
	char dir[64];
	char *path; /* of the INI file */
	struct config_ini ini;
	struct config_report report;
	struct config_problems problems;
	struct err err;
};

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/reinject-test-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	f->path = xasprintf("%s/x.ini", f->dir);
	*state = f;
	return 0;
}

static void forget(struct fixture *f)
{
	config_ini_clear(&f->ini);
	config_report_clear(&f->report);
	config_problems_clear(&f->problems);
	f->err = ERR_INIT;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	int r = fs_remove_tree(f->dir, NULL);

	forget(f);
	free(f->path);
	free(f);
	return r;
}

static int read_bytes(struct fixture *f, const char *bytes, size_t n)
{
	int r;

	forget(f);
	assert_int_equal(fs_write_atomic(f->path, bytes, n, 0644, NULL), 0);
	r = config_ini_read(f->path, &f->ini, &f->report, &f->err);
	config_report_end(&f->report, &f->problems);
	return r;
}

static void read_text(struct fixture *f, const char *text)
{
	assert_int_equal(read_bytes(f, text, strlen(text)), 0);
}

static void is_clean(const struct fixture *f)
{
	for (size_t i = 0; i < f->problems.errors.n; i++)
		print_error("%s\n", f->problems.errors.v[i]);
	assert_int_equal(f->problems.errors.n, 0);
}

/* Problem number @i is at @line and says @said. */
static void problem_is(const struct fixture *f, size_t i, unsigned int line, const char *said)
{
	CLEANUP_FREE char *start = xasprintf("%s:%u: ", f->path, line);

	assert_true(i < f->problems.errors.n);
	if (!str_starts(f->problems.errors.v[i], start) || !strstr(f->problems.errors.v[i], said))
		fail_msg("expected '%s%s', got '%s'", start, said, f->problems.errors.v[i]);
}

static void only_problem(const struct fixture *f, unsigned int line, const char *said)
{
	for (size_t i = 1; i < f->problems.errors.n; i++)
		print_error("%s\n", f->problems.errors.v[i]);
	assert_int_equal(f->problems.errors.n, 1);
	problem_is(f, 0, line, said);
}

static const char *value(const struct fixture *f, const char *section, const char *key)
{
	const struct config_ini_entry *entry = config_ini_find(&f->ini, section, key);

	return entry ? entry->value : NULL;
}

static void values_have_lines(void **state)
{
	struct fixture *f = *state;

	read_text(
		f,
		"; comment\n# comment\n\n[a]\none = 1\ntwo=2 = 3\r\nempty =\n  ; indented comment\n[ package   foo ] ; why\nthree =  x y  ; z\n"
		"four = a;b\nfive =;c\nsix = a \\; b ; c");
	is_clean(f);
	assert_int_equal(f->ini.n_sections, 2);
	assert_int_equal(f->ini.sections[0].line, 4);
	assert_string_equal(f->ini.sections[1].name, "package foo");
	assert_int_equal(f->ini.sections[1].line, 9);
	assert_string_equal(value(f, "a", "one"), "1");
	assert_string_equal(value(f, "a", "two"), "2 = 3");
	assert_string_equal(value(f, "a", "empty"), "");
	assert_string_equal(value(f, "package foo", "three"), "x y");
	assert_string_equal(value(f, "package foo", "four"), "a;b");
	assert_string_equal(value(f, "package foo", "five"), ";c");
	assert_string_equal(value(f, "package foo", "six"), "a \\; b");
	assert_int_equal(config_ini_find(&f->ini, "package foo", "six")->line, 13);
	assert_null(value(f, "a", "three"));
}

static void byte_order_mark_is_skipped(void **state)
{
	struct fixture *f = *state;

	read_text(f, "\xEF\xBB\xBF[a]\nk = v\n");
	is_clean(f);
	assert_string_equal(value(f, "a", "k"), "v");
	read_text(f, "");
	is_clean(f);
	assert_int_equal(f->ini.n_sections, 0);
}

/* 198 bytes are read, with either line end; 199 are an error, and what inih would read as a new line is none. */
static void overlong_lines(void **state)
{
	static const char *const ends[] = { "\n", "\r\n", "" };
	struct fixture *f = *state;

	for (size_t i = 0; i < N_ELEMENTS(ends); i++) {
		CLEANUP(str_clear) struct str text = { 0 };

		str_printf(&text, "[a]\nk = %0194d", 7);
		str_add(&text, ends[i]);
		read_text(f, str_text(&text));
		is_clean(f);
		assert_int_equal(strlen(value(f, "a", "k")), 194);
		str_reset(&text);
		str_printf(&text, "[a]\nk = %0195d", 7);
		str_add(&text, ends[i]);
		read_text(f, str_text(&text));
		only_problem(f, 2, "the line has 199 bytes");
	}
	for (int comment = 0; comment < 2; comment++) {
		CLEANUP(str_clear) struct str text = { 0 };

		str_printf(&text, "[a]\n%s = %0*devil=1\nnext = 2\n", comment ? ";" : "k", 194, 7);
		read_text(f, str_text(&text));
		only_problem(f, 2, "the line has 204 bytes; 198 are allowed");
		assert_null(value(f, "a", "evil"));
		assert_string_equal(value(f, "a", "next"), "2");
		assert_int_equal(config_ini_find(&f->ini, "a", "next")->line, 3);
		if (!comment)
			assert_true(config_ini_find(&f->ini, "a", "k")->broken);
	}
}

static void nul_bytes(void **state)
{
	static const char text[] = "[a]\nk = 1\0 2\nl = 3\n\0\n";
	struct fixture *f = *state;

	assert_int_equal(read_bytes(f, text, sizeof(text) - 1), 0);
	assert_int_equal(f->problems.errors.n, 2);
	problem_is(f, 0, 2, "NUL");
	problem_is(f, 1, 4, "NUL");
	assert_true(config_ini_find(&f->ini, "a", "k")->broken);
	assert_string_equal(value(f, "a", "l"), "3");
}

static void lists_continue(void **state)
{
	struct fixture *f = *state;
	const struct config_ini_entry *entry;

	read_text(f, "[a]\nk = 1 ; one\n  2 ; two\n\n; between\n\t3 4\nl = 5\n");
	is_clean(f);
	entry = config_ini_find(&f->ini, "a", "k");
	assert_string_equal(entry->value, "1\n2\n3 4");
	assert_int_equal(entry->n_continued, 2);
	assert_int_equal(entry->continued[0], 3);
	assert_int_equal(entry->continued[1], 6);
	assert_string_equal(value(f, "a", "l"), "5");
}

static void long_keys_continue_too(void **state)
{
	struct fixture *f = *state;
	static const char key[] = "env.A_NAME_OF_MORE_THAN_FORTY_NINE_LETTERS_WHICH_INIH_CUTS";
	CLEANUP_FREE char *text = xasprintf("[a]\n%s = 1\n 2\n", key);

	read_text(f, text);
	is_clean(f);
	assert_string_equal(value(f, "a", key), "1\n2");
}

static void nothing_to_continue(void **state)
{
	struct fixture *f = *state;

	read_text(f, " k = 1\n");
	only_problem(f, 1, "starts with a blank");
	read_text(f, "[a]\n  k = 1\nl = 2\n");
	only_problem(f, 2, "starts with a blank");
	assert_null(value(f, "a", "k"));
	read_text(f, "[a]\nk = 1\n [b]\nl = 2\n");
	only_problem(f, 3, "looks like a section's header");
	assert_string_equal(value(f, "a", "k"), "1");
	assert_string_equal(value(f, "a", "l"), "2");
	read_text(f, "[a]\nk = 1\n[b]\n 2\n");
	only_problem(f, 4, "starts with a blank");
}

static void duplicates(void **state)
{
	struct fixture *f = *state;

	read_text(f, "[a]\nk = 1\n[b]\nk = 2\nk = 3\n[a]\nl = 4\nk = 5\n");
	assert_int_equal(f->problems.errors.n, 3);
	problem_is(f, 0, 5, "'k' stands twice in [b]; the first is at line 4");
	problem_is(f, 1, 6, "[a] stands twice; it began at line 1");
	problem_is(f, 2, 8, "'k' stands twice in [a]; the first is at line 2");
	assert_string_equal(value(f, "a", "k"), "1");
	assert_string_equal(value(f, "a", "l"), "4");
}

static void long_section_names_are_whole(void **state)
{
	struct fixture *f = *state;

	read_text(f, "[package a-name-that-is-longer-than-the-forty-nine-letters-of-inih-1]\nk = 1\n"
		     "[package a-name-that-is-longer-than-the-forty-nine-letters-of-inih-2]\nk = 2\n");
	is_clean(f);
	assert_string_equal(value(f, "package a-name-that-is-longer-than-the-forty-nine-letters-of-inih-1", "k"), "1");
	assert_string_equal(value(f, "package a-name-that-is-longer-than-the-forty-nine-letters-of-inih-2", "k"), "2");
}

static void all_bad_lines_are_told(void **state)
{
	struct fixture *f = *state;

	read_text(f, "early = 1\n[a]\nnonsense\n= 2\n[b\nk = 1\n[]\nk = 2\n[c] k = 3\n[d ;e]\nx: y = 1\nlast");
	assert_int_equal(f->problems.errors.n, 9);
	problem_is(f, 0, 1, "'early' stands before the first [section]");
	problem_is(f, 1, 3, "neither a [section] nor 'key = value'");
	problem_is(f, 2, 4, "no key before the '='");
	problem_is(f, 3, 5, "without ']'");
	problem_is(f, 4, 7, "without a name");
	problem_is(f, 5, 9, "'k = 3' stands after the section's header");
	problem_is(f, 6, 10, "without ']'");
	problem_is(f, 7, 11, "a key ends at '='");
	problem_is(f, 8, 12, "neither a [section] nor 'key = value'");
	assert_null(value(f, "a", "k"));
	assert_null(value(f, "c", "k"));
}

static void fails_with(struct fixture *f, const char *path, const char *said)
{
	forget(f);
	assert_int_equal(config_ini_read(path, &f->ini, &f->report, &f->err), -EINVAL);
	assert_int_equal(f->err.class, ERR_USAGE);
	if (!strstr(f->err.message, said))
		fail_msg("'%s' is not in: %s", said, f->err.message);
	assert_int_equal(f->report.n_notes, 0);
	assert_null(f->ini.path);
}

static void only_regular_files(void **state)
{
	struct fixture *f = *state;

	fails_with(f, f->path, "No such file");
	assert_true(*f->err.hint);
	fails_with(f, f->dir, "is a folder");
	assert_int_equal(mkfifo(f->path, 0600), 0);
	fails_with(f, f->path, "no regular file");
	fails_with(f, "/dev/zero", "no regular file");
}

static void foreign_files_are_refused(void **state)
{
	struct fixture *f = *state;

	read_text(f, "[a]\nk = 1\n");
	assert_int_equal(chmod(f->path, 0664), 0);
	forget(f);
	assert_int_equal(config_ini_read(f->path, &f->ini, &f->report, &f->err), 0);
	assert_int_equal(chmod(f->path, 0646), 0);
	fails_with(f, f->path, "everybody may write it");
	assert_non_null(strstr(f->err.hint, "chmod o-w"));
	assert_int_equal(chmod(f->path, 0644), 0);
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(f->path, 4711, 4711), 0);
	unsetenv("SUDO_UID");
	fails_with(f, f->path, "belongs to user 4711");
	setenv("SUDO_UID", "4712", 1);
	fails_with(f, f->path, "belongs to user 4711");
	setenv("SUDO_UID", "4711x", 1);
	fails_with(f, f->path, "belongs to user 4711");
	setenv("SUDO_UID", "4711", 1);
	forget(f);
	assert_int_equal(config_ini_read(f->path, &f->ini, &f->report, &f->err), 0);
	unsetenv("SUDO_UID");
	/* To somebody else, root's file is fine and his own too, a third one's is not. */
	assert_int_equal(chmod(f->dir, 0755), 0);
	for (uid_t owner = 0; owner <= 4712; owner += owner == 0 ? 4711 : 1) {
		assert_int_equal(chown(f->path, owner, 0), 0);
		assert_int_equal(seteuid(4712), 0);
		forget(f);
		assert_int_equal(config_ini_read(f->path, &f->ini, &f->report, &f->err), owner == 4711 ? -EINVAL : 0);
		assert_int_equal(seteuid(0), 0);
	}
}

/* Any bytes: no crash, and nothing that was read has a line of its own that the file lacks. */
static void random_bytes(void **state)
{
	static const char letters[] = "[]=:;# \t\\ab\n\n\n\r\0\xEF";
	struct fixture *f = *state;
	unsigned int seed = 7;

	for (int round = 0; round < 300; round++) {
		CLEANUP(str_clear) struct str text = { 0 };
		unsigned int n_lines = 1;

		for (int i = rand_r(&seed) % 900; i > 0; i--) {
			char c = letters[(size_t)rand_r(&seed) % (sizeof(letters) - 1)];

			n_lines += c == '\n';
			str_add_c(&text, c);
		}
		assert_int_equal(read_bytes(f, str_text(&text), text.len), 0);
		for (size_t i = 0; i < f->ini.n_sections; i++)
			for (size_t j = 0; j < f->ini.sections[i].n_entries; j++) {
				const struct config_ini_entry *entry = &f->ini.sections[i].entries[j];
				size_t breaks = 0;

				for (const char *p = entry->value; *p; p++)
					breaks += *p == '\n';
				assert_in_range(entry->line, 1, n_lines);
				assert_int_equal(breaks, entry->n_continued);
			}
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(values_have_lines),
		TEST(byte_order_mark_is_skipped),
		TEST(overlong_lines),
		TEST(nul_bytes),
		TEST(lists_continue),
		TEST(long_keys_continue_too),
		TEST(nothing_to_continue),
		TEST(duplicates),
		TEST(long_section_names_are_whole),
		TEST(all_bad_lines_are_told),
		TEST(only_regular_files),
		TEST(foreign_files_are_refused),
		TEST(random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
