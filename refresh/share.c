#include "refresh/share.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/hash.h"
#include "config/template.h"
#include "boot/console.h"
#include "boot/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	ANSWER_MS = 1000, /* how long the guest may take to begin an answer */
	QUIET_MS = 150,   /* it is over when nothing came for so long */
};

static const char prefix[] = "share:/";

/* -- files ------------------------------------------------------------------------------------------------------------------------------------ */

/* The file's path on the host, for a destination that is a folder or a file. */
static char *target_of(const char *share, const char *dest, const char *name, bool several)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", share, dest + strlen(prefix));
	bool folder = several || str_ends(dest, "/") || fs_is_dir(path);

	return folder ? xasprintf("%s%s%s", path, str_ends(path, "/") ? "" : "/", name) : TAKE_PTR(path);
}

/* Looked at before it is read: what is written meanwhile looks otherwise next time. */
static bool holds(const char *path, const char *hash, uint64_t size, struct stat *ret)
{
	char now[HASH_HEX_SIZE];

	return stat(path, ret) == 0 && S_ISREG(ret->st_mode) && (uint64_t)ret->st_size == size && hash_file(path, now, NULL) == 0 &&
	       str_eq(now, hash);
}

/* With the owner of the folder it is put into, and so that folder: under sudo, the share stays the user's. @ret: what it looks like there. */
static int copy(const struct refresh_round *round, const struct refresh_staged_file *file, const char *to, struct stat *ret, struct err *err)
{
	CLEANUP_FREE char *dir = fs_dirname(to), *temporary = xasprintf("%s/.%s.reinject", dir, fs_basename(to));
	CLEANUP_CLOSE int in = open(file->path, O_RDONLY | O_CLOEXEC), out = -1;
	struct stat st;
	int r = in < 0 ? err_set(err, -errno, "cannot open '%s'", file->path) : fs_make_dirs_for_owner(dir, 0755, err);

	if (r < 0)
		return r;
	(void)!unlink(temporary); /* of a run that died */
	out = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0)
		return err_set(err, -errno, "cannot make '%s'", temporary);
	r = fs_copy_sparse(in, out, round->session->cancel, NULL);
	if (r == 0 && stat(dir, &st) == 0)
		r = fs_give(out, &st);
	if (r == 0 && (fchmod(out, file->mode) < 0 || fsync(out) < 0 || fstat(out, ret) < 0 || rename(temporary, to) < 0))
		r = -errno;
	if (r < 0)
		(void)!unlink(temporary);
	return r < 0 ? err_set(err, r, "cannot write '%s'", to) : 0;
}

static int put_file(struct refresh_round *round, size_t step, const struct refresh_staged_file *file, const char *dest, bool several,
		    struct err *err)
{
	const char *share = config_get(round->session->config, "share", "path");
	CLEANUP_FREE char *to = target_of(share, dest, file->name, several);
	CLEANUP_FREE char *shown = xasprintf("share:%s", to + strlen(share));
	char hash[HASH_HEX_SIZE];
	struct stat st;
	bool same = false;
	int r = hash_file(file->path, hash, err);

	if (r == 0) {
		same = holds(to, hash, file->size, &st);
		r = same ? 0 : copy(round, file, to, &st, err);
	}
	if (r < 0)
		return r;
	refresh_shared_add(&round->shared, refresh_round_owner(round, step), shown, hash, &st);
	round->n_shared += !same;
	refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_PUT,
							  .subject = round->plan.steps[step].name,
							  .path = shown,
							  .result = same ? "identical" : "written",
							  .bytes = file->size });
	return 0;
}

static int put_step(struct refresh_round *round, size_t step, struct err *err)
{
	const struct strvec *shares = &round->plan.steps[step].shares, *copies = &round->plan.steps[step].share_copies;
	const struct refresh_staged *staged = &round->staged[step];
	int r = refresh_round_interrupted(round, err);

	for (size_t d = 0; d < shares->n; d++)
		for (size_t f = 0; r >= 0 && f < staged->n_files; f++)
			r = put_file(round, step, &staged->files[f], shares->v[d], staged->n_files > 1, err);
	for (size_t c = 0; r >= 0 && staged->n_files > 0 && c < copies->n; c++)
		r = put_file(round, step, &staged->files[0], copies->v[c], false, err);
	return r;
}

/* -- the guest -------------------------------------------------------------------------------------------------------------------------------- */

static void tell_line(void *data, const char *line, uint64_t number, bool complete)
{
	CLEANUP_FREE char *text = complete ? xasprintf("guest: %s", line) : NULL;

	(void)number;
	if (text)
		refresh_round_send(data, (struct refresh_event){ .type = REFRESH_EVENT_NOTE, .text = text });
}

