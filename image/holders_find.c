/* Three ways to see who holds a file: what processes that we may look into have open, devices that are made from it, and locks, which show even another
 * user's QEMU; another user's mount daemon is told by its command line, which is open to all. A file is known by device and inode, never by name. */
#include "image/holders.h"

#include "base/fs.h"
#include "base/proc.h"
#include "image/devices.h"
#include "image/process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* QEMU's locks (block/file-posix.c): a byte for each permission in use from 100 on, and for each not shared from 200 on. */
enum { QEMU_LOCKS = 100, QEMU_LOCKS_LEN = 201, QEMU_WRITES = 101 };

enum { END_LIMIT_MS = 2000 }; /* for a process that is at its end already */

static int target_init(struct image_target *target, const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_set(err, -errno, "cannot look at '%s'", path);
	*target = (struct image_target){ .path = path, .dev = st.st_dev, .ino = st.st_ino };
	return 0;
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
	CLEANUP_FREE char *cwd = word[0] == '/' ? NULL : image_process_cwd(pid);
	CLEANUP_FREE char *path = fs_absolute(cwd ? cwd : "/", word);
	char *real = realpath(path, NULL);

	return real ? real : TAKE_PTR(path);
}

/* The word after the image is the mount point, for all daemons that are known. */
static char *mount_point_of(pid_t pid, const struct strvec *words, const struct image_target *target)
{
	for (size_t i = 1; i + 1 < words->n; i++) {
		CLEANUP_FREE char *path = absolute_of(pid, words->v[i]);

		if (strcmp(path, target->path) == 0 || image_target_is(target, path))
			return words->v[i + 1][0] != '-' ? absolute_of(pid, words->v[i + 1]) : NULL;
	}
	return NULL;
}

static bool names_target(pid_t pid, const struct strvec *words, const struct image_target *target)
{
	for (size_t i = 1; i < words->n; i++) {
		CLEANUP_FREE char *path = absolute_of(pid, words->v[i]);

		if (strcmp(path, target->path) == 0 || image_target_is(target, path))
			return true;
	}
	return false;
}

struct search {
	struct image_target target;
	const char *tool;
	struct image_holders *holders;
	struct image_daemons *daemons;
};

static void look_for_holder(void *data, pid_t pid)
{
	struct search *search = data;
	enum image_hold hold = image_process_holds(&search->target, pid);
	CLEANUP(strvec_clear) struct strvec words = { 0 };
	CLEANUP_FREE char *point = NULL;
	CLEANUP_FREE char *program = NULL;
	bool is_mount, is_machine = false;
	char *how;

	if (hold == IMAGE_HOLD_NONE)
		return;
	image_process_words(pid, &words);
	program = image_process_program(pid, &words);
	/* Without words and without a program it has no memory any more: one that was killed, say, which lets go of its files in a moment. Where its files are
	 * hidden it may as well be the kernel's, of which there are many, and nothing would come of the wait. */
	if (!program && (hold == IMAGE_HOLD_HIDDEN || proc_wait_gone(pid, END_LIMIT_MS) == 0))
		return;
	/* Everybody may read its words, and a mount daemon is started on its image. */
	if (hold == IMAGE_HOLD_HIDDEN && (!is_mount_daemon(program, NULL) || !names_target(pid, &words, &search->target)))
		return;
	if (is_mount_daemon(program, NULL)) {
		point = mount_point_of(pid, &words, &search->target);
		how = point ? xasprintf("has it mounted at '%s'", point) : xstrdup("has it mounted");
		hold = IMAGE_HOLD_WRITES;
	} else if (program && str_starts(program, "qemu")) {
		how = xstrdup("runs a VM from it");
		is_machine = str_starts(program, "qemu-system");
	} else {
		how = xstrdup(hold == IMAGE_HOLD_WRITES ? "has it open for writing" : "has it open");
	}
	is_mount = is_mount_daemon(program, NULL);
	image_holders_add(search->holders, pid, TAKE_PTR(program), hold == IMAGE_HOLD_WRITES, how);
	search->holders->v[search->holders->n - 1].is_mount = is_mount;
	search->holders->v[search->holders->n - 1].is_machine = is_machine;
}

static void look_for_daemon(void *data, pid_t pid)
{
	struct search *search = data;
	struct image_daemons *daemons = search->daemons;
	CLEANUP(strvec_clear) struct strvec words = { 0 };
	CLEANUP_FREE char *program = NULL;
	enum image_hold hold;

	image_process_words(pid, &words);
	program = image_process_program(pid, &words);
	if (!is_mount_daemon(program, search->tool))
		return;
	hold = image_process_holds(&search->target, pid);
	if ((hold == IMAGE_HOLD_NONE || hold == IMAGE_HOLD_HIDDEN) && !names_target(pid, &words, &search->target))
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
	image_process_each(look_for_daemon, &search);
	*ret = daemons;
	return 0;
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

		/* What serves a mount takes no such locks. */
		if (holder->pid > 0 && !holder->is_mount && (holder->may_write || !writes)) {
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
	image_process_each(look_for_holder, &search);
	image_devices_find(&search.target, &holders);
	look_for_qemu_locks(&search);
	*ret = holders;
	return 0;
}
