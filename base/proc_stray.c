/* What a crash of ours has left running. */
#include "base/proc.h"

#include <errno.h>
#include <signal.h>

/* Its whole group, if it leads one. */
static int send_to(pid_t pid, int signal)
{
	return kill(-pid, signal) < 0 && kill(pid, signal) < 0 ? -errno : 0;
}

int proc_end_stray(pid_t pid, uint64_t start_time, int signal, uint32_t limit_ms, struct err *err)
{
	int r;

	if (pid <= 1 || start_time == 0 || proc_start_time(pid) != start_time)
		return 0;
	r = send_to(pid, signal);
	if (r < 0)
		return r == -ESRCH ? 0 : err_set(err, r, "cannot end process %d", (int)pid);
	r = proc_wait_gone(pid, limit_ms);
	if (r == -ETIMEDOUT) {
		(void)!send_to(pid, SIGKILL);
		r = proc_wait_gone(pid, limit_ms);
	}
	return r < 0 ? err_set(err, r, "cannot wait for the end of process %d", (int)pid) : 1;
}
