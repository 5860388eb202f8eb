/* Apart from its callers, image/good and image/whole, so that both take the same for 'the same'. */
#include "image/still.h"

#include "base/fs.h"

#include <errno.h>
#include <sys/stat.h>

int image_still_look(const char *path, const struct config_image *config, struct image_still *ret, struct err *err)
{
	struct image_identity id;
	struct stat st;
	int r = image_identity_read(path, config->format, config->block, &id, err);

	if (r < 0)
		return r;
	if (stat(path, &st) < 0)
		return err_set(err, -errno, "cannot look at '%s'", path);
	*ret = (struct image_still){ .id = id, .changed = fs_ctime(&st) };
	return 0;
}

bool image_still_same(const struct image_still *a, const struct image_still *b)
{
	return image_identity_same(&a->id, &b->id) && a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}
