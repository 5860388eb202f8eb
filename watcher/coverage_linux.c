#include "watcher/coverage.h"

#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* inotify: watches are counted for each user over all programs, and /proc tells what a descriptor holds. */

/* The kernel's ABI; sshfs, virtiofs and the shared folders of virtual machines are FUSE. */
#define MAGIC_FUSE 0x65735546u

/* Left for the two sentinels and for folders that are made while we watch. */
#define SPARE 16

/* -- the limit ------------------------------------------------------------------------------------------------------------------------------- */

static uint64_t read_number(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buffer[32];
	ssize_t n = fd < 0 ? -1 : read(fd, buffer, sizeof(buffer) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return 0;
	buffer[n] = '\0';
	return strtoull(buffer, NULL, 10);
}

/* A user namespace may have a lower one of its own. */
static uint64_t read_limit(void)
{
	uint64_t system = read_number("/proc/sys/fs/inotify/max_user_watches"), user = read_number("/proc/sys/user/max_inotify_watches");

	return user > 0 && (user < system || system == 0) ? user : system;
}

/* -- the trial ------------------------------------------------------------------------------------------------------------------------------- */

struct trial {
	int fd;
	size_t n_asked; /* folders */
	size_t n_got;   /* watches on them */
	int first;      /* watch numbers only grow: one that is not greater than the last is a folder seen before, by another name */
	int last;
	bool full;
};

/* A folder that cannot be read, or has just gone, counts for neither. */
static bool try_folder(void *data, const char *path)
{
	struct trial *trial = data;
	int watch = trial->full ? -1 : inotify_add_watch(trial->fd, path, IN_DELETE_SELF | IN_ONLYDIR);

	if (watch > trial->last) {
		trial->first = watch < trial->first ? watch : trial->first;
		trial->last = watch;
		trial->n_got++;
		trial->n_asked++;
	} else if (trial->full || (watch < 0 && errno == ENOSPC)) {
		trial->full = true;
		trial->n_asked++;
	}
	return true;
}

struct tree {
	const char *path;
	size_t n;
};

static int compare_trees(const void *a, const void *b)
{
	const struct tree *x = a, *y = b;

	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	return strcmp(x->path, y->path);
}

static bool is_remote(const char *path)
{
	struct statfs st;

	return fs_is_network(path) || (statfs(path, &st) == 0 && (unsigned int)st.f_type == MAGIC_FUSE);
}

static void try_trees(const struct watcher_roots *roots, struct trial *trial, struct tree *trees, struct watcher_coverage *coverage)
{
	for (size_t i = 0; i < roots->trees.n; i++) {
		size_t before = trial->n_asked;

		watcher_roots_walk(roots, roots->trees.v[i], try_folder, trial);
		trees[i] = (struct tree){ roots->trees.v[i], trial->n_asked - before };
		if (is_remote(roots->trees.v[i]))
			strvec_add(&coverage->remote, roots->trees.v[i]);
	}
}

/* Single folders come first, since they hold the configuration and HEAD; then the small trees. */
static void choose(const struct watcher_roots *roots, struct tree *trees, size_t room, struct watcher_coverage *coverage)
{
	qsort(trees, roots->trees.n, sizeof(*trees), compare_trees);
	for (size_t i = 0; i < roots->folders.n; i++)
		strvec_add(room >= roots->folders.n ? &coverage->folders : &coverage->blind, roots->folders.v[i]);
	room -= coverage->folders.n;
	coverage->n_watches = coverage->folders.n;
	for (size_t i = 0; i < roots->trees.n; i++) {
		bool fits = trees[i].n <= room && coverage->folders.n == roots->folders.n;

		strvec_add(fits ? &coverage->trees : &coverage->blind, trees[i].path);
		room -= fits ? trees[i].n : 0;
		coverage->n_watches += fits ? trees[i].n : 0;
	}
	strvec_sort_unique(&coverage->trees);
	strvec_sort_unique(&coverage->blind);
}

static int no_session(const struct watcher_roots *roots, struct watcher_coverage *coverage, struct err *err)
{
	int r = -errno;

	strvec_copy(&coverage->blind, &roots->folders);
	strvec_copy(&coverage->blind, &roots->trees);
	err_set(err, r, "cannot watch for changes, which are polled instead");
	if (r == -EMFILE)
		err_hint(err, "end other programs that watch files, or: sudo sysctl fs.inotify.max_user_instances=%llu",
			 (unsigned long long)2 * read_number("/proc/sys/fs/inotify/max_user_instances"));
	return r;
}

/* Watch numbers are never used again, so they are those since the last trial. Each one given back is an event, which nobody needs. */
static void let_go(const struct trial *trial)
{
	char events[4096];

	for (int watch = trial->first; watch <= trial->last; watch++)
		(void)inotify_rm_watch(trial->fd, watch); /* a folder that has gone took its own with it */
	while (read(trial->fd, events, sizeof(events)) > 0)
		;
}

int watcher_coverage_plan(const struct watcher_roots *roots, int *trial_fd, struct watcher_coverage *ret, struct err *err)
{
	CLEANUP_FREE struct tree *trees = xcalloc(roots->trees.n + 1, sizeof(*trees));
	struct trial trial = { .first = INT_MAX };

	*ret = (struct watcher_coverage){ .limit = read_limit() };
	if (*trial_fd < 0)
		*trial_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (*trial_fd < 0)
		return no_session(roots, ret, err);
	trial.fd = *trial_fd;
	for (size_t i = 0; i < roots->folders.n; i++) {
		(void)try_folder(&trial, roots->folders.v[i]);
		if (is_remote(roots->folders.v[i]))
			strvec_add(&ret->remote, roots->folders.v[i]);
	}
	try_trees(roots, &trial, trees, ret);
	let_go(&trial);
	ret->n_folders = trial.n_asked;
	choose(roots, trees, !trial.full ? SIZE_MAX : trial.n_got > SPARE ? trial.n_got - SPARE : 0, ret);
	if (!trial.full)
		ret->n_watches = trial.n_got;
	return 0;
}

/* -- what a descriptor holds ----------------------------------------------------------------------------------------------------------------- */

/* Counts the lines that start with 'inotify wd:' and, with @like, hold that text too. */
static size_t count_lines(int fd, const char *like)
{
	CLEANUP_FREE char *path = xasprintf("/proc/self/fdinfo/%d", fd), *line = NULL;
	FILE *f = fopen(path, "re");
	size_t size = 0, n = 0;

	if (!f)
		return 0;
	while (getline(&line, &size, f) > 0)
		n += str_starts(line, "inotify wd:") && (!like || strstr(line, like));
	fclose(f);
	return n;
}

bool watcher_coverage_counts(void)
{
	return true;
}

size_t watcher_coverage_count(int fd)
{
	return count_lines(fd, NULL);
}

static bool is_inotify(int dir, const char *name)
{
	char target[64];
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return false;
	target[n] = '\0';
	return str_starts(target, "anon_inode:inotify") || str_eq(target, "inotify");
}

int watcher_coverage_find(const char *path)
{
	CLEANUP(cleanup_closedir) DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	char like[48] = "";
	struct stat st;
	int found = -1;

	if (path && stat(path, &st) == 0)
		snprintf(like, sizeof(like), " ino:%llx ", (unsigned long long)st.st_ino);
	while (dir && (entry = readdir(dir))) {
		int fd = atoi(entry->d_name), flags;

		if (entry->d_name[0] == '.' || !is_inotify(dirfd(dir), entry->d_name))
			continue;
		flags = fcntl(fd, F_GETFD);
		if (flags >= 0 && !(flags & FD_CLOEXEC))
			(void)fcntl(fd, F_SETFD, flags | FD_CLOEXEC); /* it may be closed by now: then all is well */
		if (like[0] && count_lines(fd, like) > 0)
			found = fd;
	}
	return found;
}
