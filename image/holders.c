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

/* Whether @h may not be there while the image is changed by @mode. */
static bool is_in_the_way(const struct image_holder *h, enum config_image_mode mode, pid_t own)
{
	if (own > 0 && h->pid == own)
		return false;
	/* QEMU's locks are ours then (image/guard), and nobody else's. */
	if (own > 0 && mode == CONFIG_IMAGE_IN_PLACE && h->pid == 0 && h->is_machine)
		return false;
	if (mode == CONFIG_IMAGE_LIVE && h->is_mount && !h->is_loop)
		return false;
	return h->may_write || (h->is_machine && mode != CONFIG_IMAGE_SHADOW);
}

static void hint(const struct image_holder *h, enum config_image_mode mode, struct err *err)
{
	if (h->is_machine && !h->is_mount && mode != CONFIG_IMAGE_SHADOW)
		err_hint(err,
			 "without a copy (mode = %s) its guest would meet errors in what changes below it, with snapshot=on too: end it first, "
			 "or set "
			 "mode = shadow",
			 mode == CONFIG_IMAGE_LIVE ? "live" : "in-place");
	else if (h->is_loop)
		err_hint(err, "two writers destroy an image: unmount it, and take the device away: losetup -d");
	else
		err_hint(err,
			 "two writers destroy an image: unmount it or end that program first; a QEMU may stay when it runs with snapshot=on");
}

static int refuse(const char *path, enum config_image_mode mode, pid_t own, const struct image_holders *holders, struct err *err)
{
	for (size_t i = 0; i < holders->n; i++) {
		if (!is_in_the_way(&holders->v[i], mode, own))
			continue;
		say(path, &holders->v[i], err);
		hint(&holders->v[i], mode, err);
		return -EBUSY;
	}
	return 0;
}

int image_holders_refuse(const char *path, const struct image_holders *holders, struct err *err)
{
	return refuse(path, CONFIG_IMAGE_SHADOW, 0, holders, err);
}

int image_holders_refuse_for(const struct config_image *config, pid_t own, const struct image_holders *holders, struct err *err)
{
	return refuse(config->path, config->mode, own, holders, err);
}
