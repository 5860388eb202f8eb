#include "image/holders.h"

#include <errno.h>
#include <stdlib.h>

void image_holders_add(struct image_holders *holders, pid_t pid, char *program, bool may_write, char *how)
{
	holders->v = xrealloc(holders->v, (holders->n + 1) * sizeof(*holders->v));
	holders->v[holders->n++] = (struct image_holder){ .pid = pid, .program = program, .may_write = may_write, .how = how };
}

void image_holders_clear(struct image_holders *holders)
{
	for (size_t i = 0; i < holders->n; i++) {
		free(holders->v[i].program);
		free(holders->v[i].how);
	}
	free(holders->v);
	*holders = (struct image_holders){ 0 };
}

void image_daemons_clear(struct image_daemons *daemons)
{
	for (size_t i = 0; i < daemons->n; i++)
		free(daemons->v[i].mount_point);
	free(daemons->v);
	*daemons = (struct image_daemons){ 0 };
}

static void say(const char *path, const struct image_holder *h, struct err *err)
{
	if (h->pid > 0)
		err_class_set(err, ERR_BUSY, -EBUSY, "image '%s' is busy: %s (process %d) %s", path, h->program ? h->program : "a program",
			      (int)h->pid, h->how);
	else
		err_class_set(err, ERR_BUSY, -EBUSY, "image '%s' is busy: %s %s", path, h->program ? h->program : "a program of another user",
			      h->how);
}

int image_holders_refuse(const char *path, const struct image_holders *holders, struct err *err)
{
	for (size_t i = 0; i < holders->n; i++) {
		if (!holders->v[i].may_write)
			continue;
		say(path, &holders->v[i], err);
		err_hint(err,
			 "two writers destroy an image: unmount it or end that program first; a QEMU may stay when it runs with snapshot=on");
		return -EBUSY;
	}
	return 0;
}
