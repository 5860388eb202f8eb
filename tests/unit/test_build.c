/* Real cargo on one warm workspace of five crates, and a cargo made of a shell script for what real ones say only in other years. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cargo/build.h"
#include "cargo/message.h"

struct fixture {
	char dir[64];
	char *source;
	struct config config;
	struct config_source sources[1];
	struct cancel cancel;
	char *cancel_at; /* asked for once this file exists */
	struct str diagnostics, progress;
	pid_t pid;
	struct cargo_build build;
	struct err err;
};

static void put(const struct fixture *f, const char *name, const char *text)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", f->dir, name), *folder = fs_dirname(path);

	assert_int_equal(fs_make_dirs(folder, 0755, NULL), 0);
	assert_int_equal(fs_write_atomic(path, text, strlen(text), 0755, NULL), 0);
}

static void put_crate(const struct fixture *f, const char *folder, const char *name, const char *more, const char *file, const char *code)
{
	CLEANUP_FREE char *manifest = xasprintf("ws/%s/Cargo.toml", folder), *source = xasprintf("ws/%s/src/%s", folder, file);
	CLEANUP_FREE char *text = xasprintf("[package]\nname = \"%s\"\nversion = \"0.1.0\"\nedition = \"2021\"\n%s", name, more);

	put(f, manifest, text);
	put(f, source, code);
}

static void make_workspace(struct fixture *f)
{
	static const char common[] = "[dependencies]\ncommon = { path = \"../common\" }\n";
	static const char two[] = "[[bin]]\nname = \"one\"\npath = \"src/one.rs\"\n[[bin]]\nname = \"other-one\"\npath = \"src/two.rs\"\n";

	put(f, "ws/Cargo.toml",
	    "[workspace]\nresolver = \"2\"\nmembers = [\"common\", \"net stack\", \"two\", \"bad\", \"slow\"]\n[profile.dev]\ndebug = false\n");
	put_crate(f, "common", "common", "", "lib.rs", "pub fn answer() -> u32 { 42 }\nfn unused() {}\n");
	put_crate(f, "net stack", "redox_netstack", common, "main.rs", "fn main() { println!(\"{}\", common::answer()); }\n");
	put_crate(f, "two", "two", two, "one.rs", "mod both;\nfn main() {}\n");
	put(f, "ws/two/src/two.rs", "mod both;\nfn main() {}\n");
	put(f, "ws/two/src/both.rs", "fn unused() {}\n");
	put_crate(f, "bad", "bad", "", "main.rs", "fn main() {\n    let x: u32 = \"text\";\n}\n");
	put_crate(f, "slow", "slow", "", "main.rs", "fn main() {}\n");
	/* Never ends, and says when it has begun. */
	put(f, "ws/slow/build.rs",
	    "fn main() { std::fs::write(\"new\", std::process::id().to_string()).unwrap(); std::fs::rename(\"new\", \"pid\").unwrap();\n"
	    "loop { std::thread::park(); } }\n");
}

static int setup(void **state)
{
	static char dev[] = "dev", name[] = "ws";
	struct fixture *f = xcalloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/reinject-test-build.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->source = xasprintf("%s/ws", f->dir);
	f->sources[0].name = name;
	f->sources[0].path = f->source;
	f->config.sources = f->sources;
	f->config.n_sources = 1;
	f->config.build.profile = dev;
	assert_int_equal(cancel_init(&f->cancel, NULL), 0);
	make_workspace(f);
	*state = f;
	return 0;
}

static void forget(struct fixture *f)
{
	str_reset(&f->diagnostics);
	str_reset(&f->progress);
	cargo_build_clear(&f->build);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	forget(f);
	assert_int_equal(fs_remove_tree(f->dir, NULL), 0);
	str_clear(&f->diagnostics);
	str_clear(&f->progress);
	cancel_clear(&f->cancel);
	strvec_clear(&f->config.build.env);
	free(f->source);
	free(f);
	return 0;
}

static void on_diagnostic(void *data, const char *text)
{
	struct fixture *f = data;

	str_add(&f->diagnostics, text);
}

static void on_progress(void *data, const char *line)
{
	struct fixture *f = data;

	str_printf(&f->progress, "%s\n", line);
}

static void on_tick(void *data)
{
	struct fixture *f = data;

	if (f->cancel_at && fs_exists(f->cancel_at))
		cancel_request(&f->cancel, SIGINT);
}

