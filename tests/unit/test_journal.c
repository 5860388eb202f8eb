/* The journal: rows before and after, what the next start makes of a run that died, several processes, folders that are not ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "journal/db.h"
#include "journal/journal.h"
#include "journal/symbols.h"

#include "lib/scratch.h"

#include <sys/wait.h>

static const char image[] = "/images/harddrive.img";

struct box {
	char *dir;   /* owned */
	char *state; /* owned */
	struct journal *journal;
};

static int setup(void **data)
{
	struct box *box = xcalloc(1, sizeof(*box));

	box->dir = scratch_make();
	box->state = xasprintf("%s/.reinject", box->dir);
	*data = box;
	return 0;
}

static int teardown(void **data)
{
	struct box *box = *data;

	journal_free(box->journal);
	scratch_remove(box->dir);
	free(box->state);
	free(box);
	return 0;
}

static struct journal *open_box(struct box *box)
{
	struct err err = ERR_INIT;

	if (!box->journal && journal_open(box->state, false, &box->journal, &err) < 0)
		fail_msg("%s", err.message);
	return box->journal;
}

static int64_t begin_run(struct journal *journal, const char *on)
{
	struct err err = ERR_INIT;
	int64_t run = 0;

	if (journal_run_begin(journal, "refresh", on, "base=0123", &run, &err) < 0)
		fail_msg("%s", err.message);
	return run;
}

static mode_t mode_of(const char *dir, const char *name)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode;
}

static char *content_of(const char *dir, const char *name)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
	struct str s = { 0 };

	assert_int_equal(fs_read(path, 1 << 20, &s, NULL), 0);
	return str_take(&s);
}

/* -- reading back -------------------------------------------------------------------------------------------------------------------------- */

struct seen {
	struct str text;
	struct journal *journal;
	unsigned int n, stop_after;
};

static void seen_clear(struct seen *seen)
{
	str_clear(&seen->text);
}

static int see_run(void *data, const struct journal_run *run)
{
	struct seen *seen = data;

	str_printf(&seen->text, "%lld %s %s %s %s %s %s %lld\n", (long long)run->id, run->verb, run->image ? run->image : "-",
		   journal_result_name(run->result), run->error ? run->error : "-", run->packages ? run->packages : "-",
		   run->commits ? run->commits : "-", (long long)run->ms);
	return ++seen->n == seen->stop_after ? 7 : 0;
}

static int see_step(void *data, const struct journal_step *step)
{
	struct seen *seen = data;

	str_printf(&seen->text, "%s %s %s %s %lld\n", step->kind, step->subject ? step->subject : "-", journal_result_name(step->result),
		   step->detail ? step->detail : "-", (long long)step->ms);
	return 0;
}

static int see_file(void *data, const struct journal_file *file)
{
	struct seen *seen = data;

	str_printf(&seen->text, "%s %s %s %s %o %llu %s\n", file->path, file->owner, file->new_hash, file->old_hash ? file->old_hash : "-",
		   file->mode, (unsigned long long)file->size, journal_result_name(file->result));
	return 0;
}

static int see_fingerprint(void *data, const struct journal_fingerprint *f)
{
	struct seen *seen = data;

	str_printf(&seen->text, "%s %s %s %lld\n", f->subject, f->fingerprint, f->state, (long long)f->run);
	return 0;
}

static int see_child(void *data, pid_t pid, uint64_t start_time, const char *what)
{
	struct seen *seen = data;

	str_printf(&seen->text, "%d %llu %s\n", (int)pid, (unsigned long long)start_time, what);
	return seen->journal ? journal_child_remove(seen->journal, pid, NULL) : 0;
}

static void assert_run(struct journal *journal, int64_t run, const char *want)
{
	CLEANUP(seen_clear) struct seen seen = { 0 };

	assert_int_equal(journal_runs(journal, NULL, run, 0, see_run, &seen, NULL), 0);
	assert_string_equal(str_text(&seen.text), want);
}

static void assert_fingerprints(struct journal *journal, const char *on, const char *want)
{
	CLEANUP(seen_clear) struct seen seen = { 0 };

	assert_int_equal(journal_fingerprints(journal, on, see_fingerprint, &seen, NULL), 0);
	assert_string_equal(str_text(&seen.text), want);
}

static void assert_files(struct journal *journal, int64_t run, const char *want)
{
	CLEANUP(seen_clear) struct seen seen = { 0 };

	assert_int_equal(journal_files(journal, run, see_file, &seen, NULL), 0);
	assert_string_equal(str_text(&seen.text), want);
}

static void assert_steps(struct journal *journal, int64_t run, const char *want)
{
	CLEANUP(seen_clear) struct seen seen = { 0 };

	assert_int_equal(journal_steps(journal, run, see_step, &seen, NULL), 0);
	assert_string_equal(str_text(&seen.text), want);
}

/* -- rows ---------------------------------------------------------------------------------------------------------------------------------- */

static void test_folder_is_private_and_invisible(void **data)
{
	struct box *box = *data;
	char *const listing[] = { "sh", "-c", "ls -A", NULL };
	CLEANUP_FREE char *ignore = NULL, *tag = NULL, *names = NULL;

	open_box(box);
	names = scratch_run(listing, box->state, NULL);
	assert_string_equal(names, ".gitignore\nCACHEDIR.TAG\njournal.db\njournal.db-shm\njournal.db-wal");
	assert_int_equal(mode_of(box->dir, ".reinject") & 07777, 0700);
	ignore = content_of(box->state, ".gitignore");
	tag = content_of(box->state, "CACHEDIR.TAG");
	assert_string_equal(ignore, "*\n");
	assert_int_equal(strncmp(tag, "Signature: 8a477f597d28d172789f06886806bc55\n", 44), 0);
}

