/* What the transports have in common: which one it is, streams of bytes, and the way in and out. */
#include "boot/console_internal.h"

#include "base/fs.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { READ_SIZE = 65536, SEND_LIMIT_MS = 1000 };

static const struct {
	const char *prefix;
	const struct boot_console_ops *ops;
	bool is_path;
} places[] = {
	{ "socket:", &boot_console_socket, true },
	{ "file:", &boot_console_file, true },
	{ "tmux:", &boot_console_tmux, false },
};

static struct boot_console *make(const struct boot_console_ops *ops, char *name)
{
	struct boot_console *console = xcalloc(1, sizeof(*console));

	console->ops = ops;
	console->name = name;
	console->fd = console->slave = -1;
	return console;
}

int boot_console_new(const char *place, const char *dir, struct boot_console **ret, struct err *err)
{
	if (strcmp(place, "pty") == 0) {
		*ret = make(&boot_console_pty, xstrdup(""));
		return 0;
	}
	for (size_t i = 0; i < N_ELEMENTS(places); i++) {
		const char *name = place + strlen(places[i].prefix);

		if (!str_starts(place, places[i].prefix) || !*name)
			continue;
		*ret = make(places[i].ops, places[i].is_path ? fs_absolute(dir, name) : xstrdup(name));
		return 0;
	}
	err_class_set(err, ERR_USAGE, -EINVAL, "[boot] console: '%s' is no console", place);
	err_hint(err, "expected pty, socket:PATH, tmux:SESSION or file:PATH");
	return -EINVAL;
}

void boot_console_free(struct boot_console *console)
{
	if (!console)
		return;
	if (console->ops->close)
		console->ops->close(console);
	cleanup_close(&console->fd);
	cleanup_close(&console->slave);
	str_clear(&console->pending);
	str_clear(&console->blank);
	str_clear(&console->unsent);
	free(console->name);
	free(console);
}

void boot_console_freep(struct boot_console **console)
{
	boot_console_free(*console);
}

enum boot_console_kind boot_console_kind(const struct boot_console *console)
{
	return console->ops->kind;
}

int boot_console_prepare(struct boot_console *console, struct err *err)
{
	return console->ops->prepare(console, err);
}

int boot_console_stdio(const struct boot_console *console)
{
	return console->slave;
}

void boot_console_skip_history(struct boot_console *console)
{
	console->asked = true;
	console->blocks = 1;
}

/* As long as we held the program's end open too, its end would not be seen. */
void boot_console_started(struct boot_console *console)
{
	cleanup_close(&console->slave);
	console->slave = -1;
}

int boot_console_open(struct boot_console *console, struct err *err)
{
	int r = console->open ? 1 : console->ops->open(console, err);

	console->open = r == 1;
	return r;
}

bool boot_console_is_open(const struct boot_console *console)
{
	return console->open && !console->ended;
}

int boot_console_fd(const struct boot_console *console)
{
	return console->ops->kind == BOOT_CONSOLE_FILE ? -1 : console->fd;
}

int boot_console_read_stream(int fd, struct str *ret)
{
	char buffer[READ_SIZE];
	ssize_t n;

	do {
		n = read(fd, buffer, sizeof(buffer));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -EPIPE; /* a terminal without a program says EIO */
	if (n == 0)
		return -EPIPE;
	str_add_n(ret, buffer, (size_t)n);
	return 1;
}

int boot_console_read(struct boot_console *console, struct str *ret)
{
	int r;

	if (!boot_console_is_open(console))
		return console->ended ? -EPIPE : 0;
	r = console->ops->read ? console->ops->read(console, ret) : boot_console_read_stream(console->fd, ret);
	console->ended = r == -EPIPE;
	return r;
}

int boot_console_write_all(int fd, const char *bytes, size_t n)
{
	while (n > 0) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		ssize_t written = write(fd, bytes, n);

		if (written >= 0) {
			bytes += written;
			n -= (size_t)written;
		} else if (errno != EAGAIN && errno != EINTR) {
			return -errno;
		} else if (errno == EAGAIN && poll(&p, 1, SEND_LIMIT_MS) == 0) {
			return -ETIMEDOUT;
		}
	}
	return 0;
}

bool boot_console_can_send(const struct boot_console *console)
{
	return console->ops->send != NULL;
}

int boot_console_send(struct boot_console *console, const char *bytes, size_t n, struct err *err)
{
	if (!console->ops->send)
		return err_class_set(err, ERR_USAGE, -ENOTSUP, "a console that is a file takes no lines");
	if (!boot_console_is_open(console))
		return err_set(err, -EPIPE, "the console is not open!");
	return console->ops->send(console, bytes, n, err);
}
