/* The journal's rows: runs, steps, files, fingerprints, swaps, symbols. */
#include "test_journal.h"

#include "journal/symbols.h"

static char *content_of(const char *dir, const char *name)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
	struct str s = { 0 };

	assert_int_equal(fs_read(path, 1 << 20, &s, NULL), 0);
	return str_take(&s);
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
		TEST(test_symbols),
	};

	umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
