/* A tmux session, by a client in control mode (`tmux -C`): what the panes write comes as lines '%output %PANE BYTES', answers to commands stand between
 * '%begin' and '%end', with a 1 at the end of the line where it was us who asked. Once attached, the pane's history is asked for: what was written before
 * stands there, and so is left out where it comes as output, too. */
#include "boot/console_internal.h"

#include "base/local.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LIMIT_MS = 5000, HISTORY = 1 };

static int run_tmux(const char *verb, const char *target, struct err *err)
{
	char *argv[] = { (char *)"tmux", (char *)verb, (char *)"-t", (char *)target, NULL };
	struct proc_spec spec = { .argv = argv, .timeout_ms = LIMIT_MS };
	struct proc_result result;
	int r = proc_run(&spec, &result, err);

	if (r < 0)
		return r;
	return result.signalled || result.status != 0 ? -ENOENT : 0;
}

static int has_session(const struct boot_console *console, struct err *err)
{
	CLEANUP_FREE char *target = xasprintf("=%s", console->name);
	struct err why = ERR_INIT;
	int r = run_tmux("has-session", target, &why);

	if (r == 0)
		return 1;
	if (r != -ENOENT || !why.class)
		return r == -ENOENT ? 0 : err_set(err, r, "cannot ask tmux!");
	err_class_set(err, ERR_ENVIRONMENT, -ENOENT, "[boot] console = tmux:%s: there is no tmux", console->name);
	err_hint(err, "install tmux");
	return -ENOENT;
}

static int prepare(struct boot_console *console, struct err *err)
{
	int r = has_session(console, err);

	if (r <= 0)
		return r;
	err_class_set(err, ERR_BUSY, -EBUSY, "there is a tmux session '%s' that reinject did not start", console->name);
	err_hint(err, "end it first; reinject leaves it alone");
	return -EBUSY;
}

static int command(struct boot_console *console, const struct str *line)
{
	return boot_console_write_all(console->fd, line->buf, line->len);
}

static void add_target(const struct boot_console *console, struct str *line)
{
	str_add(line, " -t '=");
	for (const char *p = console->name; *p; p++)
		str_add(line, *p == '\'' ? "'\\''" : (char[]){ *p, '\0' });
	str_add(line, ":'");
}

/* A client that could not be asked has gone, which is seen when it is read. */
static void ask_history(struct boot_console *console)
{
	CLEANUP(str_clear) struct str line = { 0 };

	if (console->asked)
		return;
	console->asked = true;
	str_add(&line, "capture-pane -p -J -S -");
	add_target(console, &line);
	str_add_c(&line, '\n');
	(void)!command(console, &line);
}

static void on_attached(struct boot_console *console)
{
	console->attached = true;
	ask_history(console);
	(void)!command(console, &console->unsent);
	str_clear(&console->unsent);
}

static int attach(struct boot_console *console, struct err *err)
{
	CLEANUP_FREE char *target = xasprintf("=%s", console->name);
	char *argv[] = { (char *)"tmux", (char *)"-C", (char *)"attach-session", (char *)"-t", target, NULL };
	CLEANUP_CLOSE int theirs = -1;
	struct proc_spec spec = { .argv = argv };
	int pair[2], r = local_pair(SOCK_STREAM, pair);

	if (r < 0)
		return err_set(err, r, "cannot make a pair of sockets");
	console->fd = pair[0];
	theirs = pair[1];
	if (fcntl(console->fd, F_SETFL, O_NONBLOCK) < 0)
		return err_set(err, -errno, "cannot use a socket");
	spec.input_fd = spec.output_fd = theirs;
	return proc_start(&spec, &console->client, err);
}

static int open_now(struct boot_console *console, struct err *err)
{
	int r = has_session(console, err);

	if (r <= 0)
		return r;
	r = attach(console, err);
	return r < 0 ? r : 1;
}