static void test_runs(void **data)
{
	struct journal *journal = open_box(*data);
	CLEANUP(seen_clear) struct seen all = { 0 }, one = { 0 }, stopped = { .stop_after = 2 };
	int64_t last = -1, pending = -1, run;

	assert_int_equal(journal_last_run(journal, image, &last, &pending, NULL), 0);
	assert_int_equal(last, 0);
	assert_int_equal(pending, 0);
	assert_int_equal(begin_run(journal, image), 1);
	assert_int_equal(begin_run(journal, "/other"), 2);
	assert_int_equal(begin_run(journal, image), 3);
	assert_int_equal(journal_run_begin(journal, "it's \"x\"; DROP TABLE run", NULL, NULL, &run, NULL), 0);
	assert_int_equal(run, 4);
	assert_int_equal(journal_run_end(journal, 3, JOURNAL_OK, "a b", NULL, 321, NULL), 0);
	assert_int_equal(journal_run_end(journal, 4, JOURNAL_FAILED, NULL, "no", 1, NULL), 0);
	assert_int_equal(journal_run_end(journal, 99, JOURNAL_OK, NULL, NULL, 1, NULL), -ENOENT);
	assert_int_equal(journal_last_run(journal, image, &last, &pending, NULL), 0);
	assert_int_equal(last, 3);
	assert_int_equal(pending, 1);

	assert_int_equal(journal_runs(journal, image, 0, 0, see_run, &all, NULL), 0);
	assert_string_equal(str_text(&all.text), "3 refresh /images/harddrive.img ok - a b base=0123 321\n"
						 "1 refresh /images/harddrive.img pending - - base=0123 0\n");
	assert_int_equal(journal_runs(journal, NULL, 0, 1, see_run, &one, NULL), 0);
	assert_string_equal(str_text(&one.text), "4 it's \"x\"; DROP TABLE run - failed no - - 1\n");
	assert_int_equal(journal_runs(journal, NULL, 0, 0, see_run, &stopped, NULL), 7);
	assert_int_equal(stopped.n, 2);
}

static void test_steps_and_files(void **data)
{
	struct journal *journal = open_box(*data);
	const struct journal_file files[] = {
		{ "/usr/bin/b", "package b", "22", "33", 0755, UINT64_MAX, JOURNAL_OK },
		{ "/etc/a", "asset a", "11", NULL, 0644, 7, JOURNAL_OK },
	};
	int64_t run = begin_run(journal, image), build, strip;

	assert_int_equal(journal_step_begin(journal, run, "build", "b", &build, NULL), 0);
	assert_int_equal(journal_step_begin(journal, run, "strip", NULL, &strip, NULL), 0);
	assert_int_equal(journal_step_end(journal, build, JOURNAL_FAILED, "exited with 101", 12, NULL), 0);
	assert_int_equal(journal_step_end(journal, 99, JOURNAL_OK, NULL, 0, NULL), -ENOENT);
	assert_steps(journal, run, "build b failed exited with 101 12\nstrip - pending - 0\n");
	assert_int_equal(journal_files_add(journal, run, files, 2, NULL), 0);
	assert_files(journal, run, "/etc/a asset a 11 - 644 7 pending\n/usr/bin/b package b 22 33 755 18446744073709551615 pending\n");
	/* Nothing of an ended run stays pending. */
	assert_int_equal(journal_run_end(journal, run, JOURNAL_CANCELLED, NULL, NULL, 1, NULL), 0);
	assert_steps(journal, run, "build b failed exited with 101 12\nstrip - cancelled - 0\n");
	assert_files(journal, run, "/etc/a asset a 11 - 644 7 cancelled\n/usr/bin/b package b 22 33 755 18446744073709551615 cancelled\n");
}

static void test_fingerprints(void **data)
{
	struct journal *journal = open_box(*data);
	const struct journal_fingerprint first[] = { { "package a", "f0", "fresh", 1 }, { "asset x", "e0", "fresh", 1 } };
	const struct journal_fingerprint broken[] = { { "package a", "f1", "failed", 2 } };
	const struct journal_fingerprint mended[] = { { "package a", "f1", "fresh", 3 } };

	assert_int_equal(journal_fingerprints_set(journal, image, first, 2, NULL), 0);
	assert_int_equal(journal_fingerprints_set(journal, "/other", first, 1, NULL), 0);
	/* What failed does not make the image forget what it holds. */
	assert_int_equal(journal_fingerprints_set(journal, image, broken, 1, NULL), 0);
	assert_fingerprints(journal, image, "asset x e0 fresh 1\npackage a f0 fresh 1\npackage a f1 failed 2\n");
	assert_int_equal(journal_fingerprints_set(journal, image, mended, 1, NULL), 0);
	assert_fingerprints(journal, image, "asset x e0 fresh 1\npackage a f1 fresh 3\n");
	assert_fingerprints(journal, "/other", "package a f0 fresh 1\n");
}

static void test_children_may_be_removed_while_walking(void **data)
{
	struct journal *journal = open_box(*data);
	CLEANUP(seen_clear) struct seen seen = { .journal = journal }, after = { 0 };
	int64_t run = begin_run(journal, image), other = begin_run(journal, "/other");

	assert_int_equal(journal_child_add(journal, run, 101, 5, "cargo", NULL), 0);
	assert_int_equal(journal_child_add(journal, other, 102, 6, "redoxfs", NULL), 0);
	assert_int_equal(journal_child_add(journal, run, 101, UINT64_MAX, "strip", NULL), 0);
	assert_int_equal(journal_children(journal, image, see_child, &seen, NULL), 0);
	assert_string_equal(str_text(&seen.text), "101 18446744073709551615 strip\n");
	assert_int_equal(journal_children(journal, image, see_child, &after, NULL), 0);
	assert_string_equal(str_text(&after.text), "");
}

