#include "image/machines.h"

#include "base/fs.h"
#include "base/str.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* The name of its file, or NULL for what is no QEMU. */
static char *machine_name(const char *pid)
{
	CLEANUP_FREE char *link = xasprintf("/proc/%s/exe", pid);
	char exe[4096];
	ssize_t n = readlink(link, exe, sizeof(exe) - 1);
	char *deleted;

	if (n <= 0)
		return NULL;
	exe[n] = '\0';
	deleted = strstr(exe, " (deleted)");
	if (deleted)
		*deleted = '\0';
	return str_starts(fs_basename(exe), "qemu") ? xstrdup(fs_basename(exe)) : NULL;
}

static void add_file(struct image_machines *machines, pid_t pid, const char *program, const struct stat *st)
{
	for (size_t i = 0; i < machines->n; i++)
		if (machines->v[i].pid == pid && machines->v[i].dev == st->st_dev && machines->v[i].ino == st->st_ino)
			return;
	grow_array(&machines->v, &machines->cap, machines->n, sizeof(*machines->v));
	machines->v[machines->n++] =
		(struct image_machine){ .pid = pid, .program = xstrdup(program), .dev = st->st_dev, .ino = st->st_ino };
}

static void add_machine(struct image_machines *machines, const char *pid)
{
	CLEANUP_FREE char *program = machine_name(pid), *path = xasprintf("/proc/%s/fd", pid);
	CLEANUP(close_dir) DIR *dir = program ? opendir(path) : NULL;
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		struct stat st;

		if (isdigit((unsigned char)entry->d_name[0]) && fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 && S_ISREG(st.st_mode))
			add_file(machines, (pid_t)atoi(pid), program, &st);
	}
}

void image_machines_find(struct image_machines *ret)
{
	CLEANUP(close_dir) DIR *dir = opendir("/proc");
	struct dirent *entry;

	*ret = (struct image_machines){ 0 };
	while (dir && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			add_machine(ret, entry->d_name);
}

void image_machines_clear(struct image_machines *machines)
{
	for (size_t i = 0; i < machines->n; i++)
		free(machines->v[i].program);
	free(machines->v);
	*machines = (struct image_machines){ 0 };
}