/* Bytes below 32 and the backslash come as \ooo. */
static void add_unescaped(struct str *ret, const char *text)
{
	while (*text) {
		if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' && text[2] <= '7' && text[3] >= '0' &&
		    text[3] <= '7') {
			str_add_c(ret, (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0')));
			text += 4;
		} else {
			str_add_c(ret, *text++);
		}
	}
}

/* The history ends with the empty part of the screen, and its last line may be the prompt that goes on. */
static void add_history(struct boot_console *console, const char *line, struct str *ret)
{
	if (*line) {
		str_add_n(ret, str_text(&console->blank), console->blank.len);
		str_reset(&console->blank);
		str_add(ret, line);
	}
	str_add_c(&console->blank, '\n');
}

static void take_line(struct boot_console *console, const char *line, struct str *ret)
{
	const char *bytes;

	if (console->in_block) {
		console->in_block = !str_starts(line, "%end ") && !str_starts(line, "%error ");
		if (console->in_block && console->in_ours && console->blocks == HISTORY)
			add_history(console, line, ret);
	} else if (str_starts(line, "%begin ")) {
		console->in_block = true;
		console->in_ours = str_ends(line, " 1");
		console->blocks += console->in_ours;
	} else if (str_starts(line, "%session-changed ")) {
		on_attached(console);
	} else if (str_starts(line, "%output ")) {
		bytes = strchr(line + strlen("%output "), ' ');
		if (bytes && console->blocks >= HISTORY)
			add_unescaped(ret, bytes + 1);
	}
}

static int read_lines(struct boot_console *console, struct str *ret)
{
	int r = boot_console_read_stream(console->fd, &console->pending);
	char *from = console->pending.buf, *end;
	size_t before = ret->len;

	while (from && (end = strchr(from, '\n'))) {
		*end = '\0';
		if (end > from && end[-1] == '\r')
			end[-1] = '\0';
		take_line(console, from, ret);
		from = end + 1;
	}
	if (from) {
		size_t n = console->pending.len - (size_t)(from - console->pending.buf);

		memmove(console->pending.buf, from, n + 1);
		console->pending.len = n;
	}
	return r == 1 && ret->len == before ? 0 : r;
}

/* As hexadecimal numbers, which tmux does not interpret. It runs what it reads before the attach is over, whose output is then nobody's: so that waits. */
static int send_keys(struct boot_console *console, const char *bytes, size_t n, struct err *err)
{
	CLEANUP(str_clear) struct str line = { 0 };
	int r;

	str_add(&line, "send-keys");
	add_target(console, &line);
	str_add(&line, " -H");
	for (size_t i = 0; i < n; i++)
		str_printf(&line, " %02x", bytes[i] == '\n' ? '\r' : (unsigned char)bytes[i]);
	str_add_c(&line, '\n');
	if (!console->attached) {
		str_add(&console->unsent, str_text(&line));
		return 0;
	}
	r = command(console, &line);
	return r < 0 ? err_set(err, r, "cannot speak to tmux session '%s'", console->name) : 0;
}

/* Without its input the client leaves by itself; the session stays. */
static void leave(struct boot_console *console)
{
	struct proc_result result;

	cleanup_close(&console->fd);
	console->fd = -1;
	if (console->client && proc_wait(console->client, LIMIT_MS, &result, NULL) < 0)
		proc_signal(console->client, SIGTERM);
	proc_free(console->client);
}

int boot_console_kill_session(struct boot_console *console, struct err *err)
{
	CLEANUP_FREE char *target = xasprintf("=%s", console->name);
	int r;

	if (console->ops->kind != BOOT_CONSOLE_TMUX)
		return -ENOTSUP;
	r = run_tmux("kill-session", target, err);
	return r == -ENOENT ? 0 : r;
}

const struct boot_console_ops boot_console_tmux = {
	.kind = BOOT_CONSOLE_TMUX,
	.prepare = prepare,
	.open = open_now,
	.read = read_lines,
	.send = send_keys,
	.close = leave,
};