static void hear_answer(struct refresh_round *round, struct boot_console *console)
{
	CLEANUP(boot_lines_clear) struct boot_lines lines = { .on_line = tell_line, .data = round };
	int64_t end = clock_ms() + ANSWER_MS, now;
	bool heard = false;

	while ((now = clock_ms()) < end) {
		CLEANUP(str_clear) struct str bytes = { 0 };
		struct pollfd p = { .fd = boot_console_fd(console), .events = POLLIN };

		if (poll(&p, 1, heard ? QUIET_MS : (int)(end - now)) <= 0 || boot_console_read(console, &bytes) < 0)
			break;
		heard = heard || bytes.len > 0;
		boot_lines_feed(&lines, str_text(&bytes), bytes.len);
	}
	boot_lines_end(&lines);
}

static int open_console(const struct refresh_round *round, struct boot_console **ret, struct err *err)
{
	const struct config *config = round->session->config;
	CLEANUP(boot_console_freep) struct boot_console *console = NULL;
	CLEANUP(strvec_clear) struct strvec variables = { 0 };
	CLEANUP_FREE char *place = NULL;
	int r;

	if (!getenv("SOCKET_DIR"))
		strvec_addf(&variables, "SOCKET_DIR=%s/boots", config->state);
	r = template_expand(config_get(config, "boot", "console"), &variables, NULL, &place, err);
	if (r >= 0)
		r = boot_console_new(place, config->dir, &console, err);
	if (r >= 0 && (!boot_console_can_send(console) || boot_console_kind(console) == BOOT_CONSOLE_PTY))
		r = err_set(err, -ENOTSUP, "[boot] console = %s cannot be reached from here; a socket or tmux can!", place);
	if (r >= 0)
		r = boot_console_open(console, err);
	if (r == 0)
		r = err_set(err, -ENOENT, "no machine answers at %s!", place);
	if (r == 1)
		*ret = TAKE_PTR(console);
	return r;
}

/* The two characters \n end a line. */
static char *lines_of(const char *text)
{
	CLEANUP(str_clear) struct str lines = { 0 };
	const char *end;

	while ((end = strstr(text, "\\n"))) {
		str_add_n(&lines, text, (size_t)(end - text));
		str_add_c(&lines, '\n');
		text = end + 2;
	}
	str_printf(&lines, "%s\n", text);
	return str_take(&lines);
}

static void tell_guest(struct refresh_round *round)
{
	const char *after_put = config_get(round->session->config, "share", "after_put");
	CLEANUP(boot_console_freep) struct boot_console *console = NULL;
	CLEANUP_FREE char *lines = NULL, *text = NULL;
	struct err err = ERR_INIT;
	int r;

	if (!after_put || !*after_put)
		return;
	lines = lines_of(after_put);
	r = open_console(round, &console, &err);
	if (r >= 0) {
		boot_console_skip_history(console);
		r = boot_console_send(console, lines, strlen(lines), &err);
	}
	if (r >= 0) {
		hear_answer(round, console);
		return;
	}
	text = xasprintf("[share] after_put was not sent: %s", err.message);
	refresh_round_send(round, (struct refresh_event){ .type = r == -ENOENT ? REFRESH_EVENT_NOTE : REFRESH_EVENT_WARNING, .text = text });
}

/* -- the round -------------------------------------------------------------------------------------------------------------------------------- */

static void fail_step(struct refresh_round *round, size_t step, const struct err *failure)
{
	refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_WARNING,
							  .subject = round->plan.steps[step].name,
							  .text = failure->message,
							  .hint = "is the disk of [share] path there, and may you write to it?" });
	refresh_round_fail(round, step, failure->message);
}

static int put_steps(struct refresh_round *round, struct err *err)
{
	for (size_t i = 0; i < round->plan.n_steps; i++) {
		struct err failure = ERR_INIT;
		int r;

		if (!round->staged[i].ok || round->plan.steps[i].one_off)
			continue;
		refresh_shared_forget(&round->shared, refresh_round_owner(round, i));
		r = put_step(round, i, &failure);
		if (r == -ECANCELED && err)
			*err = failure;
		if (r == -ECANCELED)
			return r;
		if (r < 0)
			fail_step(round, i, &failure);
	}
	return 0;
}

int refresh_share_put_all(struct refresh_round *round, struct err *err)
{
	size_t n_before;
	int r;

	refresh_shared_load(round->session, &round->shared);
	n_before = round->shared.n;
	r = put_steps(round, err);
	/* In most trees there is no share. */
	if (r >= 0 && n_before + round->shared.n > 0)
		r = refresh_shared_save(round->session, &round->shared, err);
	if (r >= 0 && round->n_shared > 0)
		tell_guest(round);
	return r;
}
