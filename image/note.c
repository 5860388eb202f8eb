#include "image/note.h"

#include "base/fs.h"
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum { SECTOR = 512 };

static const char *const stage_names[] = {
	[IMAGE_NOTE_NONE] = "none",
	[IMAGE_NOTE_WORKING] = "working",
	[IMAGE_NOTE_KEPT] = "kept",
	[IMAGE_NOTE_SWAPPING] = "swapping",
	[IMAGE_NOTE_HOLDING] = "holding",
	[IMAGE_NOTE_TOUCHED] = "touched",
};

struct content {
	long pid; /* 0: nobody holds the lock */
	unsigned long long started;
	char program[32];
	struct image_note note;
};

static bool parse_identity(const char *text, const char *name, struct image_identity *ret)
{
	const char *line = strstr(text, name);
	struct image_identity id = { 0 };

	if (!line || sscanf(line + strlen(name), " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNd64 " %32s %" SCNu64, &id.dev, &id.ino, &id.size,
			    &id.mtime_ns, id.uuid, &id.generation) != 6)
		return false;
	if (strcmp(id.uuid, "-") == 0)
		id.uuid[0] = '\0';
	*ret = id;
	return true;
}

static void parse_note(const char *text, struct image_note *note)
{
	const char *line = strstr(text, "\nstage ");
	char name[16];

	if (!line || sscanf(line, "\nstage %15s", name) != 1)
		return;
	for (size_t i = 0; i < N_ELEMENTS(stage_names); i++)
		if (strcmp(name, stage_names[i]) == 0)
			note->stage = (enum image_note_stage)i;
	note->drop = strstr(text, "\ndrop\n") != NULL;
	if (!parse_identity(text, "\nfrom ", &note->from) || !parse_identity(text, "\nshadow ", &note->shadow))
		*note = (struct image_note){ 0 };
}

static void parse_content(const char *text, struct content *ret)
{
	if (sscanf(text, "holder %ld %llu %31[^\n]", &ret->pid, &ret->started, ret->program) != 3)
		ret->pid = 0;
	parse_note(text, &ret->note);
}

static void read_content(const char *path, struct content *ret)
{
	CLEANUP(str_clear) struct str text = { 0 };

	*ret = (struct content){ 0 };
	if (fs_read(path, SECTOR, &text, NULL) == 0 && text.len == SECTOR)
		parse_content(text.buf, ret);
}

static void add_identity(struct str *s, const char *name, const struct image_identity *id)
{
	str_printf(s, "%s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64 " %s %" PRIu64 "\n", name, id->dev, id->ino, id->size, id->mtime_ns,
		   id->uuid[0] ? id->uuid : "-", id->generation);
}

static int write_content(int fd, const struct content *c)
{
	CLEANUP(str_clear) struct str s = { 0 };

	str_printf(&s, "holder %ld %llu %s\nstage %s\n", c->pid, c->started, c->program[0] ? c->program : "-", stage_names[c->note.stage]);
	add_identity(&s, "from", &c->note.from);
	add_identity(&s, "shadow", &c->note.shadow);
	if (c->note.drop)
		str_add(&s, "drop\n");
	while (s.len < SECTOR - 1)
		str_add_c(&s, ' ');
	str_add_c(&s, '\n');
	/* One system call: whatever stops us, the sector is the old one or the new one. */
	return pwrite(fd, s.buf, SECTOR, 0) == SECTOR ? 0 : -(errno ? errno : EIO);
}

static int replace_note(const char *path, const struct image_note *note, bool sync)
{
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	struct content c;
	int r;

	if (fd < 0)
		return -errno;
	read_content(path, &c);
	c.note = *note;
	r = write_content(fd, &c);
	if (r < 0)
		return r;
	/* The size is always the same. */
	return sync ? fs_sync_data(fd) : 0;
}

void image_note_read(const char *path, struct image_note *ret)
{
	struct content c;

	read_content(path, &c);
	*ret = c.note;
}

int image_note_write(const char *path, const struct image_note *note, struct err *err)
{
	int r = replace_note(path, note, true);

	return r < 0 ? err_set(err, r, "cannot write '%s'", path) : 0;
}

void image_note_done(const char *path)
{
	struct image_note none = { 0 };

	(void)!replace_note(path, &none, false);
}

void image_note_set_holder(int fd, bool held)
{
	char text[SECTOR + 1] = { 0 };
	struct content c = { 0 };

	if (pread(fd, text, SECTOR, 0) == SECTOR)
		parse_content(text, &c);
	c.pid = held ? (long)getpid() : 0;
	c.started = held ? proc_start_time(getpid()) : 0;
	c.program[0] = '\0';
	if (held)
		proc_name_of(getpid(), c.program, sizeof(c.program));
	(void)!write_content(fd, &c);
}

bool image_note_holder(const char *path, pid_t *ret_pid, char **ret_program)
{
	struct content c;

	read_content(path, &c);
	if (c.pid <= 0 || proc_start_time((pid_t)c.pid) != c.started)
		return false;
	*ret_pid = (pid_t)c.pid;
	*ret_program = xstrdup(c.program);
	return true;
}
