/* The hooks' records and the text of a hook: journal/spool, hooks/shim, and refresh/hooked's end of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "hooks/shim.h"
#include "journal/spool.h"
#include "refresh/hooked.h"

#include "lib/scratch.h"

#include <sys/file.h>

static int setup(void **data)
{
	*data = scratch_make();
	return 0;
}

static int teardown(void **data)
{
	scratch_remove(*data);
	return 0;
}

static size_t waiting(const char *state)
{
	size_t n = 99;

	assert_int_equal(journal_spool_count(state, &n, NULL), 0);
	return n;
}

static void take_last(void *data, const struct journal_record *record)
{
	str_printf(data, "%lld %s %s|", (long long)record->at, record->event, record->top);
}

static void last_is(const char *state, const char *expected)
{
	CLEANUP(str_clear) struct str seen = { 0 };

	assert_int_equal(journal_spool_last(state, take_last, &seen, NULL), 0);
	assert_string_equal(str_text(&seen), expected);
}

static void an_empty_spool(void **data)
{
	const char *state = *data;

	assert_int_equal(waiting(state), 0);
	assert_true(journal_spool_age_ms(state) < 0);
	assert_int_equal(journal_spool_take(state, NULL), 0);
	assert_int_equal(journal_spool_settle(state, NULL), 0);
	last_is(state, "");
}

static void records_wait_until_they_are_settled(void **data)
{
	const char *state = *data;

	scratch_write(state, "spool/queue", "10 post-commit /a%20b\n20 post-commit /a%20b\n15 post-merge /c 0\n");
	assert_int_equal(waiting(state), 3);
	assert_true(journal_spool_age_ms(state) >= 0);
	assert_int_equal(journal_spool_take(state, NULL), 1);
	assert_int_equal(waiting(state), 3);
	last_is(state, "20 post-commit /a b|15 post-merge /c|");
	/* One that comes meanwhile stays when those before it are done with. */
	scratch_write(state, "spool/queue", "30 post-merge /c 0\n");
	assert_int_equal(journal_spool_settle(state, NULL), 0);
	assert_int_equal(waiting(state), 1);
	last_is(state, "20 post-commit /a b|30 post-merge /c|");
	assert_int_equal(journal_spool_take(state, NULL), 1);
	assert_int_equal(journal_spool_settle(state, NULL), 0);
	assert_int_equal(waiting(state), 0);
	last_is(state, "20 post-commit /a b|30 post-merge /c|");
}

static void what_a_dead_worker_had_taken_is_taken_again(void **data)
{
	const char *state = *data;

	scratch_write(state, "spool/taken", "10 post-commit /a\n");
	scratch_write(state, "spool/more", "11 post-commit /a\n");
	scratch_write(state, "spool/queue", "12 post-merge /a 0\n");
	assert_int_equal(waiting(state), 3);
	assert_int_equal(journal_spool_take(state, NULL), 1);
	assert_int_equal(waiting(state), 3);
	assert_int_equal(journal_spool_settle(state, NULL), 0);
	assert_int_equal(waiting(state), 0);
	last_is(state, "11 post-commit /a|12 post-merge /a|");
}

static void lines_that_are_no_records_are_passed_over(void **data)
{
	const char *state = *data;

	scratch_write(state, "spool/queue", "\n 1 x /a\n5\n5 post-commit\n7 post-commit /a\n8 post-com");
	last_is(state, "7 post-commit /a|");
	assert_int_equal(journal_spool_take(state, NULL), 1);
	assert_int_equal(journal_spool_settle(state, NULL), 0);
	assert_int_equal(waiting(state), 0);
}

static void one_worker(void **data)
{
	const char *state = *data;
	CLEANUP_CLOSE int first = -1;
	int second = -1;
	struct err err = ERR_INIT;
	pid_t pid = 0;

	assert_false(journal_spool_is_locked(state, JOURNAL_SPOOL_WORKER_LOCK, &pid));
	assert_int_equal(journal_spool_lock(state, &first, &err), 0);
	assert_true(journal_spool_is_locked(state, JOURNAL_SPOOL_WORKER_LOCK, &pid));
	assert_int_equal(pid, getpid());
	assert_int_equal(journal_spool_lock(state, &second, &err), -EBUSY);
	assert_int_equal(err.class, ERR_BUSY);
	close(TAKE_FD(first));
	assert_false(journal_spool_is_locked(state, JOURNAL_SPOOL_WORKER_LOCK, &pid));
	assert_int_equal(pid, 0);
	assert_int_equal(journal_spool_lock(state, &first, &err), 0);
}

static void a_watch_is_done_with_what_waits(void **data)
{
	const char *state = *data;
	int lock = -1;

	refresh_hooked_drain(state);
	scratch_write(state, "spool/queue", "10 post-commit /a\n");
	assert_int_equal(journal_spool_lock(state, &lock, NULL), 0);
	refresh_hooked_drain(state);
	assert_int_equal(waiting(state), 1);
	close(lock);
	refresh_hooked_drain(state);
	assert_int_equal(waiting(state), 0);
	last_is(state, "10 post-commit /a|");
}