/* -- swaps --------------------------------------------------------------------------------------------------------------------------------- */

static const struct journal_image shadow = {
	.dev = 1, .ino = UINT64_MAX, .size = 512, .mtime_ns = -5, .uuid = "0123456789abcdef0123456789abcdef", .generation = 9
};
static const struct journal_image old_image = { .dev = 1, .ino = 40, .size = 512, .mtime_ns = 4 };

static int64_t begin_swap(struct journal *journal, const char *on, const char *fingerprint)
{
	const struct journal_file file = { "/usr/bin/a", "package a", "11", NULL, 0755, 1, JOURNAL_PENDING };
	const struct journal_fingerprint f = { "package a", fingerprint, "fresh", 0 };
	int64_t run = begin_run(journal, on);

	assert_int_equal(journal_files_add(journal, run, &file, 1, NULL), 0);
	assert_int_equal(journal_swap_begin(journal, run, on, &shadow, &f, 1, NULL), 0);
	return run;
}

/* Field by field: what lies between them is nobody's. */
static void assert_same_image(const struct journal_image *a, const struct journal_image *b)
{
	assert_int_equal(a->dev, b->dev);
	assert_int_equal(a->ino, b->ino);
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->mtime_ns, b->mtime_ns);
	assert_int_equal(a->generation, b->generation);
	assert_string_equal(a->uuid, b->uuid);
}

static void test_swap(void **data)
{
	struct journal *journal = open_box(*data);
	struct journal_image now = { 0 };
	int64_t run = begin_swap(journal, image, "f1");

	assert_int_equal(journal_image_get(journal, image, &now, NULL), 0);
	assert_fingerprints(journal, image, "");
	assert_int_equal(journal_swap_done(journal, run + 1, NULL), -ENOENT);
	assert_int_equal(journal_swap_done(journal, run, NULL), 0);
	assert_int_equal(journal_swap_done(journal, run, NULL), 0);
	assert_fingerprints(journal, image, "package a f1 fresh 1\n");
	assert_files(journal, run, "/usr/bin/a package a 11 - 755 1 ok\n");
	assert_int_equal(journal_image_get(journal, image, &now, NULL), 1);
	assert_same_image(&now, &shadow);
	assert_int_equal(journal_image_set(journal, image, &old_image, NULL), 0);
	assert_int_equal(journal_image_get(journal, image, &now, NULL), 1);
	assert_same_image(&now, &old_image);
}

static int see_content(void *data, const struct journal_content *content)
{
	struct seen *seen = data;

	str_printf(&seen->text, "%s %s %s\n", content->path, content->owner, content->hash);
	return 0;
}

static void assert_contents(struct journal *journal, const char *on, const char *want)
{
	CLEANUP(seen_clear) struct seen seen = { 0 };

	assert_int_equal(journal_contents(journal, on, see_content, &seen, NULL), 0);
	assert_string_equal(str_text(&seen.text), want);
}

static void test_contents(void **data)
{
	struct journal *journal = open_box(*data);
	const struct journal_content found[] = { { "/usr/bin/a", "package a", "00" }, { "/etc/x", "asset x", "55" } };
	const struct journal_content forgotten[] = { { "/etc/x", NULL, NULL } };
	const struct journal_file removal = { "/usr/bin/a", "package a", "", "11", 0755, 1, JOURNAL_PENDING };
	int64_t run;

	assert_int_equal(journal_contents_set(journal, image, found, 2, NULL), 0);
	assert_contents(journal, "/other", "");
	run = begin_swap(journal, image, "f1");
	/* Not before the swap. */
	assert_contents(journal, image, "/etc/x asset x 55\n/usr/bin/a package a 00\n");
	assert_int_equal(journal_swap_done(journal, run, NULL), 0);
	assert_contents(journal, image, "/etc/x asset x 55\n/usr/bin/a package a 11\n");
	assert_int_equal(journal_contents_set(journal, image, forgotten, 1, NULL), 0);
	assert_contents(journal, image, "/usr/bin/a package a 11\n");
	run = begin_run(journal, image);
	assert_int_equal(journal_files_add(journal, run, &removal, 1, NULL), 0);
	assert_int_equal(journal_swap_begin(journal, run, image, &shadow, NULL, 0, NULL), 0);
	assert_int_equal(journal_swap_done(journal, run, NULL), 0);
	assert_contents(journal, image, "");
}

static void test_what_was_before_and_what_is_gone(void **data)
{
	struct journal *journal = open_box(*data);
	const struct journal_fingerprint gone = { "package a", "", "gone", 3 };
	CLEANUP_FREE char *fingerprint = NULL;
	int64_t first = begin_swap(journal, image, "f1"), second = begin_swap(journal, image, "f2"), run = 0;

	assert_int_equal(journal_last_change(journal, image, NULL, &run, NULL), 0);
	assert_int_equal(run, 0);
	assert_int_equal(journal_swap_done(journal, first, NULL), 0);
	assert_int_equal(journal_swap_done(journal, second, NULL), 0);
	assert_int_equal(journal_last_change(journal, image, NULL, &run, NULL), 0);
	assert_int_equal(run, second);
	assert_int_equal(journal_last_change(journal, image, "/usr/bin/b", &run, NULL), 0);
	assert_int_equal(run, 0);
	assert_int_equal(journal_swap_before(journal, image, "package a", first, &fingerprint, &run, NULL), 0);
	assert_int_equal(journal_swap_before(journal, image, "package a", second, &fingerprint, &run, NULL), 1);
	assert_string_equal(fingerprint, "f1");
	assert_int_equal(run, first);
	assert_int_equal(journal_fingerprints_set(journal, image, &gone, 1, NULL), 0);
	assert_fingerprints(journal, image, "");
}

