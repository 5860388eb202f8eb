/* Questions about processes that are not our children: their start time, their end (pidfd). The Darwin twin is proc_darwin.c. */
#include "base/proc.h"

#include "base/fs.h"

#include <errno.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
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

int proc_end_stray(pid_t pid, uint64_t start_time, int signal, uint32_t limit_ms, struct err *err)
{
	int r;

	if (pid <= 1 || start_time == 0 || proc_start_time(pid) != start_time)
		return 0;
	if (kill(-pid, signal) < 0 && kill(pid, signal) < 0)
		return errno == ESRCH ? 0 : err_set(err, -errno, "cannot end process %d", (int)pid);
	r = proc_wait_gone(pid, limit_ms);
	if (r == -ETIMEDOUT) {
		kill(-pid, SIGKILL);
		r = proc_wait_gone(pid, limit_ms);
	}
	return r < 0 ? err_set(err, r, "cannot wait for the end of process %d", (int)pid) : 1;
}
