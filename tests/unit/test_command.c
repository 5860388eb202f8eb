/* The command line is a promise, so it stands here word for word: DESIGN.md section 2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/proc.h"
#include "cargo/command.h"

#define RELIBC "/redox/recipes/core/relibc/source/target/aarch64-unknown-redox-clif/release"

static char source_name[] = "base", source_path[] = "/redox/recipes/core/base/source", package_name[] = "virtio-netd";
static struct config_source source = { .name = source_name, .path = source_path };
static struct config_package package = { .name = package_name };

struct fixture {
	struct config config;
	struct cargo_command command;
	struct err err;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->config.sources = &source;
	f->config.n_sources = 1;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	strvec_clear(&f->config.build.rustflags);
	strvec_clear(&f->config.build.features);
	strvec_clear(&f->config.build.cargo_args);
	strvec_clear(&f->config.build.env);
	cargo_command_clear(&f->command);
	free(f);
	return 0;
}

/* The words of config/samples/redox-aarch64.ini, as config_load() resolves them. */
static void fill_sample(struct config_build *build)
{
	static char toolchain[] = "nightly-2026-01-02", target[] = "/redox/recipes/core/base/source/aarch64-unknown-redox-clif.json";
	static char backend[] = "/rustc_codegen_cranelift/dist/lib/librustc_codegen_cranelift.dylib", relibc[] = RELIBC;
	static char build_std[] = "core,alloc,std,panic_abort", features[] = "compiler_builtins/no-f16-f128", profile[] = "release";

	build->toolchain = toolchain;
	build->target = target;
	build->codegen_backend = backend;
	build->relibc = relibc;
	build->build_std = build_std;
	build->build_std_features = features;
	build->profile = profile;
	strvec_add(&build->rustflags, "-Cpanic=abort");
	strvec_add(&build->env, "DYLD_LIBRARY_PATH=/home/u/.rustup/toolchains/nightly-2026-01-02-aarch64-apple-darwin/lib");
}

static void make(struct fixture *f)
{
	cargo_command_clear(&f->command);
	assert_int_equal(cargo_command_init(&f->config, &package, NULL, &f->command, &f->err), 0);
}

static void assert_words(struct fixture *f, const char *expected)
{
	CLEANUP_FREE char *words = NULL;

	make(f);
	words = strvec_join(&f->command.argv, " ");
	assert_string_equal(words, expected);
}

static const char *variable(const struct fixture *f, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < f->command.env_set.n; i++)
		if (strncmp(f->command.env_set.v[i], name, n) == 0 && f->command.env_set.v[i][n] == '=')
			return f->command.env_set.v[i] + n + 1;
	return NULL;
}

static void test_sample_words(void **state)
{
	struct fixture *f = *state;

	fill_sample(&f->config.build);
	assert_words(f, "cargo +nightly-2026-01-02 build --target /redox/recipes/core/base/source/aarch64-unknown-redox-clif.json --release "
			"-Z build-std=core,alloc,std,panic_abort -Zbuild-std-features=compiler_builtins/no-f16-f128 -p virtio-netd "
			"--message-format=json-diagnostic-rendered-ansi");
	assert_string_equal(f->command.argv.v[6], "-Z");
	assert_string_equal(f->command.cwd, source_path);
}

static void test_sample_environment(void **state)
{
	static const char *const flags[] = {
		"-Zcodegen-backend=/rustc_codegen_cranelift/dist/lib/librustc_codegen_cranelift.dylib",
		"-Crelocation-model=static",
		"-Clink-arg=-L" RELIBC,
		"-Clink-arg=" RELIBC "/crt0.o",
		"-Clink-arg=" RELIBC "/crt0_rust.o",
		"-Clink-arg=" RELIBC "/crti.o",
		"-Clink-arg=" RELIBC "/crtn.o",
		"-Clink-arg=-lunwind_stubs",
		"-Clink-arg=-z",
		"-Clink-arg=muldefs",
		"-Cpanic=abort",
	};
	struct fixture *f = *state;
	CLEANUP(str_clear) struct str expected = { 0 };

	fill_sample(&f->config.build);
	make(f);
	for (size_t i = 0; i < N_ELEMENTS(flags); i++)
		str_printf(&expected, "%s%s", i > 0 ? "\x1f" : "", flags[i]);
	assert_int_equal(f->command.env_set.n, 2);
	assert_string_equal(variable(f, "CARGO_ENCODED_RUSTFLAGS"), str_text(&expected));
	assert_string_equal(f->command.env_set.v[0], "DYLD_LIBRARY_PATH=/home/u/.rustup/toolchains/nightly-2026-01-02-aarch64-apple-darwin/lib");
}

