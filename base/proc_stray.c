/* What a crash of ours has left running. */
#include "base/proc.h"

#include <errno.h>
#include <signal.h>

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
