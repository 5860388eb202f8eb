#include "refresh/stamp.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/fs.h"
#include "journal/state.h"
#include "refresh/outside.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_START "echo 'Build: "

enum { MAX_FILE = 1 << 20, SHORT_COMMIT = 7, MODE_FILE = 0644 };

/* The new text: our line, then the old one without it. */
static void write_text(const struct refresh_round *round, const char *old, struct str *ret)
{
	const char *head = round->look->n_sources > 0 ? round->look->sources[0].head : "";
	time_t now = (time_t)(clock_wall_ms() / 1000);
	char when[32] = "";
	struct tm tm;

	if (localtime_r(&now, &tm))
		(void)!strftime(when, sizeof(when), "%Y-%m-%d %H:%M", &tm);
	str_printf(ret, LINE_START "%.*s @ %s'\n", SHORT_COMMIT, head[0] ? head : "none", when);
	if (str_starts(old, LINE_START)) {
		old += strcspn(old, "\n");
		old += *old == '\n';
	}
	str_add(ret, old);
}

/* -ENOENT when there is none yet. */
static int read_old(const struct refresh_round *round, const char *path, struct str *ret, struct err *err)
{
	struct stat st;
	CLEANUP_CLOSE int fd = image_txn_open_path(round->txn, path, &st, err);
	char buffer[4096];
	ssize_t n;

	if (fd < 0)
		return fd;
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EISDIR, "'%s' in the image is no file!", path);
	while ((n = read(fd, buffer, sizeof(buffer))) > 0 && ret->len < MAX_FILE)
		str_add_n(ret, buffer, (size_t)n);
	if (n < 0)
		return err_set(err, -errno, "cannot read '%s' in the image", path);
	/* What is no text is not to be taken apart. */
	if (ret->len >= MAX_FILE || (ret->buf && strlen(ret->buf) != ret->len))
		return err_set(err, -EINVAL, "'%s' in the image is no text file!", path);
	return 0;
}

static int put_line(struct refresh_round *round, const char *path, struct image_put *put, struct err *err)
{
	const struct refresh_session *session = round->session;
	CLEANUP_FREE char *file = xasprintf("%s/stamp", session->work);
	CLEANUP(str_clear) struct str old = { 0 }, text = { 0 };
	int r = read_old(round, path, &old, err);

	if (r < 0 && r != -ENOENT)
		return r;
	write_text(round, str_text(&old), &text);
	r = fs_write_atomic(file, str_text(&text), text.len, MODE_FILE, err);
	if (r < 0)
		return r;
	refresh_stage_give(session, file);
	r = FAULT("stamp-written");
	if (r < 0)
		return err_set(err, r, "cannot stamp the image");
	return image_txn_put(round->txn, file, path, fs_basename(path), MODE_FILE, put, err);
}

int refresh_stamp_put(struct refresh_round *round, struct err *err)
{
	const char *path = round->session->config->image.stamp;
	struct image_put put = { 0 };
	struct err failure = ERR_INIT;
	int r = put_line(round, path, &put, &failure);

	if (r < 0 && refresh_round_concerns_place(r)) {
		err_wrap(&failure, r, "the image is not stamped");
		refresh_round_send(round, (struct refresh_event){
						  .type = REFRESH_EVENT_WARNING, .text = failure.message, .hint = failure.hint });
		return 0;
	}
	if (r < 0) {
		if (err)
			*err = failure;
		return r;
	}
	refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_PUT,
							  .subject = REFRESH_STAMP_OWNER,
							  .path = put.path,
							  .result = put.result == IMAGE_PUT_WRITTEN ? "written" : "identical",
							  .bytes = put.bytes });
	refresh_round_add_file(round, REFRESH_STAMP_OWNER, &put);
	return 0;
}

static int execute(struct refresh_round *round, void *data, struct err *err)
{
	int r = refresh_swap_open(round, err);

	(void)data;
	if (r >= 0)
		r = refresh_stamp_put(round, err);
	round->after_us = clock_us();
	if (r < 0)
		return r;
	if (round->n_files == 0)
		return err_set(err, -ENOENT, "nothing was stamped!");
	return refresh_swap_finish(round, err);
}

int refresh_stamp(struct refresh_session *session, const struct refresh_args *args, enum refresh_result *ret, struct err *err)
{
	CLEANUP(refresh_round_clear) struct refresh_round round = { .session = session, .args = args, .started_ms = clock_ms() };
	CLEANUP(refresh_records_clear) struct refresh_records records = { 0 };
	int r;

	if (!session->config->image.stamp) {
		err_class_set(err, ERR_USAGE, -EINVAL, "'%s' names no file to stamp", session->config->file);
		err_hint(err, "add `stamp = /PATH/IN/THE/IMAGE` to [image], such as /root/.config/ion/initrc");
		return -EINVAL;
	}
	r = refresh_session_look(session, &round.look, err);
	if (r >= 0)
		r = refresh_outside_enter(&round, &records, err);
	return r < 0 ? r : refresh_round_carry_out(&round, execute, NULL, ret, err);
}
