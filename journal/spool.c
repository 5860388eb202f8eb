#include "journal/spool.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "journal/state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAKEN "spool/taken" /* being worked on */
#define MORE  "spool/more"  /* on its way from queue to taken, where that is not empty */
#define LAST  "spool/last"

/* More than this nobody has written by committing. */
enum { MAX_SPOOL = 64 << 20 };

/* Whoever only looks whether the lock is held has it for some microseconds. */
enum { LOCK_TRIES = 20, LOCK_PAUSE_MS = 10 };

static char *path_of(const char *state, const char *name)
{
	return xasprintf("%s/%s", state, name);
}

/* -- reading --------------------------------------------------------------------------------------------------------------------------------- */

static int read_lines(const char *state, const char *name, struct str *ret, struct err *err)
{
	CLEANUP_FREE char *path = path_of(state, name);
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_set(err, -errno, "cannot look at '%s'", path);
	return fs_read(path, MAX_SPOOL, ret, err);
}

static int read_waiting(const char *state, struct str *ret, struct err *err)
{
	int r = read_lines(state, TAKEN, ret, err);

	if (r == 0)
		r = read_lines(state, MORE, ret, err);
	return r == 0 ? read_lines(state, JOURNAL_SPOOL_QUEUE, ret, err) : r;
}

int journal_spool_count(const char *state, size_t *ret, struct err *err)
{
	CLEANUP(str_clear) struct str lines = { 0 };
	int r = read_waiting(state, &lines, err);

	if (r < 0)
		return r;
	*ret = 0;
	for (size_t i = 0; i < lines.len; i++)
		*ret += lines.buf[i] == '\n';
	return 0;
}

int64_t journal_spool_age_ms(const char *state)
{
	static const char *const names[] = { JOURNAL_SPOOL_QUEUE, MORE, TAKEN };
	int64_t newest = -1, age;

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		CLEANUP_FREE char *path = path_of(state, names[i]);
		struct stat st;
		int64_t at;

		if (lstat(path, &st) < 0 || st.st_size == 0)
			continue;
		at = fs_mtime_ms(&st);
		if (at > newest)
			newest = at;
	}
	if (newest < 0)
		return -1;
	age = clock_wall_ms() - newest;
	return age < 0 ? 0 : age;
}

/* -- taking ---------------------------------------------------------------------------------------------------------------------------------- */

static int append_file(const char *state, const char *from, const char *to, struct err *err)
{
	CLEANUP(str_clear) struct str lines = { 0 };
	CLEANUP_FREE char *path = path_of(state, to);
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	int r = read_lines(state, from, &lines, err);

	if (r < 0)
		return r;
	r = fd < 0 ? -errno : fs_write_all(fd, str_text(&lines), lines.len);
	return r < 0 ? err_set(err, r, "cannot write '%s'", path) : 0;
}

/* 1 when there was something. */
static int move(const char *state, const char *from, const char *to, struct err *err)
{
	CLEANUP_FREE char *source = path_of(state, from), *target = path_of(state, to);

	if (!fs_exists(source))
		return 0;
	if (fs_exists(target)) {
		int r = append_file(state, from, to, err);

		if (r == 0 && unlink(source) < 0)
			r = err_set(err, -errno, "cannot remove '%s'", source);
		return r < 0 ? r : 1;
	}
	return rename(source, target) < 0 ? err_set(err, -errno, "cannot rename '%s'", source) : 1;
}

int journal_spool_take(const char *state, struct err *err)
{
	CLEANUP_FREE char *taken = path_of(state, TAKEN);
	/* By MORE, since a line may still be written to what was the queue while it is read. */
	int r = move(state, MORE, TAKEN, err);

	if (r >= 0)
		r = move(state, JOURNAL_SPOOL_QUEUE, MORE, err);
	if (r >= 0)
		r = move(state, MORE, TAKEN, err);
	return r < 0 ? r : fs_exists(taken);
}

/* -- the newest of each hook ------------------------------------------------------------------------------------------------------------------- */

struct parsed {
	int64_t at;
	char *event, *top; /* owned */
	const char *line;  /* borrowed */
	size_t n;
};

struct parsed_list {
	struct parsed *v;
	size_t n, cap;
};

static void parsed_list_clear(struct parsed_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->v[i].event);
		free(list->v[i].top);
	}
	free(list->v);
}

/* A line that is no record (cut by a crash) is passed over: false. */
static bool parse_line(const char *line, size_t n, struct parsed *ret)
{
	size_t at = strcspn(line, " \n"), event, top;

	if (at == 0 || at >= n || line[at] != ' ')
		return false;
	event = strcspn(line + at + 1, " \n");
	if (event == 0 || line[at + 1 + event] != ' ')
		return false;
	top = strcspn(line + at + event + 2, " \n");
	*ret = (struct parsed){
		.at = strtoll(line, NULL, 10),
		.event = xstrndup(line + at + 1, event),
		.top = str_from_percent(line + at + event + 2, top),
		.line = line,
		.n = n,
	};
	return true;
}

