#include "image/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* ext2, 3, 4: s_magic of the superblock, which begins at byte 1024. */
enum { EXT_MAGIC_AT = 1080, EXT_MAGIC = 0xEF53 };

int image_file_open(const char *path, struct stat *ret_st, struct err *err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || fstat(fd, ret_st) < 0)
		return err_set(err, -errno, "cannot open image '%s'", path);
	if (!S_ISREG(ret_st->st_mode))
		return err_set(err, -EINVAL, "image '%s' is no regular file!", path);
	return TAKE_FD(fd);
}

static int say_no_redoxfs(const char *path, uint64_t block, struct err *err)
{
	if (block > 0) {
		err_set(err, -EINVAL, "image '%s' holds no RedoxFS that begins at block %llu (byte %llu)!", path, (unsigned long long)block,
			(unsigned long long)block * 4096);
		err_hint(err, "[image] block is the partition's first byte divided by 4096; `sgdisk -p` tells its first sector of 512 bytes");
		return -EINVAL;
	}
	err_set(err, -EINVAL, "image '%s' holds no RedoxFS: no header in its first 256 MiB!", path);
	err_hint(err,
		 "is it cut short, encrypted as a whole, or of another format? see [image] format; a partition further on is named by [image] "
		 "block");
	return -EINVAL;
}

int image_file_read_redoxfs_at(int fd, const char *path, uint64_t block, struct image_redoxfs *ret, struct err *err)
{
	int r = image_redoxfs_read_at(fd, block, ret);

	if (r == -ENODATA)
		return say_no_redoxfs(path, block, err);
	return r < 0 ? err_set(err, r, "cannot read image '%s'", path) : 0;
}

int image_file_read_redoxfs(int fd, const char *path, struct image_redoxfs *ret, struct err *err)
{
	return image_file_read_redoxfs_at(fd, path, 0, ret, err);
}

static int check_ext4(int fd, const char *path, struct err *err)
{
	unsigned char magic[2] = { 0 };

	if (pread(fd, magic, sizeof(magic), EXT_MAGIC_AT) == 2 && (magic[0] | magic[1] << 8) == EXT_MAGIC)
		return 0;
	return err_set(err, -EINVAL, "image '%s' holds no ext4 file system!", path);
}

int image_file_check_format(int fd, const char *path, enum config_image_format format, struct err *err)
{
	struct image_redoxfs header;

	if (format == CONFIG_IMAGE_REDOXFS)
		return image_file_read_redoxfs(fd, path, &header, err);
	return format == CONFIG_IMAGE_EXT4 ? check_ext4(fd, path, err) : 0;
}

int image_file_check(int fd, const char *path, const struct config_image *config, struct err *err)
{
	struct image_redoxfs header;

	if (config->format == CONFIG_IMAGE_REDOXFS)
		return image_file_read_redoxfs_at(fd, path, config->block, &header, err);
	return image_file_check_format(fd, path, config->format, err);
}

int image_file_unusable(const char *path, int r, struct err *err)
{
	if (!err || err->class != ERR_FAILED)
		return r;
	err->class = ERR_ENVIRONMENT;
	if (err->hint[0])
		return r;
	if (r == -ENOENT)
		err_hint(err, "make the image first, or correct `path` in [image]");
	else
		err_hint(err, "correct `path` or `format` in [image]: this is about '%.700s'", path);
	return r;
}
