/* QEMU's serial port as a UNIX socket. It listens some time after it was started, so connecting is tried until it answers. */
#include "boot/console_internal.h"

#include "base/local.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A connected descriptor, or -errno. */
static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	CLEANUP_CLOSE int fd = -1;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	for (size_t i = 0; path[i]; i++)
		address.sun_path[i] = path[i];
	fd = local_socket(SOCK_STREAM);
	if (fd < 0)
		return fd;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int prepare(struct boot_console *console, struct err *err)
{
	CLEANUP_CLOSE int fd = connect_to(console->name);

	if (fd == -ENAMETOOLONG) {
		err_class_set(err, ERR_USAGE, fd, "[boot] console: the path of the socket '%s' is too long", console->name);
		err_hint(err, "the system takes about 100 bytes: set SOCKET_DIR to a folder nearer to the root");
		return -ENAMETOOLONG;
	}
	/* A full queue is somebody's: one who serves another, or is about to end. */
	if (fd < 0 && fd != -EAGAIN)
		return 0;
	err_class_set(err, ERR_BUSY, -EBUSY, "somebody answers at '%s': a machine that reinject did not start runs there", console->name);
	err_hint(err, "end it first; reinject leaves it alone");
	return -EBUSY;
}

static int open_now(struct boot_console *console, struct err *err)
{
	int fd = connect_to(console->name);

	if (fd == -ENOENT || fd == -ECONNREFUSED || fd == -EAGAIN)
		return 0;
	if (fd < 0)
		return err_set(err, fd, "cannot connect to the console '%s'", console->name);
	console->fd = fd;
	return 1;
}

static int send_bytes(struct boot_console *console, const char *bytes, size_t n, struct err *err)
{
	int r = boot_console_write_all(console->fd, bytes, n);

	return r < 0 ? err_set(err, r, "cannot write to the console '%s'", console->name) : 0;
}

const struct boot_console_ops boot_console_socket = {
	.kind = BOOT_CONSOLE_SOCKET,
	.prepare = prepare,
	.open = open_now,
	.send = send_bytes,
};
