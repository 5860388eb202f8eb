#include "image/mount.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "image/file.h"
#include "image/holders.h"
#include "image/mounts.h"
#include "image/names.h"
#include "image/pulse.h"
#include "image/unmount.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BUSY_PAUSE_MS = 20,    /* between two attempts to unmount: no event tells that the last file was closed */
	EXIT_LIMIT_MS = 60000, /* for the daemon's last writes: redoxfs rewrites its whole list of free blocks */
	DEATH_LIMIT_MS = 1000, /* how long a daemon that answers no more may take to be seen dead */
	LOG_TAIL = 400,        /* bytes of the daemon's last words that fit into a sentence */
};

struct image_mount {
	const struct config_image *config; /* borrowed */
	char *image, *point, *log;         /* owned */
	char *tool;                        /* the program, for sentences */
	struct proc *proc;                 /* owned; NULL when a custom command put itself into the background */
	pid_t pid;                         /* of proc, for the thread that ends it when it hangs */
	struct image_pulse *pulse;         /* owned; NULL while nothing is mounted */
	void (*on_child)(void *data, pid_t pid, bool started);
	void *data;
	off_t log_start; /* where this daemon's words begin */
};

static void mount_free(struct image_mount *mount)
{
	if (!mount)
		return;
	image_pulse_stop(mount->pulse);
	proc_free(mount->proc);
	free(mount->image);
	free(mount->point);
	free(mount->log);
	free(mount->tool);
	free(mount);
}

static void mount_freep(struct image_mount **mount)
{
	mount_free(*mount);
}

/* @template with ${IMAGE} and ${MOUNT_POINT} filled in. */
static void fill_template(const struct strvec *template, const char *image, const char *point, struct strvec *argv)
{
	for (size_t i = 0; i < template->n; i++) {
		CLEANUP(str_clear) struct str word = { 0 };

		for (const char *p = template->v[i]; *p;) {
			if (str_starts(p, "${IMAGE}")) {
				str_add(&word, image);
				p += strlen("${IMAGE}");
			} else if (str_starts(p, "${MOUNT_POINT}")) {
				str_add(&word, point);
				p += strlen("${MOUNT_POINT}");
			} else {
				str_add_c(&word, *p++);
			}
		}
		strvec_take(argv, str_take(&word));
	}
}

/* redoxfs takes no ring's beginning but the block of a header, which is another after each mount. */
static int add_block(const struct image_mount *mount, struct strvec *argv, struct err *err)
{
	struct image_redoxfs header;
	struct stat st;
	CLEANUP_CLOSE int fd = image_file_open(mount->image, &st, err);
	int r = fd < 0 ? fd : image_file_read_redoxfs_at(fd, mount->image, mount->config->block, &header, err);

	if (r < 0)
		return r;
	strvec_addf(argv, "%llx", (unsigned long long)header.block);
	return 0;
}

static int fill_argv(const struct image_mount *mount, struct strvec *argv, struct err *err)
{
	const struct config_image *config = mount->config;

	if (config->format == CONFIG_IMAGE_CUSTOM) {
		if (config->mount.n == 0)
			return err_class_set(err, ERR_USAGE, -EINVAL, "format = custom needs mount = COMMAND in [image]");
		fill_template(&config->mount, mount->image, mount->point, argv);
		return 0;
	}
	strvec_add(argv, mount->tool);
	strvec_add(argv, config->format == CONFIG_IMAGE_REDOXFS ? "-d" : "-f");
	strvec_add(argv, mount->image);
	strvec_add(argv, mount->point);
	if (config->format == CONFIG_IMAGE_REDOXFS && config->block > 0)
		return add_block(mount, argv, err);
	if (config->format == CONFIG_IMAGE_EXT4) {
		/* It would check permissions by itself, as if the image's users were this host's. */
		strvec_add(argv, "-o");
		strvec_add(argv, "fakeroot");
	}
	return 0;
}

static int find_tool(const struct config_image *config, char **ret, struct err *err)
{
	const char *name = config->tool ? config->tool : config->format == CONFIG_IMAGE_REDOXFS ? "redoxfs" : "fuse2fs";

	if (config->format == CONFIG_IMAGE_CUSTOM) {
		*ret = xstrdup(config->mount.n > 0 ? config->mount.v[0] : "");
		return 0;
	}
	*ret = fs_find_program(name);
	if (*ret)
		return 0;
	err_class_set(err, ERR_ENVIRONMENT, -ENOENT, "cannot find program '%s', which mounts the image", name);
	if (config->format == CONFIG_IMAGE_REDOXFS)
		err_hint(err, "cargo install redoxfs --version 0.9.0 --locked, or name it: tool = PATH in [image]");
	else
		err_hint(err, "install the package fuse2fs, or name it: tool = PATH in [image]");
	return -ENOENT;
}

