#include "image/put.h"

#include "base/fault.h"
#include "base/fs.h"
#include "image/redoxfs.h"
#include "image/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BUFFER = 512 * 1024, /* the kernel cuts it into requests of 128 KiB, RedoxFS's own record size */
};

/* A file's place in the image: its folder, open, and its last name, links followed. */
struct place {
	int dir;    /* owned; O_PATH */
	char *name; /* owned */
	bool exists;
	struct stat st; /* valid when it exists */
};

struct image_put_hash {
	struct stat st; /* the file as it was when it was read: it is known by this, not by a name */
	char hash[HASH_HEX_SIZE];
	uint64_t bytes;
};

void image_put_hashes_clear(struct image_put_hashes *hashes)
{
	free(hashes->v);
	*hashes = (struct image_put_hashes){ 0 };
}

static void place_clear(struct place *place)
{
	cleanup_close(&place->dir);
	free(place->name);
}

void image_put_clear(struct image_put *put)
{
	free(put->path);
	*put = (struct image_put){ 0 };
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

int image_put_target(int root, enum config_image_format format, const char *dst, const char *name, char **ret, struct err *err)
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
static int follow(const struct place *place, const char *dir, char **ret)
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
static int look(int root, const char *path, struct place *place, char **ret_next, struct err *err)
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

/* Finds the file that @path means, a link as the last name followed, so that it stays a link. */
static int find_place(int root, const char *path, struct place *ret, struct err *err)
{
	CLEANUP_FREE char *at = xstrdup(path);

	for (int links = 0; links <= IMAGE_RESOLVE_MAX_LINKS; links++) {
		CLEANUP(place_clear) struct place place = { .dir = -1 };
		char *next = NULL;
		int r = look(root, at, &place, &next, err);

		if (r < 0)
			return r;
		if (r == 0) {
			*ret = place;
			place = (struct place){ .dir = -1 };
			return 0;
		}
		free(at);
		at = next;
	}
	return err_set(err, -ELOOP, "'%s' in the image", path);
}

static int check_target(const struct place *place, const char *path, struct err *err)
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

/* The place that @dst and @name mean, refused when it is none for a file. The caller clears what was set, also on failure. */
static int find_target(int root, enum config_image_format format, const char *dst, const char *name, char **ret_path, struct place *ret,
		       struct err *err)
{
	int r = image_put_target(root, format, dst, name, ret_path, err);

	if (r < 0)
		return r;
	r = find_place(root, *ret_path, ret, err);
	return r < 0 ? r : check_target(ret, *ret_path, err);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

/* The digest of @fd, a file that looks like @st; it is read only when no file that looks so was read before. */
static int hash_once(struct image_put_hashes *hashes, int fd, const struct stat *st, char ret_hash[HASH_HEX_SIZE], uint64_t *ret_bytes)
{
	struct image_put_hash fresh = { .st = *st };
	int r;

	for (size_t i = 0; hashes && i < hashes->n; i++) {
		if (!same_file(&hashes->v[i].st, st))
			continue;
		memcpy(ret_hash, hashes->v[i].hash, HASH_HEX_SIZE);
		*ret_bytes = hashes->v[i].bytes;
		return 0;
	}
	r = hash_fd(fd, fresh.hash, &fresh.bytes);
	if (r < 0)
		return r;
	if (hashes) {
		grow_array(&hashes->v, &hashes->cap, hashes->n, sizeof(*hashes->v));
		hashes->v[hashes->n++] = fresh;
	}
	memcpy(ret_hash, fresh.hash, HASH_HEX_SIZE);
	*ret_bytes = fresh.bytes;
	return 0;
}

static int hash_source(const struct image_put_job *job, int src, const struct stat *st, char ret_hash[HASH_HEX_SIZE], uint64_t *ret_bytes,
		       struct err *err)
{
	int r = hash_once(job->hashes, src, st, ret_hash, ret_bytes);

	return r < 0 ? err_set(err, r, "cannot read '%s'", job->src) : 0;
}

/* Opens and hashes the file that stands at @place. Returns the descriptor. */
static int open_old(const struct image_put_job *job, const struct place *place, char ret_hash[HASH_HEX_SIZE], struct err *err)
{
	CLEANUP_CLOSE int fd = openat(place->dir, place->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	uint64_t bytes;
	int r;

	if (fd < 0)
		return err_set(err, -errno, "cannot open '%s' in the image", job->dst);
	r = hash_once(job->hashes, fd, &place->st, ret_hash, &bytes);
	return r < 0 ? err_set(err, r, "cannot read '%s' in the image", job->dst) : TAKE_FD(fd);
}

/* Hashes what is there and hands it to the journal. @ret_hash: '' when there is nothing. */
static int take_old(const struct image_put_job *job, const struct place *place, const char *new_hash, char ret_hash[HASH_HEX_SIZE],
		    struct err *err)
{
	CLEANUP_CLOSE int fd = -1;

	ret_hash[0] = '\0';
	if (!place->exists)
		return 0;
	fd = open_old(job, place, ret_hash, err);
	if (fd < 0)
		return fd;
	if (strcmp(ret_hash, new_hash) == 0 || !job->hooks || !job->hooks->on_old)
		return 0;
	return job->hooks->on_old(job->hooks->data, fd, ret_hash, err);
}

static int copy_content(int from, int to, const struct cancel *cancel)
{
	CLEANUP_FREE char *buffer = xrealloc(NULL, BUFFER);
	off_t at = 0;
	ssize_t n;
	int r;

	while ((n = pread(from, buffer, BUFFER, at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (cancel_requested(cancel))
			return -ECANCELED;
		r = fs_write_all(to, buffer, (size_t)n);
		if (r < 0)
			return r;
		at += n;
	}
	return 0;
}

/* Owner before mode, since chown may clear bits; each only where it differs, since each is a transaction of RedoxFS. */
static int set_attributes(int fd, const struct stat *st, mode_t mode)
{
	struct stat now;

	if (fstat(fd, &now) < 0)
		return -errno;
	if ((now.st_uid != st->st_uid || now.st_gid != st->st_gid) && fchown(fd, st->st_uid, st->st_gid) < 0)
		return -errno;
	if ((now.st_mode & 07777) != mode && fchmod(fd, mode) < 0)
		return -errno;
	return fsync(fd) < 0 ? -errno : 0;
}

/* A file of this name is what a killed run with our process ID left. */
static int open_temp(int dir, const char *name)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dir, name, flags, 0600);

	if (fd < 0 && errno == EEXIST && unlinkat(dir, name, 0) == 0)
		fd = openat(dir, name, flags, 0600);
	return fd < 0 ? -errno : fd;
}

static int fill_temp(const struct image_put_job *job, int src, int dir, const char *temp, const struct place *place, mode_t mode)
{
	struct stat owner = { .st_uid = 0, .st_gid = 0 };
	CLEANUP_CLOSE int fd = open_temp(dir, temp);
	int r;

	if (fd < 0)
		return fd;
	r = copy_content(src, fd, job->cancel);
	if (r == 0)
		r = set_attributes(fd, place->exists ? &place->st : &owner, mode);
	/* A brim-full RedoxFS cannot unlink a file, but it can cut it to nothing and then unlink it. */
	if (r < 0)
		(void)!ftruncate(fd, 0);
	return r;
}

static int say_put(int r, const char *path, struct err *err)
{
	if (r == -ENOSPC)
		return err_set(err, r, "the image has no room for '%s'!", path);
	return err_set(err, r, "cannot write '%s' in the image", path);
}

static int replace(const struct image_put_job *job, int src, const struct place *place, const char *path, mode_t mode, struct err *err)
{
	CLEANUP_FREE char *temp = xasprintf(".reinject-%d", (int)getpid());
	int r;

	*job->written = true;
	r = fill_temp(job, src, place->dir, temp, place, mode);
	if (r == 0)
		r = FAULT("put-temp");
	if (r == 0 && renameat(place->dir, temp, place->dir, place->name) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(place->dir, temp, 0);
		return say_put(r, path, err);
	}
	r = FAULT("put-renamed");
	return r < 0 ? say_put(r, path, err) : 0;
}

static int open_source(const char *path, struct stat *ret_st, struct err *err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || fstat(fd, ret_st) < 0)
		return err_set(err, -errno, "cannot open '%s'", path);
	if (S_ISDIR(ret_st->st_mode))
		return err_set(err, -EISDIR, "cannot put '%s' into the image", path);
	if (!S_ISREG(ret_st->st_mode))
		return err_set(err, -EINVAL, "cannot put '%s' into the image: it is no regular file!", path);
	return TAKE_FD(fd);
}

static int put_place(const struct image_put_job *job, int src, const struct place *place, struct image_put *put, struct err *err)
{
	int r;

	put->mode = place->exists ? place->st.st_mode & 07777 : job->mode & 0777;
	r = take_old(job, place, put->new_hash, put->old_hash, err);
	if (r < 0)
		return r;
	put->result = place->exists && strcmp(put->old_hash, put->new_hash) == 0 ? IMAGE_PUT_IDENTICAL : IMAGE_PUT_WRITTEN;
	return put->result == IMAGE_PUT_WRITTEN ? replace(job, src, place, put->path, put->mode, err) : 0;
}

int image_put_file(const struct image_put_job *job, struct image_put *ret, struct err *err)
{
	CLEANUP(image_put_clear) struct image_put put = { 0 };
	CLEANUP(place_clear) struct place place = { .dir = -1 };
	struct stat before, after;
	CLEANUP_CLOSE int src = open_source(job->src, &before, err);
	int r;

	if (src < 0)
		return src;
	r = find_target(job->root, job->format, job->dst, job->name, &put.path, &place, err);
	if (r < 0)
		return r;
	r = hash_source(job, src, &before, put.new_hash, &put.bytes, err);
	if (r < 0)
		return r;
	r = put_place(job, src, &place, &put, err);
	if (r < 0)
		return r;
	if (fstat(src, &after) < 0 || !same_file(&before, &after))
		return err_set(err, -EAGAIN, "'%s' changed while it was put into the image!", job->src);
	*ret = put;
	put = (struct image_put){ 0 };
	return 0;
}

int image_put_check(int root, enum config_image_format format, const char *dst, const char *name, struct err *err)
{
	CLEANUP(place_clear) struct place place = { .dir = -1 };
	CLEANUP_FREE char *path = NULL;

	return find_target(root, format, dst, name, &path, &place, err);
}

int image_put_compare(const struct image_put_job *job, bool *ret_identical, struct err *err)
{
	CLEANUP(place_clear) struct place place = { .dir = -1 };
	CLEANUP_FREE char *path = NULL;
	CLEANUP_CLOSE int fd = -1;
	char new_hash[HASH_HEX_SIZE], old_hash[HASH_HEX_SIZE];
	struct stat st;
	CLEANUP_CLOSE int src = open_source(job->src, &st, err);
	uint64_t bytes;
	int r;

	if (src < 0)
		return src;
	r = find_target(job->root, job->format, job->dst, job->name, &path, &place, err);
	if (r < 0)
		return r;
	/* Most files that differ differ in size too. */
	if (!place.exists || place.st.st_size != st.st_size) {
		*ret_identical = false;
		return 0;
	}
	r = hash_source(job, src, &st, new_hash, &bytes, err);
	if (r < 0)
		return r;
	fd = open_old(job, &place, old_hash, err);
	if (fd < 0)
		return fd;
	*ret_identical = strcmp(old_hash, new_hash) == 0;
	return 0;
}

int image_put_verify(int root, const struct image_put *put, struct err *err)
{
	CLEANUP(place_clear) struct place place = { .dir = -1 };
	CLEANUP_CLOSE int fd = -1;
	char hash[HASH_HEX_SIZE];
	uint64_t size;
	int r = find_place(root, put->path, &place, err);

	if (r < 0)
		return r;
	fd = openat(place.dir, place.name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "cannot open '%s' in the image again", put->path);
	r = hash_fd(fd, hash, &size);
	if (r < 0)
		return err_set(err, r, "cannot read '%s' in the image again", put->path);
	if (size != put->bytes || strcmp(hash, put->new_hash) != 0)
		return err_set(err, -EIO, "'%s' reads back from the image as something else than was written!", put->path);
	if (!place.exists || (place.st.st_mode & 07777) != put->mode)
		return err_set(err, -EIO, "'%s' has another mode in the image than it was given!", put->path);
	return 0;
}
