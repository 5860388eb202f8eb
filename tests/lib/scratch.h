/* lib/scratch - a folder for one test, gone after it, and the few file operations that tests write all the time.
 *
 * Everything asserts: a test that cannot make its own input has failed. Include after cmocka's headers. */
#ifndef REINJECT_TESTS_SCRATCH_H
#define REINJECT_TESTS_SCRATCH_H

#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/** Makes a folder of our own; the caller hands it to scratch_remove(). */
static inline char *scratch_make(void)
{
	const char *base = getenv("TMPDIR");
	char *dir = xasprintf("%s/reinject-test.XXXXXX", base && *base ? base : "/tmp");
	char *real;

	assert_non_null(mkdtemp(dir));
	real = realpath(dir, NULL);
	assert_non_null(real);
	free(dir);
	return real;
}

static inline void scratch_remove(char *dir)
{
	struct err err = ERR_INIT;

	if (dir && fs_remove_tree(dir, &err) < 0)
		fail_msg("%s", err.message);
	free(dir);
}

static inline void scratch_write(const char *dir, const char *name, const char *text)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
	CLEANUP_FREE char *parent = fs_dirname(path);
	struct err err = ERR_INIT;
	int fd;

	assert_int_equal(fs_make_dirs(parent, 0755, &err), 0);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static inline void scratch_line(void *data, const char *line, size_t n)
{
	struct str *s = data;

	str_add_n(s, line, n);
	str_add_c(s, '\n');
}

/** Runs @argv in @cwd with @env (NULL: ours); fails the test unless it exits with 0. Returns its output without the last newline. */
static inline char *scratch_run(char *const *argv, const char *cwd, char *const *env)
{
	struct str out = { 0 };
	struct proc_spec spec = { .argv = argv, .cwd = cwd, .env = env, .on_stdout = scratch_line, .on_stderr = scratch_line, .data = &out };
	struct proc_result result;
	struct err err = ERR_INIT;

	if (proc_run(&spec, &result, &err) < 0)
		fail_msg("%s", err.message);
	if (result.signalled || result.status != 0)
		fail_msg("%s %s: %s", argv[0], argv[1], str_text(&out));
	if (out.len > 0)
		out.buf[out.len - 1] = '\0';
	return str_take(&out);
}

#endif