static void test_sample_text(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *text = NULL;

	fill_sample(&f->config.build);
	make(f);
	text = cargo_command_text(&f->command);
	assert_string_equal(
		text,
		"cd /redox/recipes/core/base/source &&\n"
		"DYLD_LIBRARY_PATH=/home/u/.rustup/toolchains/nightly-2026-01-02-aarch64-apple-darwin/lib \\\n"
		"RUSTFLAGS='-Zcodegen-backend=/rustc_codegen_cranelift/dist/lib/librustc_codegen_cranelift.dylib -Crelocation-model=static "
		"-Clink-arg=-L" RELIBC " -Clink-arg=" RELIBC "/crt0.o -Clink-arg=" RELIBC "/crt0_rust.o -Clink-arg=" RELIBC "/crti.o "
		"-Clink-arg=" RELIBC "/crtn.o -Clink-arg=-lunwind_stubs -Clink-arg=-z -Clink-arg=muldefs -Cpanic=abort' \\\n"
		"cargo +nightly-2026-01-02 build --target /redox/recipes/core/base/source/aarch64-unknown-redox-clif.json --release "
		"-Z build-std=core,alloc,std,panic_abort -Zbuild-std-features=compiler_builtins/no-f16-f128 -p virtio-netd "
		"--message-format=json-diagnostic-rendered-ansi\n");
}

static void test_plain_host_build(void **state)
{
	struct fixture *f = *state;
	static char empty[] = "";

	assert_words(f, "cargo build --release -p virtio-netd --message-format=json-diagnostic-rendered-ansi");
	assert_int_equal(f->command.env_set.n, 0);
	f->config.build.toolchain = f->config.build.target = f->config.build.relibc = f->config.build.codegen_backend = empty;
	f->config.build.build_std = f->config.build.build_std_features = f->config.build.profile = f->config.build.target_dir = empty;
	f->config.build.cache = empty;
	assert_words(f, "cargo build --release -p virtio-netd --message-format=json-diagnostic-rendered-ansi");
	assert_int_equal(f->command.env_set.n, 0);
}

static void test_profiles(void **state)
{
	struct fixture *f = *state;
	static char dev[] = "dev", debug[] = "debug", own[] = "small";

	f->config.build.profile = dev;
	assert_words(f, "cargo build -p virtio-netd --message-format=json-diagnostic-rendered-ansi");
	f->config.build.profile = debug;
	assert_words(f, "cargo build -p virtio-netd --message-format=json-diagnostic-rendered-ansi");
	f->config.build.profile = own;
	assert_words(f, "cargo build --profile small -p virtio-netd --message-format=json-diagnostic-rendered-ansi");
}

static void test_features_args_target_dir(void **state)
{
	struct fixture *f = *state;
	static char dir[] = "/tmp/my target";

	strvec_add(&f->config.build.features, "a");
	strvec_add(&f->config.build.features, "net/b");
	strvec_add(&f->config.build.cargo_args, "--locked");
	strvec_add(&f->config.build.cargo_args, "--offline");
	f->config.build.target_dir = dir;
	assert_words(f, "cargo build --release -p virtio-netd --features a,net/b --locked --offline --target-dir /tmp/my target "
			"--message-format=json-diagnostic-rendered-ansi");
	assert_string_equal(f->command.argv.v[10], dir);
}

static void test_sccache(void **state)
{
	struct fixture *f = *state;
	static char sccache[] = "sccache", none[] = "none";

	f->config.build.cache = sccache;
	make(f);
	assert_string_equal(variable(f, "RUSTC_WRAPPER"), "sccache");
	assert_string_equal(variable(f, "CARGO_INCREMENTAL"), "0");
	f->config.build.cache = none;
	make(f);
	assert_int_equal(f->command.env_set.n, 0);
}

