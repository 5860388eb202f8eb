/* boot/console_internal - what console.c and its transports share. */
#ifndef REINJECT_BOOT_CONSOLE_INTERNAL_H
#define REINJECT_BOOT_CONSOLE_INTERNAL_H

#include "base/proc.h"
#include "boot/console.h"

/** NULL where a transport has nothing to do. */
struct boot_console_ops {
	enum boot_console_kind kind;
	int (*prepare)(struct boot_console *console, struct err *err);
	int (*open)(struct boot_console *console, struct err *err);
	int (*read)(struct boot_console *console, struct str *ret); /* NULL: as a stream from fd */
	int (*send)(struct boot_console *console, const char *bytes, size_t n, struct err *err);
	void (*close)(struct boot_console *console);
};
extern const struct boot_console_ops boot_console_pty, boot_console_socket, boot_console_file, boot_console_tmux;

struct boot_console {
	const struct boot_console_ops *ops;
	char *name; /* owned: the path or the session */
	int fd;     /* owned; -1 */
	int slave;  /* owned: pty, until the program has it; -1 */
	bool open, ended;
	struct proc *client; /* owned: tmux */
	struct str pending;  /* tmux: a line of the client's that is not whole yet */
	struct str blank;    /* tmux: line ends of the history, until something follows them */
	unsigned int blocks; /* tmux: answers to us that have begun; the first is the history */
	bool in_block, in_ours;
	bool attached;     /* tmux */
	bool asked;        /* tmux: for the history */
	struct str unsent; /* tmux: commands for when the client is attached */
};

/** Writes all, waiting a second at most for each part. */
int boot_console_write_all(int fd, const char *bytes, size_t n) MUST_CHECK;
/** One read from @fd into @ret, as boot_console_read(). */
int boot_console_read_stream(int fd, struct str *ret) MUST_CHECK;

#endif
