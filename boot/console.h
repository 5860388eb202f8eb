/* boot/console - a virtual machine's console, wherever it is: a terminal of ours, a socket, a file, a tmux session.
 *
 * Places:   'pty' (the program runs on a terminal that we hold), 'socket:PATH' (QEMU's serial port as a UNIX socket), 'file:PATH' (it is written there, and
 *           takes no lines), 'tmux:SESSION'.
 * Sequence: boot_console_new(); boot_console_prepare() before the program is started, which refuses a place where a machine that we did not start is
 *           to be met; boot_console_started(); boot_console_open() until it says 1; then read and send; boot_console_free().
 * Waiting:  boot_console_fd() is to be polled once it is open; a file has none and is read again and again.
 * Tmux:     by a client in control mode, which hands over what every pane writes, whole, and takes keys; what was written before it was attached is taken
 *           from the pane's history.
 * Threads:  the caller's; each transport in a file of its own (console_*.c). */
#ifndef REINJECT_BOOT_CONSOLE_H
#define REINJECT_BOOT_CONSOLE_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

enum boot_console_kind { BOOT_CONSOLE_PTY, BOOT_CONSOLE_SOCKET, BOOT_CONSOLE_FILE, BOOT_CONSOLE_TMUX };

struct boot_console;

/** @place as above, expanded; a relative path is @dir's. -EINVAL, class ERR_USAGE, for another. */
int boot_console_new(const char *place, const char *dir, struct boot_console **ret, struct err *err) MUST_CHECK;
void boot_console_free(struct boot_console *console); /* takes NULL */
void boot_console_freep(struct boot_console **console);

enum boot_console_kind boot_console_kind(const struct boot_console *console);

/** -EBUSY, class ERR_BUSY, when a machine is there already. A regular file of an earlier boot becomes PATH.old. */
int boot_console_prepare(struct boot_console *console, struct err *err) MUST_CHECK;
/** What a place keeps of before (tmux) is not read. */
void boot_console_skip_history(struct boot_console *console);
/** The descriptor that the program gets as its standard input and output; -1 when it needs none. */
int boot_console_stdio(const struct boot_console *console);
/** The program has its descriptors. */
void boot_console_started(struct boot_console *console);

/** Tries: 1 it is open, 0 not yet, -errno never. */
int boot_console_open(struct boot_console *console, struct err *err) MUST_CHECK;
bool boot_console_is_open(const struct boot_console *console);
/** -1: to be read at intervals. */
int boot_console_fd(const struct boot_console *console);

/** Adds what there is to @ret. 1 when there was something, 0 when not, -EPIPE when nothing will ever come again. */
int boot_console_read(struct boot_console *console, struct str *ret) MUST_CHECK;

bool boot_console_can_send(const struct boot_console *console);
/** As typed: a line is to end with \n. Waits a second at most. */
int boot_console_send(struct boot_console *console, const char *bytes, size_t n, struct err *err) MUST_CHECK;

/** Ends the tmux session; -ENOTSUP for other places. */
int boot_console_kill_session(struct boot_console *console, struct err *err) MUST_CHECK;

#endif
