/* What hooks have left in STATE/spool, in any state a crash may leave it: taking and settling must neither lose nor invent a hook. */
#include "fuzz.h"

#include "journal/spool.h"

static void take(void *data, const struct journal_record *record)
{
	CLEANUP(str_clear) struct str top = { 0 };
	CLEANUP_FREE char *back = NULL;

	FUZZ_CHECK(record->event[0] && !strpbrk(record->event, " \n"));
	str_add_percent(&top, record->top);
	back = str_from_percent(str_text(&top), top.len);
	FUZZ_CHECK(str_eq(back, record->top));
	strvec_addf(data, "%lld %s %s", (long long)record->at, record->event, str_text(&top));
}

static void last(const char *state, struct strvec *ret)
{
	FUZZ_CHECK(journal_spool_last(state, take, ret, NULL) == 0);
	strvec_sort_unique(ret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *state = fuzz_dir();
	CLEANUP_FREE char *spool = xasprintf("%s/spool", state), *queue = NULL, *taken = NULL;
	CLEANUP(strvec_clear) struct strvec before = { 0 }, after = { 0 };
	size_t half = n > 0 ? data[0] % n : 0, count = 0;

	FUZZ_CHECK(fs_remove_tree(spool, NULL) == 0 && mkdir(spool, 0755) == 0);
	if (half > 0)
		taken = fuzz_file("spool/taken", data, half);
	queue = fuzz_file(JOURNAL_SPOOL_QUEUE, data + half, n - half);
	FUZZ_CHECK(journal_spool_count(state, &count, NULL) == 0 && count <= n);
	last(state, &before);
	FUZZ_CHECK(before.n <= count + 1);
	FUZZ_CHECK(journal_spool_take(state, NULL) == 1);
	FUZZ_CHECK(journal_spool_settle(state, NULL) == 0);
	FUZZ_CHECK(journal_spool_count(state, &count, NULL) == 0 && count == 0);
	last(state, &after);
	FUZZ_CHECK(strvec_same(&before, &after));
	return 0;
}