static void test_several_are_held(void **data)
{
	struct journal *journal = open_box(*data);
	const struct journal_fingerprint said[] = {
		{ "package a", "f1", "held", 1 },   { "package a", "f2", "held", 2 },  { "package a", "f3", "failed", 3 },
		{ "package a", "f4", "failed", 4 }, { "package a", "f5", "fresh", 5 }, { "package a", "f2", "fresh", 6 },
	};

	assert_int_equal(journal_fingerprints_set(journal, image, said, 5, NULL), 0);
	assert_fingerprints(journal, image, "package a f1 held 1\npackage a f2 held 2\npackage a f4 failed 4\npackage a f5 fresh 5\n");
	assert_int_equal(journal_fingerprints_set(journal, image, said + 5, 1, NULL), 0);
	assert_fingerprints(journal, image, "package a f1 held 1\npackage a f4 failed 4\npackage a f2 fresh 6\n");
}

static void test_whose_file_becomes_anothers_is_doubted(void **data)
{
	struct journal *journal = open_box(*data);
	const struct journal_content same = { "/usr/bin/a", "package a", "11" }, taken = { "/usr/bin/a", "asset b", "11" };
	const struct journal_fingerprint again = { "package a", "f1", "fresh", 1 };
	const struct journal_file file = { "/usr/bin/a", "package c", "", "11", 0755, 1, JOURNAL_PENDING };
	int64_t run = begin_swap(journal, image, "f1");

	assert_int_equal(journal_swap_done(journal, run, NULL), 0);
	assert_int_equal(journal_contents_set(journal, image, &same, 1, NULL), 0);
	assert_fingerprints(journal, image, "package a f1 fresh 1\n");
	assert_int_equal(journal_contents_set(journal, image, &taken, 1, NULL), 0);
	assert_fingerprints(journal, image, "package a f1 doubted 1\n");
	assert_int_equal(journal_contents_set(journal, image, &same, 1, NULL), 0);
	assert_int_equal(journal_fingerprints_set(journal, image, &again, 1, NULL), 0);
	run = begin_run(journal, image);
	assert_int_equal(journal_files_add(journal, run, &file, 1, NULL), 0);
	assert_int_equal(journal_swap_begin(journal, run, image, &shadow, NULL, 0, NULL), 0);
	assert_fingerprints(journal, image, "package a f1 fresh 1\n");
	assert_int_equal(journal_swap_done(journal, run, NULL), 0);
	assert_fingerprints(journal, image, "package a f1 doubted 1\n");
}

/* A run that puts @hash at @path, where @old was. */
static int64_t put_one(struct journal *journal, const char *path, const char *owner, const char *hash, const char *old)
{
	const struct journal_file file = { path, owner, hash, old, 0755, 1, JOURNAL_PENDING };
	int64_t run = begin_run(journal, image);

	assert_int_equal(journal_files_add(journal, run, &file, 1, NULL), 0);
	assert_int_equal(journal_swap_begin(journal, run, image, &shadow, NULL, 0, NULL), 0);
	assert_int_equal(journal_swap_done(journal, run, NULL), 0);
	return run;
}

static void test_files_as_after_an_earlier_run(void **data)
{
	struct journal *journal = open_box(*data);
	int64_t first = put_one(journal, "/a", "package a", "a1", NULL), second = put_one(journal, "/a", "package a", "a2", "a1"), other;

	assert_int_equal(journal_is_as_after(journal, image, "package a", first, second, NULL), 1);
	assert_int_equal(journal_is_as_after(journal, image, "package a", first, first, NULL), 0);
	/* Its other file, not of the first run's making; and back again. */
	other = put_one(journal, "/b", "package a", "b2", "b1");
	assert_int_equal(journal_is_as_after(journal, image, "package a", first, second, NULL), 0);
	assert_int_equal(journal_is_as_after(journal, image, "package a", second, other, NULL), 1);
	other = put_one(journal, "/b", "file", "b1", "b2");
	assert_int_equal(journal_is_as_after(journal, image, "package a", first, second, NULL), 1);
	/* Somebody else's content instead of the first run's. */
	other = put_one(journal, "/a", "package a", "a3", "x");
	assert_int_equal(journal_is_as_after(journal, image, "package a", second, other, NULL), 0);
}

