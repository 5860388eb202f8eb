#include "image/put.h"

#include "base/fault.h"
#include "base/fs.h"
#include "image/place.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BUFFER = 512 * 1024, /* the kernel cuts it into requests of 128 KiB, RedoxFS's own record size */
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

void image_put_clear(struct image_put *put)
{
	free(put->path);
	*put = (struct image_put){ 0 };
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && fs_mtime_same(a, b) && a->st_ino == b->st_ino && a->st_dev == b->st_dev;
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
static int open_old(const struct image_put_job *job, const struct image_place *place, char ret_hash[HASH_HEX_SIZE], struct err *err)
{
	CLEANUP_CLOSE int fd = openat(place->dir, place->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	uint64_t bytes;
	int r;

	if (fd < 0)
		return err_set(err, -errno, "cannot open '%s' in the image", place->name);
	r = hash_once(job->hashes, fd, &place->st, ret_hash, &bytes);
	return r < 0 ? err_set(err, r, "cannot read '%s' in the image", place->name) : TAKE_FD(fd);
}

/* Hashes what is there and hands it to the journal. @ret_hash: '' when there is nothing. */
static int take_old(const struct image_put_job *job, const struct image_place *place, const char *new_hash, char ret_hash[HASH_HEX_SIZE],
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
	return fs_sync(fd);
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

static int fill_temp(const struct image_put_job *job, int src, int dir, const char *temp, const struct image_place *place, mode_t mode)
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

static int replace(const struct image_put_job *job, int src, const struct image_place *place, const char *path, mode_t mode, struct err *err)
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

/* The new file lies ready beside the old one. What a failure leaves is removed with the other steps. */
static int make_ready(const struct image_put_job *job, int src, const struct image_place *place, const struct image_put *put, struct err *err)
{
	const struct image_step *step;
	int r = image_steps_add(job->steps, put->path, true, put->old_hash, put->new_hash, &step, err);

	if (r < 0)
		return r;
	*job->written = true;
	r = fill_temp(job, src, place->dir, step->temp, place, put->mode);
	if (r == 0)
		r = FAULT("put-temp");
	return r < 0 ? say_put(r, put->path, err) : 0;
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

static int put_place(const struct image_put_job *job, int src, const struct image_place *place, struct image_put *put, struct err *err)
{
	int r;

	put->mode = place->exists ? place->st.st_mode & 07777 : job->mode & 0777;
	r = take_old(job, place, put->new_hash, put->old_hash, err);
	if (r < 0)
		return r;
	put->result = place->exists && strcmp(put->old_hash, put->new_hash) == 0 ? IMAGE_PUT_IDENTICAL : IMAGE_PUT_WRITTEN;
	if (put->result == IMAGE_PUT_IDENTICAL)
		return 0;
	return job->steps ? make_ready(job, src, place, put, err) : replace(job, src, place, put->path, put->mode, err);
}

int image_put_file(const struct image_put_job *job, struct image_put *ret, struct err *err)
{
	CLEANUP(image_put_clear) struct image_put put = { 0 };
	CLEANUP(image_place_clear) struct image_place place = { .dir = -1 };
	struct stat before, after;
	CLEANUP_CLOSE int src = open_source(job->src, &before, err);
	int r;

	if (src < 0)
		return src;
	r = image_place_find_target(job->root, job->format, job->dst, job->name, &put.path, &place, err);
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

/* No file of ours is there, whatever somebody has made of its folders. */
static bool leads_nowhere(int r)
{
	return r == -ENOENT || r == -ENOTDIR || r == -ELOOP || r == -EXDEV;
}

/* RedoxFS takes an unlink only where it has room for it; an empty file needs less. */
int image_put_unlink(const struct image_place *place)
{
	CLEANUP_CLOSE int fd = -1;

	if (unlinkat(place->dir, place->name, 0) == 0)
		return 0;
	if (errno != ENOSPC)
		return -errno;
	fd = openat(place->dir, place->name, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 || unlinkat(place->dir, place->name, 0) < 0 ? -errno : 0;
}

static int remove_now_or_then(const struct image_put_job *job, const struct image_place *place, const struct image_put *put, struct err *err)
{
	const struct image_step *step;
	int r;

	if (job->steps)
		return image_steps_add(job->steps, put->path, false, put->old_hash, "", &step, err);
	*job->written = true;
	r = image_put_unlink(place);
	if (r == 0)
		r = FAULT("put-removed");
	return r < 0 ? err_set(err, r, "cannot remove '%s' from the image", put->path) : 0;
}

static int remove_place(const struct image_put_job *job, const struct image_place *place, const char *hash, struct image_put *put,
			struct err *err)
{
	CLEANUP_CLOSE int fd = open_old(job, place, put->old_hash, err);
	int r;

	if (fd < 0)
		return fd;
	put->mode = place->st.st_mode & 07777;
	put->bytes = (uint64_t)place->st.st_size;
	put->result = IMAGE_PUT_FOREIGN;
	if (strcmp(put->old_hash, hash) != 0)
		return 0;
	r = job->hooks && job->hooks->on_old ? job->hooks->on_old(job->hooks->data, fd, put->old_hash, err) : 0;
	if (r < 0)
		return r;
	r = remove_now_or_then(job, place, put, err);
	if (r < 0)
		return r;
	put->result = IMAGE_PUT_REMOVED;
	return 0;
}

int image_put_remove(const struct image_put_job *job, const char *path, const char *hash, struct image_put *ret, struct err *err)
{
	CLEANUP(image_put_clear) struct image_put put = { .result = IMAGE_PUT_ABSENT, .path = xstrdup(path) };
	CLEANUP(image_place_clear) struct image_place place = { .dir = -1 };
	int r = image_place_find_name(job->root, path, &place, err);

	if (r < 0 && !leads_nowhere(r))
		return r;
	if (r == 0 && place.exists && !S_ISREG(place.st.st_mode))
		put.result = IMAGE_PUT_FOREIGN;
	else if (r == 0 && place.exists && (r = remove_place(job, &place, hash, &put, err)) < 0)
		return r;
	*ret = put;
	put = (struct image_put){ 0 };
	return 0;
}

int image_put_read_hash(const struct image_put_job *job, const char *path, char ret[HASH_HEX_SIZE], struct err *err)
{
	CLEANUP(image_place_clear) struct image_place place = { .dir = -1 };
	CLEANUP_CLOSE int fd = -1;
	int r = image_place_find(job->root, path, &place, err);

	if (r < 0 && !leads_nowhere(r))
		return r;
	ret[0] = '\0';
	if (r < 0 || !place.exists || !S_ISREG(place.st.st_mode))
		return 0;
	fd = open_old(job, &place, ret, err);
	return fd < 0 ? fd : 0;
}

int image_put_check(int root, enum config_image_format format, const char *dst, const char *name, struct err *err)
{
	CLEANUP(image_place_clear) struct image_place place = { .dir = -1 };
	CLEANUP_FREE char *path = NULL;

	return image_place_find_target(root, format, dst, name, &path, &place, err);
}

int image_put_compare(const struct image_put_job *job, bool *ret_identical, struct err *err)
{
	CLEANUP(image_place_clear) struct image_place place = { .dir = -1 };
	CLEANUP_FREE char *path = NULL;
	CLEANUP_CLOSE int fd = -1;
	char new_hash[HASH_HEX_SIZE], old_hash[HASH_HEX_SIZE];
	struct stat st;
	CLEANUP_CLOSE int src = open_source(job->src, &st, err);
	uint64_t bytes;
	int r;

	if (src < 0)
		return src;
	r = image_place_find_target(job->root, job->format, job->dst, job->name, &path, &place, err);
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
	CLEANUP(image_place_clear) struct image_place place = { .dir = -1 };
	CLEANUP_CLOSE int fd = -1;
	char hash[HASH_HEX_SIZE];
	uint64_t size;
	int r = image_place_find(root, put->path, &place, err);

	if (r < 0)
		return r;
	if (put->result == IMAGE_PUT_REMOVED)
		return place.exists ? err_set(err, -EIO, "'%s' was removed, and is in the image again!", put->path) : 0;
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
