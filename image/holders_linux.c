/* Three ways to see who holds a file: /proc/PID/fd for processes that we may look into, /sys/block for loop devices, and locks, which show even
 * another user's QEMU; another user's mount daemon is told by its command line, which is open to all. A file is known by device and inode, never by
 * name. */
#include "image/holders.h"

#include "base/fs.h"
#include "base/proc.h"
#include "image/mounts.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* QEMU's locks (block/file-posix.c): a byte for each permission in use from 100 on, and for each not shared from 200 on. */
enum { QEMU_LOCKS = 100, QEMU_LOCKS_LEN = 201, QEMU_WRITES = 101 };

enum { END_LIMIT_MS = 2000 }; /* for a process that is at its end already */

struct target {
	const char *path;
	uint32_t major, minor;
	uint64_t ino;
};

static int target_init(struct target *target, const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_set(err, -errno, "cannot look at '%s'", path);
	*target = (struct target){ .path = path, .major = major(st.st_dev), .minor = minor(st.st_dev), .ino = st.st_ino };
	return 0;
}

/* DONT_SYNC: a descriptor may lead into a FUSE mount whose daemon hangs, and asking it would hang us. */
static bool is_target(const struct target *target, int dir_fd, const char *name)
{
	struct statx stx;

	return statx(dir_fd, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_INO, &stx) == 0 && stx.stx_ino == target->ino &&
	       stx.stx_dev_major == target->major && stx.stx_dev_minor == target->minor;
}

enum hold { HOLD_NONE, HOLD_READS, HOLD_WRITES, HOLD_HIDDEN /* another user's: what it has open is closed to us */ };

/* The kernel lets root list descriptors that it does not let it follow: without CAP_SYS_PTRACE, in a container, under a security module. One that leads
 * into another user's FUSE mount is refused too, but can still be read. */
static bool is_closed_to_us(int dir_fd, const char *name)
{
	char c;

	return readlinkat(dir_fd, name, &c, 1) < 0 && (errno == EACCES || errno == EPERM);
}

static enum hold descriptor_holds(pid_t pid, const char *fd)
{
	CLEANUP_FREE char *path = xasprintf("/proc/%d/fdinfo/%s", (int)pid, fd);
	CLEANUP(str_clear) struct str info = { 0 };
	const char *line;
	unsigned int flags = 0;
	int r = fs_read(path, 65536, &info, NULL);

	/* Closed meanwhile: between fork and exec every child of ours has what we have open. */
	if (r == -ENOENT || r == -ESRCH || (r == 0 && info.len == 0))
		return HOLD_NONE;
	line = r < 0 ? NULL : strstr(str_text(&info), "flags:");
	/* What cannot be read is taken for the worst. */
	return line && sscanf(line, "flags: %o", &flags) == 1 && (flags & O_ACCMODE) == O_RDONLY ? HOLD_READS : HOLD_WRITES;
}

static enum hold process_holds(const struct target *target, pid_t pid)
{
	CLEANUP_FREE char *path = xasprintf("/proc/%d/fd", (int)pid);
	CLEANUP(cleanup_closedir) DIR *dir = opendir(path);
	enum hold hold = HOLD_NONE;
	struct dirent *entry;

	if (!dir && (errno == EACCES || errno == EPERM))
		return HOLD_HIDDEN;
	while (dir && hold != HOLD_WRITES && (entry = readdir(dir))) {
		enum hold one;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		errno = 0;
		if (!is_target(target, dirfd(dir), entry->d_name)) {
			/* As one is, so are all of this process. */
			if ((errno == EACCES || errno == EPERM) && is_closed_to_us(dirfd(dir), entry->d_name))
				return HOLD_HIDDEN;
			continue;
		}
		one = descriptor_holds(pid, entry->d_name);
		hold = one == HOLD_NONE ? hold : one;
	}
	return hold;
}

/* The words of a command line; they end in NUL each. */
static void read_words(pid_t pid, struct strvec *ret)
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
static char *program_name(pid_t pid, const struct strvec *words)
{
	CLEANUP_FREE char *link = xasprintf("/proc/%d/exe", (int)pid);
	CLEANUP_FREE char *exe = read_link(link);
	char *deleted = exe ? strstr(exe, " (deleted)") : NULL;

	if (deleted)
		*deleted = '\0';
	if (exe)
		return xstrdup(fs_basename(exe));
	return words->n > 0 ? xstrdup(fs_basename(words->v[0])) : NULL;
}