int image_mount_check_tool(const struct config_image *config, struct err *err)
{
	CLEANUP_FREE char *tool = NULL;

	return find_tool(config, &tool, err);
}

static bool is_mounted(void *data)
{
	const struct image_mount *mount = data;

	return image_mounts_has(mount->point);
}

/* The last words of the daemon, on one line; '' when it said nothing. */
static char *last_words(const struct image_mount *mount)
{
	CLEANUP_CLOSE int fd = open(mount->log, O_RDONLY | O_CLOEXEC);
	char buffer[LOG_TAIL + 1];
	off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
	off_t start = end - mount->log_start > LOG_TAIL ? end - LOG_TAIL : mount->log_start;
	ssize_t n = fd >= 0 ? pread(fd, buffer, LOG_TAIL, start) : 0;
	char *text;

	text = xstrndup(buffer, n > 0 ? (size_t)n : 0);
	for (size_t i = strlen(text); i > 0 && text[i - 1] == '\n'; i--)
		text[i - 1] = '\0';
	for (char *p = text; *p; p++)
		if (*p == '\n')
			*p = ' ';
	return text;
}

static int say_hung(const struct image_mount *mount, struct err *err)
{
	err_set(err, -EIO, "'%s', which serves '%s', did not answer for %u ms and was ended!", mount->tool, mount->image,
		mount->config->answer_timeout_ms);
	err_hint(err, "was it stopped, or is its disk very slow? answer_timeout_ms in [image] is how long it may take");
	return -EIO;
}

static int say_ended(const struct image_mount *mount, const struct proc_result *result, struct err *err)
{
	CLEANUP_FREE char *how = proc_describe(result), *words = last_words(mount);

	if (image_pulse_is_silent(mount->pulse))
		return say_hung(mount, err);

	return err_set(err, -EIO, "'%s', which serves '%s', %s%s%s!", mount->tool, mount->image, how, words[0] ? ": " : "", words);
}

static void child_ended(struct image_mount *mount)
{
	if (mount->on_child)
		mount->on_child(mount->data, proc_pid(mount->proc), false);
	proc_free(mount->proc);
	mount->proc = NULL;
}

/* The child has ended before the mount was there. A custom command may have mounted and gone; a daemon must not. */
static int settle_ended(struct image_mount *mount, struct err *err)
{
	struct proc_result result;
	int r = proc_wait(mount->proc, EXIT_LIMIT_MS, &result, err);

	if (r < 0)
		return r;
	if (mount->config->format == CONFIG_IMAGE_CUSTOM && !result.signalled && result.status == 0 && image_mounts_has(mount->point)) {
		child_ended(mount);
		return 0;
	}
	r = say_ended(mount, &result, err);
	child_ended(mount);
	return r;
}

/* A daemon that never got its mount up. */
static void end_daemon(struct image_mount *mount)
{
	struct proc_result result;

	if (!mount->proc)
		return;
	proc_signal(mount->proc, SIGTERM);
	if (proc_wait(mount->proc, DEATH_LIMIT_MS, &result, NULL) < 0) {
		proc_signal(mount->proc, SIGKILL);
		(void)!proc_wait(mount->proc, EXIT_LIMIT_MS, &result, NULL);
	}
	child_ended(mount);
}