static void settle(struct journal *journal, const struct journal_image *now, unsigned int want)
{
	struct err err = ERR_INIT;
	unsigned int n = 99;

	if (journal_settle(journal, image, now, &n, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(n, want);
	/* What was settled stays so. */
	assert_int_equal(journal_settle(journal, image, now, &n, NULL), 0);
	assert_int_equal(n, 0);
}

static void test_settle_before_the_swap(void **data)
{
	struct journal *journal = open_box(*data);
	const struct journal_file file = { "/usr/bin/a", "package a", "11", NULL, 0755, 1, JOURNAL_PENDING };
	int64_t run = begin_run(journal, image), step, other = begin_run(journal, "/other");

	assert_int_equal(journal_step_begin(journal, run, "build", "a", &step, NULL), 0);
	assert_int_equal(journal_files_add(journal, run, &file, 1, NULL), 0);
	settle(journal, &old_image, 1);
	assert_run(journal, run, "1 refresh /images/harddrive.img failed interrupted - base=0123 0\n");
	assert_steps(journal, run, "build a failed interrupted 0\n");
	assert_files(journal, run, "/usr/bin/a package a 11 - 755 1 failed\n");
	assert_run(journal, other, "2 refresh /other pending - - base=0123 0\n");
}

static void test_settle_swap_not_happened(void **data)
{
	struct journal *journal = open_box(*data);
	const struct journal_image same_inode_elsewhere = { .dev = 2, .ino = shadow.ino };
	int64_t run = begin_swap(journal, image, "f1"), gone;

	settle(journal, &same_inode_elsewhere, 1);
	assert_run(journal, run, "1 refresh /images/harddrive.img failed interrupted - base=0123 0\n");
	gone = begin_swap(journal, image, "f2");
	settle(journal, NULL, 1);
	assert_run(journal, gone, "2 refresh /images/harddrive.img failed interrupted - base=0123 0\n");
	/* Even if the image gets that inode later. */
	settle(journal, &shadow, 0);
	assert_fingerprints(journal, image, "");
	assert_files(journal, run, "/usr/bin/a package a 11 - 755 1 failed\n");
}

static void test_settle_swap_happened(void **data)
{
	struct journal *journal = open_box(*data);
	struct journal_image now = shadow, known;
	int64_t run = begin_swap(journal, image, "f1"), step;

	/* A guest that booted it since has changed its time, not its inode. */
	now.mtime_ns = 77;
	assert_int_equal(journal_step_begin(journal, run, "swap", image, &step, NULL), 0);
	settle(journal, &now, 1);
	assert_run(journal, run, "1 refresh /images/harddrive.img ok - a base=0123 0\n");
	assert_steps(journal, run, "swap /images/harddrive.img ok - 0\n");
	assert_files(journal, run, "/usr/bin/a package a 11 - 755 1 ok\n");
	assert_fingerprints(journal, image, "package a f1 fresh 1\n");
	assert_int_equal(journal_image_get(journal, image, &known, NULL), 1);
	assert_same_image(&known, &shadow);
}

static void test_settle_after_the_swap(void **data)
{
	struct journal *journal = open_box(*data);
	int64_t run = begin_swap(journal, image, "f1"), failed, step;

	assert_int_equal(journal_swap_done(journal, run, NULL), 0);
	settle(journal, &shadow, 1);
	assert_run(journal, run, "1 refresh /images/harddrive.img ok - a base=0123 0\n");
	/* The same of a run in which another package had failed to build. */
	failed = begin_swap(journal, image, "f2");
	assert_int_equal(journal_step_begin(journal, failed, "build", "b", &step, NULL), 0);
	assert_int_equal(journal_step_end(journal, step, JOURNAL_FAILED, "exited with 101", 3, NULL), 0);
	settle(journal, &shadow, 1);
	assert_run(journal, failed, "2 refresh /images/harddrive.img failed interrupted after the swap a base=0123 0\n");
	assert_fingerprints(journal, image, "package a f2 fresh 2\n");
}

/* The swap has happened but the journal could not be told, so the run ended as failed. */
static void test_settle_a_run_that_ended_with_a_pending_swap(void **data)
{
	struct journal *journal = open_box(*data);
	int64_t run = begin_swap(journal, image, "f1");

	assert_int_equal(journal_run_end(journal, run, JOURNAL_FAILED, NULL, "the disk was full", 5, NULL), 0);
	assert_files(journal, run, "/usr/bin/a package a 11 - 755 1 pending\n");
	settle(journal, &shadow, 1);
	assert_run(journal, run, "1 refresh /images/harddrive.img ok - a base=0123 5\n");
	/* And one whose swap has not. */
	run = begin_swap(journal, image, "f2");
	assert_int_equal(journal_run_end(journal, run, JOURNAL_CANCELLED, NULL, "interrupted", 5, NULL), 0);
	settle(journal, &old_image, 1);
	assert_run(journal, run, "2 refresh /images/harddrive.img cancelled interrupted - base=0123 5\n");
	assert_files(journal, run, "/usr/bin/a package a 11 - 755 1 failed\n");
	assert_fingerprints(journal, image, "package a f1 fresh 1\n");
}

static void test_settle_takes_the_newest_of_two(void **data)
{
	struct journal *journal = open_box(*data);
	int64_t first = begin_swap(journal, image, "f1"), second = begin_swap(journal, image, "f2");

	settle(journal, &shadow, 2);
	assert_run(journal, first, "1 refresh /images/harddrive.img failed interrupted - base=0123 0\n");
	assert_run(journal, second, "2 refresh /images/harddrive.img ok - a base=0123 0\n");
	assert_fingerprints(journal, image, "package a f2 fresh 2\n");
}

/* -- several processes --------------------------------------------------------------------------------------------------------------------- */

enum { N_WRITERS = 4, N_RUNS = 40 };

static int write_runs(const char *state)
{
	CLEANUP(journal_freep) struct journal *journal = NULL;
	struct err err = ERR_INIT;
	int64_t run, last, pending;

	if (journal_open(state, false, &journal, &err) < 0)
		goto failed;
	for (int i = 0; i < N_RUNS; i++) {
		/* A read between the writes: a transaction that grew from it would fail at once when another process wrote. */
		if (journal_last_run(journal, image, &last, &pending, &err) < 0 ||
		    journal_run_begin(journal, "build", image, NULL, &run, &err) < 0 ||
		    journal_run_end(journal, run, JOURNAL_OK, NULL, NULL, 0, &err) < 0)
			goto failed;
	}
	return 0;
failed:
	fprintf(stderr, "%s\n", err.message);
	return 1;
}

static int in_child(int (*fn)(const char *state), const char *state, uid_t uid)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(uid && setuid(uid) < 0 ? 100 : fn(state));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_processes_write_at_once(void **data)
{
	struct box *box = *data;
	CLEANUP(seen_clear) struct seen seen = { 0 };
	pid_t pids[N_WRITERS];
	int status;

	/* The journal does not exist yet: they make it together. */
	for (int i = 0; i < N_WRITERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(write_runs(box->state));
	}
	for (int i = 0; i < N_WRITERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(journal_runs(open_box(box), image, 0, 0, see_run, &seen, NULL), 0);
	assert_int_equal(seen.n, N_WRITERS * N_RUNS);
	assert_int_equal(begin_run(box->journal, image), N_WRITERS * N_RUNS + 1);
}

/* -- read-only, broken, foreign ------------------------------------------------------------------------------------------------------------ */

static void test_read_only(void **data)
{
	struct box *box = *data;
	CLEANUP(journal_freep) struct journal *reader = NULL;
	CLEANUP_FREE char *before = NULL, *after = NULL;
	char *const listing[] = { "find", ".", "-not", "-name", "*-shm", "-printf", "%p %s %T@ %m\n", NULL };
	int64_t last, pending;
	struct err err = ERR_INIT;

	assert_int_equal(journal_open(box->state, true, &reader, &err), -ENOENT);
	assert_false(fs_exists(box->state));
	begin_run(open_box(box), image);
	journal_free(TAKE_PTR(box->journal));
	before = scratch_run(listing, box->dir, NULL);
	assert_int_equal(journal_open(box->state, true, &reader, &err), 0);
	assert_int_equal(journal_last_run(reader, image, &last, &pending, NULL), 0);
	assert_int_equal(last, 1);
	assert_int_equal(journal_run_end(reader, 1, JOURNAL_OK, NULL, NULL, 0, &err), -EROFS);
	after = scratch_run(listing, box->dir, NULL);
	assert_string_equal(before, after);
	/* It sees what is written beside it, and does not hinder it, in the same process too. */
	begin_run(open_box(box), image);
	assert_int_equal(journal_last_run(reader, image, &last, &pending, NULL), 0);
	assert_int_equal(last, 2);
}

static void test_empty_file_is_no_journal_yet(void **data)
{
	struct box *box = *data;
	CLEANUP(journal_freep) struct journal *reader = NULL;

	scratch_write(box->state, "journal.db", "");
	assert_int_equal(journal_open(box->state, true, &reader, NULL), -ENOENT);
	assert_int_equal(begin_run(open_box(box), image), 1);
}

static int read_one_run(const char *state)
{
	CLEANUP(journal_freep) struct journal *journal = NULL;
	struct err err = ERR_INIT;
	int64_t last = 0, pending;

	if (journal_open(state, true, &journal, &err) < 0 || journal_last_run(journal, image, &last, &pending, &err) < 0)
		return 50;
	return (int)last;
}

static void remove_file(const char *dir, const char *name)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(unlink(path), 0);
}

static void test_read_only_folder_of_another_user(void **data)
{
	struct box *box = *data;

	if (geteuid() != 0)
		skip();
	begin_run(open_box(box), image);
	begin_run(box->journal, image);
	assert_int_equal(chmod(box->dir, 0755), 0);
	assert_int_equal(chmod(box->state, 0755), 0);
	assert_int_equal(in_child(read_one_run, box->state, 65534), 2); /* beside a writer */
	journal_free(TAKE_PTR(box->journal));
	assert_int_equal(in_child(read_one_run, box->state, 65534), 2); /* with the log of a writer that has gone */
	remove_file(box->state, "journal.db-shm");
	remove_file(box->state, "journal.db-wal");
	assert_int_equal(in_child(read_one_run, box->state, 65534), 2); /* with the file alone */
	scratch_write(box->state, "journal.db-wal", "something");
	assert_int_equal(in_child(read_one_run, box->state, 65534), 50); /* with a log that it cannot read */
}

static void damage(const char *state, off_t at, size_t n)
{
	CLEANUP_FREE char *path = xasprintf("%s/journal.db", state);
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(pwrite(fd, "\xa5", 1, at + (off_t)i), 1);
}

static void test_damaged_file(void **data)
{
	struct box *box = *data;
	CLEANUP(seen_clear) struct seen seen = { 0 };
	struct err err = ERR_INIT;

	begin_run(open_box(box), image);
	journal_free(TAKE_PTR(box->journal));
	damage(box->state, 4096, 40000);
	assert_int_equal(journal_open(box->state, false, &box->journal, &err), 0);
	assert_int_equal(journal_runs(box->journal, NULL, 0, 0, see_run, &seen, &err), -EUCLEAN);
	assert_non_null(strstr(err.message, "journal.db'"));
	journal_free(TAKE_PTR(box->journal));
	damage(box->state, 0, 100);
	for (int read_only = 0; read_only < 2; read_only++) {
		err = ERR_INIT;
		assert_int_equal(journal_open(box->state, read_only, &box->journal, &err), -EUCLEAN);
		assert_non_null(strstr(err.hint, "move '"));
		assert_null(box->journal);
	}
}

static void test_folder_that_others_can_write(void **data)
{
	struct box *box = *data;
	struct err err = ERR_INIT;

	assert_int_equal(mkdir(box->state, 0700), 0);
	assert_int_equal(chmod(box->state, 0777), 0);
	for (int read_only = 0; read_only < 2; read_only++) {
		assert_int_equal(journal_open(box->state, read_only, &box->journal, &err), -EPERM);
		assert_int_equal(err.class, ERR_USAGE);
	}
	assert_int_equal(chmod(box->state, 0775), 0);
	open_box(box);
}

static int open_refused(const char *state)
{
	struct journal *journal = NULL;
	struct err err = ERR_INIT;
	int r = journal_open(state, false, &journal, &err);

	return r == -EPERM && err.class == ERR_USAGE && !journal ? 0 : 1;
}

static void test_folder_of_another_user(void **data)
{
	struct box *box = *data;

	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(box->state, 0700), 0);
	assert_int_equal(chmod(box->dir, 0755), 0);
	assert_int_equal(chown(box->state, 4711, 4711), 0);
	unsetenv("SUDO_UID");
	assert_int_equal(in_child(open_refused, box->state, 65534), 0);
	assert_int_equal(open_refused(box->state), 0);
	/* SUDO_UID counts for root only: anybody can set it. */
	setenv("SUDO_UID", "4711", 1);
	assert_int_equal(in_child(open_refused, box->state, 65534), 0);
	open_box(box);
	unsetenv("SUDO_UID");
}

static int write_as_owner(const char *state)
{
	CLEANUP(journal_freep) struct journal *journal = NULL;
	struct err err = ERR_INIT;
	int64_t run;

	if (journal_open(state, false, &journal, &err) == 0 && journal_run_begin(journal, "build", image, NULL, &run, &err) == 0)
		return (int)run;
	fprintf(stderr, "%s\n", err.message);
	return 50;
}

static void test_root_makes_it_for_the_folders_owner(void **data)
{
	struct box *box = *data;
	static const char *const names[] = { "", "journal.db", "journal.db-wal", "journal.db-shm", ".gitignore", "CACHEDIR.TAG" };
	struct stat st;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(box->dir, 4711, 4712), 0);
	free(box->state);
	box->state = xasprintf("%s/made/.reinject", box->dir);
	begin_run(open_box(box), image);
	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", box->state, names[i]);

		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_uid, 4711);
		assert_int_equal(st.st_gid, 4712);
	}
	journal_free(TAKE_PTR(box->journal));
	assert_int_equal(in_child(write_as_owner, box->state, 4711), 2);
	assert_int_equal(begin_run(open_box(box), image), 3);
}

