#include "image/place.h"

#include "base/fs.h"
#include "image/redoxfs.h"
#include "image/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

void image_place_clear(struct image_place *place)
{
	cleanup_close(&place->dir);
	free(place->name);
}

/* What can be seen from the words alone; a byte that RedoxFS does not take would end its daemon, so this comes before any look-up. */
static int check_words(const char *path, enum config_image_format format, struct err *err)
{
	if (path[0] != '/')
		return err_class_set(err, ERR_USAGE, -EINVAL, "'%s' is no path in the image: it must begin with '/'", path);
	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");
		const char *problem = format == CONFIG_IMAGE_REDOXFS ? image_redoxfs_name_problem(p, n) : NULL;

		if (n == 2 && p[0] == '.' && p[1] == '.')
			return err_class_set(err, ERR_USAGE, -EINVAL, "'%s' has '..' in it, which is refused", path);
		if (problem)
			return err_class_set(err, ERR_USAGE, -EINVAL, "'%.*s' in '%s' %s", (int)n, p, path, problem);
		p += n;
		p += strspn(p, "/");
	}
	return 0;
}

static int say_dir(int r, const char *dir, struct err *err)
{
	if (r == -ENOENT)
		return err_set(err, r, "the image has no folder '%s', and none is made!", dir);
	if (r == -ENOTDIR)
		return err_set(err, r, "'%s' in the image is no folder!", dir);
	if (r == -EXDEV)
		return err_set(err, r, "'%s' leads out of the image!", dir);
	return err_set(err, r, "cannot open folder '%s' in the image", dir);
}

static char *join(const char *dir, const char *name)
{
	size_t n = strlen(dir);

	while (n > 0 && dir[n - 1] == '/')
		n--;
	return xasprintf("%.*s/%s", (int)n, dir, name);
}

int image_place_target(int root, enum config_image_format format, const char *dst, const char *name, char **ret, struct err *err)
{
	CLEANUP_FREE char *path = NULL;
	CLEANUP_CLOSE int dir = -1;
	int r = check_words(dst, format, err);

	if (r < 0)
		return r;
	dir = image_resolve_dir(root, dst);
	if (dir < 0 && str_ends(dst, "/"))
		return say_dir(dir, dst, err);
	if (dir < 0 && dir != -ENOENT && dir != -ENOTDIR)
		return say_dir(dir, dst, err);
	path = dir >= 0 ? join(dst, name) : xstrdup(dst);
	if (dir >= 0 && (!name[0] || strchr(name, '/') || strcmp(name, ".") == 0))
		return err_class_set(err, ERR_USAGE, -EINVAL, "'%s' is no name for a file in folder '%s'", name, dst);
	r = check_words(path, format, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(path);
	return 0;
}

/* The path that link @name in @dir stands for, still as a path of the image. */
static int follow(const struct image_place *place, const char *dir, char **ret)
{
	char target[4096];
	ssize_t n = readlinkat(place->dir, place->name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	*ret = target[0] == '/' ? xstrdup(target) : join(dir, target);
	return 0;
}

/* Opens the folder of @path and looks at its last name. Returns 1 and the next path when that is a link. */
static int look(int root, const char *path, struct image_place *place, char **ret_next, struct err *err)
{
	CLEANUP_FREE char *dir = fs_dirname(path);
	int r;

	place->dir = image_resolve_dir(root, dir);
	if (place->dir < 0)
		return say_dir(place->dir, dir, err);
	place->name = xstrdup(fs_basename(path));
	place->exists = fstatat(place->dir, place->name, &place->st, AT_SYMLINK_NOFOLLOW) == 0;
	if (!place->exists && errno != ENOENT)
		return err_set(err, -errno, "cannot look at '%s' in the image", path);
	if (!place->exists || !S_ISLNK(place->st.st_mode))
		return 0;
	r = follow(place, dir, ret_next);
	return r < 0 ? err_set(err, r, "cannot read the link '%s' in the image", path) : 1;
}

int image_place_find_name(int root, const char *path, struct image_place *ret, struct err *err)
{
	CLEANUP(image_place_clear) struct image_place place = { .dir = -1 };
	CLEANUP_FREE char *next = NULL;
	int r = look(root, path, &place, &next, err);

	if (r < 0)
		return r;
	*ret = place;
	place = (struct image_place){ .dir = -1 };
	return 0;
}

/* Finds the file that @path means, a link as the last name followed, so that it stays a link. */
int image_place_find(int root, const char *path, struct image_place *ret, struct err *err)
{
	CLEANUP_FREE char *at = xstrdup(path);

	for (int links = 0; links <= IMAGE_RESOLVE_MAX_LINKS; links++) {
		CLEANUP(image_place_clear) struct image_place place = { .dir = -1 };
		char *next = NULL;
		int r = look(root, at, &place, &next, err);

		if (r < 0)
			return r;
		if (r == 0) {
			*ret = place;
			place = (struct image_place){ .dir = -1 };
			return 0;
		}
		free(at);
		at = next;
	}
	return err_set(err, -ELOOP, "'%s' in the image", path);
}

static int check_target(const struct image_place *place, const char *path, struct err *err)
{
	if (place->name[0] == '\0' || strcmp(place->name, ".") == 0 || strcmp(place->name, "..") == 0)
		return err_set(err, -EISDIR, "'%s' in the image is a folder!", path);
	if (!place->exists)
		return 0;
	if (S_ISDIR(place->st.st_mode))
		return err_set(err, -EISDIR, "'%s' in the image is a folder!", path);
	if (!S_ISREG(place->st.st_mode))
		return err_set(err, -EINVAL, "'%s' in the image is no regular file!", path);
	if (place->st.st_mode & (S_ISUID | S_ISGID))
		return err_set(err, -EPERM, "'%s' in the image has setuid or setgid, which a replaced file would lose!", path);
	return 0;
}

int image_place_find_target(int root, enum config_image_format format, const char *dst, const char *name, char **ret_path,
			    struct image_place *ret, struct err *err)
{
	int r = image_place_target(root, format, dst, name, ret_path, err);

	if (r < 0)
		return r;
	r = image_place_find(root, *ret_path, ret, err);
	return r < 0 ? r : check_target(ret, *ret_path, err);
}
