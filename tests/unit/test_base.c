/* base/: strings and paths, errors, hashes, whole-file writes, sparse copies, children. */
#include "base/clock.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/proc.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *temp_dir(void)
{
	char *dir = xstrdup("/tmp/reinject-base.XXXXXX");

	assert_non_null(mkdtemp(dir));
	return dir;
}

static void drop_dir(char *dir)
{
	assert_int_equal(fs_remove_tree(dir, NULL), 0);
	free(dir);
}

static void paths_are_made_absolute_by_their_words(void **state)
{
	static const char *const cases[][3] = {
		{ "/a/b", "c", "/a/b/c" },   { "/a/b", "../c", "/a/c" }, { "/a/b", "./c//d/", "/a/b/c/d" },
		{ "/a/b", "/x/../y", "/y" }, { "/a", "../../..", "/" },  { "/", "x", "/x" },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		CLEANUP_FREE char *path = fs_absolute(cases[i][0], cases[i][1]);

		assert_string_equal(path, cases[i][2]);
	}
}

static void a_path_lies_under_a_folder_by_components(void **state)
{
	(void)state;
	assert_true(path_under("a/b/c", "a/b"));
	assert_true(path_under("a/b", "a/b"));
	assert_true(path_under("anything", ""));
	assert_false(path_under("a/bc", "a/b"));
	assert_false(path_under("a", "a/b"));
}

static void shell_words_survive_a_shell(void **state)
{
	static const char *const words[] = { "plain", "two words", "it's", "", "$HOME", "a\"b", "-Clink-arg=-z", "new\nline", "~" };

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(words); i++) {
		CLEANUP(str_clear) struct str script = { 0 };
		CLEANUP(str_clear) struct str out = { 0 };
		char *argv[] = { (char *)"/bin/sh", (char *)"-c", NULL, NULL };
		struct proc_result result;
		char *dir = temp_dir();
		CLEANUP_FREE char *file = xasprintf("%s/out", dir);
		int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		struct proc_spec spec = { .argv = argv, .output_fd = fd };

		str_add(&script, "printf '%s' ");
		str_add_shell_quoted(&script, words[i]);
		argv[2] = script.buf;
		assert_true(fd > 2);
		assert_int_equal(proc_run(&spec, &result, NULL), 0);
		close(fd);
		assert_int_equal(fs_read(file, 1000, &out, NULL), 0);
		assert_string_equal(str_text(&out), words[i]);
		drop_dir(dir);
	}
}

static void an_error_keeps_its_code_and_gains_its_story(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(err_set(&err, -ENOENT, "cannot open '%s'", "x"), -ENOENT);
	assert_string_equal(err.message, "cannot open 'x': No such file or directory");
	err_wrap(&err, -ENOENT, "package '%s'", "a");
	assert_string_equal(err.message, "package 'a': cannot open 'x': No such file or directory");
	assert_int_equal(err_exit_status(&err, -ENOENT), 1);
	err_class_set(&err, ERR_BUSY, -EBUSY, "busy");
	assert_int_equal(err_exit_status(&err, -EBUSY), 75);
	assert_int_equal(err_exit_status(&err, -ECANCELED), 130);
	assert_int_equal(err_exit_status(&err, 0), 0);
	err_set(&err, -EIO, "said it all!");
	assert_string_equal(err.message, "said it all");
}

static void the_digest_is_sha256(void **state)
{
	char *dir = temp_dir();
	CLEANUP_FREE char *path = xasprintf("%s/f", dir);
	char hex[HASH_HEX_SIZE];

	(void)state;
	assert_int_equal(fs_write_atomic(path, "abc", 3, 0644, NULL), 0);
	assert_int_equal(hash_file(path, hex, NULL), 0);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(hash_file("/nonexistent", hex, NULL), -ENOENT);
	drop_dir(dir);
}

static void fields_cannot_run_into_each_other(void **state)
{
	static const char *const pairs[][2] = { { "ab", "c" }, { "a", "bc" }, { "abc", "" }, { "abc", NULL } };
	char digests[N_ELEMENTS(pairs)][HASH_HEX_SIZE];

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(pairs); i++) {
		CLEANUP(hash_freep) struct hash *hash = hash_new();

		hash_field(hash, "x", pairs[i][0]);
		hash_field(hash, "y", pairs[i][1]);
		hash_end(hash, digests[i]);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(digests[i], digests[j]);
	}
}

