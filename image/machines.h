/* image/machines - the virtual machines that run, and which files they have open: also an image that has been replaced since, which no name leads to.
 *
 * Only what the system lets us see: another user's QEMU is not among them.
 * Ownership: image_machines_clear(). */
#ifndef REINJECT_IMAGE_MACHINES_H
#define REINJECT_IMAGE_MACHINES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** One open regular file of one machine. */
struct image_machine {
	pid_t pid;
	char *program; /* 'qemu-system-aarch64' */
	uint64_t dev, ino;
};
struct image_machines {
	struct image_machine *v; /* each file of a process once */
	size_t n, cap;
};

/** Best effort: what cannot be read of another user's processes is not in it. */
void image_machines_find(struct image_machines *ret);
void image_machines_clear(struct image_machines *machines);

#endif
