/* What the tests of journal/ share: a journal in a folder of its own, runs and swaps begun, and rows read back as text. */
#ifndef REINJECT_TESTS_TEST_JOURNAL_H
#define REINJECT_TESTS_TEST_JOURNAL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "journal/journal.h"

#include "lib/scratch.h"

#include <sys/wait.h>

static const char image[] = "/images/harddrive.img";

struct box {
	char *dir;   /* owned */
	char *state; /* owned */
	struct journal *journal;
};

static inline int setup(void **data)
{
	struct box *box = xcalloc(1, sizeof(*box));

	box->dir = scratch_make();
	box->state = xasprintf("%s/.reinject", box->dir);
	*data = box;
	return 0;
}

static inline int teardown(void **data)
{
	struct box *box = *data;

	journal_free(box->journal);
	scratch_remove(box->dir);
	free(box->state);
	free(box);
	return 0;
}

static inline struct journal *open_box(struct box *box)
{
	struct err err = ERR_INIT;

	if (!box->journal && journal_open(box->state, false, &box->journal, &err) < 0)
		fail_msg("%s", err.message);
	return box->journal;
}

static inline int64_t begin_run(struct journal *journal, const char *on)
{
	struct err err = ERR_INIT;
	int64_t run = 0;

	if (journal_run_begin(journal, "refresh", on, "base=0123", &run, &err) < 0)
		fail_msg("%s", err.message);
	return run;
}

static inline mode_t mode_of(const char *dir, const char *name)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode;
}

/* -- reading back -------------------------------------------------------------------------------------------------------------------------- */

struct seen {
	struct str text;
	struct journal *journal;
	unsigned int n, stop_after;
};

static inline void seen_clear(struct seen *seen)
{
	str_clear(&seen->text);
}

static inline int see_run(void *data, const struct journal_run *run)
{
	struct seen *seen = data;

	str_printf(&seen->text, "%lld %s %s %s %s %s %s %lld\n", (long long)run->id, run->verb, run->image ? run->image : "-",
		   journal_result_name(run->result), run->error ? run->error : "-", run->packages ? run->packages : "-",
		   run->commits ? run->commits : "-", (long long)run->ms);
	return ++seen->n == seen->stop_after ? 7 : 0;
}

static inline int see_step(void *data, const struct journal_step *step)
{
	struct seen *seen = data;

	str_printf(&seen->text, "%s %s %s %s %lld\n", step->kind, step->subject ? step->subject : "-", journal_result_name(step->result),
		   step->detail ? step->detail : "-", (long long)step->ms);
	return 0;
}

static inline int see_file(void *data, const struct journal_file *file)
{
	struct seen *seen = data;

	str_printf(&seen->text, "%s %s %s %s %o %llu %s\n", file->path, file->owner, file->new_hash, file->old_hash ? file->old_hash : "-",
		   file->mode, (unsigned long long)file->size, journal_result_name(file->result));
	return 0;
}

static inline int see_fingerprint(void *data, const struct journal_fingerprint *f)
{
	struct seen *seen = data;

	str_printf(&seen->text, "%s %s %s %lld\n", f->subject, f->fingerprint, f->state, (long long)f->run);
	return 0;
}

static inline int see_child(void *data, pid_t pid, uint64_t start_time, const char *what)
{
	struct seen *seen = data;

	str_printf(&seen->text, "%d %llu %s\n", (int)pid, (unsigned long long)start_time, what);
	return seen->journal ? journal_child_remove(seen->journal, pid, NULL) : 0;
}

static inline void assert_run(struct journal *journal, int64_t run, const char *want)
{
	CLEANUP(seen_clear) struct seen seen = { 0 };

	assert_int_equal(journal_runs(journal, NULL, run, 0, see_run, &seen, NULL), 0);
	assert_string_equal(str_text(&seen.text), want);
}

static inline void assert_fingerprints(struct journal *journal, const char *on, const char *want)
{
	CLEANUP(seen_clear) struct seen seen = { 0 };

	assert_int_equal(journal_fingerprints(journal, on, see_fingerprint, &seen, NULL), 0);
	assert_string_equal(str_text(&seen.text), want);
}

static inline void assert_files(struct journal *journal, int64_t run, const char *want)
{
	CLEANUP(seen_clear) struct seen seen = { 0 };

	assert_int_equal(journal_files(journal, run, see_file, &seen, NULL), 0);
	assert_string_equal(str_text(&seen.text), want);
}

static inline void assert_steps(struct journal *journal, int64_t run, const char *want)
{
	CLEANUP(seen_clear) struct seen seen = { 0 };

	assert_int_equal(journal_steps(journal, run, see_step, &seen, NULL), 0);
	assert_string_equal(str_text(&seen.text), want);
}

static const struct journal_image shadow = {
	.dev = 1, .ino = UINT64_MAX, .size = 512, .mtime_ns = -5, .uuid = "0123456789abcdef0123456789abcdef", .generation = 9
};
static const struct journal_image old_image = { .dev = 1, .ino = 40, .size = 512, .mtime_ns = 4 };

static inline int64_t begin_swap(struct journal *journal, const char *on, const char *fingerprint)
{
	const struct journal_file file = { "/usr/bin/a", "package a", "11", NULL, 0755, 1, JOURNAL_PENDING };
	const struct journal_fingerprint f = { "package a", fingerprint, "fresh", 0 };
	int64_t run = begin_run(journal, on);

	assert_int_equal(journal_files_add(journal, run, &file, 1, NULL), 0);
	assert_int_equal(journal_swap_begin(journal, run, on, &shadow, &f, 1, NULL), 0);
	return run;
}

/* Field by field: what lies between them is nobody's. */
static inline void assert_same_image(const struct journal_image *a, const struct journal_image *b)
{
	assert_int_equal(a->dev, b->dev);
	assert_int_equal(a->ino, b->ino);
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->mtime_ns, b->mtime_ns);
	assert_int_equal(a->generation, b->generation);
	assert_string_equal(a->uuid, b->uuid);
}

static inline int in_child(int (*fn)(const char *state), const char *state, uid_t uid)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(uid && setuid(uid) < 0 ? 100 : fn(state));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif
