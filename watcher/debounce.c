#include "watcher/debounce.h"

/* Two questions, one after the other: when would a look be due, and does git hold it up? */

void watcher_debounce_init(struct watcher_debounce *debounce, uint32_t quiet_ms, int64_t now_ms)
{
	*debounce = (struct watcher_debounce){ .quiet_ms = quiet_ms, .asked = true, .last_ms = now_ms, .looked_ms = now_ms };
}

void watcher_debounce_event(struct watcher_debounce *debounce, int64_t first_ms, int64_t last_ms, bool git)
{
	if (!debounce->pending)
		debounce->first_ms = first_ms;
	debounce->pending = true;
	if (last_ms > debounce->last_ms)
		debounce->last_ms = last_ms;
	if (git)
		debounce->passed = WATCHER_OPERATION_NONE;
}

void watcher_debounce_ask(struct watcher_debounce *debounce)
{
	debounce->asked = true;
}

static int64_t min(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t max(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t due(const struct watcher_debounce *debounce, int64_t now_ms)
{
	if (debounce->asked)
		return now_ms;
	if (debounce->pending)
		return min(debounce->last_ms + debounce->quiet_ms, debounce->first_ms + max(debounce->quiet_ms, WATCHER_DEBOUNCE_MAX_MS));
	return debounce->looked_ms + WATCHER_DEBOUNCE_EVERY_MS;
}

/* True while the look has to wait for git. */
static bool hold(struct watcher_debounce *debounce, int64_t now_ms, enum watcher_operation operation)
{
	if (debounce->passed == operation)
		return false;
	if (!debounce->held) {
		debounce->held = true;
		debounce->held_ms = now_ms;
	}
	if (operation == WATCHER_OPERATION_CONFLICT || now_ms - max(debounce->last_ms, debounce->held_ms) < WATCHER_DEBOUNCE_STILL_MS)
		return true;
	debounce->passed = operation;
	debounce->held = false;
	return false;
}

/* What was held up begins its quiet time now, whatever was wanted and since when. */
static void let_go(struct watcher_debounce *debounce, int64_t now_ms)
{
	debounce->held = debounce->asked = false;
	debounce->pending = true;
	debounce->first_ms = now_ms;
	debounce->last_ms = max(debounce->last_ms, now_ms);
}

int64_t watcher_debounce_wait(struct watcher_debounce *debounce, int64_t now_ms, enum watcher_operation operation)
{
	int64_t wait;

	if (operation == WATCHER_OPERATION_NONE) {
		debounce->passed = WATCHER_OPERATION_NONE;
		if (debounce->held)
			let_go(debounce, now_ms);
	}
	wait = due(debounce, now_ms) - now_ms;
	if (wait > 0)
		return wait;
	return operation != WATCHER_OPERATION_NONE && hold(debounce, now_ms, operation) ? WATCHER_DEBOUNCE_RECHECK_MS : 0;
}

void watcher_debounce_looked(struct watcher_debounce *debounce, int64_t now_ms)
{
	debounce->pending = debounce->asked = debounce->held = false;
	debounce->looked_ms = now_ms;
}
