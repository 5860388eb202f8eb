/* The hash of what cargo does not see: it moves with what changes a binary, and with nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cargo/build.h"
#include "cargo/toolchain.h"

struct fixture {
	char dir[64];
	char *home, *source, *relibc, *rustc; /* rustc: that of toolchain nightly-2026-01-02 */
	struct config config;
	struct config_source sources[2];
	char hash[HASH_HEX_SIZE]; /* before the change */
};

static void put(const struct fixture *f, const char *name, const char *text)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", f->dir, name), *folder = fs_dirname(path);

	assert_int_equal(fs_make_dirs(folder, 0755, NULL), 0);
	assert_int_equal(fs_write_atomic(path, text, strlen(text), 0755, NULL), 0);
}

static void set_mtime(const struct fixture *f, const char *name, time_t seconds, long nanoseconds)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", f->dir, name);
	const struct timespec times[] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = seconds, .tv_nsec = nanoseconds } };

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* Two hosts of the dated nightly, a newer nightly, a stable, and rustup's proxies as links, all in a home of our own. */
static void make_toolchains(struct fixture *f)
{
	put(f, "rustup/toolchains/nightly-2026-01-02-aarch64-apple-darwin/bin/rustc", "rustc 1");
	put(f, "rustup/toolchains/nightly-2026-01-02-x86_64-unknown-linux-gnu/bin/rustc", "rustc 2");
	put(f, "rustup/toolchains/nightly-x86_64-unknown-linux-gnu/bin/rustc", "rustc 3");
	put(f, "rustup/toolchains/stable-x86_64-unknown-linux-gnu/bin/rustc", "rustc 4");
	put(f, "rustup/toolchains/mine/bin/rustc", "rustc 5");
	put(f, "rustup/settings.toml", "version = \"12\"\ndefault_toolchain = \"stable-x86_64-unknown-linux-gnu\"\n\n[overrides]\n");
	put(f, "bin/rustup", "rustup");
	assert_int_equal(symlinkat("rustup", AT_FDCWD, f->rustc), 0);
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	CLEANUP_FREE char *path = NULL;

	snprintf(f->dir, sizeof(f->dir), "/tmp/reinject-test-inputs.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->home = xasprintf("%s/rustup", f->dir);
	f->source = xasprintf("%s/tree/source", f->dir);
	f->relibc = xasprintf("%s/relibc", f->dir);
	f->rustc = xasprintf("%s/bin/rustc", f->dir);
	assert_int_equal(fs_make_dirs(f->source, 0755, NULL), 0);
	put(f, "relibc/crt0.o", "crt0");
	put(f, "relibc/libc.a", "libc");
	put(f, "relibc/libc.so", "no archive");
	make_toolchains(f);
	path = xasprintf("%s/bin:/usr/bin:/bin", f->dir);
	setenv("PATH", path, 1);
	setenv("RUSTUP_HOME", f->home, 1);
	unsetenv("RUSTUP_TOOLCHAIN");
	f->sources[0].path = f->source;
	f->config.sources = f->sources;
	f->config.n_sources = 1;
	f->config.build.relibc = f->relibc;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fs_remove_tree(f->dir, NULL), 0);
	strvec_clear(&f->config.build.rustflags);
	strvec_clear(&f->config.build.env);
	free(f->home);
	free(f->source);
	free(f->relibc);
	free(f->rustc);
	free(f);
	return 0;
}

static void remember(struct fixture *f)
{
	assert_int_equal(cargo_inputs_hash(&f->config, f->hash, NULL), 0);
}

static bool changed(struct fixture *f)
{
	char before[HASH_HEX_SIZE];

	memcpy(before, f->hash, sizeof(before));
	remember(f);
	return strcmp(before, f->hash) != 0;
}

static void assert_rustc(const struct fixture *f, const char *expected)
{
	CLEANUP(strvec_clear) struct strvec found = { 0 };
	CLEANUP(str_clear) struct str contents = { 0 };

	cargo_toolchain_find(&f->config, &found);
	for (size_t i = 0; i < found.n; i++)
		assert_int_equal(fs_read(found.v[i], 4096, &contents, NULL), 0);
	assert_string_equal(str_text(&contents), expected);
}

