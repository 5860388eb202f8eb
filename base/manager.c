#include "base/manager.h"

#include "base/local.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* libsystemd would do the same for a library that most of the world does not have. */

static uint64_t number(const char *text)
{
	char *end;
	unsigned long long value;

	if (!text || *text < '0' || *text > '9')
		return 0;
	errno = 0;
	value = strtoull(text, &end, 10);
	return errno || *end ? 0 : value;
}

/* WATCHDOG_PID names another process when a wrapper between us and the manager is meant. */
static uint32_t watchdog_ms(void)
{
	const char *pid = getenv("WATCHDOG_PID");
	uint64_t ms = number(getenv("WATCHDOG_USEC")) / 1000;

	if (pid && number(pid) != (uint64_t)getpid())
		return 0;
	return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

void manager_open(struct manager *manager)
{
	static const char *const names[] = { "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID" };
	const char *address = getenv("NOTIFY_SOCKET");

	*manager = (struct manager){ 0 };
	if (address && (address[0] == '/' || address[0] == '@') && address[1]) {
		manager->address = xstrdup(address);
		manager->watchdog_ms = watchdog_ms();
	}
	for (size_t i = 0; i < N_ELEMENTS(names); i++)
		unsetenv(names[i]);
}

void manager_close(struct manager *manager)
{
	free(manager->address);
	*manager = (struct manager){ 0 };
}

void manager_tell(const struct manager *manager, const char *state)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	CLEANUP_CLOSE int fd = -1;
	size_t n = manager->address ? strlen(manager->address) : 0;

	if (n == 0 || n >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, manager->address, n);
	if (to.sun_path[0] == '@')
		to.sun_path[0] = '\0';
	fd = local_socket(SOCK_DGRAM);
	/* Never waits: a manager whose queue is full is in no state to be told. */
	if (fd >= 0)
		(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&to,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
}

void manager_status(const struct manager *manager, const char *text)
{
	CLEANUP_FREE char *state = xasprintf("STATUS=%.*s", (int)strcspn(text, "\n"), text);

	manager_tell(manager, state);
}

bool manager_reads_stderr(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	CLEANUP_FREE char *ours = NULL;
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	ours = xasprintf("%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	return str_eq(stream, ours);
}
