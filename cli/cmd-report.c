#include "base/fs.h"
#include "base/log.h"
#include "cli/json.h"
#include "cli/print.h"
#include "cli/verbs.h"
#include "journal/state.h"
#include "report/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEFAULT_RUNS = 500, MAX_RUNS = 1000000 };

static const struct cli_option options[] = {
	{ "output", 'o', "FILE.html", "where it goes ([nightly] report); - is the standard output" },
	{ "number", 0, "N", "the newest N runs (500; 0: all)" },
	{ NULL, 0, NULL, NULL },
};

/* A word of the command line is relative to where we are, the configuration's value to its file. */
static int find_output(const struct cli_context *ctx, char **ret, struct err *err)
{
	const char *given = cli_args_value(ctx->args, "output"), *configured = config_get(ctx->config, "nightly", "report");
	CLEANUP_FREE char *cwd = NULL;

	if (!given) {
		*ret = fs_absolute(ctx->config->dir, configured);
		return 0;
	}
	if (!*given)
		return cli_usage_error(ctx->args->verb, err, "option '--output' needs a file's name");
	cwd = getcwd(NULL, 0);
	if (!cwd)
		return err_set(err, -errno, "cannot tell the working folder");
	*ret = fs_absolute(cwd, given);
	return 0;
}

static int collect(const struct cli_context *ctx, struct report *ret, struct err *err)
{
	CLEANUP(journal_freep) struct journal *journal = NULL;
	uint32_t limit = 0;
	int r = cli_args_number(ctx->args, "number", DEFAULT_RUNS, MAX_RUNS, &limit, err);

	if (r < 0)
		return r;
	r = journal_open(ctx->config->state, true, &journal, err);
	return r < 0 && r != -ENOENT ? r : report_collect(ctx->config, journal, limit, ret, err);
}

static int write_file(const struct cli_context *ctx, const char *path, const struct str *html, struct err *err)
{
	CLEANUP_FREE char *dir = fs_dirname(path);
	int r = path_under(path, ctx->config->state) ? journal_state_prepare(ctx->config->state, err) : 0;

	if (r == 0)
		r = fs_make_dirs(dir, 0755, err);
	if (r == 0)
		r = fs_write_atomic(path, html->buf, html->len, 0644, err);
	if (r < 0)
		return r;
	if (ctx->json)
		cli_json_print(json_pack("{s:o, s:I}", "report", cli_json_string(path), "bytes", (json_int_t)html->len));
	else
		cli_print_line("%s", path);
	return 0;
}

static int run(struct cli_context *ctx, struct err *err)
{
	CLEANUP(report_clear) struct report report = { 0 };
	CLEANUP(str_clear) struct str html = { 0 };
	CLEANUP_FREE char *path = NULL, *dir = NULL;
	bool to_stdout = str_eq(cli_args_value(ctx->args, "output"), "-");
	int r = collect(ctx, &report, err);

	if (r == 0)
		r = find_output(ctx, &path, err);
	if (r < 0)
		return r;
	/* Who knows where that will lie. */
	dir = to_stdout ? xstrdup("") : fs_dirname(path);
	report_render(&report, dir, &html);
	if (!to_stdout)
		return write_file(ctx, path, &html, err);
	r = fs_write_all(STDOUT_FILENO, html.buf, html.len);
	return r < 0 ? err_set(err, r, "cannot write to standard output") : 0;
}

extern const struct cli_verb cmd_report;
const struct cli_verb cmd_report = {
	.name = "report",
	.usage = "[-o FILE.html] [--number N]",
	.summary = "one HTML page: the last result, runs by day, build times, room in the image, failures",
	.description = "Writes the journal as one page that needs nothing else, neither a network nor scripts: the last result at the top, a "
		       "row for each\n"
		       "day with its runs, what failed and why, build times by package, how full the image is and what its file system has "
		       "lost, and all\n"
		       "runs as a table. It is for a phone as for a desktop, in light and dark.\n\n"
		       "Prints where it went. Nothing but that file is written. (After this verb, -o is the file; before it, as everywhere, one "
		       "key of the\n"
		       "configuration.)",
	.options = options,
	.max_args = 0,
	.run = run,
};