static int open_log(struct image_mount *mount, struct err *err)
{
	int fd = open(mount->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
	CLEANUP_FREE char *dir = NULL;

	if (fd < 0)
		return err_set(err, -errno, "cannot write '%s'", mount->log);
	dir = fs_dirname(mount->log);
	image_names_give(fd, dir);
	mount->log_start = lseek(fd, 0, SEEK_END);
	return fd;
}

static int start_daemon(struct image_mount *mount, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec argv = { 0 };
	CLEANUP_CLOSE int log = open_log(mount, err);
	struct proc_spec spec = { .output_fd = log };
	int r;

	if (log < 0)
		return log;
	r = fill_argv(mount, &argv, err);
	if (r < 0)
		return r;
	spec.argv = argv.v;
	/* Started from the root folder, so that the daemon keeps no other folder busy. */
	spec.cwd = "/";
	r = proc_start(&spec, &mount->proc, err);
	if (r < 0)
		return r;
	mount->pid = proc_pid(mount->proc);
	if (mount->on_child)
		mount->on_child(mount->data, mount->pid, true);
	return 0;
}

static int wait_mounted(struct image_mount *mount, const struct cancel *cancel, struct err *err)
{
	CLEANUP_CLOSE int watch = image_mounts_watch();
	int r;

	if (watch < 0)
		return err_set(err, watch, "cannot watch the table of mounts");
	r = start_daemon(mount, err);
	if (r < 0)
		return r;
	r = proc_wait_ready(mount->proc, watch, is_mounted, mount, mount->config->mount_timeout_ms, cancel, err);
	if (r == 0)
		return settle_ended(mount, err);
	return r < 0 ? err_wrap(err, r, "cannot mount '%s'", mount->image) : 0;
}

static bool is_empty(const char *dir)
{
	CLEANUP(cleanup_closedir) DIR *d = opendir(dir);
	struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return false;
	return d != NULL;
}

/* A folder for our eyes only; one that a dead run left is taken over. A link is not, nor what has somebody's files in it. @ret_ours: it goes with the
 * mount. */
static int make_point(const char *point, bool is_users, bool *ret_ours, struct err *err)
{
	struct stat st;

	*ret_ours = true;
	if (mkdir(point, 0700) == 0)
		return 0;
	if (errno != EEXIST)
		return err_set(err, -errno, "cannot make folder '%s'", point);
	if (lstat(point, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(err, -ENOTDIR, "cannot make folder '%s'", point);
	if (!is_empty(point)) {
		err_set(err, -ENOTEMPTY, "cannot mount at '%s'", point);
		err_hint(err, "there are files in it that are not reinject's: move them elsewhere");
		return -ENOTEMPTY;
	}
	*ret_ours = !is_users;
	if (is_users)
		return 0;
	return chmod(point, 0700) < 0 ? err_set(err, -errno, "cannot use folder '%s'", point) : 0;
}

/* Called on the pulse's thread. SIGKILL also ends one that was stopped; its end frees whoever waits for it. */
static void end_hung(void *data)
{
	const struct image_mount *mount = data;

	if (mount->pid > 0 && kill(-mount->pid, SIGKILL) < 0)
		(void)!kill(mount->pid, SIGKILL);
}

int image_mount_start(const struct image_mount_args *args, struct image_mount **ret, struct err *err)
{
	CLEANUP(mount_freep) struct image_mount *mount = xcalloc(1, sizeof(*mount));
	bool is_ours;
	int r;

	mount->config = args->config;
	mount->image = xstrdup(args->image);
	mount->point = xstrdup(args->point);
	mount->log = xstrdup(args->log);
	mount->on_child = args->on_child;
	mount->data = args->data;
	r = find_tool(mount->config, &mount->tool, err);
	if (r < 0)
		return r;
	r = make_point(mount->point, args->is_users, &is_ours, err);
	if (r < 0)
		return r;
	r = wait_mounted(mount, args->cancel, err);
	if (r == 0) {
		r = image_pulse_start(mount->point, mount->config->answer_timeout_ms, end_hung, mount, &mount->pulse);
		if (r < 0)
			err_set(err, r, "cannot start a thread");
	}
	if (r < 0) {
		end_daemon(mount);
		(void)!image_mount_clear(mount->point, mount->config, mount->image, 0, NULL);
		if (is_ours)
			rmdir(mount->point);
		return r;
	}
	*ret = TAKE_PTR(mount);
	return 0;
}

void image_mount_leave(struct image_mount **mount)
{
	mount_free(TAKE_PTR(*mount));
}

int image_mount_open_root(const struct image_mount *mount, struct err *err)
{
	int fd = fs_hold(AT_FDCWD, mount->point, true);

	return fd < 0 ? err_set(err, fd, "cannot open '%s'", mount->point) : fd;
}

pid_t image_mount_pid(const struct image_mount *mount)
{
	return mount->proc ? mount->pid : 0;
}

int image_mount_explain(struct image_mount *mount, int code, struct err *err)
{
	struct proc_result result;

	/* What a FUSE mount says once its daemon is gone, or while it goes. */
	if (code != -ENOTCONN && code != -ECONNABORTED && code != -EIO)
		return code;
	if (image_pulse_is_silent(mount->pulse))
		(void)say_hung(mount, err);
	else if (mount->proc && proc_wait(mount->proc, code == -EIO ? 1 : DEATH_LIMIT_MS, &result, NULL) == 0)
		(void)say_ended(mount, &result, err);
	return code;
}

static int unmount_once(const char *point, const struct config_image *config, const char *image, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec argv = { 0 };
	int r;

	if (config->format == CONFIG_IMAGE_CUSTOM && config->unmount.n > 0) {
		fill_template(&config->unmount, image, point, &argv);
		r = image_unmount_run(argv.v, EXIT_LIMIT_MS, err);
		/* A dead daemon's mount may be beyond the command. */
		if (r == 0 || r == -ETIMEDOUT)
			return r;
	}
	return image_unmount_point(point, err);
}

static int say_busy(const char *point, struct err *err)
{
	err_class_set(err, ERR_BUSY, -EBUSY, "cannot unmount '%s': a program still uses a file or folder below it", point);
	err_hint(err, "'fuser -vm %s' names it: end it, or leave that folder, and run this again", point);
	return -EBUSY;
}

int image_mount_clear(const char *point, const struct config_image *config, const char *image, uint32_t limit_ms, struct err *err)
{
	int64_t end = clock_ms() + limit_ms;

	while (image_mounts_has(point)) {
		int r = unmount_once(point, config, image, err);

		if (!image_mounts_has(point))
			return 0;
		if (r == 0)
			r = -EBUSY;
		if (r != -EBUSY)
			return r;
		if (clock_ms() >= end)
			return say_busy(point, err);
		(void)poll(NULL, 0, BUSY_PAUSE_MS);
	}
	return 0;
}

/* Waits for the exit status, which is all that says 'written'. */
static int wait_daemon(struct image_mount *mount, struct err *err)
{
	struct proc_result result;
	bool hung;
	int r;

	if (!mount->proc)
		return 0;
	r = proc_wait(mount->proc, mount->config->answer_timeout_ms, &result, err);
	hung = r == -ETIMEDOUT;
	if (hung) {
		end_hung(mount);
		r = proc_wait(mount->proc, EXIT_LIMIT_MS, &result, err);
	}
	if (r < 0)
		return r;
	if (hung)
		r = say_hung(mount, err);
	else if (result.signalled || result.status != 0)
		r = say_ended(mount, &result, err);
	child_ended(mount);
	return r;
}

/* A custom command may have ended as soon as it had mounted, or a moment later, and what it left in the background may have any name: who has the image
 * open for writing is what serves it, as nobody else may while it is changed. */
static int wait_background(const struct image_mount *mount, struct err *err)
{
	CLEANUP(image_holders_clear) struct image_holders holders = { 0 };
	int r = image_holders_find(mount->image, &holders, err);

	for (size_t i = 0; r == 0 && i < holders.n; i++) {
		const struct image_holder *holder = &holders.v[i];

		if (holder->pid <= 0 || !holder->may_write)
			continue;
		r = proc_wait_gone(holder->pid, EXIT_LIMIT_MS);
		if (r < 0)
			err_set(err, r, "process %d, which serves '%s', does not end", (int)holder->pid, mount->image);
	}
	return r;
}

/* That a file was closed is told to the daemon behind its back: an unmount that comes sooner tears the message out of its hands, and redoxfs then ends
 * with 'connection abort' and status 1. */
static void let_it_catch_up(struct image_mount *mount)
{
	(void)!image_pulse_ask(mount->pulse); /* one that hangs was ended, and its status says so */
	image_pulse_quiet(mount->pulse);
}

int image_mount_stop(struct image_mount **mount, struct err *err)
{
	CLEANUP(mount_freep) struct image_mount *m = TAKE_PTR(*mount);
	int r;

	if (!m)
		return 0;
	let_it_catch_up(m);
	r = image_mount_clear(m->point, m->config, m->image, m->config->mount_timeout_ms, err);
	if (r < 0)
		return r;
	/* A mount namespace that was made meanwhile (a container, `unshare -m`) has the mount as well, and its daemon goes on for it. Without the folder it is
	 * gone there, too. */
	rmdir(m->point);
	r = wait_daemon(m, err);
	return r == 0 && m->config->format == CONFIG_IMAGE_CUSTOM ? wait_background(m, err) : r;
}
