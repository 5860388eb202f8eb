/* cargo's .d files: words, blanks behind backslashes, relative paths. */
#include "base/fs.h"
#include "cargo/depinfo.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* The file that cargo writes for @binary has the name @rule. */
static int read_named(const char *binary, const char *rule, const char *text, struct strvec *ret)
{
	char dir[] = "/tmp/reinject-test-depinfo.XXXXXX";
	CLEANUP_FREE char *program = NULL, *path = NULL;
	int r;

	assert_non_null(mkdtemp(dir));
	program = xasprintf("%s/%s", dir, binary);
	path = xasprintf("%s/%s", dir, rule);
	if (text)
		assert_int_equal(fs_write_atomic(path, text, strlen(text), 0644, NULL), 0);
	r = cargo_depinfo_read(program, "/home/space", ret, NULL);
	assert_int_equal(fs_remove_tree(dir, NULL), 0);
	return r;
}

static int read_text(const char *text, struct strvec *ret)
{
	return read_named("netd", "netd.d", text, ret);
}

static void words_blanks_and_relative_paths(void **state)
{
	CLEANUP(strvec_clear) struct strvec paths = { 0 };

	(void)state;
	assert_int_equal(read_text("/t/release/netd: /a/b.rs src/main.rs /with\\ blank/c.rs  ../d\\\\e.rs\n", &paths), 0);
	assert_int_equal(paths.n, 4);
	assert_string_equal(paths.v[0], "/a/b.rs");
	assert_string_equal(paths.v[1], "/home/space/src/main.rs");
	assert_string_equal(paths.v[2], "/with blank/c.rs");
	assert_string_equal(paths.v[3], "/home/d\\e.rs");
}

static void only_the_first_rule_counts(void **state)
{
	CLEANUP(strvec_clear) struct strvec paths = { 0 };

	(void)state;
	assert_int_equal(read_text("/t/netd: /a.rs\n\n/t/other: /b.rs\n", &paths), 0);
	assert_int_equal(paths.n, 1);
}

static void nothing_and_nonsense(void **state)
{
	CLEANUP(strvec_clear) struct strvec paths = { 0 };

	(void)state;
	assert_int_equal(read_text(NULL, &paths), -ENOENT);
	assert_int_equal(read_text("no rule at all", &paths), -EBADMSG);
	assert_int_equal(read_text("/t/netd:\n", &paths), 0);
	assert_int_equal(paths.n, 0);
}

static void a_suffix_gives_way(void **state)
{
	static const struct {
		const char *binary, *rule;
		int want;
	} cases[] = {
		{ "boot.efi", "boot.d", 0 },
		{ "boot.efi", "boot.efi.d", 0 },
		{ "two.point.efi", "two.point.d", 0 },
		{ "two.point.efi", "two.d", -ENOENT },
		{ "netd", "other.d", -ENOENT },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		CLEANUP(strvec_clear) struct strvec paths = { 0 };

		assert_int_equal(read_named(cases[i].binary, cases[i].rule, "/t/x: /a.rs\n", &paths), cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_blanks_and_relative_paths),
		cmocka_unit_test(only_the_first_rule_counts),
		cmocka_unit_test(nothing_and_nonsense),
		cmocka_unit_test(a_suffix_gives_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
