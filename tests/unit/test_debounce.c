/* When to look: watcher/debounce by table, with times that nobody waits for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "watcher/debounce.h"

#include <string.h>

#define NONE     WATCHER_OPERATION_NONE
#define SEQUENCE WATCHER_OPERATION_SEQUENCE
#define LOCK     WATCHER_OPERATION_LOCK
#define CONFLICT WATCHER_OPERATION_CONFLICT

/* What happens at a time; with WAIT, what is expected of it. */
enum what { END, EVENT, HEAD_MOVES, ASK, LOOKED, WAIT };

struct step {
	enum what what;
	int64_t at;
	enum watcher_operation operation;
	int64_t expected;
};

struct row {
	const char *name;
	struct step steps[32];
};

/* Each begins at 0 with quiet_ms = 20 and the look at the start behind it. */
static const struct row rows[] = {
	{ "nothing happens: a look each minute",
	  { { WAIT, 0, NONE, 60000 },
	    { WAIT, 59999, NONE, 1 },
	    { WAIT, 60000, NONE, 0 },
	    { LOOKED, 60000, NONE, 0 },
	    { WAIT, 60001, NONE, 59999 } } },
	{ "one save", { { EVENT, 100, NONE, 0 }, { WAIT, 100, NONE, 20 }, { WAIT, 119, NONE, 1 }, { WAIT, 120, NONE, 0 } } },
	{ "each event begins the quiet time anew",
	  { { EVENT, 100, NONE, 0 },
	    { EVENT, 115, NONE, 0 },
	    { WAIT, 120, NONE, 15 },
	    { EVENT, 130, NONE, 0 },
	    { WAIT, 135, NONE, 15 },
	    { WAIT, 150, NONE, 0 } } },
	{ "2 s at most after the first",
	  { { EVENT, 100, NONE, 0 }, { EVENT, 2090, NONE, 0 }, { WAIT, 2090, NONE, 10 }, { EVENT, 2099, NONE, 0 }, { WAIT, 2100, NONE, 0 } } },
	{ "what comes during a look counts for the next",
	  { { EVENT, 100, NONE, 0 },
	    { WAIT, 120, NONE, 0 },
	    { LOOKED, 120, NONE, 0 },
	    { EVENT, 125, NONE, 0 },
	    { WAIT, 130, NONE, 15 },
	    { WAIT, 145, NONE, 0 },
	    { LOOKED, 145, NONE, 0 },
	    { WAIT, 146, NONE, 59999 } } },
	{ "the first event after a look begins the 2 s anew",
	  { { EVENT, 100, NONE, 0 }, { LOOKED, 120, NONE, 0 }, { EVENT, 2095, NONE, 0 }, { WAIT, 2110, NONE, 5 } } },
	{ "an event just before the minute is over has its quiet time",
	  { { EVENT, 59990, NONE, 0 }, { WAIT, 60000, NONE, 10 }, { WAIT, 60010, NONE, 0 } } },
	{ "an overflow is looked at at once", { { EVENT, 100, NONE, 0 }, { ASK, 101, NONE, 0 }, { WAIT, 101, NONE, 0 } } },
	{ "a wish counts once", { { ASK, 10, NONE, 0 }, { WAIT, 10, NONE, 0 }, { LOOKED, 10, NONE, 0 }, { WAIT, 11, NONE, 59999 } } },

	{ "git's lock holds a due look up, and the quiet time begins at its end",
	  { { EVENT, 100, NONE, 0 },
	    { WAIT, 110, LOCK, 10 },
	    { WAIT, 120, LOCK, 100 },
	    { WAIT, 220, LOCK, 100 },
	    { WAIT, 250, NONE, 20 },
	    { WAIT, 270, NONE, 0 } } },
	{ "a lock that has gone before the look is due holds nothing",
	  { { EVENT, 100, NONE, 0 }, { WAIT, 110, LOCK, 10 }, { WAIT, 120, NONE, 0 } } },
	{ "a checkout of 7 s is one look, also after the 2 s",
	  { { EVENT, 100, NONE, 0 },
	    { WAIT, 120, LOCK, 100 },
	    { EVENT, 3000, NONE, 0 },
	    { WAIT, 3020, LOCK, 100 },
	    { EVENT, 7000, NONE, 0 },
	    { WAIT, 7020, LOCK, 100 },
	    { WAIT, 7050, NONE, 20 },
	    { EVENT, 7060, NONE, 0 },
	    { WAIT, 7070, NONE, 10 },
	    { WAIT, 7080, NONE, 0 } } },
	{ "a checkout of 30 s in which something moves all the time",
	  { { EVENT, 100, NONE, 0 },
	    { WAIT, 120, LOCK, 100 },
	    { EVENT, 9000, NONE, 0 },
	    { WAIT, 10200, LOCK, 100 },
	    { EVENT, 18000, NONE, 0 },
	    { WAIT, 20000, LOCK, 100 },
	    { EVENT, 27000, NONE, 0 },
	    { WAIT, 30000, LOCK, 100 },
	    { WAIT, 30001, NONE, 20 } } },
	{ "a wish, too, waits for git", { { ASK, 5, NONE, 0 }, { WAIT, 5, LOCK, 100 }, { WAIT, 50, NONE, 20 }, { WAIT, 70, NONE, 0 } } },
	{ "so does the look of the minute", { { WAIT, 60000, SEQUENCE, 100 }, { WAIT, 60100, NONE, 20 } } },

	{ "a stale lock is passed over after 10 s of stillness, and stays so",
	  { { EVENT, 100, NONE, 0 },
	    { WAIT, 120, LOCK, 100 },
	    { WAIT, 10119, LOCK, 100 },
	    { WAIT, 10120, LOCK, 0 },
	    { LOOKED, 10120, NONE, 0 },
	    { EVENT, 11000, NONE, 0 },
	    { WAIT, 11010, LOCK, 10 },
	    { WAIT, 11020, LOCK, 0 } } },
	{ "a lock that goes and comes back is no stale one",
	  { { EVENT, 100, NONE, 0 },
	    { WAIT, 120, LOCK, 100 },
	    { WAIT, 10120, LOCK, 0 },
	    { LOOKED, 10120, NONE, 0 },
	    { WAIT, 10200, NONE, 59920 },
	    { EVENT, 11000, NONE, 0 },
	    { WAIT, 11020, LOCK, 100 } } },
	{ "a rebase that stopped for an edit: after 10 s each save is looked at",
	  { { HEAD_MOVES, 100, NONE, 0 },
	    { WAIT, 120, SEQUENCE, 100 },
	    { WAIT, 10120, SEQUENCE, 0 },
	    { LOOKED, 10120, NONE, 0 },
	    { EVENT, 20000, NONE, 0 },
	    { WAIT, 20020, SEQUENCE, 0 },
	    { LOOKED, 20020, NONE, 0 } } },
	{ "and when it goes on, it is waited for again",
	  { { HEAD_MOVES, 100, NONE, 0 },
	    { WAIT, 120, SEQUENCE, 100 },
	    { WAIT, 10120, SEQUENCE, 0 },
	    { LOOKED, 10120, NONE, 0 },
	    { EVENT, 20000, NONE, 0 },
	    { WAIT, 20020, LOCK, 100 },
	    { HEAD_MOVES, 20030, NONE, 0 },
	    { WAIT, 20050, SEQUENCE, 100 },
	    { WAIT, 20100, NONE, 20 } } },
	{ "a conflict is waited for as long as it takes",
	  { { EVENT, 100, NONE, 0 },
	    { WAIT, 120, CONFLICT, 100 },
	    { WAIT, 3600000, CONFLICT, 100 },
	    { EVENT, 3600000, NONE, 0 },
	    { WAIT, 3600010, NONE, 20 },
	    { WAIT, 3600030, NONE, 0 } } },
	{ "a conflict after a stop that was passed over",
	  { { EVENT, 100, NONE, 0 },
	    { WAIT, 120, SEQUENCE, 100 },
	    { WAIT, 10120, SEQUENCE, 0 },
	    { LOOKED, 10120, NONE, 0 },
	    { EVENT, 20000, NONE, 0 },
	    { WAIT, 20020, CONFLICT, 100 },
	    { WAIT, 40000, CONFLICT, 100 } } },
};