static void test_strange_names(void **data)
{
	struct box *box = *data;

	free(box->state);
	box->state = xasprintf("%s/a b?c%%20d#e'f&mode=memory", box->dir);
	begin_run(open_box(box), "/im'age\n\xff.img");
	assert_int_equal(mode_of(box->state, "journal.db") & S_IFMT, S_IFREG);
	assert_run(box->journal, 1, "1 refresh /im'age\n\xff.img pending - - base=0123 0\n");
}

/* -- schema -------------------------------------------------------------------------------------------------------------------------------- */

static struct journal_db *open_db(struct box *box, enum journal_db_mode mode)
{
	CLEANUP_FREE char *path = xasprintf("%s/x.db", box->dir);
	struct journal_db *db = NULL;
	struct err err = ERR_INIT;

	if (!fs_exists(path))
		scratch_write(box->dir, "x.db", "");
	if (journal_db_open(path, mode, &db, &err) < 0)
		fail_msg("%s", err.message);
	return db;
}

static void test_migrations(void **data)
{
	static const char *const good[] = { "CREATE TABLE a (x)", "INSERT INTO a VALUES (1)", "INSERT INTO a VALUES (2)" };
	static const char *const bad[] = { "", "", "", "INSERT INTO a VALUES (3)", "INSERT INTO nowhere VALUES (4)" };
	CLEANUP(journal_db_freep) struct journal_db *db = open_db(*data, JOURNAL_DB_WAL);
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(journal_db_migrate(db, good, 2, NULL), 0);
	assert_int_equal(journal_db_migrate(db, good, 2, NULL), 0);
	assert_int_equal(journal_db_migrate(db, good, 3, NULL), 0);
	assert_true(journal_db_migrate(db, bad, 5, &err) < 0);
	assert_int_equal(journal_db_query(db, &rows, NULL, "SELECT count(*), (SELECT user_version FROM pragma_user_version) FROM a", ""), 0);
	assert_int_equal(journal_db_int(&rows, 0, 0), 2);
	assert_int_equal(journal_db_int(&rows, 0, 1), 3);
	assert_int_equal(journal_db_migrate(db, good, 2, &err), -EPROTO);
	assert_int_equal(err.class, ERR_USAGE);
}

