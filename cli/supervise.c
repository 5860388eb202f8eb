#include "cli/supervise.h"

#include "base/str.h"

static void on_watchdog(uv_timer_t *timer)
{
	const struct cli_supervise *supervise = timer->data;

	manager_tell(&supervise->manager, "WATCHDOG=1");
}

void cli_supervise_open(struct cli_supervise *supervise)
{
	manager_open(&supervise->manager);
}

void cli_supervise_start(struct cli_supervise *supervise, uv_loop_t *loop)
{
	uint64_t every_ms = supervise->manager.watchdog_ms / 2;

	if (every_ms == 0 || uv_timer_init(loop, &supervise->watchdog) < 0)
		return;
	supervise->timed = true;
	supervise->watchdog.data = supervise;
	uv_timer_start(&supervise->watchdog, on_watchdog, every_ms, every_ms);
}

static char *describe(const struct refresh_event *event)
{
	if (event->type == REFRESH_EVENT_DONE)
		return xasprintf("run %lld: %s%s%s", (long long)event->run, event->result, event->text ? ": " : "",
				 event->text ? event->text : "");
	return xasprintf("%s%s%s", event->result, event->subject ? ": " : "", event->subject ? event->subject : "");
}

/* Back at rest, the last run's result says more than 'idle' would. */
static bool is_worth(const struct refresh_event *event)
{
	return event->type == REFRESH_EVENT_DONE || (event->type == REFRESH_EVENT_STATE && !str_eq(event->result, "idle"));
}

void cli_supervise_event(const struct cli_supervise *supervise, const struct refresh_event *event)
{
	CLEANUP_FREE char *text = NULL;

	if (event->type == REFRESH_EVENT_READY) {
		text = xasprintf("READY=1\nSTATUS=%llu watches", (unsigned long long)event->bytes);
		manager_tell(&supervise->manager, text);
	} else if (is_worth(event)) {
		text = describe(event);
		manager_status(&supervise->manager, text);
	}
}

void cli_supervise_stop(struct cli_supervise *supervise)
{
	manager_tell(&supervise->manager, "STOPPING=1");
	if (supervise->timed)
		uv_close((uv_handle_t *)&supervise->watchdog, NULL);
	supervise->timed = false;
	manager_close(&supervise->manager);
}
