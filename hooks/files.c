#include "hooks/files.h"

#include "base/fault.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Ours has some hundred bytes for each project. */
enum { MAX_HOOK = 1 << 20 };

static int read_text(int fd, struct str *ret)
{
	char buf[8192];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		str_add_n(ret, buf, (size_t)n);
		if (ret->len > MAX_HOOK)
			return 0;
	}
	return 0;
}

int hooks_file_read(int dir, const char *name, struct hooks_file *ret, struct err *err)
{
	CLEANUP_CLOSE int fd = -1;
	int r;

	*ret = (struct hooks_file){ .kind = HOOKS_FILE_FOREIGN };
	if (fstatat(dir, name, &ret->st, AT_SYMLINK_NOFOLLOW) < 0) {
		ret->kind = HOOKS_FILE_NONE;
		return errno == ENOENT ? 0 : err_set(err, -errno, "cannot look at hook '%s'", name);
	}
	if (!S_ISREG(ret->st.st_mode) || ret->st.st_size > MAX_HOOK)
		return 0;
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	r = fd < 0 ? -errno : read_text(fd, &ret->text);
	if (r < 0) {
		hooks_file_clear(ret);
		return err_set(err, r, "cannot read hook '%s'", name);
	}
	if (hooks_shim_parse(str_text(&ret->text), ret->text.len, &ret->shim))
		ret->kind = HOOKS_FILE_OURS;
	return 0;
}

void hooks_file_clear(struct hooks_file *file)
{
	str_clear(&file->text);
	hooks_shim_clear(&file->shim);
}

bool hooks_file_same(const struct hooks_file *a, const struct hooks_file *b)
{
	return a->kind != HOOKS_FILE_NONE && b->kind != HOOKS_FILE_NONE && a->st.st_dev == b->st.st_dev && a->st.st_ino == b->st.st_ino;
}

static int give_to_owner(int dir, int fd)
{
	struct stat st;

	if (geteuid() != 0)
		return 0;
	if (fstat(dir, &st) < 0)
		return -errno;
	return st.st_uid != 0 && fchown(fd, st.st_uid, st.st_gid) < 0 ? -errno : 0;
}

static int write_temp(int dir, const char *temp, const char *text)
{
	CLEANUP_CLOSE int fd = -1;
	int r;

	if (unlinkat(dir, temp, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = fs_write_all(fd, text, strlen(text));
	if (r == 0)
		r = give_to_owner(dir, fd);
	/* After the owner: that takes bits away. */
	if (r == 0 && fchmod(fd, 0755) < 0)
		r = -errno;
	return r < 0 ? r : fs_sync(fd);
}

int hooks_file_write(int dir, const char *name, const char *text, struct err *err)
{
	CLEANUP_FREE char *temp = xasprintf("%s.reinject-new", name);
	int r = write_temp(dir, temp, text);

	if (r == 0)
		r = FAULT("hooks-written");
	if (r == 0 && renameat(dir, temp, dir, name) < 0)
		r = -errno;
	if (r < 0) {
		(void)!unlinkat(dir, temp, 0);
		return err_set(err, r, "cannot write hook '%s'", name);
	}
	r = FAULT("hooks-renamed");
	if (r == 0)
		r = fs_sync(dir);
	return r < 0 ? err_set(err, r, "cannot sync the hooks folder") : 0;
}

int hooks_file_keep(int dir, const char *from, const char *to, struct err *err)
{
	int r = linkat(dir, from, dir, to, 0) < 0 ? -errno : 0;

	/* No hard links here, of this kind of file (a folder), or of this owner's (fs.protected_hardlinks). */
	if (r == -EPERM || r == -EOPNOTSUPP || r == -EMLINK || r == -ENOSYS)
		return hooks_file_rename(dir, from, to, err);
	if (r == 0)
		r = FAULT("hooks-kept");
	return r < 0 ? err_set(err, r, "cannot keep hook '%s' as '%s'", from, to) : 0;
}

int hooks_file_rename(int dir, const char *from, const char *to, struct err *err)
{
	int r = renameat(dir, from, dir, to) < 0 ? -errno : 0;

	if (r == 0)
		r = FAULT("hooks-moved");
	return r < 0 ? err_set(err, r, "cannot rename hook '%s' to '%s'", from, to) : 0;
}

int hooks_file_remove(int dir, const char *name, struct err *err)
{
	int r = 0;

	if (unlinkat(dir, name, 0) < 0)
		r = errno == ENOENT ? 0 : -errno;
	else
		r = FAULT("hooks-removed");
	return r < 0 ? err_set(err, r, "cannot remove hook '%s'", name) : 0;
}
