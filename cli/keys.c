#include "cli/keys.h"

#include <signal.h>
#include <unistd.h>

static void set_mode(const struct cli_keys *keys)
{
	struct termios mode = keys->before;

	mode.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	mode.c_cc[VMIN] = 1;
	mode.c_cc[VTIME] = 0;
	/* A terminal that has gone is noticed by the read. */
	(void)!tcsetattr(STDIN_FILENO, TCSADRAIN, &mode);
}

static void on_continued(uv_signal_t *handle, int signal)
{
	(void)signal;
	set_mode(handle->data);
}

static void on_input(uv_poll_t *handle, int status, int events)
{
	struct cli_keys *keys = handle->data;
	char text[32];
	ssize_t n = status < 0 || !(events & UV_READABLE) ? 0 : read(STDIN_FILENO, text, sizeof(text));

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
	if (!isatty(STDIN_FILENO) || tcgetpgrp(STDIN_FILENO) != getpgrp() || tcgetattr(STDIN_FILENO, &keys->before) < 0)
		return false;
	if (uv_poll_init(loop, &keys->input, STDIN_FILENO) < 0)
		return false;
	keys->active = true;
	keys->input.data = keys;
	uv_signal_init(loop, &keys->continued);
	keys->continued.data = keys;
	uv_signal_start(&keys->continued, on_continued, SIGCONT);
	uv_poll_start(&keys->input, UV_READABLE, on_input);
	set_mode(keys);
	return true;
}

void cli_keys_stop(struct cli_keys *keys)
{
	if (!keys->active)
		return;
	keys->active = false;
	(void)!tcsetattr(STDIN_FILENO, TCSADRAIN, &keys->before);
	uv_close((uv_handle_t *)&keys->input, NULL);
	uv_close((uv_handle_t *)&keys->continued, NULL);
}
