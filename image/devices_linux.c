/* Loop devices, in /sys/block. The Darwin twin is devices_darwin.c. */
#include "image/devices.h"

#include "base/fs.h"
#include "image/mounts.h"

#include <dirent.h>
#include <string.h>

static bool first_line(const char *path, struct str *ret)
{
	if (fs_read(path, 65536, ret, NULL) < 0 || ret->len == 0)
		return false;
	ret->len = strcspn(ret->buf, "\n");
	ret->buf[ret->len] = '\0';
	return true;
}

static void add_loop_device(const struct image_target *target, const char *name, struct image_holders *holders)
{
	CLEANUP_FREE char *backing = xasprintf("/sys/block/%s/loop/backing_file", name);
	CLEANUP_FREE char *read_only = xasprintf("/sys/block/%s/ro", name);
	CLEANUP_FREE char *device = xasprintf("/dev/%s", name);
	CLEANUP_FREE char *point = NULL;
	CLEANUP(str_clear) struct str file = { 0 }, ro = { 0 };
	bool may_write;

	if (!first_line(backing, &file) || !image_target_is(target, file.buf))
		return;
	may_write = !first_line(read_only, &ro) || ro.buf[0] != '1';
	point = image_mounts_of_device(device);
	image_holders_add(holders, 0, xasprintf("loop device %s", device), may_write,
			  point ? xasprintf("is made from it and mounted at '%s'", point) : xstrdup("is made from it"));
	holders->v[holders->n - 1].is_loop = true;
}

void image_devices_find(const struct image_target *target, struct image_holders *holders)
{
	CLEANUP(cleanup_closedir) DIR *dir = opendir("/sys/block");
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (str_starts(entry->d_name, "loop"))
			add_loop_device(target, entry->d_name, holders);
}
