#include "base/fs.h"
#include "base/human.h"
#include "cli/json.h"
#include "cli/print.h"
#include "cli/runs.h"
#include "cli/ui.h"
#include "journal/boots.h"
#include "journal/journal.h"
#include "journal/cache.h"
#include "journal/nights.h"
#include "refresh/activate.h"

#include <errno.h>

struct showing {
	const struct cli_context *ctx;
	json_t *object; /* owned; the run, and later its steps and files */
	json_t *steps, *files, *boots;
	int64_t id;
	struct pkgmap *map; /* owned */
	struct refresh_activations activations;
	bool found;
};

static void print_line(const char *title, const char *text)
{
	if (text && *text)
		cli_print_line("%-8s %s", title, text);
}

static int show_run(void *data, const struct journal_run *run)
{
	struct showing *showing = data;
	CLEANUP_FREE char *time = human_time(run->started);
	CLEANUP_FREE char *duration = human_duration(run->ms);

	showing->found = true;
	showing->object = cli_run_json(run);
	if (showing->ctx->json)
		return 0;
	cli_print_line("run      %lld, %s", (long long)run->id, run->verb);
	cli_print_line("started  %s, took %s", time, duration);
	cli_print_line("result   %s%s%s", journal_result_name(run->result), run->error ? ": " : "", run->error ? run->error : "");
	print_line("image", run->image);
	print_line("commits", run->commits);
	print_line("packages", run->packages);
	return 0;
}

/* Of a path its last part: which image it was is said above. */
static const char *step_subject(const struct journal_step *step)
{
	return step->subject ? fs_basename(step->subject) : "";
}

static int show_step(void *data, const struct journal_step *step)
{
	struct showing *showing = data;
	CLEANUP_FREE char *duration = human_duration(step->ms);

	json_array_append_new(showing->steps,
			      json_pack("{s:s, s:o, s:s, s:o, s:I}", "kind", step->kind, "subject", cli_json_string(step->subject), "result",
					journal_result_name(step->result), "detail", cli_json_string(step->detail), "ms", (json_int_t)step->ms));
	if (!showing->ctx->json)
		cli_print_line("  %-6s %-24s %-9s %8s  %s", step->kind, step_subject(step), journal_result_name(step->result), duration,
			       step->detail ? step->detail : "");
	return 0;
}

static int show_file(void *data, const struct journal_file *file)
{
	struct showing *showing = data;
	CLEANUP_FREE char *bytes = human_bytes(file->size);

	json_array_append_new(showing->files,
			      json_pack("{s:o, s:o, s:o, s:o, s:I, s:I, s:s}", "path", cli_json_string(file->path), "owner",
					cli_json_string(file->owner), "hash", cli_json_string(file->new_hash[0] ? file->new_hash : NULL), "old_hash",
					cli_json_string(file->old_hash), "mode", (json_int_t)file->mode, "bytes", (json_int_t)file->size, "result",
					journal_result_name(file->result)));
	if (file->result == JOURNAL_OK && file->new_hash[0])
		refresh_activate_add(&showing->activations, showing->ctx->config, showing->map, file->owner);
	if (showing->ctx->json)
		return 0;
	cli_print_line("  %-6s %-24s %9s  %04o  %12.12s -> %.12s", file->new_hash[0] ? "put" : "remove", file->path, bytes, file->mode,
		       file->old_hash ? file->old_hash : "no file", file->new_hash[0] ? file->new_hash : "no file");
	return 0;
}

static int show_boot(void *data, const struct journal_boot *boot)
{
	struct showing *showing = data;
	CLEANUP_FREE char *duration = human_duration(boot->ms);

	if (boot->run != showing->id)
		return 0;
	json_array_append_new(showing->boots,
			      json_pack("{s:I, s:o, s:s, s:I, s:o, s:o, s:o}", "boot", (json_int_t)boot->id, "started",
					cli_json_time(boot->started), "result", boot->result, "ms", (json_int_t)boot->ms, "error",
					cli_json_string(boot->reason), "line", cli_json_string(boot->line), "log", cli_json_string(boot->log)));
	if (!showing->ctx->json)
		cli_print_line("  boot   %-24lld %-9s %8s  %s", (long long)boot->id, boot->result, duration, boot->reason ? boot->reason : "");
	return 0;
}