static void take(struct watcher_debounce *debounce, const struct step *step, const char *name)
{
	int64_t wait;

	switch (step->what) {
	case EVENT:
	case HEAD_MOVES:
		watcher_debounce_event(debounce, step->at, step->at, step->what == HEAD_MOVES);
		break;
	case ASK:
		watcher_debounce_ask(debounce);
		break;
	case LOOKED:
		watcher_debounce_looked(debounce, step->at);
		break;
	default:
		wait = watcher_debounce_wait(debounce, step->at, step->operation);
		if (wait != step->expected)
			fail_msg("%s: at %d wait %d, not %d", name, (int)step->at, (int)wait, (int)step->expected);
	}
}

static void by_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		struct watcher_debounce debounce;

		watcher_debounce_init(&debounce, 20, 0);
		watcher_debounce_looked(&debounce, 0);
		for (const struct step *step = rows[i].steps; step->what != END; step++)
			take(&debounce, step, rows[i].name);
	}
}

/* A quiet time of more than 2 s is waited for, and then no longer than that. */
static void a_long_quiet_time_counts(void **state)
{
	struct watcher_debounce debounce;

	(void)state;
	watcher_debounce_init(&debounce, 5000, 0);
	watcher_debounce_looked(&debounce, 0);
	watcher_debounce_event(&debounce, 100, 100, false);
	assert_int_equal(watcher_debounce_wait(&debounce, 2100, NONE), 3000);
	watcher_debounce_event(&debounce, 4100, 4100, false);
	assert_int_equal(watcher_debounce_wait(&debounce, 4100, NONE), 1000);
	assert_int_equal(watcher_debounce_wait(&debounce, 5100, NONE), 0);
}

