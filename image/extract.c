/* The walk from the image to the host. Everything goes through descriptors and single names: a path could be bent by whoever owns a folder in it. */
#include "image/extract.h"

#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BUFFER = 512 * 1024,
	PIECE = 4096,    /* what a pipe that is ready takes without waiting */
	MAX_DEPTH = 200, /* folders within folders; two descriptors each */
	MAX_LINK = 4096,
	TEMP_NAMES = 100,
};

struct done_file {
	char *path, *to; /* owned */
	uint64_t bytes;
};

struct walk {
	struct image_txn *txn;
	const struct image_extract *extract;
	char *buffer; /* owned; BUFFER bytes */
	bool give;    /* what is made belongs to uid, gid */
	uid_t uid;
	gid_t gid;
	uint64_t bytes;
	struct done_file *files; /* owned */
	size_t n_files, cap;
};

static void walk_clear(struct walk *walk)
{
	for (size_t i = 0; i < walk->n_files; i++) {
		free(walk->files[i].path);
		free(walk->files[i].to);
	}
	free(walk->files);
	free(walk->buffer);
}

/* -- sentences: names of the image are somebody else's words ------------------------------------------------------------------------------- */

static int cannot(struct walk *walk, int r, const char *what, const char *path, struct err *err)
{
	CLEANUP_FREE char *visible = str_visible(path);

	if (r == -ECANCELED)
		return err_set(err, r, "interrupted!");
	return image_txn_explain(walk->txn, err_set(err, r, "cannot %s '%s'", what, visible), err);
}

static void skip(const struct walk *walk, const char *path, const char *why)
{
	const struct image_extract_hooks *hooks = walk->extract->hooks;

	if (hooks && hooks->on_skip)
		hooks->on_skip(hooks->data, path, why);
}

static int refuse(struct err *err, int code, const char *format, const char *path)
{
	char text[ERR_TEXT_SIZE];
	CLEANUP_FREE char *visible = str_visible(path);

	snprintf(text, sizeof(text), "'%.900s' %.100s", visible, format);
	return err_class_set(err, ERR_USAGE, code, "%s", text);
}

/* -- what TO means ------------------------------------------------------------------------------------------------------------------------- */

static int check_free(const char *target, bool force, struct err *err)
{
	struct stat st;

	if (lstat(target, &st) < 0)
		return errno == ENOENT ? 0 : err_set(err, -errno, "cannot look at '%s'", target);
	if (S_ISREG(st.st_mode) && force)
		return 0;
	refuse(err, -EEXIST,
	       S_ISREG(st.st_mode)   ? "exists already"
	       : S_ISDIR(st.st_mode) ? "exists already, as a folder"
				     : "exists already, and is no regular file",
	       target);
	if (S_ISREG(st.st_mode))
		err_hint(err, "--force replaces it; or name another target after the path");
	else
		err_hint(err, "it is never replaced: name another target after the path, or remove it first");
	return -EEXIST;
}

static int check_parent(const char *target, struct err *err)
{
	CLEANUP_FREE char *dir = fs_dirname(target);

	if (fs_is_dir(dir))
		return 0;
	refuse(err, -ENOENT, "is no folder of this machine", dir);
	err_hint(err, "make it first: mkdir -p, or name another target");
	return -ENOENT;
}

/* '/usr/lib/' is called 'lib'; '/', '/a/..' are called nothing. */
static char *last_name(const char *path)
{
	size_t n = strlen(path);
	CLEANUP_FREE char *trimmed = NULL;
	const char *name;

	while (n > 0 && path[n - 1] == '/')
		n--;
	trimmed = xstrndup(path, n);
	name = fs_basename(trimmed);
	return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 ? xstrdup(name) : NULL;
}

