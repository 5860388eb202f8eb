#include "cli/keys.h"

#include <signal.h>
#include <unistd.h>

enum { LOOK_MS = 1000 }; /* how often a watch in the background looks whether it is in front again */

/* Who is not the terminal's foreground and sets its mode or reads from it, is stopped by the system (SIGTTOU, SIGTTIN). */
static bool in_foreground(void)
{
	return tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static void set_mode(const struct cli_keys *keys)
{
	struct termios mode = keys->before;

	mode.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	mode.c_cc[VMIN] = 1;
	mode.c_cc[VTIME] = 0;
	/* A terminal that has gone is noticed by the read. */
	(void)!tcsetattr(STDIN_FILENO, TCSADRAIN, &mode);
}

static void on_input(uv_poll_t *handle, int status, int events);
static void on_timer(uv_timer_t *timer);

/* Nobody tells a process that runs in the background that it has been brought to the front (fg of what `bg` had continued). */
static void look_where_we_are(struct cli_keys *keys)
{
	if (!in_foreground()) {
		uv_poll_stop(&keys->input);
		uv_timer_start(&keys->timer, on_timer, LOOK_MS, LOOK_MS);
		return;
	}
	uv_timer_stop(&keys->timer);
	set_mode(keys);
	uv_poll_start(&keys->input, UV_READABLE, on_input);
}

static void on_timer(uv_timer_t *timer)
{
	if (in_foreground())
		look_where_we_are(timer->data);
}

static void on_continued(uv_signal_t *handle, int signal)
{
	(void)signal;
	look_where_we_are(handle->data);
}

static void on_input(uv_poll_t *handle, int status, int events)
{
	struct cli_keys *keys = handle->data;
	char text[32];
	ssize_t n;

	if (!in_foreground()) {
		look_where_we_are(keys);
		return;
	}
	n = status < 0 || !(events & UV_READABLE) ? 0 : read(STDIN_FILENO, text, sizeof(text));
	if (n <= 0) {
		uv_poll_stop(handle);
		return;
	}
	for (ssize_t i = 0; i < n; i++)
		keys->on_key(keys->data, text[i]);
}

bool cli_keys_start(struct cli_keys *keys, uv_loop_t *loop, void (*on_key)(void *data, char key), void *data)
{
	*keys = (struct cli_keys){ .on_key = on_key, .data = data };
	if (!isatty(STDIN_FILENO) || !in_foreground() || tcgetattr(STDIN_FILENO, &keys->before) < 0)
		return false;
	if (uv_poll_init(loop, &keys->input, STDIN_FILENO) < 0)
		return false;
	keys->active = true;
	keys->input.data = keys->continued.data = keys->timer.data = keys;
	/* These two cannot fail on a Unix. */
	(void)!uv_timer_init(loop, &keys->timer);
	(void)!uv_signal_init(loop, &keys->continued);
	uv_signal_start(&keys->continued, on_continued, SIGCONT);
	look_where_we_are(keys);
	return true;
}

void cli_keys_stop(struct cli_keys *keys)
{
	if (!keys->active)
		return;
	keys->active = false;
	/* In the background the mode is somebody else's. */
	if (in_foreground())
		(void)!tcsetattr(STDIN_FILENO, TCSADRAIN, &keys->before);
	uv_close((uv_handle_t *)&keys->input, NULL);
	uv_close((uv_handle_t *)&keys->continued, NULL);
	uv_close((uv_handle_t *)&keys->timer, NULL);
}