static void it_starts_with_a_look(void **state)
{
	struct watcher_debounce debounce;

	(void)state;
	watcher_debounce_init(&debounce, 20, 5000);
	assert_int_equal(watcher_debounce_wait(&debounce, 5000, WATCHER_OPERATION_NONE), 0);
}

/* One note may stand for many events. */
static void a_note_has_a_first_and_a_last_event(void **state)
{
	struct watcher_debounce debounce;

	(void)state;
	watcher_debounce_init(&debounce, 20, 0);
	watcher_debounce_looked(&debounce, 0);
	watcher_debounce_event(&debounce, 100, 2095, false);
	assert_int_equal(watcher_debounce_wait(&debounce, 2096, WATCHER_OPERATION_NONE), 4);
	watcher_debounce_event(&debounce, 50, 60, false);
	assert_int_equal(debounce.first_ms, 100);
	assert_int_equal(debounce.last_ms, 2095);
}

/* The loop says it once: the field tells. */
static void passing_over_is_told(void **state)
{
	struct watcher_debounce debounce;

	(void)state;
	watcher_debounce_init(&debounce, 20, 0);
	assert_int_equal(watcher_debounce_wait(&debounce, 0, WATCHER_OPERATION_LOCK), WATCHER_DEBOUNCE_RECHECK_MS);
	assert_true(debounce.held);
	assert_int_equal(debounce.passed, WATCHER_OPERATION_NONE);
	assert_int_equal(watcher_debounce_wait(&debounce, WATCHER_DEBOUNCE_STILL_MS, WATCHER_OPERATION_LOCK), 0);
	assert_int_equal(debounce.passed, WATCHER_OPERATION_LOCK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_table),
		cmocka_unit_test(a_long_quiet_time_counts),
		cmocka_unit_test(it_starts_with_a_look),
		cmocka_unit_test(a_note_has_a_first_and_a_last_event),
		cmocka_unit_test(passing_over_is_told),
	};

	return cmocka_run_group_tests_name("debounce", tests, NULL, NULL);
}
