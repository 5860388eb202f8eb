#include "image/good.h"

#include "base/fs.h"
#include "image/names.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_file(const char *path, const struct image_identity *id)
{
	struct stat st;

	return lstat(path, &st) == 0 && st.st_dev == id->dev && st.st_ino == id->ino;
}

int image_good_path(const char *path, char **ret, struct err *err)
{
	CLEANUP(image_names_clear) struct image_names names = { 0 };
	int r = image_names_init(&names, path, err);

	if (r == 0)
		*ret = xasprintf("%s.good", names.image);
	return r;
}

static int copy(const char *from, const char *to, const char *dir, const struct cancel *cancel, struct err *err)
{
	CLEANUP_CLOSE int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
	struct stat st;
	int r;

	if (in < 0 || fstat(in, &st) < 0)
		return err_set(err, -errno, "cannot read '%s'", from);
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (out < 0)
		return err_set(err, -errno, "cannot make '%s'", to);
	image_names_give(out, dir);
	r = fs_copy_sparse(in, out, cancel, NULL);
	if (r == 0 && (fchmod(out, st.st_mode & 0777) < 0 || fsync(out) < 0))
		r = -errno;
	return r < 0 ? err_set(err, r, "cannot copy '%s' to '%s'", from, to) : 0;
}

/* A link where that is enough and allowed. */
static int make(const char *from, const char *to, enum config_image_mode mode, const char *dir, const struct cancel *cancel, struct err *err)
{
	if (unlink(to) < 0 && errno != ENOENT)
		return err_set(err, -errno, "cannot delete '%s'", to);
	if (mode == CONFIG_IMAGE_SHADOW && link(from, to) == 0)
		return 0;
	return copy(from, to, dir, cancel, err);
}

int image_good_keep(const char *path, enum config_image_mode mode, const struct image_identity *booted, const struct cancel *cancel,
		    struct err *err)
{
	CLEANUP(image_names_clear) struct image_names names = { 0 };
	CLEANUP_FREE char *good = NULL, *temporary = NULL;
	const char *from;
	int r = image_names_init(&names, path, err);

	if (r < 0)
		return r;
	good = xasprintf("%s.good", names.image);
	temporary = xasprintf("%s.new", good);
	if (is_file(good, booted) && mode == CONFIG_IMAGE_SHADOW)
		return 0;
	from = is_file(names.image, booted) ? names.image : names.prev;
	if (!is_file(from, booted))
		return err_set(err, -ESTALE, "the image that was booted is not there any more!");
	r = make(from, temporary, mode, names.dir, cancel, err);
	/* Between the look and the link another swap may have come. */
	if (r == 0 && mode == CONFIG_IMAGE_SHADOW && !is_file(temporary, booted) && !is_file(from, booted))
		r = err_set(err, -ESTALE, "the image was replaced while '%s' was made!", good);
	if (r == 0 && rename(temporary, good) < 0)
		r = err_set(err, -errno, "cannot rename '%s' to '%s'", temporary, good);
	if (r == 0)
		r = fs_sync_dir(names.dir);
	if (r < 0)
		(void)!unlink(temporary);
	return r;
}