static void test_custom_command(void **state)
{
	struct fixture *f = *state;
	CLEANUP(strvec_clear) struct strvec extra = { 0 };
	struct config_package kernel = { .name = package_name };

	strvec_add(&extra, "REINJECT_RUN=7");
	strvec_add(&f->config.build.env, "ARCH=aarch64");
	strvec_add(&f->config.build.rustflags, "-Cpanic=abort");
	strvec_add(&kernel.command, "make");
	strvec_add(&kernel.command, "all the things");
	assert_int_equal(cargo_command_init(&f->config, &kernel, &extra, &f->command, &f->err), 0);
	strvec_clear(&kernel.command);
	assert_int_equal(f->command.argv.n, 2);
	assert_string_equal(f->command.argv.v[1], "all the things");
	assert_int_equal(f->command.env_set.n, 2);
	assert_string_equal(variable(f, "REINJECT_RUN"), "7");
	assert_string_equal(variable(f, "ARCH"), "aarch64");
	kernel.source = 1;
	assert_int_equal(cargo_command_init(&f->config, &kernel, &extra, &f->command, &f->err), -EINVAL);
}

/* What the shell makes of @text when its last line is printenv instead of cargo. */
static char *pasted(const char *text, const char *print)
{
	CLEANUP_FREE char *script = NULL, *line = NULL;
	const char *words = strstr(text, "cargo ");
	FILE *shell;
	size_t size = 0;

	assert_non_null(words);
	script = xasprintf("%.*s%s", (int)(words - text), text, print);
	assert_int_equal(setenv("PASTED", script, 1), 0);
	shell = popen("sh -c \"$PASTED\"", "r");
	assert_non_null(shell);
	assert_true(getline(&line, &size, shell) > 0);
	assert_int_equal(pclose(shell), 0);
	line[strcspn(line, "\n")] = '\0';
	return TAKE_PTR(line);
}

static void test_text_survives_a_shell(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *text = NULL, *flags = NULL, *quoted = NULL, *dir = NULL;
	char old_path[] = "/redox/recipes/core/base/source";

	snprintf(source_path, sizeof(source_path), "/");
	strvec_add(&f->config.build.rustflags, "-Clink-arg=/with a blank/100%/it's \\n.o");
	strvec_add(&f->config.build.rustflags, "-Cpanic=abort");
	strvec_add(&f->config.build.env, "QUOTED=a \"b\" $HOME `id` 'c'");
	make(f);
	text = cargo_command_text(&f->command);
	snprintf(source_path, sizeof(source_path), "%s", old_path);
	assert_null(strchr(text, '\x1f'));
	flags = pasted(text, "printenv CARGO_ENCODED_RUSTFLAGS");
	assert_string_equal(flags, "-Clink-arg=/with a blank/100%/it's \\n.o\x1f-Cpanic=abort");
	quoted = pasted(text, "printenv QUOTED");
	assert_string_equal(quoted, "a \"b\" $HOME `id` 'c'");
	dir = pasted(text, "pwd");
	assert_string_equal(dir, "/");
}

static void test_json_target_once(void **state)
{
	struct fixture *f = *state;

	make(f);
	cargo_command_allow_json_target(&f->command);
	cargo_command_allow_json_target(&f->command);
	assert_int_equal(f->command.argv.n, 7);
	assert_string_equal(f->command.argv.v[6], "-Zjson-target-spec");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sample_words, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sample_environment, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sample_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plain_host_build, setup, teardown),
		cmocka_unit_test_setup_teardown(test_profiles, setup, teardown),
		cmocka_unit_test_setup_teardown(test_features_args_target_dir, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sccache, setup, teardown),
		cmocka_unit_test_setup_teardown(test_custom_command, setup, teardown),
		cmocka_unit_test_setup_teardown(test_text_survives_a_shell, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json_target_once, setup, teardown),
	};

	return cmocka_run_group_tests_name("cargo/command", tests, NULL, NULL);
}