int image_extract_target(const char *path, const char *to, bool force, char **ret, struct err *err)
{
	CLEANUP_FREE char *name = last_name(path), *target = NULL;
	bool is_dir = !to || fs_is_dir(to);
	int r;

	if (is_dir && !name) {
		refuse(err, -EINVAL, "has no name of its own to be extracted under", path);
		err_hint(err, "name a target that does not exist yet");
		return -EINVAL;
	}
	if (!is_dir && (!*to || str_ends(to, "/")))
		return refuse(err, -ENOENT, "is no folder of this machine", to);
	if (!to)
		target = xasprintf("./%s", name);
	else
		target = is_dir ? xasprintf("%s%s%s", to, str_ends(to, "/") ? "" : "/", name) : xstrdup(to);
	r = check_parent(target, err);
	if (r == 0)
		r = check_free(target, force, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(target);
	return 0;
}

/* -- contents ------------------------------------------------------------------------------------------------------------------------------ */

static int write_piece(const struct walk *walk, int fd, const char *bytes, size_t n)
{
	struct pollfd p[] = { { .fd = fd, .events = POLLOUT }, { .fd = cancel_fd(walk->extract->cancel), .events = POLLIN } };

	while (n > 0) {
		size_t piece = n < PIECE ? n : PIECE;
		int r;

		/* A reader that has stopped must not keep us from hearing a signal. */
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (cancel_requested(walk->extract->cancel))
			return -ECANCELED;
		if (!p[0].revents)
			continue;
		r = fs_write_all(fd, bytes, piece);
		if (r < 0)
			return r;
		bytes += piece;
		n -= piece;
	}
	return 0;
}

/* A regular file is always ready. */
static int write_bytes(const struct walk *walk, int fd, bool regular, const char *bytes, size_t n)
{
	return regular ? fs_write_all(fd, bytes, n) : write_piece(walk, fd, bytes, n);
}

static int copy_content(struct walk *walk, int from, int to, bool regular, const char *path, uint64_t *ret_bytes, struct err *err)
{
	const struct image_extract_hooks *hooks = walk->extract->hooks;
	uint64_t bytes = 0;

	for (;;) {
		ssize_t n = read(from, walk->buffer, BUFFER);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (cancel_requested(walk->extract->cancel))
			return cannot(walk, -ECANCELED, "copy", path, err);
		if (n < 0)
			return cannot(walk, -errno, "read in the image", path, err);
		if (n == 0)
			break;
		r = write_bytes(walk, to, regular, walk->buffer, (size_t)n);
		if (r < 0)
			return cannot(walk, r, "write what the image holds as", path, err);
		bytes += (uint64_t)n;
		walk->bytes += (uint64_t)n;
		if (hooks && hooks->on_progress)
			hooks->on_progress(hooks->data, path, walk->bytes);
	}
	*ret_bytes = bytes;
	return 0;
}

static int set_attributes(const struct walk *walk, int fd, mode_t mode)
{
	if (walk->give && fchown(fd, walk->uid, walk->gid) < 0)
		return -errno;
	return fchmod(fd, mode & 0777) < 0 ? -errno : 0;
}

static void remember(struct walk *walk, const char *path, const char *to, uint64_t bytes)
{
	grow_array(&walk->files, &walk->cap, walk->n_files, sizeof(*walk->files));
	walk->files[walk->n_files++] = (struct done_file){ xstrdup(path), xstrdup(to), bytes };
}

/* One file of the image to @dir/@name, which does not exist. */
static int copy_file(struct walk *walk, int from, const struct stat *st, int dir, const char *name, const char *path, const char *to,
		     struct err *err)
{
	CLEANUP_CLOSE int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	uint64_t bytes;
	int r;

	if (fd < 0)
		return cannot(walk, -errno, "make", to, err);
	r = copy_content(walk, from, fd, true, path, &bytes, err);
	if (r < 0)
		return r;
	r = set_attributes(walk, fd, st->st_mode);
	if (r < 0)
		return cannot(walk, r, "give owner and mode to", to, err);
	remember(walk, path, to, bytes);
	return 0;
}

/* -- folders ------------------------------------------------------------------------------------------------------------------------------- */

static int list_names(int dir, struct strvec *ret)
{
	CLEANUP(cleanup_closedir) DIR *d = NULL;
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *entry;

	if (fd < 0)
		return -errno;
	d = fdopendir(fd);
	if (!d) {
		cleanup_close(&fd);
		return -ENOMEM;
	}
	while ((errno = 0, entry = readdir(d)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			strvec_add(ret, entry->d_name);
	if (errno)
		return -errno;
	strvec_sort_unique(ret);
	return 0;
}

static int copy_link(struct walk *walk, int from, const char *name, int to, const char *path, struct err *err)
{
	char target[MAX_LINK + 1];
	ssize_t n = readlinkat(from, name, target, MAX_LINK);

	if (n < 0 || n >= MAX_LINK)
		return cannot(walk, n < 0 ? -errno : -ENAMETOOLONG, "read in the image the link", path, err);
	target[n] = '\0';
	if (symlinkat(target, to, name) < 0)
		return cannot(walk, -errno, "make the link that the image has as", path, err);
	if (walk->give && fchownat(to, name, walk->uid, walk->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return cannot(walk, -errno, "give an owner to the link", path, err);
	return 0;
}

static int copy_folder(struct walk *walk, int from, int to, const char *path, const char *host, unsigned int depth, struct err *err);

/* Private until it is full: its mode comes last. */
static int copy_subfolder(struct walk *walk, int from, const char *name, const struct stat *st, int to, const char *path, const char *host,
			  unsigned int depth, struct err *err)
{
	CLEANUP_CLOSE int in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), out = -1;
	int r;

	if (in < 0)
		return cannot(walk, -errno, "open in the image", path, err);
	if (depth >= MAX_DEPTH)
		return cannot(walk, -ENAMETOOLONG, "copy", path, err);
	if (mkdirat(to, name, 0700) < 0)
		return cannot(walk, -errno, "make", host, err);
	out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out < 0)
		return cannot(walk, -errno, "open", host, err);
	r = copy_folder(walk, in, out, path, host, depth + 1, err);
	if (r < 0)
		return r;
	r = set_attributes(walk, out, st->st_mode);
	return r < 0 ? cannot(walk, r, "give owner and mode to", host, err) : 0;
}

static const char *kind_of(mode_t mode)
{
	if (S_ISCHR(mode) || S_ISBLK(mode))
		return "is a device";
	return S_ISSOCK(mode) ? "is a socket" : S_ISFIFO(mode) ? "is a pipe" : "is neither file, folder nor link";
}

static int copy_entry(struct walk *walk, int from, const char *name, int to, const char *path, const char *host, unsigned int depth,
		      struct err *err)
{
	CLEANUP_CLOSE int in = -1;
	struct stat st;

	if (cancel_requested(walk->extract->cancel))
		return cannot(walk, -ECANCELED, "copy", path, err);
	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return cannot(walk, -errno, "look in the image at", path, err);
	if (S_ISDIR(st.st_mode))
		return copy_subfolder(walk, from, name, &st, to, path, host, depth, err);
	if (S_ISLNK(st.st_mode))
		return copy_link(walk, from, name, to, path, err);
	if (!S_ISREG(st.st_mode)) {
		skip(walk, path, kind_of(st.st_mode));
		return 0;
	}
	in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (in < 0)
		return cannot(walk, -errno, "open in the image", path, err);
	return copy_file(walk, in, &st, to, name, path, host, err);
}

static int copy_folder(struct walk *walk, int from, int to, const char *path, const char *host, unsigned int depth, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec names = { 0 };
	int r = list_names(from, &names);

	if (r < 0)
		return cannot(walk, r, "list in the image", path, err);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		const char *name = names.v[i];
		CLEANUP_FREE char *inner = xasprintf("%s%s%s", path, str_ends(path, "/") ? "" : "/", name);
		CLEANUP_FREE char *outer = xasprintf("%s/%s", host, name);

		/* The kernel gives no such name; whoever serves the image might. */
		if (!*name || strchr(name, '/'))
			skip(walk, inner, "has no name that a file can have");
		else
			r = copy_entry(walk, from, name, to, inner, outer, depth, err);
	}
	return r;
}

/* -- under a temporary name, then its own -------------------------------------------------------------------------------------------------- */

/* What we made, with folders that have no 'write' for their owner among it. A failure leaves a rest that has a name of ours. */
static void remove_made(int dir, const char *name)
{
	CLEANUP(strvec_clear) struct strvec names = { 0 };
	CLEANUP_CLOSE int fd = -1;

	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return;
	/* By the flag a link is refused. */
	if (fchmodat(dir, name, 0700, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	if (list_names(fd, &names) == 0)
		for (size_t i = 0; i < names.n; i++)
			remove_made(fd, names.v[i]);
	(void)!unlinkat(dir, name, AT_REMOVEDIR);
}

static int take_name(int dir, const char *temp, const char *name, bool force)
{
	int r;

	if (force)
		return renameat(dir, temp, dir, name) < 0 ? -errno : 0;
	r = fs_rename_new(dir, temp, name);
	if (r != -EINVAL && r != -ENOSYS && r != -ENOTSUP)
		return r;
	/* A file system that cannot promise it. */
	if (faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	return renameat(dir, temp, dir, name) < 0 ? -errno : 0;
}

static int make_folder(struct walk *walk, int from, const struct stat *st, int dir, const char *temp, struct err *err)
{
	const struct image_extract *extract = walk->extract;
	CLEANUP_CLOSE int out = openat(dir, temp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (out < 0)
		return cannot(walk, -errno, "open", extract->to, err);
	r = copy_folder(walk, from, out, extract->path, extract->to, 0, err);
	if (r < 0)
		return r;
	r = set_attributes(walk, out, st->st_mode);
	return r < 0 ? cannot(walk, r, "give owner and mode to", extract->to, err) : 0;
}

/* A name beside the target that nobody has; with a folder of that name when it is to be one. */
static int choose_temp(int dir, bool folder, char **ret)
{
	for (int i = 0; i < TEMP_NAMES; i++) {
		CLEANUP_FREE char *name = xasprintf(".reinject-%d-%d", (int)getpid(), i);
		struct stat st;

		if (folder ? mkdirat(dir, name, 0700) == 0 : fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT) {
			*ret = TAKE_PTR(name);
			return 0;
		}
		if (folder && errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

static int make(struct walk *walk, int from, const struct stat *st, int dir, const char *name, struct err *err)
{
	const struct image_extract *extract = walk->extract;
	bool folder = S_ISDIR(st->st_mode);
	CLEANUP_FREE char *temp = NULL;
	int r = choose_temp(dir, folder, &temp);

	if (r < 0)
		return cannot(walk, r, "make", extract->to, err);
	r = folder ? make_folder(walk, from, st, dir, temp, err) : copy_file(walk, from, st, dir, temp, extract->path, extract->to, err);
	if (r == 0 && cancel_requested(extract->cancel))
		r = cannot(walk, -ECANCELED, "copy", extract->path, err);
	if (r == 0) {
		r = take_name(dir, temp, name, extract->force && !folder);
		if (r == -EEXIST)
			refuse(err, r, "has come into being meanwhile", extract->to);
		else if (r < 0)
			cannot(walk, r, "give its name to", extract->to, err);
	}
	if (r < 0)
		remove_made(dir, temp);
	return r;
}

static int begin(struct walk *walk, struct image_txn *txn, const struct image_extract *extract, struct stat *ret, struct err *err)
{
	walk->txn = txn;
	walk->extract = extract;
	walk->buffer = xrealloc(NULL, BUFFER);
	return image_txn_open_path(txn, extract->path, ret, err);
}

/* Under sudo, what lies in a user's folder is that user's. */
static void choose_owner(struct walk *walk, int dir)
{
	struct stat st;

	walk->give = geteuid() == 0 && fstat(dir, &st) == 0 && st.st_uid != 0;
	if (walk->give) {
		walk->uid = st.st_uid;
		walk->gid = st.st_gid;
	}
}

int image_extract_to(struct image_txn *txn, const struct image_extract *extract, struct err *err)
{
	CLEANUP(walk_clear) struct walk walk = { 0 };
	CLEANUP_FREE char *parent = fs_dirname(extract->to);
	struct stat st;
	CLEANUP_CLOSE int from = begin(&walk, txn, extract, &st, err), dir = -1;
	int r = from < 0 ? from : check_free(extract->to, extract->force && !S_ISDIR(st.st_mode), err);

	if (r < 0)
		return r;
	dir = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return cannot(&walk, -errno, "open folder", parent, err);
	choose_owner(&walk, dir);
	r = make(&walk, from, &st, dir, fs_basename(extract->to), err);
	if (r < 0)
		return r;
	for (size_t i = 0; extract->hooks && extract->hooks->on_file && i < walk.n_files; i++)
		extract->hooks->on_file(extract->hooks->data, walk.files[i].path, walk.files[i].to, walk.files[i].bytes);
	return 0;
}

int image_extract_to_fd(struct image_txn *txn, const struct image_extract *extract, int fd, struct err *err)
{
	CLEANUP(walk_clear) struct walk walk = { 0 };
	struct stat st, out;
	CLEANUP_CLOSE int from = begin(&walk, txn, extract, &st, err);
	uint64_t bytes;

	if (from < 0)
		return from;
	if (S_ISDIR(st.st_mode)) {
		refuse(err, -EISDIR, "in the image is a folder, which one stream cannot hold", extract->path);
		err_hint(err, "name a target instead of '-'");
		return -EISDIR;
	}
	return copy_content(&walk, from, fd, fstat(fd, &out) == 0 && S_ISREG(out.st_mode), extract->path, &bytes, err);
}
