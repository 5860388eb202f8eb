/* The program on a terminal of ours, as if somebody had started it by hand: `-nographic` and `-serial stdio` speak there. */
#include "boot/console_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Wide, so that what the guest wraps is still one line. */
enum { ROWS = 50, COLUMNS = 200, NAME_SIZE = 128 };

static int open_pair(struct boot_console *console)
{
	struct winsize size = { .ws_row = ROWS, .ws_col = COLUMNS };
	char name[NAME_SIZE];

	console->fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (console->fd < 0 || grantpt(console->fd) < 0 || unlockpt(console->fd) < 0)
		return -errno;
	if (ptsname_r(console->fd, name, sizeof(name)) != 0)
		return -errno;
	console->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (console->slave < 0)
		return -errno;
	(void)!ioctl(console->slave, TIOCSWINSZ, &size); /* it has some size in any case */
	return fcntl(console->fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int prepare(struct boot_console *console, struct err *err)
{
	int r = open_pair(console);

	return r < 0 ? err_set(err, r, "cannot make a terminal for the program") : 0;
}

static int open_now(struct boot_console *console, struct err *err)
{
	(void)console;
	(void)err;
	return 1;
}

static int send_bytes(struct boot_console *console, const char *bytes, size_t n, struct err *err)
{
	int r = boot_console_write_all(console->fd, bytes, n);

	return r < 0 ? err_set(err, r, "cannot write to the program's terminal") : 0;
}

const struct boot_console_ops boot_console_pty = {
	.kind = BOOT_CONSOLE_PTY,
	.prepare = prepare,
	.open = open_now,
	.send = send_bytes,
};
