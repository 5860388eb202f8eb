/* Darwin: what libproc tells of a process, its end by kqueue, descriptors one by one, since there is no close_range. Compiled by `make check-darwin`;
 * nothing of it was run on a Mac: above all not whether EVFILT_FS speaks of macFUSE mounts, which proc_wait_ready() relies on. */
#include "base/proc.h"

#include <uv.h>

#include <errno.h>
#include <fcntl.h>
#include <libproc.h>
#include <signal.h>
#include <string.h>
#include <sys/event.h>
#include <sys/time.h>
#include <unistd.h>

void proc_seal_descriptors(void)
{
	int n = proc_pidinfo(getpid(), PROC_PIDLISTFDS, 0, NULL, 0);
	CLEANUP_FREE struct proc_fdinfo *fds = xcalloc(1, n > 0 ? (size_t)n : 1);

	n = proc_pidinfo(getpid(), PROC_PIDLISTFDS, 0, fds, n);
	for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(*fds); i++)
		if (fds[i].proc_fd > STDERR_FILENO)
			(void)fcntl(fds[i].proc_fd, F_SETFD, FD_CLOEXEC); /* one that is closed by now needs none */
}

uint64_t proc_start_time(pid_t pid)
{
	struct proc_bsdinfo info;

	if (proc_pidinfo(pid, PROC_PIDTBSDINFO, 0, &info, sizeof(info)) != (int)sizeof(info))
		return 0;
	return info.pbi_start_tvsec * 1000000 + info.pbi_start_tvusec;
}

int proc_wait_gone(pid_t pid, uint32_t limit_ms)
{
	CLEANUP_CLOSE int queue = kqueue();
	struct timespec limit = { .tv_sec = limit_ms / 1000, .tv_nsec = (long)(limit_ms % 1000) * 1000000 };
	struct kevent change, event;
	int n;

	if (queue < 0)
		return -errno;
	EV_SET(&change, (uintptr_t)pid, EVFILT_PROC, EV_ADD | EV_ONESHOT, NOTE_EXIT, 0, NULL);
	if (kevent(queue, &change, 1, NULL, 0, NULL) < 0)
		return errno == ESRCH ? 0 : -errno;
	do
		n = kevent(queue, NULL, 0, &event, 1, &limit);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n > 0 ? 0 : -ETIMEDOUT;
}

void proc_name_of(pid_t pid, char *ret, size_t size)
{
	struct proc_bsdinfo info;

	ret[0] = '\0';
	if (proc_pidinfo(pid, PROC_PIDTBSDINFO, 0, &info, sizeof(info)) == (int)sizeof(info))
		snprintf(ret, size, "%.*s", (int)strnlen(info.pbi_comm, sizeof(info.pbi_comm)), info.pbi_comm);
}

int proc_event_mask(void)
{
	return UV_READABLE;
}

void proc_event_take(int fd)
{
	struct timespec now = { 0 };
	struct kevent event;

	/* One call takes all that EVFILT_FS has to say; a descriptor that is no kqueue is left as it is. */
	(void)kevent(fd, NULL, 0, &event, 1, &now);
}
