/* refresh/console - a virtual machine's console, wherever it is: a terminal of ours, a socket, a file, a tmux session.
 *
 * Places:   'pty' (the program runs on a terminal that we hold), 'socket:PATH' (QEMU's serial port as a UNIX socket), 'file:PATH' (it is written there, and
 *           takes no lines), 'tmux:SESSION'.
 * Sequence: refresh_console_new(); refresh_console_prepare() before the program is started, which refuses a place where a machine that we did not start is
 *           to be met; refresh_console_started(); refresh_console_open() until it says 1; then read and send; refresh_console_free().
 * Waiting:  refresh_console_fd() is to be polled once it is open; a file has none and is read again and again.
 * Tmux:     by a client in control mode, which hands over what every pane writes, whole, and takes keys; what was written before it was attached is taken
 *           from the pane's history.
 * Threads:  the caller's; each transport in a file of its own (console_*.c). */
#ifndef REINJECT_REFRESH_CONSOLE_H
#define REINJECT_REFRESH_CONSOLE_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

enum refresh_console_kind { REFRESH_CONSOLE_PTY, REFRESH_CONSOLE_SOCKET, REFRESH_CONSOLE_FILE, REFRESH_CONSOLE_TMUX };

struct refresh_console;

/** @place as above, expanded; a relative path is @dir's. -EINVAL, class ERR_USAGE, for another. */
int refresh_console_new(const char *place, const char *dir, struct refresh_console **ret, struct err *err) MUST_CHECK;
void refresh_console_free(struct refresh_console *console); /* takes NULL */
void refresh_console_freep(struct refresh_console **console);

enum refresh_console_kind refresh_console_kind(const struct refresh_console *console);
/** The path, or the session's name; '' for a pty. */
const char *refresh_console_name(const struct refresh_console *console);

/** -EBUSY, class ERR_BUSY, when a machine is there already. A regular file of an earlier boot becomes PATH.old. */
int refresh_console_prepare(struct refresh_console *console, struct err *err) MUST_CHECK;
/** What a place keeps of before (tmux) is not read. */
void refresh_console_skip_history(struct refresh_console *console);
/** The descriptor that the program gets as its standard input and output; -1 when it needs none. */
int refresh_console_stdio(const struct refresh_console *console);
/** The program has its descriptors. */
void refresh_console_started(struct refresh_console *console);

/** Tries: 1 it is open, 0 not yet, -errno never. */
int refresh_console_open(struct refresh_console *console, struct err *err) MUST_CHECK;
bool refresh_console_is_open(const struct refresh_console *console);
/** -1: to be read at intervals. */
int refresh_console_fd(const struct refresh_console *console);

/** Adds what there is to @ret. 1 when there was something, 0 when not, -EPIPE when nothing will ever come again. */
int refresh_console_read(struct refresh_console *console, struct str *ret) MUST_CHECK;

bool refresh_console_can_send(const struct refresh_console *console);
/** As typed: a line is to end with \n. Waits a second at most. */
int refresh_console_send(struct refresh_console *console, const char *bytes, size_t n, struct err *err) MUST_CHECK;

/** Ends the tmux session; -ENOTSUP for other places. */
int refresh_console_kill_session(struct refresh_console *console, struct err *err) MUST_CHECK;

#endif
