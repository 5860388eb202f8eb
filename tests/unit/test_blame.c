/* Whether an error is the sources' or the machine's, by the words that rustc and linkers have for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/str.h"
#include "cargo/message.h"

#define SPAN "{\"file_name\":\"src/main.rs\",\"is_primary\":true,\"line_start\":1,\"column_start\":1}"

static const struct {
	const char *level, *code, *text, *spans, *rendered;
	bool is_machine;
} cases[] = {
	{ "error", "null", "linking with `cc` failed: exit status: 1", "", "ld: final link failed: No space left on device", true },
	{ "error", "null", "linking with `cc` failed: exit status: 1", "", "rust-lld: error: failed to write: Disk quota exceeded", true },
	{ "error", "null", "linking with `cc` failed: exit status: 1", "", "ld: out: Cannot allocate memory", true },
	{ "error", "null", "linking with `cc` failed: exit status: 1", "", "collect2: fatal error: ld terminated with signal 7 [Bus error]",
	  true },
	{ "error", "null", "linking with `clang` failed: exit status: 1", "", "error: linker command failed due to signal (use -v)", true },
	{ "error", "null", "linking with `cc` failed: signal: 9 (SIGKILL)", "", "linking with `cc` failed: signal: 9 (SIGKILL)", true },
	{ "error", "null", "linking with `cc` failed: exit status: 1", "", "undefined reference to `no_such_function'", false },
	{ "error", "null", "linker `nosuchcc` not found", "", "", true },
	{ "error", "null", "linker `cc` is too old", "", "", false },
	{ "error", "null", "couldn't create a temp dir: No space left on device (os error 28) at path \\\"/t\\\"", "", "", true },
	{ "error", "null", "couldn't read `src/x.txt`: No such file or directory (os error 2)", SPAN, "", false },
	{ "error", "{\"code\":\"E0463\"}", "can't find crate for `std`", SPAN, "", true },
	{ "error", "{\"code\":\"E0463\"}", "can't find crate for `core`", SPAN, "", true },
	{ "error", "{\"code\":\"E0463\"}", "can't find crate for `alloc`", SPAN, "", true },
	{ "error", "{\"code\":\"E0463\"}", "can't find crate for `serde`", SPAN, "", false },
	{ "error", "{\"code\":\"E0308\"}", "mismatched types", SPAN, "linker `x` not found", false },
	{ "error", "null", "`#[panic_handler]` function required, but not found", "", "", false },
	{ "error: internal compiler error", "null", "unexpected panic", "", "", false },
	{ "warning", "null", "linker `x` not found", "", "", false },
};

static void test_whose_error_it_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(cargo_message_clear) struct cargo_message message = { 0 };
		CLEANUP_FREE char *line = xasprintf(
			"{\"reason\":\"compiler-message\",\"message\":{\"level\":\"%s\",\"code\":%s,\"message\":\"%s\","
			"\"spans\":[%s],\"rendered\":\"%s\"}}",
			cases[i].level, cases[i].code, cases[i].text, cases[i].spans, cases[i].rendered);

		assert_int_equal(cargo_message_parse(line, strlen(line), &message), 0);
		if (message.is_machine != cases[i].is_machine)
			fail_msg("case %zu: '%s' is%s the machine's", i, cases[i].text, message.is_machine ? "" : " not");
	}
}

/* What cargo writes is not believed: a message without its words is nobody's. */
static void test_without_words(void **state)
{
	static const char line[] = "{\"reason\":\"compiler-message\",\"message\":{\"level\":\"error\"}}";
	CLEANUP(cargo_message_clear) struct cargo_message message = { 0 };

	(void)state;
	assert_int_equal(cargo_message_parse(line, strlen(line), &message), 0);
	assert_true(message.is_error);
	assert_false(message.is_machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whose_error_it_is),
		cmocka_unit_test(test_without_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