static void an_atomic_write_leaves_no_temporary(void **state)
{
	char *dir = temp_dir();
	CLEANUP_FREE char *path = xasprintf("%s/f", dir);
	CLEANUP_FREE char *nowhere = xasprintf("%s/none/f", dir);
	CLEANUP(str_clear) struct str text = { 0 };
	struct stat st;

	(void)state;
	assert_int_equal(fs_write_atomic(path, "one", 3, 0600, NULL), 0);
	assert_int_equal(fs_write_atomic(path, "two", 3, 0640, NULL), 0);
	assert_int_equal(fs_read(path, 100, &text, NULL), 0);
	assert_string_equal(text.buf, "two");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(fs_write_atomic(nowhere, "x", 1, 0600, NULL), -ENOENT);
	assert_int_equal(fs_read(path, 2, &text, NULL), -EFBIG);
	assert_int_equal(fs_read(dir, 100, &text, NULL), -EISDIR);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0); /* fails if anything else is left */
	free(dir);
}

static void a_sparse_copy_is_equal_and_stays_sparse(void **state)
{
	char *dir = temp_dir();
	CLEANUP_FREE char *a = xasprintf("%s/a", dir), *b = xasprintf("%s/b", dir);
	CLEANUP_CLOSE int from = open(a, O_RDWR | O_CREAT | O_CLOEXEC, 0600), to = open(b, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char hex_a[HASH_HEX_SIZE], hex_b[HASH_HEX_SIZE];
	struct cancel cancel = { .signal = 2, .fds = { -1, -1 } };
	struct stat st;

	(void)state;
	assert_int_equal(pwrite(from, "start", 5, 0), 5);
	assert_int_equal(pwrite(from, "middle", 6, 20 << 20), 6);
	assert_int_equal(ftruncate(from, 64 << 20), 0);
	assert_int_equal(fs_copy_sparse(from, to, NULL, NULL), 0);
	assert_int_equal(hash_fd(from, hex_a, NULL), 0);
	assert_int_equal(hash_fd(to, hex_b, NULL), 0);
	assert_string_equal(hex_a, hex_b);
	assert_int_equal(fstat(to, &st), 0);
	assert_true(st.st_blocks * 512 < 1 << 20);
	assert_int_equal(ftruncate(to, 0), 0);
	assert_int_equal(fs_copy_sparse(from, to, &cancel, NULL), -ECANCELED);
	drop_dir(dir);
}

struct lines {
	struct strvec out, err;
};

static void take_out(void *data, const char *line, size_t n)
{
	(void)n;
	strvec_add(&((struct lines *)data)->out, line);
}

static void take_err(void *data, const char *line, size_t n)
{
	(void)n;
	strvec_add(&((struct lines *)data)->err, line);
}

static void a_child_speaks_in_whole_lines(void **state)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)"echo one; echo two >&2; printf 'no newline'; exit 7", NULL };
	struct lines lines = { { 0 }, { 0 } };
	struct proc_spec spec = { .argv = argv, .on_stdout = take_out, .on_stderr = take_err, .data = &lines };
	struct proc_result result;

	(void)state;
	assert_int_equal(proc_run(&spec, &result, NULL), 0);
	assert_false(result.signalled);
	assert_int_equal(result.status, 7);
	assert_int_equal(lines.out.n, 2);
	assert_string_equal(lines.out.v[1], "no newline");
	assert_string_equal(lines.err.v[0], "two");
	strvec_clear(&lines.out);
	strvec_clear(&lines.err);
}

static void not_started_exited_and_signalled_are_three_results(void **state)
{
	char *missing[] = { (char *)"no-such-program-here", NULL };
	char *killed[] = { (char *)"sh", (char *)"-c", (char *)"kill -9 $$", NULL };
	struct proc_spec spec = { .argv = missing };
	struct proc_result result;

	(void)state;
	assert_int_equal(proc_run(&spec, &result, NULL), -ENOENT);
	spec.argv = killed;
	assert_int_equal(proc_run(&spec, &result, NULL), 0);
	assert_true(result.signalled);
	assert_int_equal(result.status, 9);
}

static void a_child_past_its_limit_is_ended(void **state)
{
	char *argv[] = { (char *)"sleep", (char *)"1000", NULL };
	struct proc_spec spec = { .argv = argv, .timeout_ms = 50 };
	struct proc_result result;

	(void)state;
	assert_int_equal(proc_run(&spec, &result, NULL), -ETIMEDOUT);
	assert_true(result.signalled);
}

static void cancel_on_line(void *data, const char *line, size_t n)
{
	(void)line;
	(void)n;
	cancel_request(data, 2);
}

