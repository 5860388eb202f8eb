/* The compiler cache: what it prints of its counts, what lies between two of them, and what cargo is given. */
#include "base/hash.h"
#include "cargo/cache.h"
#include "cargo/command.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As sccache 0.19.0 prints it, less what is not read. */
#define STATS                                                                                                                                   \
	"{\"stats\":{\"compile_requests\":9,\"cache_errors\":{\"counts\":{\"Rust\":1},\"adv_counts\":{\"rust\":1}},"                            \
	"\"cache_hits\":{\"counts\":{\"C/C++\":2,\"Rust\":3},\"adv_counts\":{\"rust\":3}},\"cache_misses\":{\"counts\":{},\"adv_counts\":{}},"  \
	"\"cache_timeouts\":0,\"cache_read_errors\":10,\"cache_write_errors\":100,\"not_cached\":{\"crate-type\":2}},"

static void counts_of_all_languages(void **state)
{
	static const char redis[] = STATS "\"cache_location\":\"redis, name: 0, prefix: /\",\"version\":\"0.19.0\"}";
	struct cargo_cache_counts counts = { 0 };

	(void)state;
	assert_int_equal(cargo_cache_parse(redis, strlen(redis), &counts, NULL), 0);
	assert_int_equal(counts.hits, 5);
	assert_int_equal(counts.misses, 0);
	assert_int_equal(counts.errors, 111);
	assert_string_equal(counts.store, "redis");
}

static void only_the_kind_of_store(void **state)
{
	static const char *const cases[][2] = {
		{ STATS "\"cache_location\":\"Local disk: \\\"/home/me/.cache/sccache\\\"\"}", "disk" },
		{ STATS "\"cache_location\":\"s3, name: secret-bucket, prefix: /\"}", "s3" },
		{ STATS "\"cache_location\":\"a-kind-with-a-name-that-is-longer-than-this\"}", "a-kind-with-a-n" },
		{ STATS "\"cache_location\":null}", "" },
		{ STATS "\"version\":\"0.4.0\"}", "" },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct cargo_cache_counts counts = { 0 };

		assert_int_equal(cargo_cache_parse(cases[i][0], strlen(cases[i][0]), &counts, NULL), 0);
		assert_string_equal(counts.store, cases[i][1]);
	}
}

static void anything_else_is_refused(void **state)
{
	static const char *const cases[] = { "", "[]", "{}", "{\"stats\":[]}", "sccache: error: no", "{\"stats\":{}" };
	struct cargo_cache_counts counts = { .hits = 7 };

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++)
		assert_int_equal(cargo_cache_parse(cases[i], strlen(cases[i]), &counts, NULL), -EBADMSG);
	assert_int_equal(counts.hits, 7);
}

static void between_two_counts(void **state)
{
	const struct cargo_cache_counts before = { .hits = 10, .misses = 5, .errors = 1 };
	const struct cargo_cache_counts after = { .hits = 12, .misses = 5, .errors = 4, .store = "redis" };
	const struct cargo_cache_counts anew = { .hits = 11, .misses = 2, .errors = 0 };
	struct cargo_cache_counts counts = cargo_cache_between(&before, &after);

	(void)state;
	assert_int_equal(counts.hits, 2);
	assert_int_equal(counts.misses, 0);
	assert_int_equal(counts.errors, 3);
	assert_string_equal(counts.store, "redis");
	/* Its server was started anew: all that it has counted came after. */
	counts = cargo_cache_between(&before, &anew);
	assert_int_equal(counts.hits, 11);
	assert_int_equal(counts.misses, 2);
}

static const char *variable(const struct strvec *env, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], name, n) == 0 && env->v[i][n] == '=')
			return env->v[i] + n + 1;
	return NULL;
}

static void the_backends_content_is_told(void **state)
{
	char path[] = "/tmp/reinject-backend.XXXXXX";
	CLEANUP(strvec_clear) struct strvec env = { 0 }, other = { 0 };
	struct config_build build = { .codegen_backend = path };
	CLEANUP_CLOSE int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	cargo_cache_environment(&build, &env);
	assert_non_null(variable(&env, "CARGO_REINJECT_BACKEND"));
	assert_int_equal(strlen(variable(&env, "CARGO_REINJECT_BACKEND")), HASH_HEX_SIZE - 1);
	assert_int_equal(write(fd, "x", 1), 1);
	cargo_cache_environment(&build, &other);
	assert_string_not_equal(variable(&env, "CARGO_REINJECT_BACKEND"), variable(&other, "CARGO_REINJECT_BACKEND"));
	unlink(path);
	strvec_clear(&other);
	cargo_cache_environment(&build, &other);
	assert_null(variable(&other, "CARGO_REINJECT_BACKEND"));
	assert_string_equal(variable(&other, "RUSTC_WRAPPER"), "sccache");
}

static void looked_up_on_the_builds_path(void **state)
{
	struct config_build build = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	strvec_add(&build.env, "PATH=/nonexistent");
	assert_int_equal(cargo_cache_require(&build, &err), -ENOENT);
	assert_int_equal(err.class, ERR_ENVIRONMENT);
	strvec_add(&build.env, "RUSTC_WRAPPER=/bin/sh");
	assert_int_equal(cargo_cache_require(&build, NULL), 0);
	strvec_clear(&build.env);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_of_all_languages),      cmocka_unit_test(only_the_kind_of_store),
		cmocka_unit_test(anything_else_is_refused),     cmocka_unit_test(between_two_counts),
		cmocka_unit_test(the_backends_content_is_told), cmocka_unit_test(looked_up_on_the_builds_path),
	};

	return cmocka_run_group_tests_name("cargo/cache", tests, NULL, NULL);
}