static void on_start(void *data, pid_t pid)
{
	struct fixture *f = data;

	f->pid = pid;
}

static int run_package(struct fixture *f, const struct config_package *package)
{
	CLEANUP(cargo_command_clear) struct cargo_command command = { 0 };
	const struct cargo_build_hooks hooks = { on_diagnostic, on_progress, on_tick, on_start, f, &f->cancel };

	forget(f);
	assert_int_equal(cargo_command_init(&f->config, package, NULL, &command, NULL), 0);
	return cargo_build_run(&f->config, package, &command, &hooks, &f->build, &f->err);
}

/* Builds package @name of folder @path, which should have @bins (separated by blanks). */
static int run(struct fixture *f, const char *name, const char *path, const char *bins)
{
	CLEANUP_FREE char *own_name = xstrdup(name), *copy = xstrdup(bins);
	struct config_package package = { .name = own_name };
	char *rest = copy;
	int r;

	strvec_add(&package.paths, path);
	for (char *bin = strsep(&rest, " "); bin; bin = strsep(&rest, " "))
		if (*bin)
			strvec_add(&package.bins, bin);
	r = run_package(f, &package);
	strvec_clear(&package.paths);
	strvec_clear(&package.bins);
	return r;
}

static bool says(const struct str *text, const char *what)
{
	return strstr(str_text(text), what) != NULL;
}

static void assert_artifact(const struct fixture *f, size_t i, const char *bin, bool fresh)
{
	CLEANUP_FREE char *path = xasprintf("%s/target/debug/%s", f->source, bin);

	assert_true(i < f->build.n_artifacts);
	assert_string_equal(f->build.artifacts[i].bin, bin);
	assert_string_equal(f->build.artifacts[i].path, path);
	assert_int_equal(f->build.artifacts[i].fresh, fresh);
	assert_true(fs_exists(path));
}

static void test_built_then_fresh(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run(f, "redox_netstack", "net stack", "redox_netstack"), 0);
	assert_true(f->build.ok);
	assert_null(f->build.failure);
	assert_false(f->build.fresh);
	assert_int_equal(f->build.n_artifacts, 1);
	assert_artifact(f, 0, "redox_netstack", false);
	assert_true(says(&f->progress, "Compiling redox_netstack v0.1.0"));
	assert_true(f->pid > 0);
	assert_int_equal(run(f, "redox_netstack", "net stack", "redox_netstack"), 0);
	assert_true(f->build.ok && f->build.fresh);
	assert_artifact(f, 0, "redox_netstack", true);
	assert_true(f->build.result.ended_us > 0);
}

static void test_warning_of_a_dependency(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *location = xasprintf("%s/common/src/lib.rs:2:4: function `unused` is never used", f->source);

	assert_int_equal(run(f, "redox_netstack", "net stack", "redox_netstack"), 0);
	assert_true(f->build.ok);
	assert_int_equal(f->build.locations.n, 1);
	assert_string_equal(f->build.locations.v[0], location);
	assert_true(says(&f->diagnostics, "\x1b[1m\x1b[33mwarning\x1b[0m\x1b[1m: function `unused` is never used\x1b[0m\n"));
}

static void test_two_binaries(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run(f, "two", "two", "other-one one"), 0);
	assert_true(f->build.ok);
	assert_int_equal(f->build.n_artifacts, 2);
	assert_int_equal(f->build.locations.n, 1); /* the same of each binary */
	assert_int_equal(run(f, "two", "two", "other-one"), 0);
	assert_true(f->build.ok && f->build.fresh);
	assert_int_equal(f->build.n_artifacts, 1);
	assert_artifact(f, 0, "other-one", true);
}

static void test_library(void **state)
{
	struct fixture *f = *state;

	put(f, "ws/common/src/lib.rs", "pub fn answer() -> u32 { 43 }\nfn unused() {}\n");
	assert_int_equal(run(f, "common", "common", ""), 0);
	assert_true(f->build.ok);
	assert_false(f->build.fresh);
	assert_int_equal(f->build.n_artifacts, 0);
	assert_int_equal(run(f, "common", "common", ""), 0);
	assert_true(f->build.ok && f->build.fresh);
}

static void test_missing_binary(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run(f, "two", "two", "one two"), 0);
	assert_false(f->build.ok);
	assert_string_equal(f->build.failure, "cargo named no binary \"two\"");
}

