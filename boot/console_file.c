/* A console that is written into a file. The file of the boot before is put aside, so that nothing old is taken for new. */
#include "boot/console_internal.h"

#include "image/image.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse_writer(const char *path, struct err *err)
{
	CLEANUP(image_holders_clear) struct image_holders holders = { 0 };
	int r = image_holders_find(path, &holders, err);

	for (size_t i = 0; r >= 0 && i < holders.n; i++) {
		const struct image_holder *holder = &holders.v[i];

		if (!holder->may_write)
			continue;
		err_class_set(err, ERR_BUSY, -EBUSY, "'%s' is written by %s (process %d): a machine that reinject did not start", path,
			      holder->program ? holder->program : "somebody", (int)holder->pid);
		err_hint(err, "end it first; reinject leaves it alone");
		return -EBUSY;
	}
	return r;
}

static int prepare(struct boot_console *console, struct err *err)
{
	CLEANUP_FREE char *old = xasprintf("%s.old", console->name);
	struct stat st;
	int r;

	if (stat(console->name, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	r = refuse_writer(console->name, err);
	if (r < 0)
		return r;
	return rename(console->name, old) < 0 ? err_set(err, -errno, "cannot rename '%s' of an earlier boot to '%s'", console->name, old) : 0;
}

static int open_now(struct boot_console *console, struct err *err)
{
	console->fd = open(console->name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (console->fd >= 0)
		return 1;
	return errno == ENOENT ? 0 : err_set(err, -errno, "cannot open the console '%s'", console->name);
}

/* Its end is only the end so far. A program that writes it anew begins again at its head. */
static int read_file(struct boot_console *console, struct str *ret)
{
	struct stat st;
	int r;

	if (fstat(console->fd, &st) == 0 && S_ISREG(st.st_mode) && lseek(console->fd, 0, SEEK_CUR) > st.st_size)
		(void)!lseek(console->fd, 0, SEEK_SET);
	r = boot_console_read_stream(console->fd, ret);
	return r == -EPIPE ? 0 : r;
}

const struct boot_console_ops boot_console_file = {
	.kind = BOOT_CONSOLE_FILE,
	.prepare = prepare,
	.open = open_now,
	.read = read_file,
};
