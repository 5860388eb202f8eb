#include "image/resolve.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAX_DEPTH = 256 };

/* Where the walk is: @fds[0] is the root, the last one the present folder. */
struct walk {
	int fds[MAX_DEPTH];
	size_t n;
	unsigned int links;
	char *rest; /* owned: what is still to be walked */
	bool any;   /* the last name may be no folder */
	int leaf;   /* owned; -1, or that last one */
};

static void walk_clear(struct walk *walk)
{
	while (walk->n > 0)
		cleanup_close(&walk->fds[--walk->n]);
	cleanup_close(&walk->leaf);
	free(walk->rest);
}

static void go_to_root(struct walk *walk)
{
	while (walk->n > 1)
		cleanup_close(&walk->fds[--walk->n]);
}

/* @rest is empty or begins with a slash. */
static int follow_link(struct walk *walk, int link, const char *rest)
{
	char target[4096], *whole;
	ssize_t n = readlinkat(link, "", target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	if (++walk->links > IMAGE_RESOLVE_MAX_LINKS)
		return -ELOOP;
	target[n] = '\0';
	if (target[0] == '/')
		go_to_root(walk);
	whole = xasprintf("%s%s", target, rest);
	free(walk->rest);
	walk->rest = whole;
	return 0;
}

static int enter(struct walk *walk, const char *name, const char *rest)
{
	CLEANUP_CLOSE int fd = openat(walk->fds[walk->n - 1], name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st, root;
	char *copy;

	if (fd < 0 || fstat(fd, &st) < 0 || fstat(walk->fds[0], &root) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return follow_link(walk, fd, rest);
	if (!S_ISDIR(st.st_mode) && !(walk->any && !*rest))
		return -ENOTDIR;
	if (st.st_dev != root.st_dev)
		return -EXDEV;
	if (walk->n >= MAX_DEPTH)
		return -ENAMETOOLONG;
	if (S_ISDIR(st.st_mode))
		walk->fds[walk->n++] = TAKE_FD(fd);
	else
		walk->leaf = TAKE_FD(fd);
	copy = xstrdup(rest);
	free(walk->rest);
	walk->rest = copy;
	return 0;
}

/* Takes the first component of what is left. */
static int step(struct walk *walk)
{
	char *name = walk->rest + strspn(walk->rest, "/");
	size_t n = strcspn(name, "/");
	CLEANUP_FREE char *first = xstrndup(name, n);

	if (n == 2 && strcmp(first, "..") == 0 && walk->n > 1)
		cleanup_close(&walk->fds[--walk->n]);
	else if (n > 0 && strcmp(first, ".") != 0 && strcmp(first, "..") != 0)
		return enter(walk, first, name + n);
	memmove(walk->rest, name + n, strlen(name + n) + 1);
	return 0;
}

static int walk_by_hand(int root, const char *path, bool any)
{
	CLEANUP(walk_clear) struct walk walk = { .rest = xstrdup(path), .any = any, .leaf = -1 };
	int r = 0;

	walk.fds[0] = openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (walk.fds[0] < 0)
		return -errno;
	walk.n = 1;
	while (r == 0 && walk.rest[0])
		r = step(&walk);
	if (r < 0)
		return r;
	return walk.leaf >= 0 ? TAKE_FD(walk.leaf) : TAKE_FD(walk.fds[walk.n - 1]);
}

int image_resolve_walk(int root, const char *path)
{
	return walk_by_hand(root, path, false);
}

int image_resolve_walk_any(int root, const char *path)
{
	return walk_by_hand(root, path, true);
}

static int resolve(int root, const char *path, bool any)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC | (any ? 0u : O_DIRECTORY),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};
	int fd = (int)syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof(how));

	/* EPERM: what an old container's filter says of a call that it does not know. EAGAIN: somewhere on the host something was renamed or mounted
	 * while the kernel followed a '..', so that it cannot vouch for it. */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM || errno == EAGAIN))
		return walk_by_hand(root, path, any);
	return fd < 0 ? -errno : fd;
}

int image_resolve_dir(int root, const char *path)
{
	return resolve(root, path, false);
}

int image_resolve_any(int root, const char *path)
{
	return resolve(root, path, true);
}