static bool is_mount_daemon(const char *program, const char *tool)
{
	static const char *const known[] = { "redoxfs", "fuse2fs", "fuse4fs", "ext4fuse", "fuse-ext2" };

	for (size_t i = 0; program && i < N_ELEMENTS(known); i++)
		if (strcmp(program, known[i]) == 0)
			return true;
	return program && tool && strcmp(program, fs_basename(tool)) == 0;
}

/* Where a word of process @pid's command line leads. */
static char *absolute_of(pid_t pid, const char *word)
{
	CLEANUP_FREE char *link = xasprintf("/proc/%d/cwd", (int)pid);
	CLEANUP_FREE char *cwd = word[0] == '/' ? NULL : read_link(link);
	CLEANUP_FREE char *path = fs_absolute(cwd ? cwd : "/", word);
	char *real = realpath(path, NULL);

	return real ? real : TAKE_PTR(path);
}

/* The word after the image is the mount point, for all daemons that are known. */
static char *mount_point_of(pid_t pid, const struct strvec *words, const struct target *target)
{
	for (size_t i = 1; i + 1 < words->n; i++) {
		CLEANUP_FREE char *path = absolute_of(pid, words->v[i]);

		if (strcmp(path, target->path) == 0 || is_target(target, AT_FDCWD, path))
			return words->v[i + 1][0] != '-' ? absolute_of(pid, words->v[i + 1]) : NULL;
	}
	return NULL;
}

static bool names_target(pid_t pid, const struct strvec *words, const struct target *target)
{
	for (size_t i = 1; i < words->n; i++) {
		CLEANUP_FREE char *path = absolute_of(pid, words->v[i]);

		if (strcmp(path, target->path) == 0 || is_target(target, AT_FDCWD, path))
			return true;
	}
	return false;
}

static void each_process(void (*fn)(void *data, pid_t pid), void *data)
{
	CLEANUP(cleanup_closedir) DIR *dir = opendir("/proc");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		long pid = isdigit((unsigned char)entry->d_name[0]) ? strtol(entry->d_name, NULL, 10) : 0;

		if (pid > 0 && pid != (long)getpid())
			fn(data, (pid_t)pid);
	}
}

struct search {
	struct target target;
	const char *tool;
	struct image_holders *holders;
	struct image_daemons *daemons;
};

static void look_for_holder(void *data, pid_t pid)
{
	struct search *search = data;
	enum hold hold = process_holds(&search->target, pid);
	CLEANUP(strvec_clear) struct strvec words = { 0 };
	CLEANUP_FREE char *point = NULL;
	CLEANUP_FREE char *program = NULL;
	bool is_mount, is_machine = false;
	char *how;

	if (hold == HOLD_NONE)
		return;
	read_words(pid, &words);
	program = program_name(pid, &words);
	/* Without words and without a program it has no memory any more: one that was killed, say, which lets go of its files in a moment. Where its files are
	 * hidden it may as well be the kernel's, of which there are many, and nothing would come of the wait. */
	if (!program && (hold == HOLD_HIDDEN || proc_wait_gone(pid, END_LIMIT_MS) == 0))
		return;
	/* Everybody may read its words, and a mount daemon is started on its image. */
	if (hold == HOLD_HIDDEN && (!is_mount_daemon(program, NULL) || !names_target(pid, &words, &search->target)))
		return;
	if (is_mount_daemon(program, NULL)) {
		point = mount_point_of(pid, &words, &search->target);
		how = point ? xasprintf("has it mounted at '%s'", point) : xstrdup("has it mounted");
		hold = HOLD_WRITES;
	} else if (program && str_starts(program, "qemu")) {
		how = xstrdup("runs a VM from it");
		is_machine = str_starts(program, "qemu-system");
	} else {
		how = xstrdup(hold == HOLD_WRITES ? "has it open for writing" : "has it open");
	}
	is_mount = is_mount_daemon(program, NULL);
	image_holders_add(search->holders, pid, TAKE_PTR(program), hold == HOLD_WRITES, how);
	search->holders->v[search->holders->n - 1].is_mount = is_mount;
	search->holders->v[search->holders->n - 1].is_machine = is_machine;
}