static void test_rollback_mode_for_network_folders(void **data)
{
	CLEANUP(journal_db_freep) struct journal_db *db = open_db(*data, JOURNAL_DB_WAL);
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	static const char *const steps[] = { "CREATE TABLE a (x)" };

	assert_int_equal(journal_db_migrate(db, steps, 1, NULL), 0);
	journal_db_free(db);
	db = open_db(*data, JOURNAL_DB_ROLLBACK);
	assert_int_equal(journal_db_query(db, &rows, NULL, "PRAGMA journal_mode", ""), 0);
	assert_string_equal(journal_db_text(&rows, 0, 0), "delete");
	journal_db_rows_clear(&rows);
	assert_int_equal(journal_db_query(db, &rows, NULL, "PRAGMA synchronous", ""), 0);
	assert_int_equal(journal_db_int(&rows, 0, 0), 2);
}

static void test_transactions(void **data)
{
	CLEANUP(journal_db_freep) struct journal_db *db = open_db(*data, JOURNAL_DB_WAL), *other = open_db(*data, JOURNAL_DB_WAL);
	CLEANUP(journal_db_rows_clear) struct journal_rows rows = { 0 };
	static const char *const steps[] = { "CREATE TABLE a (x)" };

	assert_int_equal(journal_db_migrate(db, steps, 1, NULL), 0);
	{
		CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;

		assert_int_equal(journal_db_begin(db, false, &transaction, NULL), 0);
		assert_int_equal(journal_db_run(db, NULL, NULL, "INSERT INTO a VALUES (1)", ""), 0);
	}
	/* Dropped without a commit: nothing is held, nothing was written. */
	for (int durable = 0; durable < 2; durable++) {
		CLEANUP(journal_db_abortp) struct journal_db *transaction = NULL;

		assert_int_equal(journal_db_begin(other, durable, &transaction, NULL), 0);
		journal_db_rows_clear(&rows);
		assert_int_equal(journal_db_query(other, &rows, NULL, "PRAGMA synchronous", ""), 0);
		assert_int_equal(journal_db_int(&rows, 0, 0), durable ? 2 : 1);
		assert_int_equal(journal_db_run(other, NULL, NULL, "INSERT INTO a VALUES (2)", ""), 0);
		assert_int_equal(journal_db_commit(&transaction, NULL), 0);
		assert_null(transaction);
	}
	journal_db_rows_clear(&rows);
	assert_int_equal(journal_db_query(db, &rows, NULL, "SELECT x FROM a", ""), 0);
	assert_int_equal(rows.n, 2);
	assert_int_equal(journal_db_int(&rows, 0, 0), 2);
}