/* Of what can be cached; a run that was all fresh had nothing to ask for. */
static int show_cache(struct showing *showing, struct journal *journal, struct err *err)
{
	struct journal_cache cache;
	int r = journal_cache_get(journal, showing->id, &cache, err);
	uint64_t asked = r > 0 ? cache.hits + cache.misses : 0;
	double rate = asked > 0 ? 100.0 * (double)cache.hits / (double)asked : 0;

	if (r <= 0) {
		json_object_set_new(showing->object, "cache", json_null());
		return r;
	}
	json_object_set_new(showing->object, "cache",
			    json_pack("{s:I, s:I, s:I, s:o, s:o}", "hits", (json_int_t)cache.hits, "misses", (json_int_t)cache.misses, "errors",
				      (json_int_t)cache.errors, "rate", asked > 0 ? json_real(rate) : json_null(), "store",
				      cli_json_string(cache.store)));
	if (showing->ctx->json)
		return 0;
	if (asked == 0)
		printf("cache    sccache (%s), nothing was asked of it", cache.store);
	else
		printf("cache    sccache (%s) had %llu of %llu, %.0f %%", cache.store, (unsigned long long)cache.hits, (unsigned long long)asked,
		       rate);
	if (cache.errors > 0)
		printf(", and failed %llu times", (unsigned long long)cache.errors);
	printf("\n");
	return 0;
}

/* What became of the night whose refresh it was. */
static int show_night(void *data, const struct journal_night *night)
{
	struct showing *showing = data;
	json_t *record;

	if (night->run != showing->id || !night->record)
		return 0;
	record = json_loads(night->record, 0, NULL);
	json_object_set_new(showing->object, "night", record ? record : json_null());
	if (!showing->ctx->json)
		cli_print_line("night    %lld, %s: %s", (long long)night->id, night->result, night->summary ? night->summary : "");
	return 0;
}

static int show_all(struct showing *showing, struct journal *journal, struct err *err)
{
	int r = journal_runs(journal, NULL, showing->id, 1, show_run, showing, err);

	if (r < 0)
		return r;
	if (!showing->found) {
		err_class_set(err, ERR_USAGE, -ENOENT, "the journal has no run %lld", (long long)showing->id);
		err_hint(err, "`reinject log` lists them");
		return -ENOENT;
	}
	r = show_cache(showing, journal, err);
	if (r < 0)
		return r;
	showing->steps = json_array();
	showing->files = json_array();
	json_object_set_new(showing->object, "steps", showing->steps);
	json_object_set_new(showing->object, "files", showing->files);
	showing->boots = json_array();
	json_object_set_new(showing->object, "boots", showing->boots);
	r = journal_steps(journal, showing->id, show_step, showing, err);
	if (r >= 0)
		r = journal_files(journal, showing->id, show_file, showing, err);
	if (r >= 0)
		r = journal_boots(journal, NULL, 0, show_boot, showing, err);
	json_object_set_new(showing->object, "night", json_null());
	return r < 0 || !showing->ctx->config->image.path ? r : journal_nights(journal, showing->ctx->config->image.path, 0, show_night, showing, err);
}

/* By the configuration of today: the journal says what was put, not how it is started. */
static void show_needs(struct showing *showing)
{
	CLEANUP(strvec_clear) struct strvec needs = { 0 };

	json_object_set_new(showing->object, "activate", cli_ui_activations_json(&showing->activations));
	refresh_activate_describe(&showing->activations, &needs);
	for (size_t i = 0; !showing->ctx->json && i < needs.n; i++)
		cli_print_line("%s%s", i == 0 ? "then     " : "         ", needs.v[i]);
}

static int run(struct cli_context *ctx, struct err *err)
{
	CLEANUP(journal_freep) struct journal *journal = NULL;
	const char *word = ctx->args->positional.v[0];
	struct showing showing = { .ctx = ctx };
	int r = cli_run_operand(ctx->args->verb, word, &showing.id, err);

	if (r < 0)
		return r;
	r = journal_open(ctx->config->state, true, &journal, err);
	if (r == -ENOENT)
		return err_class_set(err, ERR_USAGE, r, "there is no run %lld: nothing was done yet", (long long)showing.id);
	showing.map = pkgmap_new(ctx->config);
	if (r >= 0)
		r = show_all(&showing, journal, err);
	if (r >= 0)
		show_needs(&showing);
	if (r >= 0 && ctx->json)
		cli_json_print(json_incref(showing.object));
	json_decref(showing.object);
	refresh_activations_clear(&showing.activations);
	pkgmap_free(showing.map);
	return r;
}

extern const struct cli_verb cmd_show;
const struct cli_verb cmd_show = {
	.name = "show",
	.usage = "ID",
	.summary = "one run in full: its builds, files, boots, hashes and commits",
	.description =
		"ID is a run's number, as `reinject log` prints it. For each file: what was put, and the hash of what was there before, whose\n"
		"content is kept in the state folder. At the end, what the change needs to run (`activate` in the configuration).",
	.operands = "RUN",
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
