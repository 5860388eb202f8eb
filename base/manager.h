/* base/manager - what a service manager is told of us, and how it wants to read us: systemd's sd_notify by hand, one datagram for each state.
 *
 * Sequence: manager_open() at start, manager_tell() any number of times, manager_close(). Started by nobody who listens, all of it does nothing.
 * Environment: NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID are taken out of ours, so that no child speaks in our name.
 * Errors:  none. A manager that does not hear us is no reason to stop work; a missed watchdog it sees by itself.
 * Threads: one struct manager is used by one thread; open it before others run, since it changes the environment. */
#ifndef REINJECT_BASE_MANAGER_H
#define REINJECT_BASE_MANAGER_H

#include <stdbool.h>
#include <stdint.h>

struct manager {
	char *address;        /* owned; NULL: nobody listens. An '@' first stands for the NUL of an abstract socket */
	uint32_t watchdog_ms; /* it wants a sign of life at least so often; 0: none */
};

/** Takes what systemd has said in the environment, and takes it out of there, so that no child speaks for us. */
void manager_open(struct manager *manager);
void manager_close(struct manager *manager);

/** Sends @state, lines of NAME=VALUE: 'READY=1', 'STATUS=building netd'. */
void manager_tell(const struct manager *manager, const char *state);
/** Sends 'STATUS=@text'; of more lines the first. */
void manager_status(const struct manager *manager, const char *text);

/** True when standard error goes to systemd's journal, which has its own times and takes a level '<N>' before each line. */
bool manager_reads_stderr(void);

#endif
