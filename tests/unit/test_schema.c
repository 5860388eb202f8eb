#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "config/schema.h"
#include "config/value.h"

/* The items with '|' between them. */
static void splits(const char *value, const char *expected)
{
	CLEANUP(strvec_clear) struct strvec items = { 0 };
	CLEANUP_FREE char *got = NULL;

	schema_split_list(value, &items);
	got = strvec_join(&items, "|");
	assert_string_equal(got, expected);
}

static void lists_split_at_blanks(void **state)
{
	(void)state;
	splits("", "");
	splits("  \t\n ", "");
	splits("a", "a");
	splits(" a  b\tc\nd ", "a|b|c|d");
	splits("a\\ b c", "a b|c");
	splits("a\\;b \\;", "a;b|;");
	splits("a\\\\ b", "a\\|b");
	splits("\\d+ x\\", "\\d+|x\\");
	splits("a\\\nb \\\n c", "a|b|c");
	splits("'a b'", "'a|b'");
}

static void lists_survive_join_and_split(void **state)
{
	static const char letters[] = "ab \\;;  \\\"'$n";
	unsigned int seed = 20240601;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		CLEANUP(strvec_clear) struct strvec items = { 0 }, again = { 0 };
		CLEANUP_FREE char *joined = NULL;

		for (int i = rand_r(&seed) % 5; i > 0; i--) {
			CLEANUP(str_clear) struct str item = { 0 };

			for (int j = rand_r(&seed) % 6; j >= 0; j--)
				str_add_c(&item, letters[(size_t)rand_r(&seed) % (sizeof(letters) - 1)]);
			strvec_add(&items, str_text(&item));
		}
		joined = schema_join_list(&items);
		schema_split_list(joined, &again);
		if (again.n != items.n)
			fail_msg("round %d: '%s' has %zu items, not %zu", round, joined, again.n, items.n);
		for (size_t i = 0; i < items.n; i++)
			assert_string_equal(again.v[i], items.v[i]);
	}
}

static void commands_like(const char *value, const char *expected)
{
	CLEANUP(strvec_clear) struct strvec words = { 0 };
	CLEANUP_FREE char *got = NULL;
	struct err err = ERR_INIT;

	if (schema_split_command(value, &words, &err) < 0)
		fail_msg("'%s': %s", value, err.message);
	got = strvec_join(&words, "|");
	assert_string_equal(got, expected);
}

static void commands_split_like_a_shells(void **state)
{
	CLEANUP(strvec_clear) struct strvec words = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	commands_like("make -C 'a b' X=\"c d\"", "make|-C|a b|X=c d");
	commands_like("a\\ b 'c'\"d\"e", "a b|cde");
	commands_like("x '' \"\"", "x||");
	commands_like("\"a\\\"b\\$c\\n\" '\\n'", "a\"b$c\\n|\\n");
	commands_like("sh -c 'a \\; b' c \\; \"d\\;\"", "sh|-c|a ; b|c|;|d;");
	commands_like("a b \\\n c\\\nd", "a|b|c|d");
	commands_like("'${A}' $B", "${A}|$B");
	strvec_add(&words, "before");
	assert_int_equal(schema_split_command("a 'b", &words, &err), -EINVAL);
	assert_non_null(strstr(err.message, "not closed"));
	assert_int_equal(schema_split_command("a \"b\\\"", &words, &err), -EINVAL);
	assert_int_equal(schema_split_command("a b\\", &words, &err), -EINVAL);
	assert_int_equal(words.n, 1);
}

static void sections_and_keys_are_found(void **state)
{
	(void)state;
	assert_true(schema_has_section("build"));
	assert_true(schema_has_section("package init"));
	assert_false(schema_has_section("package"));
	assert_false(schema_has_section("package "));
	assert_false(schema_has_section("builds"));
	assert_string_equal(schema_find("package init", "paths")->section, "package *");
	assert_string_equal(schema_find("build", "env.PATH")->key, "env.*");
	assert_null(schema_find("build", "env."));
	assert_null(schema_find("build", "path"));
	assert_null(schema_find("nothing", "path"));
	assert_string_equal(schema_find("destinations", "drivers/**")->key, "*");
	assert_null(schema_find("destinations", ""));
}