static void test_compile_error(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *location = xasprintf("%s/bad/src/main.rs:2:18: mismatched types", f->source);

	assert_int_equal(run(f, "bad", "bad", "bad"), 0);
	assert_false(f->build.ok);
	assert_string_equal(f->build.failure, "cargo exited with 101");
	assert_int_equal(f->build.n_artifacts, 0);
	assert_int_equal(f->build.locations.n, 1);
	assert_string_equal(f->build.locations.v[0], location);
	assert_true(says(&f->diagnostics, "expected `u32`, found `&str`"));
	assert_true(says(&f->progress, "could not compile `bad`"));
}

static void test_unknown_package(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run(f, "nope", "nope", "nope"), 0);
	assert_false(f->build.ok);
	assert_true(str_starts(f->build.failure, "cargo exited with 101: package ID specification `nope` did not match any packages"));
}

/* Ended, even if nobody has asked for its status yet. */
static bool is_gone(const char *pid)
{
	CLEANUP_FREE char *path = xasprintf("/proc/%s/stat", pid);
	CLEANUP(str_clear) struct str stat = { 0 };

	return fs_read(path, 4096, &stat, NULL) < 0 || strstr(str_text(&stat), ") Z ");
}

static void test_cancel(void **state)
{
	struct fixture *f = *state;
	CLEANUP(str_clear) struct str pid = { 0 };
	int64_t start;

	f->cancel_at = xasprintf("%s/slow/pid", f->source);
	assert_int_equal(run(f, "slow", "slow", "slow"), -ECANCELED);
	start = clock_ms();
	assert_int_equal(fs_read(f->cancel_at, 64, &pid, NULL), 0);
	while (!is_gone(str_text(&pid)) && clock_ms() - start < 20000)
		sched_yield();
	assert_true(is_gone(str_text(&pid)));
	assert_null(f->build.failure);
	assert_int_equal(f->err.class, ERR_INTERRUPTED);
	free(TAKE_PTR(f->cancel_at));
	cancel_clear(&f->cancel);
	assert_int_equal(cancel_init(&f->cancel, NULL), 0);
}

static void use_fake_cargo(struct fixture *f, const char *script)
{
	CLEANUP_FREE char *text = xasprintf("#!/bin/sh\necho run >>\"$0.runs\"\n%s\n", script);

	put(f, "bin/cargo", text);
	put(f, "bin/cargo.runs", "");
	strvec_clear(&f->config.build.env);
	strvec_addf(&f->config.build.env, "PATH=%s/bin:/usr/bin:/bin", f->dir);
}

static size_t n_runs(const struct fixture *f)
{
	CLEANUP_FREE char *path = xasprintf("%s/bin/cargo.runs", f->dir);
	CLEANUP(str_clear) struct str text = { 0 };

	assert_int_equal(fs_read(path, 4096, &text, NULL), 0);
	return text.len / strlen("run\n");
}

#define BIN(id, name, executable)                                                                                                               \
	"echo '{\"reason\":\"compiler-artifact\",\"package_id\":\"" id "\",\"target\":{\"kind\":[\"bin\"],\"name\":\"" name                     \
	"\"},\"executable\":\"" executable "\",\"fresh\":false}'\n"

static void test_package_ids(void **state)
{
	static const struct {
		const char *script;
		bool ok;
	} cases[] = {
		{ BIN("pkg 0.1.0 (path+file:///src/a%20b/folder)", "pkg", "/t/pkg"), true },
		{ BIN("path+file:///src/folder#pkg@0.1.0", "pkg", "/t/pkg"), true },
		{ BIN("path+file:///src/pkg#0.1.0", "pkg", "/t/pkg"), true },
		{ BIN("path+file:///src/p%6Bg#0.1.0", "pkg", "/t/pkg"), true },
		{ BIN("path+file:///src/pkg#other@0.1.0", "pkg", "/t/pkg"), false },
		{ BIN("path+file:///src/other#0.1.0", "pkg", "/t/pkg"), false },
		{ BIN("other 0.1.0 (path+file:///src/pkg)", "pkg", "/t/pkg"), false },
		{ "echo '{\"reason\":\"compiler-artifact\",\"package_id\":\"path+file:///src/pkg#0.1.0\",\"target\":{\"kind\":[\"example\"],"
		  "\"name\":\"pkg\"},\"executable\":\"/t/examples/pkg\",\"fresh\":false}'",
		  false },
		{ "echo '{\"reason\":\"compiler-artifact\",\"package_id\":\"path+file:///src/pkg#0.1.0\",\"target\":{\"kind\":[\"bin\"],"
		  "\"name\":\"pkg\"},\"executable\":null,\"fresh\":false}'",
		  false },
		{ "echo '{\"reason\":\"compiler-artifact\",\"manifest_path\":\"'\"$PWD\"'/pkg/Cargo.toml\",\"target\":{\"kind\":[\"bin\"],"
		  "\"name\":\"pkg\"},\"executable\":\"/t/pkg\",\"fresh\":false}'",
		  true },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		use_fake_cargo(f, cases[i].script);
		assert_int_equal(run(f, "pkg", "pkg", "pkg"), 0);
		if (f->build.ok != cases[i].ok)
			fail_msg("case %zu: %s", i, f->build.failure ? f->build.failure : "ok");
	}
}

