#include "image/resolve.h"

#include "base/fs.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
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
	ssize_t n = fs_read_held_link(link, target, sizeof(target) - 1);

	if (n < 0)
		return (int)n;
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
	CLEANUP_CLOSE int fd = fs_hold(walk->fds[walk->n - 1], name, false);
	struct stat st, root;
	char *copy;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || fstat(walk->fds[0], &root) < 0)
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

	walk.fds[0] = fs_hold(root, ".", true);
	if (walk.fds[0] < 0)
		return walk.fds[0];
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