static void near_words_are_suggested(void **state)
{
	(void)state;
	assert_string_equal(schema_nearest_key("build", "toolchian"), "toolchain");
	assert_string_equal(schema_nearest_key("package x", "path"), "paths");
	assert_string_equal(schema_nearest_key("image", "keep_previuos"), "keep_previous");
	assert_null(schema_nearest_key("build", "zzzzzz"));
	assert_null(schema_nearest_key("build", "x"));
	assert_null(schema_nearest_key("build", "a_word_of_more_letters_than_any_key_of_the_table_has"));
	assert_string_equal(schema_nearest_section("bulid"), "build");
	assert_string_equal(schema_nearest_section("packages foo"), "package *");
	assert_null(schema_nearest_section("kernel"));
}

/* Every row is complete, and every default is valid by its own row. */
static void the_table_is_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < schema_n_options; i++) {
		const struct schema_option *o = &schema_options[i];
		struct config_value_parsed value = { 0 };
		struct err err = ERR_INIT;

		assert_non_null(o->help);
		assert_true(*o->help && !strchr(o->help, '\n'));
		assert_int_equal(o->type == SCHEMA_ENUM, o->choices != NULL);
		assert_true(o->type != SCHEMA_UINT || o->min < o->max);
		assert_true(o->type == SCHEMA_UINT || (o->min == 0 && o->max == 0));
		for (size_t j = 0; j < i; j++)
			if (strcmp(schema_options[j].section, o->section) == 0) {
				assert_string_not_equal(schema_options[j].key, o->key);
				assert_string_equal(schema_options[i - 1].section, o->section);
			}
		if (!o->fallback)
			continue;
		if (config_value_parse(o, o->fallback, "/dir", &value, &err) < 0)
			fail_msg("[%s] %s: %s", o->section, o->key, err.message);
		assert_false(value.empty);
		config_value_clear(&value);
	}
}

static void value_is(const char *section, const char *key, const char *raw, const char *expected)
{
	struct config_value_parsed value = { 0 };
	struct err err = ERR_INIT;

	if (config_value_parse(schema_find(section, key), raw, "/base/dir", &value, &err) < 0)
		fail_msg("%s.%s = %s: %s", section, key, raw, err.message);
	assert_string_equal(value.text, expected);
	config_value_clear(&value);
}

static void value_fails(const char *section, const char *key, const char *raw, const char *said)
{
	struct config_value_parsed value = { 0 };
	struct err err = ERR_INIT;

	if (config_value_parse(schema_find(section, key), raw, "/base/dir", &value, &err) != -EINVAL)
		fail_msg("%s.%s = %s is accepted: '%s'", section, key, raw, value.text);
	assert_int_equal(err.class, ERR_USAGE);
	if (!strstr(err.message, said))
		fail_msg("'%s' is not in: %s", said, err.message);
	assert_null(value.text);
}

static void numbers_have_ranges(void **state)
{
	(void)state;
	value_is("image", "mount_timeout_ms", "100", "100");
	value_is("image", "mount_timeout_ms", "600000", "600000");
	value_is("watch", "quiet_ms", "0050", "50");
	value_fails("image", "mount_timeout_ms", "99", "expected a number from 100 to 600000 ms, found '99'");
	value_fails("image", "mount_timeout_ms", "600001", "from 100 to 600000");
	value_fails("watch", "quiet_ms", "-1", "found '-1'");
	value_fails("watch", "quiet_ms", "5 0", "expected a number");
	value_fails("watch", "quiet_ms", "", "expected a number");
	value_fails("watch", "quiet_ms", "0x10", "expected a number");
	value_fails("initfs", "max_size", "99999999999999999999999", "expected a number");
	value_fails("boot", "exit_ok", "256", "from 0 to 255, found");
}

static void words_have_types(void **state)
{
	(void)state;
	value_is("image", "keep_previous", "On", "yes");
	value_is("image", "keep_previous", "0", "no");
	value_is("image", "keep_previous", "FALSE", "no");
	value_fails("image", "keep_previous", "maybe", "expected yes or no, found 'maybe'");
	value_fails("image", "keep_previous", "", "expected yes or no");
	value_is("image", "mode", "in-place", "in-place");
	value_fails("image", "mode", "inplace", "expected shadow, live or in-place, found 'inplace'");
	value_fails("image", "mode", "shadow|live", "expected");
	value_fails("image", "mode", "live|in", "expected");
	value_fails("image", "mode", "", "expected");
	value_fails("package x", "invalidates", "x", "expected *");
	value_is("boot", "ready", "login: $|a{2,3}", "login: $|a{2,3}");
	value_is("boot", "ready", "a\\;b", "a;b");
	value_fails("boot", "ready", "a(b", "expected an extended regular expression, found 'a(b'");
	value_fails("build", "profile", "a\nb", "must stand in one line");
}