static void look_for_daemon(void *data, pid_t pid)
{
	struct search *search = data;
	struct image_daemons *daemons = search->daemons;
	CLEANUP(strvec_clear) struct strvec words = { 0 };
	CLEANUP_FREE char *program = NULL;
	enum hold hold;

	read_words(pid, &words);
	program = program_name(pid, &words);
	if (!is_mount_daemon(program, search->tool))
		return;
	hold = process_holds(&search->target, pid);
	if ((hold == HOLD_NONE || hold == HOLD_HIDDEN) && !names_target(pid, &words, &search->target))
		return;
	grow_array(&daemons->v, &daemons->cap, daemons->n, sizeof(*daemons->v));
	daemons->v[daemons->n++] = (struct image_daemon){
		.pid = pid,
		.started = proc_start_time(pid),
		.mount_point = mount_point_of(pid, &words, &search->target),
	};
}

int image_daemons_find(const char *path, const char *tool, struct image_daemons *ret, struct err *err)
{
	struct image_daemons daemons = { 0 };
	struct search search = { .tool = tool, .daemons = &daemons };
	int r = target_init(&search.target, path, err);

	if (r < 0)
		return r;
	each_process(look_for_daemon, &search);
	*ret = daemons;
	return 0;
}

static bool first_line(const char *path, struct str *ret)
{
	if (fs_read(path, 65536, ret, NULL) < 0 || ret->len == 0)
		return false;
	ret->len = strcspn(ret->buf, "\n");
	ret->buf[ret->len] = '\0';
	return true;
}

static void add_loop_device(struct search *search, const char *name)
{
	CLEANUP_FREE char *backing = xasprintf("/sys/block/%s/loop/backing_file", name);
	CLEANUP_FREE char *read_only = xasprintf("/sys/block/%s/ro", name);
	CLEANUP_FREE char *device = xasprintf("/dev/%s", name);
	CLEANUP_FREE char *point = NULL;
	CLEANUP(str_clear) struct str file = { 0 }, ro = { 0 };
	bool may_write;

	if (!first_line(backing, &file) || !is_target(&search->target, AT_FDCWD, file.buf))
		return;
	may_write = !first_line(read_only, &ro) || ro.buf[0] != '1';
	point = image_mounts_of_device(device);
	image_holders_add(search->holders, 0, xasprintf("loop device %s", device), may_write,
			  point ? xasprintf("is made from it and mounted at '%s'", point) : xstrdup("is made from it"));
	search->holders->v[search->holders->n - 1].is_loop = true;
}

static void look_for_loop_devices(struct search *search)
{
	CLEANUP(cleanup_closedir) DIR *dir = opendir("/sys/block");
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (str_starts(entry->d_name, "loop"))
			add_loop_device(search, entry->d_name);
}

/* Whether anyone has a lock that a write lock on these bytes would meet. Asking needs no right to write. */
static bool is_locked(int fd, off_t start, off_t len)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = len };

	return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* A lock does not name its owner. Only when nobody that was seen explains it, it is somebody whom we may not see. */
static void look_for_qemu_locks(struct search *search)
{
	CLEANUP_CLOSE int fd = open(search->target.path, O_RDONLY | O_CLOEXEC);
	bool writes;

	if (fd < 0 || !is_locked(fd, QEMU_LOCKS, QEMU_LOCKS_LEN))
		return;
	writes = is_locked(fd, QEMU_WRITES, 1);
	for (size_t i = 0; i < search->holders->n; i++) {
		struct image_holder *holder = &search->holders->v[i];

		if (holder->pid > 0 && (holder->may_write || !writes)) {
			holder->is_machine = true;
			return;
		}
	}
	image_holders_add(search->holders, 0, xstrdup("a QEMU of another user"), writes, xstrdup("runs a VM from it"));
	search->holders->v[search->holders->n - 1].is_machine = true;
}

int image_holders_find(const char *path, struct image_holders *ret, struct err *err)
{
	struct image_holders holders = { 0 };
	struct search search = { .holders = &holders };
	int r = target_init(&search.target, path, err);

	if (r < 0)
		return r;
	each_process(look_for_holder, &search);
	look_for_loop_devices(&search);
	look_for_qemu_locks(&search);
	*ret = holders;
	return 0;
}
