#include "image/live.h"

#include "image/holders.h"
#include "image/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void image_live_clear(struct image_live *live)
{
	free(live->point);
	*live = (struct image_live){ 0 };
}

static bool serves(const struct image_daemon *daemon)
{
	return daemon->mount_point && image_mounts_has(daemon->mount_point);
}

/* The path as the table of mounts has it. A dead mount cannot be looked at, but its folder can. */
static char *real_point(const char *point)
{
	CLEANUP_FREE char *copy = xstrdup(point), *dir = NULL;
	char *slash = strrchr(copy, '/'), *real;

	if (!slash || slash == copy)
		return TAKE_PTR(copy);
	*slash = '\0';
	dir = realpath(copy, NULL);
	real = xasprintf("%s/%s", dir ? dir : copy, slash + 1);
	return real;
}

static int say_none(const struct config_image *config, const struct image_names *names, struct err *err)
{
	CLEANUP_FREE char *point = real_point(config->mount_point);

	if (image_mounts_has(point)) {
		err_class_set(err, ERR_ENVIRONMENT, -ENOTCONN, "nobody serves image '%s' any more, though something is mounted at '%s'",
			      names->image, point);
		err_hint(err, "its daemon is dead, or it is another image: umount '%s', mount the image there, run this again", point);
		return -ENOTCONN;
	}
	err_class_set(err, ERR_ENVIRONMENT, -ENOENT, "image '%s' is not mounted: with mode = live reinject goes by your mount of it",
		      names->image);
	err_hint(err, "mount it, such as: redoxfs '%s' '%s'; or set mode = shadow in [image]", names->image, point);
	return -ENOENT;
}

static int say_twice(const struct image_names *names, const struct image_daemon *a, const struct image_daemon *b, struct err *err)
{
	err_class_set(err, ERR_BUSY, -EBUSY, "image '%s' is mounted twice: at '%s' (process %d) and '%s' (process %d)", names->image,
		      a->mount_point, (int)a->pid, b->mount_point, (int)b->pid);
	err_hint(err, "two writers destroy an image: unmount one of them now, then `reinject image check --deep`");
	return -EBUSY;
}

static int say_foreign(const char *point, struct err *err)
{
	err_class_set(err, ERR_ENVIRONMENT, -EACCES, "cannot open the mount at '%s': %s", point, strerror(EACCES));
	err_hint(err, "it is another user's: run reinject as that user");
	return -EACCES;
}

int image_live_find(const struct config_image *config, const struct image_names *names, struct image_live *ret, struct err *err)
{
	CLEANUP(image_daemons_clear) struct image_daemons daemons = { 0 };
	const struct image_daemon *found = NULL;
	int r = image_daemons_find(names->image, config->tool, &daemons, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < daemons.n; i++) {
		if (!serves(&daemons.v[i]))
			continue;
		if (found)
			return say_twice(names, found, &daemons.v[i], err);
		found = &daemons.v[i];
	}
	if (!found)
		return say_none(config, names, err);
	if (image_mounts_is_foreign(found->mount_point))
		return say_foreign(found->mount_point, err);
	*ret = (struct image_live){ .point = xstrdup(found->mount_point), .pid = found->pid };
	return 0;
}

int image_live_open_root(const struct image_live *live, struct err *err)
{
	int fd = open(live->point, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = -errno;

	if (fd >= 0)
		return fd;
	return r == -EACCES ? say_foreign(live->point, err) : err_set(err, r, "cannot open the mount at '%s'", live->point);
}