static void test_nothing_changed(void **state)
{
	struct fixture *f = *state;
	static char target_dir[] = "/elsewhere";

	remember(f);
	assert_int_equal(strlen(f->hash), 64);
	assert_false(changed(f));
	set_mtime(f, "relibc/crt0.o", 1000, 0);
	set_mtime(f, "relibc/libc.a", 1000, 0);
	put(f, "relibc/crt0.o", "crt0");
	put(f, "relibc/libc.so", "another");
	put(f, "tree/source/main.rs", "fn main() {}");
	put(f, "rustup/toolchains/mine/bin/rustc", "another toolchain");
	f->config.build.target_dir = target_dir;
	assert_false(changed(f));
}

static void test_objects_by_content(void **state)
{
	struct fixture *f = *state;

	remember(f);
	put(f, "relibc/crt0.o", "crt1");
	assert_true(changed(f));
	put(f, "relibc/crt0.o", "crt0");
	assert_true(changed(f));
	put(f, "relibc/libc.a", "LIBC");
	assert_true(changed(f));
	put(f, "relibc/libgcc_eh.a", "");
	assert_true(changed(f));
	assert_int_equal(fs_remove_tree(f->relibc, NULL), 0);
	assert_true(changed(f));
	assert_false(changed(f));
}

static void test_flags_as_written(void **state)
{
	struct fixture *f = *state;
	static char backend[] = "/nonexistent/backend.so", profile[] = "dev";

	remember(f);
	strvec_add(&f->config.build.rustflags, "-Cpanic=abort");
	assert_true(changed(f));
	strvec_add(&f->config.build.env, "A=b");
	assert_true(changed(f));
	f->config.build.profile = profile;
	assert_true(changed(f));
	f->config.build.codegen_backend = backend;
	assert_true(changed(f));
	assert_false(changed(f));
}

/* Each form with an absolute file and a relative one; '|' stands between two flags. */
static void test_link_arguments(void **state)
{
	static const char *const forms[] = { "-Clink-arg=FILE",
					     "-C|link-arg=FILE",
					     "--codegen=link-arg=FILE",
					     "--codegen|link-arg=FILE",
					     "-Clink-args=-z now FILE -lm",
					     "-Clink-arg=-TFILE",
					     "-Clink-arg=-Wl,-T,FILE,-z,now",
					     "-Clink-arg=--version-script=FILE" };
	struct fixture *f = *state;
	CLEANUP_FREE char *absolute = xasprintf("%s/script", f->dir);
	const char *const files[] = { absolute, "../../script" };

	for (size_t i = 0; i < N_ELEMENTS(forms) * 2; i++) {
		CLEANUP_FREE char *form = xstrdup(forms[i / 2]);
		char *place = strstr(form, "FILE"), *second = strchr(form, '|');

		strvec_clear(&f->config.build.rustflags);
		if (second) {
			*second++ = '\0';
			strvec_add(&f->config.build.rustflags, form);
		} else {
			second = form;
		}
		strvec_addf(&f->config.build.rustflags, "%.*s%s%s", (int)(place - second), second, files[i % 2], place + 4);
		put(f, "script", "one");
		remember(f);
		set_mtime(f, "script", 1000, 0);
		assert_false(changed(f));
		put(f, "script", "two");
		assert_true(changed(f));
		assert_int_equal(unlink(absolute), 0);
		assert_true(changed(f));
	}
}

static void test_target_file(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *target = xasprintf("%s/x.json", f->dir);

	f->config.build.target = target;
	remember(f);
	put(f, "x.json", "{}");
	assert_true(changed(f));
	put(f, "x.json", "{ }");
	assert_true(changed(f));
}

static void test_compiler_and_backend(void **state)
{
	struct fixture *f = *state;
	static char toolchain[] = "nightly-2026-01-02";
	CLEANUP_FREE char *backend = xasprintf("%s/backend.so", f->dir);

	f->config.build.toolchain = toolchain;
	f->config.build.codegen_backend = backend;
	put(f, "backend.so", "backend");
	remember(f);
	set_mtime(f, "rustup/toolchains/nightly-2026-01-02-x86_64-unknown-linux-gnu/bin/rustc", 1000, 0);
	assert_true(changed(f));
	set_mtime(f, "rustup/toolchains/nightly-2026-01-02-x86_64-unknown-linux-gnu/bin/rustc", 1000, 1);
	assert_true(changed(f));
	set_mtime(f, "rustup/toolchains/nightly-x86_64-unknown-linux-gnu/bin/rustc", 1000, 1);
	assert_false(changed(f));
	set_mtime(f, "backend.so", 1000, 1);
	assert_true(changed(f));
}

