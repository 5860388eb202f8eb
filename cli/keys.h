/* cli/keys - single keys from the terminal while something runs, on a libuv loop.
 *
 * Sequence: cli_keys_start(), which puts the terminal into a mode without lines and echo; cli_keys_stop() gives it back as it was. Signals (Ctrl-C,
 *           Ctrl-Z) stay the terminal's; after a stop and continue (SIGCONT) the mode is set again. What goes on in the background (Ctrl-Z, `bg`)
 *           leaves the terminal alone until it is in front again.
 * Without a terminal on standard input, or when started in the background, nothing is read and nothing is asked.
 * Threads: the loop's. */
#ifndef REINJECT_CLI_KEYS_H
#define REINJECT_CLI_KEYS_H

#include "base/cleanup.h"

#include <uv.h>

#include <stdbool.h>
#include <termios.h>

struct cli_keys {
	void (*on_key)(void *data, char key);
	void *data;
	bool active;
	struct termios before;
	uv_poll_t input;
	uv_signal_t continued;
	uv_timer_t timer; /* runs in the background only */
};

/** @keys must live until the loop was turned once after cli_keys_stop(). False when there is nobody to press a key. */
bool cli_keys_start(struct cli_keys *keys, uv_loop_t *loop, void (*on_key)(void *data, char key), void *data);
void cli_keys_stop(struct cli_keys *keys);

#endif
