/* cli/supervise - a watch that a service manager runs: it hears when all is watched, what is done now, and that the loop still turns.
 *
 * Sequence: cli_supervise_open() before any thread runs (it changes the environment), cli_supervise_start() before the loop runs, cli_supervise_event() for each event, cli_supervise_stop() before the loop is closed.
 * Watchdog: half as long as the manager waits, by a timer of the loop: a loop that hangs says nothing, and the manager starts the service again.
 * Threads:  the loop's. Without a manager, all of it does nothing. */
#ifndef REINJECT_CLI_SUPERVISE_H
#define REINJECT_CLI_SUPERVISE_H

#include "base/manager.h"
#include "refresh/event.h"

#include <uv.h>

struct cli_supervise {
	struct manager manager;
	uv_timer_t watchdog;
	bool timed; /* the timer is the loop's */
};

/** In this order: what systemd wants to know is read; from _start() on the loop gives it signs of life; an event of the watch tells it what is done now;
 * _stop() says that we are going. Without systemd all four do nothing. */
void cli_supervise_open(struct cli_supervise *supervise);
void cli_supervise_start(struct cli_supervise *supervise, uv_loop_t *loop);
void cli_supervise_event(const struct cli_supervise *supervise, const struct refresh_event *event);
void cli_supervise_stop(struct cli_supervise *supervise);

#endif
