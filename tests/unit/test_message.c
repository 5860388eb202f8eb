/* Which package a message of cargo's is about, in folders of any name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "cargo/message.h"

static bool is_about(const char *id, const char *name)
{
	struct config_package package = { .name = (char *)name };
	CLEANUP_FREE char *line = xasprintf("{\"reason\":\"compiler-artifact\",\"package_id\":\"%s\"}", id);
	struct cargo_message message;
	bool about;

	assert_int_equal(cargo_message_parse(line, strlen(line), &message), 0);
	about = cargo_message_is_about(&message, &package, "/src");
	cargo_message_clear(&message);
	return about;
}

static void the_folder_may_have_any_name(void **state)
{
	static const char *const folders[] = { "/os", "/os%20(1)", "/a)b", "/c%23d%3F", "/old%20(path+file:)/x" };

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(folders); i++) {
		CLEANUP_FREE char *plain = xasprintf("path+file://%s/netd#0.1.0", folders[i]);
		CLEANUP_FREE char *named = xasprintf("path+file://%s/net#netd@0.1.0", folders[i]);

		if (!is_about(plain, "netd") || is_about(plain, "net") || !is_about(named, "netd") || is_about(named, "net"))
			fail_msg("in '%s'", folders[i]);
	}
}

static void before_cargo_1_77_the_name_came_first(void **state)
{
	(void)state;
	assert_true(is_about("netd 0.1.0 (path+file:///os%20(1)/net)", "netd"));
	assert_false(is_about("netd 0.1.0 (path+file:///os/net)", "net"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_folder_may_have_any_name),
		cmocka_unit_test(before_cargo_1_77_the_name_came_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
