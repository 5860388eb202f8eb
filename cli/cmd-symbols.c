#include "base/log.h"
#include "cli/json.h"
#include "cli/print.h"
#include "cli/runs.h"
#include "cli/verbs.h"
#include "refresh/symbols.h"

#include <errno.h>
#include <unistd.h>

struct telling {
	const struct cli_context *ctx;
	unsigned int n, n_missing;
	bool by_build_id; /* one of them at least */
	char *first;      /* owned: the first host path */
};

static void print_symbol(const struct telling *telling, const struct journal_symbol *symbol, const char *host)
{
	if (!telling->ctx->json) {
		cli_print_line("%s  %s", symbol->path, host);
		return;
	}
	cli_json_print(json_pack("{s:o, s:o, s:o, s:o, s:s, s:I}", "package", cli_json_string(symbol->package), "path",
				 cli_json_string(symbol->path), "symbols", cli_json_string(host), "build_id", cli_json_string(symbol->build_id),
				 "hash", symbol->stripped, "run", (json_int_t)symbol->run));
}

static int tell(void *data, const struct journal_symbol *symbol)
{
	struct telling *telling = data;
	char *host = refresh_symbols_path(telling->ctx->config, symbol);

	if (!host) {
		telling->n_missing++;
		log_warning("%s: %s", symbol->path, symbol->file ? "its symbols were kept, but are not there any more" : "no symbols were kept");
		return 0;
	}
	telling->n++;
	telling->by_build_id = telling->by_build_id || str_starts(symbol->file, ".build-id/");
	print_symbol(telling, symbol, host);
	if (!telling->first)
		telling->first = TAKE_PTR(host);
	free(host);
	return 0;
}

/* Only for people: what is piped into something else is for that. */
static void hint_gdb(const struct telling *telling)
{
	CLEANUP(str_clear) struct str command = { 0 };
	CLEANUP_FREE char *dir = refresh_symbols_dir(telling->ctx->config);
	CLEANUP_FREE char *line = telling->by_build_id ? xasprintf("set debug-file-directory %s", dir)
						       : xasprintf("symbol-file %s", telling->first);

	if (telling->ctx->json || telling->n == 0 || !isatty(STDOUT_FILENO))
		return;
	str_add_shell_quoted(&command, line);
	log_info("for gdb: gdb -ex %s", str_text(&command));
}

static int remember_run(void *data, const struct journal_run *run)
{
	(void)run;
	*(bool *)data = true;
	return 0;
}

static int symbols_of_run(struct telling *telling, struct journal *journal, int64_t run, struct err *err)
{
	bool found = false;
	int r = journal_runs(journal, NULL, run, 1, remember_run, &found, err);

	if (r < 0)
		return r;
	if (!found) {
		err_class_set(err, ERR_USAGE, -ENOENT, "the journal has no run %lld", (long long)run);
		err_hint(err, "`reinject log` lists them");
		return -ENOENT;
	}
	r = journal_symbols_of_run(journal, run, tell, telling, err);
	if (r < 0 || telling->n + telling->n_missing > 0)
		return r;
	err_set(err, -ENOENT, "run %lld put no package's binary into the image!", (long long)run);
	err_hint(err, "`reinject show %lld` tells what it did", (long long)run);
	return -ENOENT;
}

/* Best effort: what cannot be read is another verb's concern. */
static void warn_foreign(const struct cli_context *ctx, struct journal *journal)
{
	CLEANUP(refresh_records_clear) struct refresh_records records = { 0 };
	const struct config_image *image = &ctx->config->image;
	struct image_identity identity;
	struct journal_image now;

	if (image_identity_of(image, &identity, NULL) < 0)
		return;
	now = refresh_journal_image(&identity);
	if (refresh_records_load(journal, image->path, &now, &records, NULL) == 0 && records.image_unknown)
		log_warning("somebody else has written image '%s' since: these are the symbols of what the last run left there", image->path);
}

static int symbols_of_package(struct telling *telling, struct journal *journal, const char *package, struct err *err)
{
	const char *image = telling->ctx->config->image.path;
	int r = journal ? journal_symbols_of_package(journal, image, package, tell, telling, err) : 0;

	if (r < 0)
		return r;
	if (telling->n + telling->n_missing == 0) {
		err_set(err, -ENOENT, "nothing of '%s' was put into '%s' yet!", package, image);
		err_hint(err, "`reinject build %s` builds it, puts it and keeps its symbols", package);
		return -ENOENT;
	}
	warn_foreign(telling->ctx, journal);
	return 0;
}

static int check_word(const struct cli_context *ctx, const char *word, struct err *err)
{
	if (!ctx->config->image.path)
		return err_class_set(err, ERR_USAGE, -EINVAL, "'%s' names no image: add a section [image] with `path = ...`", ctx->config->file);
	/* Cargo's names do not begin with a digit. */
	if (cli_run_number(word) > 0 || config_package_find(ctx->config, word))
		return 0;
	err_class_set(err, ERR_USAGE, -ENOENT, "'%s' is neither a package of the configuration nor a run's number", word);
	err_hint(err, "`reinject log` lists the runs; a package is called as in its section [package NAME]");
	return -ENOENT;
}

static int run(struct cli_context *ctx, struct err *err)
{
	CLEANUP(journal_freep) struct journal *journal = NULL;
	struct telling telling = { .ctx = ctx };
	const char *word = ctx->args->positional.v[0];
	int64_t id = cli_run_number(word);
	int r = check_word(ctx, word, err);

	if (r < 0)
		return r;
	r = journal_open(ctx->config->state, true, &journal, err);
	if (r == -ENOENT && id > 0)
		return err_class_set(err, ERR_USAGE, r, "there is no run %lld: nothing was done yet", (long long)id);
	if (r < 0 && r != -ENOENT)
		return r;
	r = id > 0 ? symbols_of_run(&telling, journal, id, err) : symbols_of_package(&telling, journal, word, err);
	hint_gdb(&telling);
	free(telling.first);
	if (r >= 0 && telling.n_missing > 0) {
		log_info("  `reinject build PKG` keeps them anew, from sources that are the same");
		ctx->status = 1;
	}
	return r;
}

extern const struct cli_verb cmd_symbols;
const struct cli_verb cmd_symbols = {
	.name = "symbols",
	.usage = "PKG | RUN",
	.summary = "where the unstripped binaries of a package or a run are, for gdb",
	.description =
		"After each swap the binary from which a stripped one was made is kept in the state folder, under symbols/: by its build-id, "
		"as\n"
		"gdb looks for it, or by the hash of the stripped file where the linker makes none. Prints a line for each binary: its path in\n"
		"the image, and that of its unstripped twin on this machine. PKG: for what the image holds now; RUN: for what that run put\n"
		"(`reinject log` has the numbers).\n\n"
		"  gdb -ex 'set debug-file-directory .reinject/symbols' ...\n"
		"      finds those with a build-id by itself\n"
		"  gdb -ex 'symbol-file HOST-PATH' ...\n"
		"      for any of them\n\n"
		"With --json: {\"package\":P,\"path\":P,\"symbols\":HOST-PATH,\"build_id\":ID|null,\"hash\":H,\"run\":N} for each. Exit status "
		"1 when those\n"
		"of a binary are not there (any more).",
	.operands = "PKG",
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
