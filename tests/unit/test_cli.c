/* The command line: what a mistyped word was meant to be, values that are one of a few, and the tables that the help and the manual are made of. */
#include "base/near.h"
#include "cli/cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char *nearest(const char *word, const char *choices)
{
	static char best[32];
	struct near near = { .word = word, .n = strlen(word) };

	near_offer_choices(&near, choices);
	if (!near.best)
		return NULL;
	snprintf(best, sizeof(best), "%.*s", (int)strcspn(near.best, "|"), near.best);
	return best;
}

static void test_near(void **state)
{
	(void)state;
	assert_string_equal(nearest("instal", "install|uninstall|status"), "install");
	assert_string_equal(nearest("uninstal", "install|uninstall|status"), "uninstall");
	assert_string_equal(nearest("lgo", "show|log|boot"), "log");
	assert_string_equal(nearest("stauts", "init|status"), "status");
	assert_string_equal(nearest("b", "a|b"), "b");
	assert_null(nearest("xy", "log|show"));
	assert_null(nearest("", "log|show"));
	assert_null(nearest("a-word-of-more-letters-than-any-of-the-table", "log|a-word-of-more-letters-than-any-of-the-tabl"));
	/* As near as each other: the first. */
	assert_string_equal(nearest("aab", "aac|aad"), "aac");
}

/* Parses the words up to NULL, which must fail with @sentence. */
static void refuses(const char *sentence, const char *const *words)
{
	CLEANUP(cli_args_clear) struct cli_args args = { 0 };
	struct err err = ERR_INIT;
	char *argv[8] = { (char *)"reinject" };
	int argc = 1;

	while (words[argc - 1]) {
		argv[argc] = (char *)words[argc - 1];
		argc++;
	}
	assert_int_equal(cli_args_parse(argc, argv, &args, &err), -22);
	assert_string_equal(err.message, sentence);
	assert_int_equal(err_exit_status(&err, -22), 2);
	assert_true(err.hint[0] || strstr(sentence, "takes"));
}
#define REFUSES(sentence, ...) refuses(sentence, (const char *const[]){ __VA_ARGS__, NULL })

static void test_did_you_mean(void **state)
{
	(void)state;
	REFUSES("there is no verb 'refersh'; did you mean 'refresh'?", "refersh");
	REFUSES("there is no verb 'kernel'", "kernel");
	REFUSES("unknown option '--vebrose'; did you mean '--verbose'?", "--vebrose");
	REFUSES("unknown option '--retyr'; did you mean '--retry'?", "refresh", "--retyr");
	REFUSES("unknown option '--wait-lok=3'; did you mean '--wait-lock'?", "refresh", "--wait-lok=3");
	/* Another verb's option is none of this one's. */
	REFUSES("unknown option '--retry'", "adopt", "--retry");
	REFUSES("unknown option '-z'", "adopt", "-z");
}

static void test_choices(void **state)
{
	(void)state;
	REFUSES("option '--color' takes auto, always or never, not 'blue'", "--color", "blue");
	REFUSES("option '--color' takes auto, always or never, not ''", "--color=", "log");
	REFUSES("option '--color' takes auto, always or never, not 'auto|always'", "--color=auto|always", "log");
	REFUSES("option '--system' takes systemd or launchd, not 'initd'", "service", "--system=initd");
}

static void expect_operand(const char *verb, size_t i, const char *expected)
{
	CLEANUP_FREE char *operand = NULL;
	bool is_there = cli_operand_at(cli_verb_find(verb), i, &operand);

	assert_int_equal(is_there, expected != NULL);
	if (expected)
		assert_string_equal(operand, expected);
}

static void test_operands(void **state)
{
	(void)state;
	expect_operand("status", 0, NULL);
	expect_operand("build", 0, "PKG");
	expect_operand("build", 7, "PKG");
	expect_operand("inject", 0, "FILE");
	expect_operand("inject", 1, "IMAGE-PATH");
	expect_operand("inject", 2, NULL);
	expect_operand("service", 0, "install|uninstall|status");
	expect_operand("service", 1, "watch|nightly");
	expect_operand("service", 2, NULL);
}

/* What the help and the manual print of a table must be there, and a verb that takes words says which. */
static void check_options(const struct cli_option *table)
{
	for (const struct cli_option *option = table; option && option->name; option++) {
		assert_true(option->help && option->help[0]);
		assert_true(option->name[0]);
		for (const struct cli_option *other = table; other != option; other++) {
			assert_string_not_equal(other->name, option->name);
			assert_true(!option->letter || other->letter != option->letter);
		}
	}
}

static void test_tables(void **state)
{
	(void)state;
	check_options(cli_global_options);
	for (size_t i = 0; cli_verbs[i]; i++) {
		const struct cli_verb *verb = cli_verbs[i];
		CLEANUP_FREE char *operand = NULL;

		print_message("verb %s\n", verb->name);
		assert_ptr_equal(cli_verb_find(verb->name), verb);
		assert_true(verb->summary && verb->summary[0] && verb->usage && verb->description && verb->description[0] && verb->run);
		assert_int_equal(cli_operand_at(verb, 0, &operand), verb->max_args != 0);
		check_options(verb->options);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_near),	 cmocka_unit_test(test_did_you_mean), cmocka_unit_test(test_choices),
		cmocka_unit_test(test_operands), cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
