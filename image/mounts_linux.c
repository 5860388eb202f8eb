/* /proc/self/mountinfo, proc(5): ID PARENT MAJ:MIN ROOT MOUNT-POINT OPTIONS [FIELDS...] - TYPE SOURCE OPTIONS, with blanks and backslashes of a
 * path as octal escapes. */
#include "image/mounts.h"

#include "base/fs.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
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

/* Splits a line into its mount point, type and source, unescaped; false for a line that is none. */
static bool split_line(char *line, char **ret_point, char **ret_type, char **ret_source)
{
	char *rest = NULL, *field = strtok_r(line, " ", &rest);

	for (int i = 1; field && i < 5; i++)
		field = strtok_r(NULL, " ", &rest);
	if (!field)
		return false;
	*ret_point = unescape(field);
	do
		field = strtok_r(NULL, " ", &rest);
	while (field && strcmp(field, "-") != 0);
	*ret_type = field ? strtok_r(NULL, " ", &rest) : NULL;
	field = *ret_type ? strtok_r(NULL, " ", &rest) : NULL;
	*ret_source = field ? unescape(field) : NULL;
	return field != NULL;
}

/* Calls @fn for each mount until it returns true. */
static void each_mount(bool (*fn)(void *data, const char *point, const char *type, const char *source), void *data)
{
	CLEANUP(str_clear) struct str text = { 0 };
	char *rest = NULL;

	if (fs_read(table, max_table, &text, NULL) < 0 || text.len == 0)
		return;
	for (char *line = strtok_r(text.buf, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *point, *type, *source;

		if (split_line(line, &point, &type, &source) && fn(data, point, type, source))
			return;
	}
}

struct question {
	const char *asked;
	char *answer;
	bool found;
};

static bool is_point(void *data, const char *point, const char *type, const char *source)
{
	struct question *q = data;

	(void)type;
	(void)source;
	q->found = strcmp(point, q->asked) == 0;
	return q->found;
}

bool image_mounts_has(const char *path)
{
	struct question q = { .asked = path };

	each_mount(is_point, &q);
	return q.found;
}

static bool is_device(void *data, const char *point, const char *type, const char *source)
{
	struct question *q = data;
	size_t n = strlen(q->asked);

	(void)type;
	if (strncmp(source, q->asked, n) != 0 || (source[n] != '\0' && !(source[n] == 'p' && isdigit((unsigned char)source[n + 1]))))
		return false;
	q->answer = xstrdup(point);
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
static bool add_dead(void *data, const char *point, const char *type, const char *source)
{
	struct dead *dead = data;
	struct statvfs vfs;

	(void)source;
	if (path_under(point, dead->dir) && str_starts(type, "fuse") && statvfs(point, &vfs) < 0 && errno == ENOTCONN)
		strvec_add(dead->points, point);
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
