/* refresh/machines - which run a virtual machine has: 'QEMU 4711 runs run 41, the image is at 44: virtio-netd, xhcid differ'.
 *
 * A swap leaves a running machine on the old file (DESIGN.md section 5). Each swap's journal row knows the inode of the image it made, and as long as a
 * machine has that open the number is given to no other file. */
#ifndef REINJECT_REFRESH_MACHINES_H
#define REINJECT_REFRESH_MACHINES_H

#include "image/machines.h"
#include "refresh/session.h"

struct refresh_machine {
	pid_t pid;
	char *program;
	int64_t run;           /* whose image it has */
	struct strvec differs; /* packages that were put or removed since; empty when it has what the image is */
};
struct refresh_machines {
	int64_t now; /* the run that made the image what it is */
	struct refresh_machine *v;
	size_t n, cap;
};

int refresh_machines_load(const struct refresh_session *session, struct refresh_machines *ret, struct err *err) MUST_CHECK;
void refresh_machines_clear(struct refresh_machines *machines);

/** 'qemu-system-aarch64 (process 4711) runs run 41, the image is at 44: virtio-netd xhcid differ'; the caller frees it. */
char *refresh_machines_say(const struct refresh_machines *machines, size_t i) MUST_CHECK;

#endif