static void keep_newest(struct parsed_list *list, struct parsed *record)
{
	for (size_t i = 0; i < list->n; i++) {
		struct parsed *known = &list->v[i];

		if (!str_eq(known->event, record->event) || !str_eq(known->top, record->top))
			continue;
		if (record->at >= known->at) {
			struct parsed old = *known;

			*known = *record;
			*record = old;
		}
		free(record->event);
		free(record->top);
		return;
	}
	grow_array(&list->v, &list->cap, list->n, sizeof(*list->v));
	list->v[list->n++] = *record;
}

static void parse_all(const struct str *lines, struct parsed_list *ret)
{
	const char *line = str_text(lines), *end;

	while ((end = strchr(line, '\n'))) {
		struct parsed record;

		if (parse_line(line, (size_t)(end - line), &record))
			keep_newest(ret, &record);
		line = end + 1;
	}
}

int journal_spool_last(const char *state, void (*fn)(void *data, const struct journal_record *record), void *data, struct err *err)
{
	CLEANUP(str_clear) struct str lines = { 0 };
	CLEANUP(parsed_list_clear) struct parsed_list list = { 0 };
	int r = read_lines(state, LAST, &lines, err);

	if (r == 0)
		r = read_waiting(state, &lines, err);
	if (r < 0)
		return r;
	parse_all(&lines, &list);
	for (size_t i = 0; i < list.n; i++) {
		struct journal_record record = { .at = list.v[i].at, .event = list.v[i].event, .top = list.v[i].top };

		fn(data, &record);
	}
	return 0;
}

static int write_last(const char *state, const struct str *lines, struct err *err)
{
	CLEANUP_FREE char *last = path_of(state, LAST);
	CLEANUP_CLOSE int fd = -1;
	int r = fs_write_atomic(last, str_text(lines), lines->len, 0644, err);

	if (r < 0)
		return r;
	fd = open(last, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_set(err, -errno, "cannot open '%s'", last) : journal_state_give(state, fd, err);
}

int journal_spool_settle(const char *state, struct err *err)
{
	CLEANUP(str_clear) struct str lines = { 0 }, kept = { 0 };
	CLEANUP(parsed_list_clear) struct parsed_list list = { 0 };
	CLEANUP_FREE char *taken = path_of(state, TAKEN);
	int r = fs_exists(taken) ? read_lines(state, LAST, &lines, err) : 0;

	if (r == 0)
		r = read_lines(state, TAKEN, &lines, err);
	if (r < 0 || lines.len == 0)
		return r;
	parse_all(&lines, &list);
	for (size_t i = 0; i < list.n; i++) {
		str_add_n(&kept, list.v[i].line, list.v[i].n);
		str_add_c(&kept, '\n');
	}
	r = write_last(state, &kept, err);
	if (r == 0 && unlink(taken) < 0 && errno != ENOENT)
		r = err_set(err, -errno, "cannot remove '%s'", taken);
	return r;
}

/* -- the lock -------------------------------------------------------------------------------------------------------------------------------- */

static pid_t read_pid(int fd)
{
	char text[16] = { 0 };
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	return n > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

static int try_lock(int fd)
{
	int r = 0;

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		r = -errno;
		if (r != -EWOULDBLOCK)
			return r;
		/* No event tells when a flock is given up. */
		(void)poll(NULL, 0, LOCK_PAUSE_MS);
	}
	return r;
}

int journal_spool_lock(const char *state, int *ret_fd, struct err *err)
{
	CLEANUP_FREE char *path = path_of(state, JOURNAL_SPOOL_WORKER_LOCK);
	CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	CLEANUP_FREE char *pid = xasprintf("%d\n", (int)getpid());
	int r = fd < 0 ? -errno : try_lock(fd);

	if (r == -EWOULDBLOCK)
		return err_class_set(err, ERR_BUSY, -EBUSY, "another worker (process %d) is busy with the commits", (int)read_pid(fd));
	if (r < 0)
		return err_set(err, r, "cannot lock '%s'", path);
	r = journal_state_give(state, fd, err);
	if (r < 0)
		return r;
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, strlen(pid), 0) < 0)
		return err_set(err, -errno, "cannot write '%s'", path);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

bool journal_spool_is_locked(const char *state, const char *name, pid_t *ret_pid)
{
	CLEANUP_FREE char *path = path_of(state, name);
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	bool locked = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;

	if (ret_pid)
		*ret_pid = locked ? read_pid(fd) : 0;
	return locked;
}
