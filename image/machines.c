#include "image/machines.h"

#include "base/str.h"
#include "image/process.h"

#include <stdlib.h>
#include <sys/stat.h>

static void add_file(struct image_machines *machines, pid_t pid, const char *program, const struct stat *st)
{
	for (size_t i = 0; i < machines->n; i++)
		if (machines->v[i].pid == pid && machines->v[i].dev == (uint64_t)st->st_dev && machines->v[i].ino == st->st_ino)
			return;
	grow_array(&machines->v, &machines->cap, machines->n, sizeof(*machines->v));
	machines->v[machines->n++] = (struct image_machine){ .pid = pid, .program = xstrdup(program), .dev = st->st_dev, .ino = st->st_ino };
}

struct search {
	struct image_machines *machines;
	const char *program;
	pid_t pid;
};

static void on_file(void *data, const struct stat *st)
{
	struct search *search = data;

	add_file(search->machines, search->pid, search->program, st);
}

static void on_process(void *data, pid_t pid)
{
	CLEANUP_FREE char *program = image_process_program(pid, NULL);
	struct search search = { .machines = data, .program = program, .pid = pid };

	if (program && str_starts(program, "qemu"))
		image_process_files(pid, on_file, &search);
}

void image_machines_find(struct image_machines *ret)
{
	*ret = (struct image_machines){ 0 };
	image_process_each(on_process, ret);
}

void image_machines_clear(struct image_machines *machines)
{
	for (size_t i = 0; i < machines->n; i++)
		free(machines->v[i].program);
	free(machines->v);
	*machines = (struct image_machines){ 0 };
}
