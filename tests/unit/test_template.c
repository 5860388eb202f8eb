#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "config/template.h"

static void expands(const char *text, const char *expected)
{
	char *got = NULL;
	struct err err = ERR_INIT;
	int r = template_expand(text, NULL, NULL, &got, &err);

	if (r < 0)
		fail_msg("'%s': %s", text, err.message);
	assert_string_equal(got, expected);
	free(got);
}

static void fails(const char *text, const char *said)
{
	char *got = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(template_expand(text, NULL, NULL, &got, &err), -EINVAL);
	assert_null(got);
	assert_int_equal(err.class, ERR_USAGE);
	if (!strstr(err.message, said))
		fail_msg("'%s' is not in: %s", said, err.message);
}

static void home_stands_at_the_start_only(void **state)
{
	(void)state;
	setenv("HOME", "/home/some one", 1);
	expands("~", "/home/some one");
	expands("~/x", "/home/some one/x");
	expands("~other/x", "~other/x");
	expands("a~/x", "a~/x");
	expands("-L~/x", "-L~/x");
	unsetenv("HOME");
	fails("~/x", "$HOME, which is not set");
	expands("x~", "x~");
}

static void variables_expand(void **state)
{
	(void)state;
	setenv("T_ONE", "1", 1);
	setenv("T_NESTED", "${T_ONE}~", 1);
	setenv("T_EMPTY", "", 1);
	expands("a${T_ONE}b${T_ONE}", "a1b1");
	expands("${T_NESTED}", "${T_ONE}~");
	expands("<${T_EMPTY}>", "<>");
	expands("$T_ONE $ $$ {}", "$T_ONE $ $$ {}");
	expands("\\${T_ONE}", "${T_ONE}");
	expands("\\$T", "\\$T");
	expands("", "");
}

static void wrong_variables_are_named(void **state)
{
	(void)state;
	unsetenv("T_UNSET");
	fails("x${T_UNSET}", "T_UNSET is not set");
	fails("${T_ONE", "no closing brace");
	fails("${}", "names no variable");
	fails("${1A}", "names no variable");
	fails("${A-B}", "names no variable");
}

static void own_variables_and_kept_names(void **state)
{
	static const char *const keep[] = { "IMAGE", "REINJECT_*", NULL };
	CLEANUP(strvec_clear) struct strvec vars = { 0 }, items = { 0 }, out = { 0 };
	char *got = NULL;

	(void)state;
	setenv("T_ONE", "environment", 1);
	setenv("REINJECT_RUN", "environment", 1);
	unsetenv("T_UNSET");
	strvec_add(&vars, "T_ONE_MORE=no");
	strvec_add(&vars, "T_ONE=mine=so");
	assert_int_equal(template_expand("${T_ONE} ${IMAGE} ${REINJECT_RUN}", &vars, keep, &got, NULL), 0);
	assert_string_equal(got, "mine=so ${IMAGE} ${REINJECT_RUN}");
	free(got);
	strvec_add(&vars, "IMAGE=/x.img");
	assert_int_equal(template_expand("${IMAGE}", &vars, keep, &got, NULL), 0);
	assert_string_equal(got, "/x.img");
	free(got);

	setenv("T_EMPTY", "", 1);
	strvec_add(&items, "${T_EMPTY}");
	strvec_add(&items, "${T_ONE} two");
	assert_int_equal(template_expand_all(&items, NULL, NULL, &out, NULL), 0);
	assert_int_equal(out.n, 1);
	assert_string_equal(out.v[0], "environment two");
	strvec_add(&items, "${T_UNSET}");
	assert_int_equal(template_expand_all(&items, NULL, NULL, &out, NULL), -EINVAL);
	assert_int_equal(out.n, 1);
	unsetenv("REINJECT_RUN");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(home_stands_at_the_start_only),
		cmocka_unit_test(variables_expand),
		cmocka_unit_test(wrong_variables_are_named),
		cmocka_unit_test(own_variables_and_kept_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
