/* /proc/self/mountinfo, proc(5): ID PARENT MAJ:MIN ROOT MOUNT-POINT OPTIONS [FIELDS...] - TYPE SOURCE OPTIONS, with blanks and backslashes of a
 * path as octal escapes. */
#include "image/mounts.h"

#include "base/fs.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

static const char table[] = "/proc/self/mountinfo";

/* A table of a hundred thousand mounts; beyond it something is wrong with the host. */
static const size_t max_table = 64u << 20;

static bool is_octal(const char *s)
{
	return s[0] >= '0' && s[0] <= '3' && s[1] >= '0' && s[1] <= '7' && s[2] >= '0' && s[2] <= '7';
}

/* Undoes the kernel's escapes in place. */
static char *unescape(char *s)
{
	char *to = s;

	for (const char *from = s; *from; from++) {
		if (*from == '\\' && is_octal(from + 1)) {
			*to++ = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
			from += 3;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
	return s;
}

/* Splits a line and undoes its escapes; false for a line that is none. */
static bool split_line(char *line, struct image_mount_entry *ret)
{
	char *rest = NULL, *point = strtok_r(line, " ", &rest), *field, *type, *source;

	for (int i = 1; point && i < 5; i++)
		point = strtok_r(NULL, " ", &rest);
	if (!point)
		return false;
	do
		field = strtok_r(NULL, " ", &rest);
	while (field && strcmp(field, "-") != 0);
	type = field ? strtok_r(NULL, " ", &rest) : NULL;
	source = type ? strtok_r(NULL, " ", &rest) : NULL;
	if (!source)
		return false;
	*ret = (struct image_mount_entry){ .point = unescape(point), .type = type, .source = unescape(source) };
	return true;
}

void image_mounts_each_in(char *text, bool (*fn)(void *data, const struct image_mount_entry *mount), void *data)
{
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		struct image_mount_entry mount;

		if (split_line(line, &mount) && fn(data, &mount))
			return;
	}
}

static void each_mount(bool (*fn)(void *data, const struct image_mount_entry *mount), void *data)
{
	CLEANUP(str_clear) struct str text = { 0 };

	if (fs_read(table, max_table, &text, NULL) == 0 && text.len > 0)
		image_mounts_each_in(text.buf, fn, data);
}

struct question {
	const char *asked;
	char *answer;
	bool found;
};

static bool is_point(void *data, const struct image_mount_entry *mount)
{
	struct question *q = data;

	q->found = strcmp(mount->point, q->asked) == 0;
	return q->found;
}

bool image_mounts_has(const char *path)
{
	struct question q = { .asked = path };

	each_mount(is_point, &q);
	return q.found;
}

static bool is_device(void *data, const struct image_mount_entry *mount)
{
	struct question *q = data;
	const char *source = mount->source;
	size_t n = strlen(q->asked);

	if (strncmp(source, q->asked, n) != 0 || (source[n] != '\0' && !(source[n] == 'p' && isdigit((unsigned char)source[n + 1]))))
		return false;
	q->answer = xstrdup(mount->point);
	return true;
}

char *image_mounts_of_device(const char *device)
{
	struct question q = { .asked = device };

	each_mount(is_device, &q);
	return q.answer;
}

struct dead {
	const char *dir;
	struct strvec *points;
};

/* Only FUSE has daemons; asking something else, such as a network's, may hang. The kernel answers a stat for a while without the daemon. */
static bool add_dead(void *data, const struct image_mount_entry *mount)
{
	struct dead *dead = data;
	struct statvfs vfs;

	if (path_under(mount->point, dead->dir) && str_starts(mount->type, "fuse") && statvfs(mount->point, &vfs) < 0 && errno == ENOTCONN)
		strvec_add(dead->points, mount->point);
	return false;
}

void image_mounts_find_dead(const char *dir, struct strvec *ret)
{
	struct dead dead = { .dir = dir, .points = ret };

	each_mount(add_dead, &dead);
}

int image_mounts_watch(void)
{
	int fd = open(table, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

void image_mounts_ask(const char *point)
{
	struct statx stx;

	(void)!statx(AT_FDCWD, point, AT_STATX_FORCE_SYNC, STATX_SIZE | STATX_MTIME, &stx);
}

bool image_mounts_is_foreign(const char *point)
{
	struct statx stx;

	return statx(AT_FDCWD, point, AT_STATX_DONT_SYNC, STATX_MODE, &stx) < 0 && errno == EACCES;
}
