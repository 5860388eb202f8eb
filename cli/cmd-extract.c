#include "base/clock.h"
#include "base/fs.h"
#include "base/human.h"
#include "base/log.h"
#include "cli/json.h"
#include "cli/ui.h"
#include "cli/verbs.h"
#include "image/extract.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* A live line that moves faster cannot be read. */
enum { TICK_MS = 100 };

static const struct cli_option options[] = {
	{ "force", 'f', NULL, "replace the target when it is an existing file" },
	CLI_OPTION_WAIT_LOCK,
	{ NULL, 0, NULL, NULL },
};

struct extracting {
	struct cli_ui *ui;
	const char *cwd;
	int64_t told_ms;
	unsigned int n_files;
	uint64_t bytes;
};

static void on_progress(void *data, const char *path, uint64_t bytes)
{
	struct extracting *extracting = data;
	CLEANUP_FREE char *amount = human_bytes(bytes), *text = NULL;

	if (clock_ms() - extracting->told_ms < TICK_MS)
		return;
	extracting->told_ms = clock_ms();
	text = xasprintf("%s  %s", amount, path);
	cli_ui_live(extracting->ui, "extract", text);
}

static void on_skip(void *data, const char *path, const char *why)
{
	struct extracting *extracting = data;
	CLEANUP_FREE char *visible = str_visible(path);
	CLEANUP_FREE char *text = xasprintf("'%s' %s: it is not extracted", visible, why);

	cli_ui_event(extracting->ui, &(struct refresh_event){ .type = REFRESH_EVENT_WARNING, .text = text });
}

static void on_file(void *data, const char *path, const char *to, uint64_t bytes)
{
	struct extracting *extracting = data;
	CLEANUP_FREE char *absolute = fs_absolute(extracting->cwd, to);

	extracting->n_files++;
	extracting->bytes += bytes;
	if (extracting->ui->json)
		cli_json_print(json_pack("{s:s, s:o, s:o, s:I}", "event", "extract", "path", cli_json_string(path), "to",
					 cli_json_string(absolute), "bytes", (json_int_t)bytes));
}

static int extract_in(struct cli_context *ctx, struct refresh_session *session, const struct image_extract *extract, struct err *err)
{
	CLEANUP(image_txn_abortp) struct image_txn *txn = NULL;
	int r = image_txn_begin(&ctx->config->image, session->lock, session->work, NULL, ctx->cancel, &txn, err);

	if (r < 0)
		return r;
	return extract->to ? image_extract_to(txn, extract, err) : image_extract_to_fd(txn, extract, STDOUT_FILENO, err);
}

static void tell_done(const struct extracting *extracting, const struct image_extract *extract)
{
	CLEANUP_FREE char *amount = human_bytes(extracting->bytes), *path = str_visible(extract->path), *to = NULL;

	if (!extract->to)
		return;
	to = str_visible(extract->to);
	log_info("extracted %s to %s (%u %s, %s)", path, to, extracting->n_files, extracting->n_files == 1 ? "file" : "files", amount);
}

static int run(struct cli_context *ctx, struct err *err)
{
	CLEANUP(refresh_session_freep) struct refresh_session *session = NULL;
	CLEANUP(cli_ui_clear) struct cli_ui ui;
	CLEANUP_FREE char *target = NULL, *cwd = getcwd(NULL, 0);
	const struct strvec *words = &ctx->args->positional;
	const char *to = words->n > 1 ? words->v[1] : NULL;
	bool force = cli_args_has(ctx->args, "force");
	struct extracting extracting = { .ui = &ui, .cwd = cwd ? cwd : "/" };
	struct image_extract_hooks hooks = { .on_progress = on_progress, .on_skip = on_skip, .on_file = on_file, .data = &extracting };
	struct image_extract extract = { .path = words->v[0], .force = force, .cancel = ctx->cancel, .hooks = &hooks };
	int r = 0;

	cli_ui_init(&ui, ctx);
	if (extract.path[0] != '/')
		return cli_usage_error(ctx->args->verb, err, "'%s' is no path in the image: it starts with '/'", extract.path);
	if (!str_eq(to, "-"))
		r = image_extract_target(extract.path, to, force, &target, err);
	extract.to = target;
	if (r >= 0)
		r = cli_open_session(ctx, false, &session, err);
	if (r >= 0)
		r = extract_in(ctx, session, &extract, err);
	cli_ui_wipe(&ui);
	if (r >= 0)
		tell_done(&extracting, &extract);
	return r;
}

extern const struct cli_verb cmd_extract;
const struct cli_verb cmd_extract = {
	.name = "extract",
	.usage = "[--force] [--wait-lock SECONDS] /PATH [TO]",
	.summary = "get a file or folder out of the image",
	.description =
		"/PATH is a path inside the image; a link is followed there, never to this machine's own files. TO is a new name, or a folder\n"
		"that exists (it gets a file of the same name there); without TO it is the folder you are in; `-` is the standard output, for "
		"a\n"
		"file. The image itself is not mounted, which would write to it, but a copy, kept for the next extract or refresh; so this\n"
		"works beside a VM with snapshot=on, and not while anyone may write the image (exit 75). With mode = in-place there is no copy,\n"
		"and with mode = live your own mount is read.\n\n"
		"A file that exists is replaced with --force only, a folder never. Modes are kept, setuid is not; the owner is you (under "
		"sudo,\n"
		"the owner of the folder). In a folder links are copied as links; devices, sockets and pipes are told and passed over. All of "
		"it\n"
		"appears at once when it is complete: after a failure or Ctrl-C there is nothing.\n\n"
		"  reinject extract /etc/passwd -\n  reinject extract /usr/lib/drivers /tmp/drivers-before\n\n"
		"With --json: {\"event\":\"extract\",\"path\":P,\"to\":T,\"bytes\":N} for each file, T absolute; with `-` nothing but the "
		"content.",
	.operands = "IMAGE-PATH FILE",
	.options = options,
	.min_args = 1,
	.max_args = 2,
	.run = run,
};
