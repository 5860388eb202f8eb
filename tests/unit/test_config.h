/* What the tests of config/config share: each writes files into a folder of its own and loads them. In what is expected, '@' stands for that folder. */
#ifndef REINJECT_TESTS_TEST_CONFIG_H
#define REINJECT_TESTS_TEST_CONFIG_H

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
#include "config/config.h"

/* Each test writes files into a folder of its own and loads them. In what is expected, '@' stands for that folder. */
struct fixture {
	char dir[64];
	struct strvec overrides;
	struct config *config;
	struct config_problems problems;
	struct err err;
};

static inline int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/reinject-test-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	*state = f;
	return 0;
}

static inline void forget(struct fixture *f)
{
	config_freep(&f->config);
	config_problems_clear(&f->problems);
	f->err = ERR_INIT;
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;
	int r = fs_remove_tree(f->dir, NULL);

	forget(f);
	strvec_clear(&f->overrides);
	free(f);
	return r;
}

static inline void put(struct fixture *f, const char *name, const char *text)
{
	CLEANUP_FREE char *path = fs_absolute(f->dir, name), *dir = fs_dirname(path);

	assert_int_equal(fs_make_dirs(dir, 0755, NULL), 0);
	assert_int_equal(fs_write_atomic(path, text, strlen(text), 0644, NULL), 0);
}

static inline int load_args(struct fixture *f, const char *dir, const char *file)
{
	struct config_args args = { .dir = dir, .file = file, .overrides = &f->overrides };

	forget(f);
	return config_load(&args, &f->config, &f->problems, &f->err);
}

static inline int load(struct fixture *f, const char *text)
{
	put(f, "reinject.ini", text);
	return load_args(f, f->dir, NULL);
}

static inline char *with_dir(const struct fixture *f, const char *text)
{
	struct str s = { 0 };

	for (; *text; text++) {
		if (*text == '@')
			str_add(&s, f->dir);
		else
			str_add_c(&s, *text);
	}
	return str_take(&s);
}

static inline void loads(struct fixture *f, const char *text)
{
	int r = load(f, text);

	for (size_t i = 0; i < f->problems.errors.n; i++)
		print_error("%s\n", f->problems.errors.v[i]);
	if (r < 0)
		fail_msg("%s", f->err.message);
}

static inline void is(const struct fixture *f, const char *got, const char *expected)
{
	CLEANUP_FREE char *full = expected ? with_dir(f, expected) : NULL;

	if (!expected) {
		assert_null(got);
		return;
	}
	assert_non_null(got);
	assert_string_equal(got, full);
}

static inline void items_are(const struct fixture *f, const struct strvec *items, const char *expected)
{
	CLEANUP_FREE char *got = strvec_join(items, "|");

	is(f, got, expected);
}

static inline void sentences_are(const struct fixture *f, const struct strvec *got, const char *const *expected)
{
	size_t n = 0;

	while (expected[n])
		n++;
	for (size_t i = 0; i < got->n && got->n != n; i++)
		print_error("%s\n", got->v[i]);
	assert_int_equal(got->n, n);
	for (size_t i = 0; i < n; i++) {
		CLEANUP_FREE char *full = with_dir(f, expected[i]);

		if (!strstr(got->v[i], full) || (strncmp(full, f->dir, strlen(f->dir)) == 0 && strstr(got->v[i], full) != got->v[i]))
			fail_msg("expected '%s', got '%s'", full, got->v[i]);
	}
}

/* Loads @text, which must fail with exactly the sentences that follow, each given by a part of it. */
#define FAILS(f, text, ...)                                                                                                                     \
	do {                                                                                                                                    \
		static const char *const expected_[] = { __VA_ARGS__, NULL };                                                                   \
		assert_int_equal(load(f, text), -EINVAL);                                                                                       \
		assert_null((f)->config);                                                                                                       \
		assert_int_equal((f)->err.class, ERR_USAGE);                                                                                    \
		sentences_are(f, &(f)->problems.errors, expected_);                                                                             \
	} while (0)

#define WARNS(f, text, ...)                                                                                                                     \
	do {                                                                                                                                    \
		static const char *const expected_[] = { __VA_ARGS__, NULL };                                                                   \
		loads(f, text);                                                                                                                 \
		sentences_are(f, &(f)->problems.warnings, expected_);                                                                           \
	} while (0)

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
