/* Which of cargo's configuration files count for a source, what they are called, and what it costs to ask: cargo/settings, in a scratch folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "cargo/settings.h"

#include "lib/scratch.h"

enum { LIMIT_US = 10000 };

struct box {
	char *dir; /* owned; a/b/src is the source, home is cargo's */
	struct config config;
	struct config_source source;
	struct cargo_settings settings;
};

static int setup(void **state)
{
	struct box *box = xcalloc(1, sizeof(*box));

	box->dir = scratch_make();
	scratch_write(box->dir, "a/b/src/.keep", "");
	scratch_write(box->dir, "home/.keep", "");
	box->source = (struct config_source){ .path = xasprintf("%s/a/b/src", box->dir) };
	box->config = (struct config){ .sources = &box->source, .n_sources = 1 };
	strvec_addf(&box->config.build.env, "CARGO_HOME=%s/home", box->dir);
	*state = box;
	return 0;
}

static int teardown(void **state)
{
	struct box *box = *state;

	cargo_settings_clear(&box->settings);
	strvec_clear(&box->config.build.env);
	free(box->source.path);
	free(box->source.home);
	scratch_remove(box->dir);
	free(box);
	return 0;
}

/* @expected: the names below the scratch folder, by blanks. What a host has above it is left out. */
static void is(struct box *box, const char *expected)
{
	CLEANUP(str_clear) struct str got = { 0 };

	cargo_settings_clear(&box->settings);
	cargo_settings_read(&box->config, 0, &box->settings);
	for (size_t i = 0; i < box->settings.n; i++) {
		const char *name = box->settings.v[i].name;

		if (path_under(name, box->dir))
			str_printf(&got, "%s%s", got.len ? " " : "", name + strlen(box->dir) + 1);
	}
	assert_string_equal(str_text(&got), expected);
}

static void what_is_absent_leaves_no_trace(void **state)
{
	struct box *box = *state;

	scratch_write(box->dir, "a/b/src/.cargo/config.toml", "a shared file");
	scratch_write(box->dir, "a/.cargo/config.toml/no-file", "");
	scratch_write(box->dir, "a/b/.cargo", "no folder");
	scratch_write(box->dir, "home/.cargo/config.toml", "above nothing");
	is(box, "");
}

static void the_nearest_comes_first_and_each_once(void **state)
{
	struct box *box = *state;

	scratch_write(box->dir, ".cargo/config", "1");
	scratch_write(box->dir, "a/.cargo/config.toml", "2");
	scratch_write(box->dir, "a/b/.cargo/config.toml", "3");
	scratch_write(box->dir, "home/config.toml", "4");
	is(box, "a/b/.cargo/config.toml a/.cargo/config.toml .cargo/config home/config.toml");
	strvec_clear(&box->config.build.env);
	strvec_addf(&box->config.build.env, "HOME=%s/a", box->dir);
	is(box, "a/b/.cargo/config.toml a/.cargo/config.toml .cargo/config");
}

/* The value of the one file that is there. */
static char *value(struct box *box)
{
	is(box, "a/.cargo/config.toml");
	return xstrdup(box->settings.v[0].value);
}

static void the_value_is_the_content(void **state)
{
	struct box *box = *state;
	CLEANUP_FREE char *one = NULL, *two = NULL, *again = NULL;

	scratch_write(box->dir, "a/.cargo/config.toml", "1");
	one = value(box);
	scratch_write(box->dir, "a/.cargo/config.toml", "2");
	two = value(box);
	scratch_write(box->dir, "a/.cargo/config.toml", "1");
	again = value(box);
	assert_string_not_equal(one, two);
	assert_string_equal(one, again);
}

/* As refresh/isolate does: a repository 'b' whose folder 'src' is the source, and its commit beside it. */
static void beside_the_work_tree_they_are_called_as_in_it(void **state)
{
	struct box *box = *state;

	scratch_write(box->dir, "a/.cargo/config.toml", "1");
	scratch_write(box->dir, "a/.b.reinject-1/src/.keep", "");
	scratch_write(box->dir, "a/.b.reinject-1/.cargo/config.toml", "2");
	scratch_write(box->dir, "a/.b.reinject-1/src/cargo/config.toml", "3");
	box->source.home = box->source.path;
	box->source.path = xasprintf("%s/a/.b.reinject-1/src", box->dir);
	strvec_clear(&box->config.build.env);
	strvec_add(&box->config.build.env, "CARGO_HOME=cargo");
	is(box, "a/b/.cargo/config.toml a/.cargo/config.toml a/b/src/cargo/config.toml");
	assert_non_null(strstr(box->settings.v[0].path, "/a/.b.reinject-1/.cargo/"));
}

static void a_source_behind_a_link_goes_up_from_where_it_is(void **state)
{
	struct box *box = *state;
	CLEANUP_FREE char *link = xasprintf("%s/link", box->dir);

	assert_int_equal(symlink("a/b/src", link), 0);
	scratch_write(box->dir, "a/.cargo/config.toml", "1");
	free(box->source.path);
	box->source.path = xstrdup(link);
	is(box, "a/.cargo/config.toml");
}

static void it_costs_little(void **state)
{
	struct box *box = *state;
	int64_t best = INT64_MAX;

	scratch_write(box->dir, "a/.cargo/config.toml", "1");
	for (int i = 0; i < 5; i++) {
		int64_t start = clock_us();

		is(box, "a/.cargo/config.toml");
		if (clock_us() - start < best)
			best = clock_us() - start;
	}
	print_message("cargo's configuration files: %lld us\n", (long long)best);
	assert_true(best < LIMIT_US);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_absent_leaves_no_trace, setup, teardown),
		cmocka_unit_test_setup_teardown(the_nearest_comes_first_and_each_once, setup, teardown),
		cmocka_unit_test_setup_teardown(the_value_is_the_content, setup, teardown),
		cmocka_unit_test_setup_teardown(beside_the_work_tree_they_are_called_as_in_it, setup, teardown),
		cmocka_unit_test_setup_teardown(a_source_behind_a_link_goes_up_from_where_it_is, setup, teardown),
		cmocka_unit_test_setup_teardown(it_costs_little, setup, teardown),
	};

	return cmocka_run_group_tests_name("cargo/settings", tests, NULL, NULL);
}