/* Asked only once tail has spoken: dash passes a SIGINT over that comes between its fork and the exec. */
static void a_cancelled_child_gets_int_and_its_children_too(void **state)
{
	char *dir = temp_dir();
	CLEANUP_FREE char *file = xasprintf("%s/ready", dir), *script = xasprintf("tail -f '%s'; exit 3", file);
	char *argv[] = { (char *)"sh", (char *)"-c", script, NULL };
	CLEANUP(cancel_clear) struct cancel cancel;
	struct proc_spec spec = { .argv = argv, .cancel = &cancel, .on_stdout = cancel_on_line, .data = &cancel };
	struct proc_result result;
	int64_t start = clock_ms();

	(void)state;
	assert_int_equal(fs_write_atomic(file, "ready\n", 6, 0600, NULL), 0);
	assert_int_equal(cancel_init(&cancel, NULL), 0);
	assert_int_equal(proc_run(&spec, &result, NULL), -ECANCELED);
	assert_true(clock_ms() - start < 4000);
	drop_dir(dir);
}

static void git_variables_do_not_reach_a_child(void **state)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)"env | grep -c ^GIT_; env | grep -c ^REINJECT_KEPT=", NULL };
	struct lines lines = { { 0 }, { 0 } };
	struct proc_spec spec = { .argv = argv, .on_stdout = take_out, .data = &lines };
	struct proc_result result;

	(void)state;
	setenv("GIT_INDEX_FILE", "/elsewhere", 1);
	setenv("REINJECT_KEPT", "1", 1);
	assert_int_equal(proc_run(&spec, &result, NULL), 0);
	unsetenv("GIT_INDEX_FILE");
	unsetenv("REINJECT_KEPT");
	assert_string_equal(lines.out.v[0], "0");
	assert_string_equal(lines.out.v[1], "1");
	strvec_clear(&lines.out);
}

static void a_stray_is_ended_only_if_it_is_the_one(void **state)
{
	char *argv[] = { (char *)"sleep", (char *)"1000", NULL };
	struct proc_spec spec = { .argv = argv };
	CLEANUP(proc_freep) struct proc *proc = NULL;
	struct proc_result result;
	uint64_t start;

	(void)state;
	assert_int_equal(proc_start(&spec, &proc, NULL), 0);
	start = proc_start_time(proc_pid(proc));
	assert_true(start > 0);
	assert_int_equal(proc_end_stray(proc_pid(proc), start + 1, 15, 2000, NULL), 0);
	assert_int_equal(proc_wait(proc, 20, &result, NULL), -ETIMEDOUT);
	/* Our own child stays a zombie until it is waited for, which a pidfd counts as its end. */
	assert_int_equal(proc_end_stray(proc_pid(proc), start, 15, 2000, NULL), 1);
	assert_int_equal(proc_wait(proc, 2000, &result, NULL), 0);
	assert_int_equal(result.status, 15);
}

static void what_is_visible_has_no_control_bytes(void **state)
{
	static const struct {
		const char *text, *visible;
	} cases[] = {
		{ "", "" },
		{ "plain name.txt", "plain name.txt" },
		{ "a\nb\tc", "a\\x0ab\\x09c" },
		{ "\033[31m\177", "\\x1b[31m\\x7f" },
		{ "\xc2\x9b"
		  "31m",
		  "\\xc2\\x9b31m" },
		{ "gr\xc3\xbc\xc3\x9f \xc2\xa0", "gr\xc3\xbc\xc3\x9f \xc2\xa0" },
		{ "cut\xc2", "cut\xc2" },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		CLEANUP_FREE char *visible = str_visible(cases[i].text);

		assert_string_equal(visible, cases[i].visible);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_made_absolute_by_their_words),
		cmocka_unit_test(a_path_lies_under_a_folder_by_components),
		cmocka_unit_test(shell_words_survive_a_shell),
		cmocka_unit_test(what_is_visible_has_no_control_bytes),
		cmocka_unit_test(an_error_keeps_its_code_and_gains_its_story),
		cmocka_unit_test(the_digest_is_sha256),
		cmocka_unit_test(fields_cannot_run_into_each_other),
		cmocka_unit_test(an_atomic_write_leaves_no_temporary),
		cmocka_unit_test(a_sparse_copy_is_equal_and_stays_sparse),
		cmocka_unit_test(a_child_speaks_in_whole_lines),
		cmocka_unit_test(not_started_exited_and_signalled_are_three_results),
		cmocka_unit_test(a_child_past_its_limit_is_ended),
		cmocka_unit_test(a_cancelled_child_gets_int_and_its_children_too),
		cmocka_unit_test(git_variables_do_not_reach_a_child),
		cmocka_unit_test(a_stray_is_ended_only_if_it_is_the_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