static void test_garbage_between_messages(void **state)
{
	struct fixture *f = *state;

	use_fake_cargo(f, "echo 'a macro prints this'; echo '{\"reason\":'; echo '[1]'; printf 'half\\377'; echo; echo "
			  "'{\"reason\":\"new-in-2030\"}'\n" BIN("path+file:///pkg#0.1.0", "pkg", "/t/pkg") "printf 'no newline' >&2");
	assert_int_equal(run(f, "pkg", "pkg", "pkg"), 0);
	assert_true(f->build.ok);
	assert_true(says(&f->progress, "a macro prints this\n"));
	assert_true(says(&f->progress, "{\"reason\":\n[1]\nhalf\xff\n"));
	assert_true(says(&f->progress, "no newline\n"));
	assert_false(says(&f->progress, "new-in-2030"));
}

static void test_json_target_spec(void **state)
{
	struct fixture *f = *state;

	use_fake_cargo(f, "case \" $* \" in *' -Zjson-target-spec '*) ;; *)\n"
			  "echo 'error: `.json` target specs require -Zjson-target-spec' >&2; exit 101 ;; esac\n" BIN("path+file:///pkg#0.1.0",
														      "pkg", "/t/pkg"));
	assert_int_equal(run(f, "pkg", "pkg", "pkg"), 0);
	assert_true(f->build.ok);
	assert_true(f->build.json_target_spec);
	assert_int_equal(n_runs(f), 2);
	assert_false(says(&f->progress, "json-target-spec"));
	use_fake_cargo(f, "echo 'error: `.json` target specs require -Zjson-target-spec' >&2; exit 101");
	assert_int_equal(run(f, "pkg", "pkg", "pkg"), 0);
	assert_false(f->build.ok);
	assert_int_equal(n_runs(f), 2);
	assert_string_equal(f->build.failure, "cargo exited with 101: `.json` target specs require -Zjson-target-spec");
	use_fake_cargo(f, "exit 101");
	assert_int_equal(run(f, "pkg", "pkg", "pkg"), 0);
	assert_int_equal(n_runs(f), 1);
}

static int clean(struct fixture *f)
{
	CLEANUP(strvec_clear) struct strvec names = { 0 };
	static char name[] = "pkg";
	struct config_package package = { .name = name };

	strvec_add(&names, name);
	return cargo_build_clean(&f->config, &package, &names, NULL, &f->err);
}

static void test_json_target_spec_of_clean(void **state)
{
	struct fixture *f = *state;

	use_fake_cargo(f, "case \" $* \" in *' clean '*' -Zjson-target-spec '*) ;; *)\n"
			  "echo 'error: `.json` target specs require -Zjson-target-spec' >&2; exit 101 ;; esac");
	assert_int_equal(clean(f), 0);
	assert_int_equal(n_runs(f), 2);
	use_fake_cargo(f, "echo 'error: `.json` target specs require -Zjson-target-spec' >&2; exit 101");
	assert_int_equal(clean(f), -EIO);
	assert_int_equal(n_runs(f), 2);
	use_fake_cargo(f, "echo 'error: no such package' >&2; exit 101");
	assert_int_equal(clean(f), -EIO);
	assert_int_equal(n_runs(f), 1);
}

static void test_how_cargo_ends(void **state)
{
	struct fixture *f = *state;

	use_fake_cargo(f, "printf '\\033[1m\\033[91merror\\033[0m: toolchain '\\''x'\\'' is not installed\\nerror: more\\n' >&2; exit 1");
	assert_int_equal(run(f, "pkg", "pkg", "pkg"), 0);
	assert_string_equal(f->build.failure, "cargo exited with 1: toolchain 'x' is not installed");
	use_fake_cargo(f, BIN("path+file:///pkg#0.1.0", "pkg", "/t/pkg") "kill -9 $$");
	assert_int_equal(run(f, "pkg", "pkg", "pkg"), 0);
	assert_false(f->build.ok);
	assert_true(str_starts(f->build.failure, "cargo was ended by signal 9"));
}