static void words_on_a_line(void **data)
{
	static const char all[] = "/a b\tc\nd%20e'\"\\\x7f\xc3\xa4\x01z%";
	CLEANUP(str_clear) struct str s = { 0 };
	CLEANUP_FREE char *back = NULL, *odd = NULL;

	(void)data;
	str_add_percent(&s, all);
	assert_null(strpbrk(str_text(&s), " \t\n"));
	back = str_from_percent(str_text(&s), s.len);
	assert_string_equal(back, all);
	odd = str_from_percent("%4%zz%2", 7);
	assert_string_equal(odd, "%4%zz%2");
}

static void a_hook_is_known_by_its_checksum(void **data)
{
	CLEANUP(hooks_shim_clear) struct hooks_shim shim = { .made_folder = true }, read = { 0 }, other = { 0 };
	struct hooks_project one = { (char *)"/t op", (char *)"/s\n", (char *)"/r'", (char *)"/c" };
	struct hooks_project two = { (char *)"/t", (char *)"/s", (char *)"/r", (char *)"/c" };
	CLEANUP_FREE char *text = NULL, *again = NULL;

	(void)data;
	hooks_shim_add(&shim, &one);
	hooks_shim_add(&shim, &two);
	hooks_shim_add(&shim, &one);
	assert_int_equal(shim.n, 2);
	text = hooks_shim_text(&shim, "post-commit", "/p'q");
	assert_true(hooks_shim_parse(text, strlen(text), &read));
	assert_false(read.is_edited);
	assert_true(read.made_folder);
	assert_string_equal(read.program, "/p'q");
	assert_true(hooks_shim_has(&read, &one) && hooks_shim_has(&read, &two));
	again = hooks_shim_text(&read, "post-commit", "/p'q");
	assert_string_equal(again, text);
	text[strlen(text) - 2] ^= 1;
	assert_true(hooks_shim_parse(text, strlen(text), &other));
	assert_true(other.is_edited);
	assert_true(hooks_shim_remove(&read, &one));
	assert_false(hooks_shim_has(&read, &one));
	assert_false(hooks_shim_remove(&read, &one));
}

static void a_hook_tells_its_program(void **data)
{
	static const char *const programs[] = { "/p", "/p'q", "'", "/it's own/'x''", "/a ] || exit 0\nb", "/a\\b\"c$d", "/\xc3\xa9 \n[ -x z" };
	struct hooks_project one = { (char *)"/t", (char *)"/s", (char *)"/r", (char *)"/c" };

	(void)data;
	for (size_t i = 0; i < N_ELEMENTS(programs); i++) {
		CLEANUP(hooks_shim_clear) struct hooks_shim shim = { 0 }, read = { 0 };
		CLEANUP_FREE char *text = NULL;

		hooks_shim_add(&shim, &one);
		text = hooks_shim_text(&shim, "post-rewrite", programs[i]);
		assert_true(hooks_shim_parse(text, strlen(text), &read));
		assert_non_null(read.program);
		assert_string_equal(read.program, programs[i]);
	}
}

/* Every prefix of ours, and one byte of each changed: never a crash, never taken for whole. */
static void hooks_that_are_not_ours(void **data)
{
	struct hooks_shim shim = { 0 };
	struct hooks_project one = { (char *)"/t", (char *)"/s", (char *)"/r", (char *)"/c" };
	CLEANUP_FREE char *text = NULL;

	(void)data;
	hooks_shim_add(&shim, &one);
	text = hooks_shim_text(&shim, "post-merge", "/p");
	hooks_shim_clear(&shim);
	for (size_t n = 0; n < strlen(text); n++) {
		CLEANUP_FREE char *cut = xstrndup(text, n), *changed = xstrdup(text);

		if (hooks_shim_parse(cut, n, &shim))
			assert_true(shim.is_edited);
		hooks_shim_clear(&shim);
		changed[n] ^= 4;
		if (hooks_shim_parse(changed, strlen(text), &shim))
			assert_true(shim.is_edited);
		hooks_shim_clear(&shim);
	}
	assert_false(hooks_shim_parse("#!/bin/sh\n# reinject hook\n", 26, &shim));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_empty_spool, setup, teardown),
		cmocka_unit_test(a_hook_tells_its_program),
		cmocka_unit_test_setup_teardown(records_wait_until_they_are_settled, setup, teardown),
		cmocka_unit_test_setup_teardown(what_a_dead_worker_had_taken_is_taken_again, setup, teardown),
		cmocka_unit_test_setup_teardown(lines_that_are_no_records_are_passed_over, setup, teardown),
		cmocka_unit_test_setup_teardown(one_worker, setup, teardown),
		cmocka_unit_test_setup_teardown(a_watch_is_done_with_what_waits, setup, teardown),
		cmocka_unit_test(words_on_a_line),
		cmocka_unit_test(a_hook_is_known_by_its_checksum),
		cmocka_unit_test(hooks_that_are_not_ours),
	};

	return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