static void test_named_toolchain(void **state)
{
	struct fixture *f = *state;
	static char dated[] = "nightly-2026-01-02", nightly[] = "nightly", mine[] = "mine", unknown[] = "1.2";

	f->config.build.toolchain = dated;
	assert_rustc(f, "rustc 1rustc 2");
	f->config.build.toolchain = nightly;
	assert_rustc(f, "rustc 3");
	f->config.build.toolchain = mine;
	assert_rustc(f, "rustc 5");
	f->config.build.toolchain = unknown;
	assert_rustc(f, "rustup");
}

static void test_toolchain_by_rustups_order(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *override = NULL, *real = realpath(f->source, NULL);

	assert_rustc(f, "rustc 4");
	put(f, "tree/rust-toolchain.toml", "[toolchain]\nprofile = \"minimal\"\nchannel = \"nightly\"\n");
	assert_rustc(f, "rustc 3");
	put(f, "tree/source/rust-toolchain", "mine\n");
	assert_rustc(f, "rustc 5");
	put(f, "tree/source/rust-toolchain", "[toolchain]\npath = \"../../rustup/toolchains/nightly-2026-01-02-aarch64-apple-darwin\"\n");
	assert_rustc(f, "rustc 1");
	override = xasprintf("default_toolchain = \"mine\"\n[overrides]\n\"%s\" = \"nightly\"\n", real);
	put(f, "rustup/settings.toml", override);
	assert_rustc(f, "rustc 3");
	setenv("RUSTUP_TOOLCHAIN", "stable", 1);
	assert_rustc(f, "rustc 4");
	strvec_add(&f->config.build.env, "RUSTUP_TOOLCHAIN=mine");
	assert_rustc(f, "rustc 5");
	unsetenv("RUSTUP_TOOLCHAIN");
}

static void test_every_source_counts(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *second = xasprintf("%s/other", f->dir);

	put(f, "other/rust-toolchain", "mine");
	f->sources[1].path = second;
	f->config.n_sources = 2;
	assert_rustc(f, "rustc 5rustc 4");
}

static void test_without_rustup(void **state)
{
	struct fixture *f = *state;
	CLEANUP(strvec_clear) struct strvec found = { 0 };

	assert_int_equal(unlink(f->rustc), 0);
	put(f, "bin/rustc", "a distribution's");
	assert_rustc(f, "a distribution's");
	assert_int_equal(unlink(f->rustc), 0);
	setenv("PATH", "/nonexistent", 1);
	assert_rustc(f, "rustc 4");
	setenv("RUSTUP_HOME", "/nonexistent", 1);
	cargo_toolchain_find(&f->config, &found);
	assert_int_equal(found.n, 0);
	remember(f);
	assert_false(changed(f));
}

static void test_quick(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *mb = xcalloc(1, 3 << 20);
	int64_t start, best = INT64_MAX;

	memset(mb, 'x', (3 << 20) - 1);
	put(f, "relibc/libc.a", mb);
	for (int i = 0; i < 5; i++) {
		start = clock_us();
		remember(f);
		if (clock_us() - start < best)
			best = clock_us() - start;
	}
	print_message("3 MB of objects: %lld us\n", (long long)best);
	assert_true(best < 100000); /* a look has 150 ms; the usual figure is printed */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_objects_by_content, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flags_as_written, setup, teardown),
		cmocka_unit_test_setup_teardown(test_link_arguments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_target_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_compiler_and_backend, setup, teardown),
		cmocka_unit_test_setup_teardown(test_named_toolchain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_toolchain_by_rustups_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_source_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_without_rustup, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quick, setup, teardown),
	};

	return cmocka_run_group_tests_name("cargo/inputs", tests, NULL, NULL);
}
