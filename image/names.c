#include "image/names.h"

#include "base/fs.h"
#include "base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int image_names_init(struct image_names *names, const char *path, struct err *err)
{
	char *real = realpath(path, NULL);

	if (!real)
		return err_set(err, -errno, "cannot open image '%s'", path);
	*names = (struct image_names){
		.image = real,
		.dir = fs_dirname(real),
		.lock = xasprintf("%s.lock", real),
		.shadow = xasprintf("%s.shadow", real),
		.prev = xasprintf("%s.prev", real),
		.mnt = xasprintf("%s.mnt", real),
		.steps = xasprintf("%s.steps", real),
	};
	return 0;
}

void image_names_clear(struct image_names *names)
{
	free(names->image);
	free(names->dir);
	free(names->lock);
	free(names->shadow);
	free(names->prev);
	free(names->mnt);
	free(names->steps);
	*names = (struct image_names){ 0 };
}

void image_names_give(int fd, const char *dir)
{
	struct stat st;

	if (geteuid() == 0 && stat(dir, &st) == 0 && st.st_uid != 0)
		(void)!fchown(fd, st.st_uid, st.st_gid);
}