static void test_environment_of_the_child(void **state)
{
	struct fixture *f = *state;

	setenv("GIT_INDEX_FILE", "/elsewhere", 1);
	setenv("MINE", "ours", 1);
	use_fake_cargo(f, "echo \"[$GIT_INDEX_FILE][$MINE][$ALSO][$PWD]\" >&2");
	strvec_add(&f->config.build.env, "MINE=config");
	strvec_add(&f->config.build.env, "ALSO=a b");
	assert_int_equal(run(f, "common", "common", ""), 0);
	unsetenv("GIT_INDEX_FILE");
	unsetenv("MINE");
	assert_true(says(&f->progress, "[][config][a b][/tmp/reinject-test-build."));
}

static void test_no_cargo(void **state)
{
	struct fixture *f = *state;

	strvec_clear(&f->config.build.env);
	strvec_add(&f->config.build.env, "PATH=/nonexistent");
	assert_int_equal(run(f, "common", "common", ""), -ENOENT);
	assert_int_equal(f->err.class, ERR_ENVIRONMENT);
	assert_true(f->err.hint[0] != '\0');
	strvec_clear(&f->config.build.env);
}

static void test_custom_command(void **state)
{
	static char name[] = "kernel", artifact[] = "out/kernel.bin";
	struct fixture *f = *state;
	struct config_package package = { .name = name, .artifact = artifact };

	strvec_clear(&f->config.build.env);
	strvec_add(&package.command, "./make.sh");
	put(f, "ws/make.sh", "#!/bin/sh\necho to stdout; echo to stderr >&2; mkdir -p out; [ -e out/kernel.bin ] || echo new >out/kernel.bin\n");
	assert_int_equal(run_package(f, &package), 0);
	assert_true(f->build.ok);
	assert_false(f->build.fresh);
	assert_string_equal(f->build.artifacts[0].bin, "kernel.bin");
	assert_true(str_starts(f->build.artifacts[0].path, f->source));
	assert_true(says(&f->progress, "to stdout\n") && says(&f->progress, "to stderr\n"));
	assert_int_equal(run_package(f, &package), 0);
	assert_true(f->build.ok && f->build.fresh);
	put(f, "ws/make.sh", "#!/bin/sh\nrm -f out/kernel.bin\n");
	assert_int_equal(run_package(f, &package), 0);
	assert_false(f->build.ok);
	assert_true(str_starts(f->build.failure, "make.sh made no file '"));
	put(f, "ws/make.sh", "#!/bin/sh\nmkdir out/kernel.bin\n");
	assert_int_equal(run_package(f, &package), 0);
	assert_false(f->build.ok);
	put(f, "ws/make.sh", "#!/bin/sh\nrmdir out/kernel.bin; echo x >out/kernel.bin; exit 2\n");
	assert_int_equal(run_package(f, &package), 0);
	assert_string_equal(f->build.failure, "make.sh exited with 2");
	assert_int_equal(f->build.n_artifacts, 0);
	put(f, "ws/make.sh", "#!/nonexistent\n");
	assert_int_equal(run_package(f, &package), 0);
	assert_true(str_starts(f->build.failure, "cannot run './make.sh'"));
	strvec_clear(&package.command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_built_then_fresh),
		cmocka_unit_test(test_warning_of_a_dependency),
		cmocka_unit_test(test_two_binaries),
		cmocka_unit_test(test_library),
		cmocka_unit_test(test_missing_binary),
		cmocka_unit_test(test_compile_error),
		cmocka_unit_test(test_unknown_package),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_package_ids),
		cmocka_unit_test(test_garbage_between_messages),
		cmocka_unit_test(test_json_target_spec),
		cmocka_unit_test(test_json_target_spec_of_clean),
		cmocka_unit_test(test_how_cargo_ends),
		cmocka_unit_test(test_environment_of_the_child),
		cmocka_unit_test(test_no_cargo),
		cmocka_unit_test(test_custom_command),
	};

	return cmocka_run_group_tests_name("cargo/build", tests, setup, teardown);
}