static void paths_are_resolved(void **state)
{
	(void)state;
	setenv("HOME", "/home/me", 1);
	setenv("T_DIR", "some where", 1);
	unsetenv("T_UNSET");
	value_is("image", "path", "x/../y.img", "/base/dir/y.img");
	value_is("image", "path", "../../../y.img", "/y.img");
	value_is("image", "path", "~/y", "/home/me/y");
	value_is("image", "path", "${T_DIR}/y", "/base/dir/some where/y");
	value_is("image", "path", "a\\ b", "/base/dir/a b");
	value_is("image", "path", "", "");
	value_fails("image", "path", "${T_UNSET}/y", "T_UNSET is not set");
	value_is("build", "strip", "strip", "strip");
	value_is("build", "strip", "./strip", "/base/dir/strip");
	value_is("build", "strip", "~/strip", "/home/me/strip");
	value_is("image", "stamp", "/root//x/", "/root/x");
	value_fails("image", "stamp", "root/x", "expected an absolute path inside the image");
	value_fails("image", "stamp", "/root/../x", "'..'");
	value_is("asset a", "path", "./a//b/../c/", "a/c");
	value_fails("asset a", "path", "../x", "leads out of the source");
	value_fails("asset a", "path", "a/../../x", "leads out of the source");
	value_fails("asset a", "path", "/x", "relative to the source");
}

static void lists_have_items(void **state)
{
	(void)state;
	setenv("T_DIR", "some where", 1);
	value_is("build", "rustflags", "-Ca=${T_DIR} -C b", "-Ca=some\\ where -C b");
	value_is("package x", "paths", ". a/ ./b", "a b");
	value_is("package x", "dest", "/usr/bin initfs:/bin share:/x/ /a..b", "/usr/bin initfs:/bin share:/x/ /a..b");
	value_fails("package x", "dest", "usr/bin", "starts with /, initfs:/ or share:/");
	value_fails("package x", "dest", "/ok initfs:bin", "found 'initfs:bin'");
	value_fails("package x", "dest", "/a/../b", "'..'");
	value_fails("package x", "dest", "initfs:/..", "'..'");
	value_fails("package x", "uses", "a ../b", "leads out");
	value_is("reinject", "include", "a.ini ../b.ini", "/base/dir/a.ini /base/b.ini");
}

static void some_values_stay_as_written(void **state)
{
	(void)state;
	unsetenv("SOCKET_DIR");
	unsetenv("IMAGE");
	value_is("boot", "console", "socket:${SOCKET_DIR}/x", "socket:${SOCKET_DIR}/x");
	value_is("boot", "command", "~/run ${SOCKET_DIR}", "'~/run' '${SOCKET_DIR}'");
	value_is("package x", "activate", "kill ${PID}", "kill ${PID}");
	value_is("package x", "command", "make R=${REINJECT_RUN}", "make 'R=${REINJECT_RUN}'");
	value_is("image", "mount", "m ${IMAGE} ${MOUNT_POINT}", "m '${IMAGE}' '${MOUNT_POINT}'");
	value_fails("package x", "command", "make ${IMAGE}", "IMAGE is not set");
	value_fails("image", "path", "${IMAGE}", "IMAGE is not set");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_split_at_blanks),        cmocka_unit_test(lists_survive_join_and_split),
		cmocka_unit_test(commands_split_like_a_shells), cmocka_unit_test(sections_and_keys_are_found),
		cmocka_unit_test(near_words_are_suggested),     cmocka_unit_test(the_table_is_sound),
		cmocka_unit_test(numbers_have_ranges),          cmocka_unit_test(words_have_types),
		cmocka_unit_test(paths_are_resolved),           cmocka_unit_test(lists_have_items),
		cmocka_unit_test(some_values_stay_as_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