/* -- symbols ------------------------------------------------------------------------------------------------------------------------------- */

static int list_symbol(void *data, const struct journal_symbol *symbol)
{
	str_printf(data, "%lld %s %s %s %s\n", (long long)symbol->run, symbol->path, symbol->package, symbol->stripped,
		   symbol->file ? symbol->file : "-");
	return 0;
}

/* A run that puts @hash at @path for @owner; with symbols when @file is not NULL. It ends as @happened says. */
static int64_t put_with_symbols(struct journal *journal, const char *on, const char *owner, const char *path, const char *hash, const char *file,
				bool happened)
{
	const struct journal_file row = { .path = path, .owner = owner, .new_hash = hash, .mode = 0755, .size = 1 };
	const struct journal_symbol symbol = { .package = "netd", .path = path, .stripped = hash, .file = file, .size = 77, .build_id = "abcd" };
	int64_t run = begin_run(journal, on);

	assert_int_equal(journal_files_add(journal, run, &row, 1, NULL), 0);
	assert_int_equal(journal_swap_begin(journal, run, on, &shadow, NULL, 0, NULL), 0);
	if (happened)
		assert_int_equal(journal_swap_done(journal, run, NULL), 0);
	else
		assert_int_equal(journal_swap_failed(journal, run, NULL), 0);
	if (file)
		assert_int_equal(journal_symbols_add(journal, run, &symbol, 1, NULL), 0);
	return run;
}

static void symbols_are(struct journal *journal, int64_t run, const char *expected)
{
	CLEANUP(str_clear) struct str text = { 0 };

	if (run > 0)
		assert_int_equal(journal_symbols_of_run(journal, run, list_symbol, &text, NULL), 0);
	else
		assert_int_equal(journal_symbols_of_package(journal, image, "netd", list_symbol, &text, NULL), 0);
	assert_string_equal(str_text(&text), expected);
}

static void test_symbols(void **data)
{
	struct journal *journal = open_box(*data);
	int64_t first = put_with_symbols(journal, image, "package netd", "/a", "h1", "one", true), second;

	symbols_are(journal, 0, "1 /a netd h1 one\n");
	symbols_are(journal, first, "1 /a netd h1 one\n");
	second = put_with_symbols(journal, image, "package netd", "/a", "h2", NULL, true);
	symbols_are(journal, 0, "2 /a netd h2 -\n");
	symbols_are(journal, second, "2 /a netd h2 -\n");
	/* What did not happen, and what happened to another image, changes nothing. */
	put_with_symbols(journal, image, "package netd", "/a", "h3", "three", false);
	put_with_symbols(journal, "/images/other.img", "package netd", "/a", "h4", "four", true);
	symbols_are(journal, 0, "2 /a netd h2 -\n");
	symbols_are(journal, 3, "");
	/* Put back by whatever way: known by its content. */
	put_with_symbols(journal, image, "file", "/a", "h1", NULL, true);
	symbols_are(journal, 0, "1 /a netd h1 one\n");
	put_with_symbols(journal, image, "package netd", "/b", "h1", "one", true);
	symbols_are(journal, 0, "1 /a netd h1 one\n6 /b netd h1 one\n");
	put_with_symbols(journal, image, "file", "/a", "h9", NULL, true);
	symbols_are(journal, 0, "6 /b netd h1 one\n");
	symbols_are(journal, 7, "");
	symbols_are(journal, 99, "");
	/* Twice the same binary: the newer row. */
	put_with_symbols(journal, image, "package netd", "/b", "h1", "newer", true);
	symbols_are(journal, 0, "8 /b netd h1 newer\n");
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_folder_is_private_and_invisible),
		TEST(test_runs),
		TEST(test_steps_and_files),
		TEST(test_fingerprints),
		TEST(test_children_may_be_removed_while_walking),
		TEST(test_swap),
		TEST(test_contents),
		TEST(test_what_was_before_and_what_is_gone),
		TEST(test_several_are_held),
		TEST(test_whose_file_becomes_anothers_is_doubted),
		TEST(test_files_as_after_an_earlier_run),
		TEST(test_settle_before_the_swap),
		TEST(test_settle_swap_not_happened),
		TEST(test_settle_swap_happened),
		TEST(test_settle_after_the_swap),
		TEST(test_settle_a_run_that_ended_with_a_pending_swap),
		TEST(test_settle_takes_the_newest_of_two),
		TEST(test_processes_write_at_once),
		TEST(test_read_only),
		TEST(test_empty_file_is_no_journal_yet),
		TEST(test_read_only_folder_of_another_user),
		TEST(test_damaged_file),
		TEST(test_folder_that_others_can_write),
		TEST(test_folder_of_another_user),
		TEST(test_root_makes_it_for_the_folders_owner),
		TEST(test_strange_names),
		TEST(test_migrations),
		TEST(test_rollback_mode_for_network_folders),
		TEST(test_transactions),
		TEST(test_symbols),
	};

	umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
