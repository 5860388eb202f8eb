#include "image/image.h"

#include "base/fs.h"
#include "image/names.h"
#include "image/redoxfs.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ext2, 3, 4: s_magic of the superblock, which begins at byte 1024. */
enum { EXT_MAGIC_AT = 1080, EXT_MAGIC = 0xEF53 };

/* Opens what is to be an image. O_NONBLOCK: a FIFO must not keep us. */
static int open_image(const char *path, struct stat *ret_st, struct err *err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || fstat(fd, ret_st) < 0)
		return err_set(err, -errno, "cannot open image '%s'", path);
	if (!S_ISREG(ret_st->st_mode))
		return err_set(err, -EINVAL, "image '%s' is no regular file!", path);
	return TAKE_FD(fd);
}

static int check_redoxfs(int fd, const char *path, struct image_redoxfs *ret, struct err *err)
{
	int r = image_redoxfs_read(fd, ret);

	if (r == -ENODATA) {
		r = err_set(err, -EINVAL, "image '%s' holds no RedoxFS: no header in its first 256 MiB!", path);
		err_hint(err, "is it cut short, encrypted as a whole, or of another format? see [image] format");
		return r;
	}
	return r < 0 ? err_set(err, r, "cannot read image '%s'", path) : 0;
}

int image_identity_read(const char *path, enum config_image_format format, struct image_identity *ret, struct err *err)
{
	struct image_identity id = { 0 };
	struct image_redoxfs header;
	struct stat st;
	CLEANUP_CLOSE int fd = open_image(path, &st, err);
	int r;

	if (fd < 0)
		return fd;
	id.dev = st.st_dev;
	id.ino = st.st_ino;
	id.size = (uint64_t)st.st_size;
	id.mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	if (format == CONFIG_IMAGE_REDOXFS) {
		r = check_redoxfs(fd, path, &header, err);
		if (r < 0)
			return r;
		memcpy(id.uuid, header.uuid, sizeof(id.uuid));
		id.generation = header.generation;
	}
	*ret = id;
	return 0;
}

bool image_identity_same(const struct image_identity *a, const struct image_identity *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime_ns == b->mtime_ns && strcmp(a->uuid, b->uuid) == 0 &&
	       a->generation == b->generation;
}

static bool in_group(gid_t gid)
{
	CLEANUP_FREE gid_t *groups = NULL;
	int n = getgroups(0, NULL);

	if (gid == getegid())
		return true;
	groups = xcalloc(n > 0 ? (size_t)n : 1, sizeof(*groups));
	n = getgroups(n > 0 ? n : 0, groups);
	for (int i = 0; i < n; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

static char *user_name(uid_t uid)
{
	struct passwd entry, *found = NULL;
	char buffer[4096];

	if (getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found) == 0 && found)
		return xstrdup(found->pw_name);
	return xasprintf("user %u", (unsigned int)uid);
}

/* An ordinary user's copy of a root-owned image would silently become his by the rename. */
static int check_owner(const char *path, const struct stat *st, struct err *err)
{
	CLEANUP_FREE char *owner = NULL;

	if (geteuid() == 0 || (st->st_uid == geteuid() && in_group(st->st_gid)))
		return 0;
	owner = user_name(st->st_uid);
	err_class_set(err, ERR_ENVIRONMENT, -EPERM, "image '%s' belongs to %s (group %u): the new image could not keep that", path, owner,
		      (unsigned int)st->st_gid);
	err_hint(err, "run reinject by sudo, or make the image yours: sudo chown %u:%u '%.700s'", (unsigned int)geteuid(),
		 (unsigned int)getegid(), path);
	return -EPERM;
}

static int check_folder(const struct image_names *names, struct err *err)
{
	int r;

	if (access(names->dir, W_OK | X_OK) == 0)
		return 0;
	r = -errno;
	err_class_set(err, ERR_ENVIRONMENT, r, "folder '%s' cannot be written: the copy of the image is made in it (%s)", names->dir,
		      strerror(-r));
	err_hint(err, "run reinject as the folder's owner, or by sudo");
	return r;
}

static int check_ext4(int fd, const char *path, struct err *err)
{
	unsigned char magic[2] = { 0 };

	if (pread(fd, magic, sizeof(magic), EXT_MAGIC_AT) == 2 && (magic[0] | magic[1] << 8) == EXT_MAGIC)
		return 0;
	return err_set(err, -EINVAL, "image '%s' holds no ext4 file system!", path);
}

/* An image that is not there or is something else is for the environment to mend, whatever the errno. */
static int unusable(const struct config_image *config, int r, struct err *err)
{
	if (!err || err->class != ERR_FAILED)
		return r;
	err->class = ERR_ENVIRONMENT;
	if (err->hint[0])
		return r;
	if (r == -ENOENT)
		err_hint(err, "make the image first, or correct `path` in [image]");
	else
		err_hint(err, "correct `path` or `format` in [image]: this is about '%.700s'", config->path);
	return r;
}

static int check_content(const struct config_image *config, const struct image_names *names, struct stat *ret_stat, struct err *err)
{
	CLEANUP_CLOSE int fd = open_image(names->image, ret_stat, err);
	struct image_redoxfs header;

	if (fd < 0)
		return fd;
	if (config->format == CONFIG_IMAGE_REDOXFS)
		return check_redoxfs(fd, names->image, &header, err);
	return config->format == CONFIG_IMAGE_EXT4 ? check_ext4(fd, names->image, err) : 0;
}

int image_check_file(const struct config_image *config, struct err *err)
{
	CLEANUP(image_names_clear) struct image_names names = { 0 };
	struct stat st;
	int r;

	if (!config->path)
		return err_class_set(err, ERR_USAGE, -EINVAL, "the configuration names no image: set path in [image]");
	r = image_names_init(&names, config->path, err);
	if (r >= 0)
		r = check_content(config, &names, &st, err);
	if (r < 0)
		return unusable(config, r, err);
	r = check_owner(names.image, &st, err);
	return r < 0 ? r : check_folder(&names, err);
}
