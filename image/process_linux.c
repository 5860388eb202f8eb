/* /proc: PID/fd for the files of a process that we may look into, PID/cmdline, which is open to all, PID/exe and PID/cwd. The Darwin twin is
 * process_darwin.c. */
#include "image/process.h"

#include "base/fs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* -- which file ---------------------------------------------------------------------------------------------------------------------------------- */

/* DONT_SYNC: a descriptor may lead into a FUSE mount whose daemon hangs, and asking it would hang us. */
static bool is_target(const struct image_target *target, int dir_fd, const char *name)
{
	struct statx stx;

	return statx(dir_fd, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_INO, &stx) == 0 && stx.stx_ino == target->ino &&
	       makedev(stx.stx_dev_major, stx.stx_dev_minor) == target->dev;
}

bool image_target_is(const struct image_target *target, const char *path)
{
	return is_target(target, AT_FDCWD, path);
}

/* The kernel lets root list descriptors that it does not let it follow: without CAP_SYS_PTRACE, in a container, under a security module. One that leads
 * into another user's FUSE mount is refused too, but can still be read. */
static bool is_closed_to_us(int dir_fd, const char *name)
{
	char c;

	return readlinkat(dir_fd, name, &c, 1) < 0 && (errno == EACCES || errno == EPERM);
}

static enum image_hold descriptor_holds(pid_t pid, const char *fd)
{
	CLEANUP_FREE char *path = xasprintf("/proc/%d/fdinfo/%s", (int)pid, fd);
	CLEANUP(str_clear) struct str info = { 0 };
	const char *line;
	unsigned int flags = 0;
	int r = fs_read(path, 65536, &info, NULL);

	/* Closed meanwhile: between fork and exec every child of ours has what we have open. */
	if (r == -ENOENT || r == -ESRCH || (r == 0 && info.len == 0))
		return IMAGE_HOLD_NONE;
	line = r < 0 ? NULL : strstr(str_text(&info), "flags:");
	/* What cannot be read is taken for the worst. */
	return line && sscanf(line, "flags: %o", &flags) == 1 && (flags & O_ACCMODE) == O_RDONLY ? IMAGE_HOLD_READS : IMAGE_HOLD_WRITES;
}

enum image_hold image_process_holds(const struct image_target *target, pid_t pid)
{
	CLEANUP_FREE char *path = xasprintf("/proc/%d/fd", (int)pid);
	CLEANUP(cleanup_closedir) DIR *dir = opendir(path);
	enum image_hold hold = IMAGE_HOLD_NONE;
	struct dirent *entry;

	if (!dir && (errno == EACCES || errno == EPERM))
		return IMAGE_HOLD_HIDDEN;
	while (dir && hold != IMAGE_HOLD_WRITES && (entry = readdir(dir))) {
		enum image_hold one;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		errno = 0;
		if (!is_target(target, dirfd(dir), entry->d_name)) {
			/* As one is, so are all of this process. */
			if ((errno == EACCES || errno == EPERM) && is_closed_to_us(dirfd(dir), entry->d_name))
				return IMAGE_HOLD_HIDDEN;
			continue;
		}
		one = descriptor_holds(pid, entry->d_name);
		hold = one == IMAGE_HOLD_NONE ? hold : one;
	}
	return hold;
}

void image_process_files(pid_t pid, void (*fn)(void *data, const struct stat *st), void *data)
{
	CLEANUP_FREE char *path = xasprintf("/proc/%d/fd", (int)pid);
	CLEANUP(cleanup_closedir) DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		struct stat st;

		if (isdigit((unsigned char)entry->d_name[0]) && fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 && S_ISREG(st.st_mode))
			fn(data, &st);
	}
}

/* By the words of the links alone: a stat of a file in a mount that hangs would hang too. */
static bool leads_below(const char *link, const char *point)
{
	char target[4096];
	ssize_t n = readlink(link, target, sizeof(target) - 1);

	if (n <= 0)
		return false;
	target[n] = '\0';
	return path_under(target, point);
}

bool image_process_uses(pid_t pid, const char *point)
{
	static const char *const places[] = { "cwd", "root", "exe" };
	CLEANUP_FREE char *fds = xasprintf("/proc/%d/fd", (int)pid);
	CLEANUP(cleanup_closedir) DIR *dir = NULL;
	struct dirent *entry;

	for (size_t i = 0; i < N_ELEMENTS(places); i++) {
		CLEANUP_FREE char *link = xasprintf("/proc/%d/%s", (int)pid, places[i]);

		if (leads_below(link, point))
			return true;
	}
	dir = opendir(fds);
	while (dir && (entry = readdir(dir))) {
		CLEANUP_FREE char *link = xasprintf("%s/%s", fds, entry->d_name);

		if (leads_below(link, point))
			return true;
	}
	return false;
}

/* -- which program ------------------------------------------------------------------------------------------------------------------------------- */

/* They end in NUL each. */
void image_process_words(pid_t pid, struct strvec *ret)
{
	CLEANUP_FREE char *path = xasprintf("/proc/%d/cmdline", (int)pid);
	CLEANUP(str_clear) struct str text = { 0 };

	if (fs_read(path, 1u << 20, &text, NULL) < 0)
		return;
	for (size_t i = 0; i < text.len; i += strlen(text.buf + i) + 1)
		strvec_add(ret, text.buf + i);
}

static char *read_link(const char *path)
{
	char buffer[4096];
	ssize_t n = readlink(path, buffer, sizeof(buffer) - 1);

	return n > 0 ? xstrndup(buffer, (size_t)n) : NULL;
}

/* The name of the program's file: /proc/PID/comm is cut after 15 bytes, too short for 'qemu-system-aarch64'. */
char *image_process_program(pid_t pid, const struct strvec *words)
{
	CLEANUP_FREE char *link = xasprintf("/proc/%d/exe", (int)pid);
	CLEANUP_FREE char *exe = read_link(link);
	char *deleted = exe ? strstr(exe, " (deleted)") : NULL;

	if (deleted)
		*deleted = '\0';
	if (exe)
		return xstrdup(fs_basename(exe));
	return words && words->n > 0 ? xstrdup(fs_basename(words->v[0])) : NULL;
}

char *image_process_cwd(pid_t pid)
{
	CLEANUP_FREE char *link = xasprintf("/proc/%d/cwd", (int)pid);

	return read_link(link);
}

void image_process_each(void (*fn)(void *data, pid_t pid), void *data)
{
	CLEANUP(cleanup_closedir) DIR *dir = opendir("/proc");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		long pid = isdigit((unsigned char)entry->d_name[0]) ? strtol(entry->d_name, NULL, 10) : 0;

		if (pid > 0 && pid != (long)getpid())
			fn(data, (pid_t)pid);
	}
}
