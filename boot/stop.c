/* How a machine that we have started is asked to end: monitor, escape, tmux; and what an unattended run may do when it does not. */
#include "boot/internal.h"

#include "base/clock.h"
#include "base/local.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	GREETING_MS = 1000, /* HMP and QMP say something first, and which of them it is */
	LIMIT_MS = 5000,
	SIGNAL_MS = 2000,
	MOMENT_MS = 200,
	PAUSE_MS = 10, /* no event tells of the end of what is no child of ours any more */
};

static bool has_ended(struct boot_machine *machine)
{
	return !boot_lives(machine);
}

static bool wait_for_end(struct boot_machine *machine, int64_t limit_ms)
{
	return boot_wait(machine, has_ended, limit_ms * machine->setup.scale);
}

/* -- the monitor ------------------------------------------------------------------------------------------------------------------------------ */

static int connect_monitor(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	CLEANUP_CLOSE int fd = local_socket(SOCK_STREAM);

	if (fd < 0)
		return fd;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	for (size_t i = 0; path[i]; i++)
		address.sun_path[i] = path[i];
	/* Where calls queue up and nobody takes them, this would wait without end. */
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static bool speaks_qmp(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char greeting[512];
	ssize_t n = poll(&p, 1, GREETING_MS) > 0 ? read(fd, greeting, sizeof(greeting) - 1) : 0;

	greeting[n > 0 ? n : 0] = '\0';
	return strstr(greeting, "\"QMP\"") != NULL;
}

/* The answer is read and dropped until the monitor has gone: closing first could lose the command. */
static void await_close(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t end = clock_ms() + GREETING_MS;
	char answer[512];

	while (clock_ms() < end && poll(&p, 1, (int)(end - clock_ms())) > 0) {
		ssize_t n = read(fd, answer, sizeof(answer));

		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return;
	}
}

int boot_check_monitor(const struct boot_machine *machine, struct err *err)
{
	CLEANUP_CLOSE int fd = machine->setup.monitor ? connect_monitor(machine->setup.monitor) : -ENOENT;

	/* A full queue is somebody's. */
	if (fd < 0 && fd != -EAGAIN)
		return 0;
	err_class_set(err, ERR_BUSY, -EBUSY, "somebody answers at '%s', [boot] stop: a machine that reinject did not start runs there",
		      machine->setup.monitor);
	err_hint(err, "end it first; reinject leaves it alone");
	return -EBUSY;
}

static bool ask_monitor(const struct boot_machine *machine)
{
	static const char hmp[] = "quit\n", qmp[] = "{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"quit\"}\n";
	CLEANUP_CLOSE int fd = machine->setup.monitor ? connect_monitor(machine->setup.monitor) : -ENOENT;
	const char *words;

	if (fd < 0)
		return false;
	words = speaks_qmp(fd) ? qmp : hmp;
	if (send(fd, words, strlen(words), MSG_NOSIGNAL) != (ssize_t)strlen(words))
		return false;
	await_close(fd);
	return true;
}

void boot_end_other(const struct boot_machine *machine, pid_t group)
{
	int64_t end = clock_ms() + LIMIT_MS * machine->setup.scale;

	if (!ask_monitor(machine))
		return;
	while (kill(-group, 0) == 0 && clock_ms() < end)
		(void)poll(NULL, 0, PAUSE_MS);
}

/* -- the ways, one after the other ------------------------------------------------------------------------------------------------------------ */

/* The last of its group may need a moment after the program. */
static bool let_it_end(struct boot_machine *machine)
{
	return machine->program_ended && boot_console_kind(machine->console) == BOOT_CONSOLE_PTY && wait_for_end(machine, MOMENT_MS);
}

static bool ask_by_monitor(struct boot_machine *machine)
{
	return ask_monitor(machine) && wait_for_end(machine, LIMIT_MS);
}

/* QEMU's own, where its monitor shares the console; it means nothing on a socket of the serial port alone. */
static bool ask_by_escape(struct boot_machine *machine)
{
	static const char escape[] = "\001x";
	enum boot_console_kind kind = boot_console_kind(machine->console);

	if (kind != BOOT_CONSOLE_PTY && kind != BOOT_CONSOLE_TMUX)
		return false;
	return boot_console_send(machine->console, escape, strlen(escape), NULL) == 0 && wait_for_end(machine, SIGNAL_MS);
}

static bool ask_by_tmux(struct boot_machine *machine)
{
	return boot_console_kill_session(machine->console, NULL) == 0 && wait_for_end(machine, LIMIT_MS);
}

/* As long as the program is our child or anybody of its group lives, the number of the group is nobody else's. */
static bool signal_group(struct boot_machine *machine, int signal)
{
	return kill(-machine->group, signal) == 0 && wait_for_end(machine, SIGNAL_MS);
}

/* Ctrl-C is for all that runs on a terminal, and a terminal that is closed hangs up: both are what its user does by hand. */
static bool ask_as_terminal(struct boot_machine *machine)
{
	if (machine->is_cancelled && signal_group(machine, SIGINT))
		return true;
	return boot_console_kind(machine->console) == BOOT_CONSOLE_PTY && signal_group(machine, SIGHUP);
}

static bool end_by_force(struct boot_machine *machine)
{
	return machine->args->unattended && (signal_group(machine, SIGTERM) || signal_group(machine, SIGKILL));
}

/* An end shows at the console first: who answers at its sockets a moment later would be taken for a stranger by the next boot. */
static bool has_left(struct boot_machine *machine)
{
	if (boot_console_kind(machine->console) == BOOT_CONSOLE_SOCKET && boot_console_prepare(machine->console, NULL) == -EBUSY)
		return false;
	return boot_check_monitor(machine, NULL) == 0;
}

void boot_leave(struct boot_machine *machine)
{
	(void)boot_wait(machine, has_left, SIGNAL_MS * machine->setup.scale);
}

void boot_stop(struct boot_machine *machine)
{
	static bool (*const ways[])(struct boot_machine * machine) = {
		let_it_end, ask_by_monitor, ask_by_escape, ask_by_tmux, ask_as_terminal, end_by_force,
	};

	for (size_t i = 0; i < N_ELEMENTS(ways); i++)
		if (has_ended(machine) || ways[i](machine))
			return;
	strvec_addf(&machine->verdict->notes, "the machine was asked to end and goes on (process group %d): it is left alone", (int)machine->group);
}
