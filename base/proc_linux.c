/* Questions about processes that are not our children: their start time, name and end (pidfd); and descriptors. The Darwin twin is proc_darwin.c. */
#include "base/proc.h"

#include "base/fs.h"

#include <uv.h>

#include <errno.h>
#include <linux/close_range.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

void proc_seal_descriptors(void)
{
	/* Kernels before 5.11 lack the flag; then only what we opened ourselves is close-on-exec. */
	(void)syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC);
}

uint64_t proc_start_time(pid_t pid)
{
	CLEANUP(str_clear) struct str stat = { 0 };
	CLEANUP_FREE char *path = xasprintf("/proc/%d/stat", (int)pid);
	unsigned long long start = 0;
	char *p;

	if (fs_read(path, 4096, &stat, NULL) < 0)
		return 0;
	/* proc(5): field 22; the second, the program's name, may hold blanks and parentheses, so count from its last parenthesis. */
	p = strrchr(str_text(&stat), ')');
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p || sscanf(p, " %llu", &start) != 1)
		return 0;
	return start;
}

static int open_pidfd(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : fd;
}

static int wait_pidfd(int fd, uint32_t limit_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int r = poll(&p, 1, (int)limit_ms);

	if (r < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	return r > 0 ? 0 : -ETIMEDOUT;
}

int proc_wait_gone(pid_t pid, uint32_t limit_ms)
{
	CLEANUP_CLOSE int fd = open_pidfd(pid);
	int r;

	if (fd < 0)
		return fd == -ESRCH ? 0 : fd;
	do
		r = wait_pidfd(fd, limit_ms);
	while (r == -EAGAIN);
	return r;
}

void proc_name_of(pid_t pid, char *ret, size_t size)
{
	CLEANUP(str_clear) struct str comm = { 0 };
	CLEANUP_FREE char *path = xasprintf("/proc/%d/comm", (int)pid);

	ret[0] = '\0';
	if (fs_read(path, 4096, &comm, NULL) == 0 && comm.len > 0)
		snprintf(ret, size, "%.*s", (int)strcspn(comm.buf, "\n"), comm.buf);
}

int proc_event_mask(void)
{
	return UV_PRIORITIZED;
}

/* The kernel takes it back by itself. */
void proc_event_take(int fd)
{
	(void)fd;
}
