#include "base/fs.h"
#include "base/human.h"
#include "base/log.h"
#include "cli/json.h"
#include "cli/print.h"
#include "cli/ui.h"
#include "hooks/install.h"
#include "hooks/program.h"
#include "journal/journal.h"
#include "journal/spool.h"
#include "journal/state.h"
#include "refresh/hooked.h"
#include "refresh/isolate.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_LOG = 1 << 20, MAX_PATH_TEXT = 1 << 16 };

/* Below the state folder. */
#define SAVED_PATH "spool/path"

struct places {
	char *hook, *reinject; /* owned; the program may be missing */
};

static void places_clear(struct places *places)
{
	free(places->hook);
	free(places->reinject);
}

static void fill_target(const struct cli_context *ctx, const struct places *places, const struct hooks_folder *folder, struct hooks_target *ret)
{
	*ret = (struct hooks_target){
		.folder = folder,
		.program = places->hook,
		.project = { .top = folder->top,
			     .state = ctx->config->state,
			     .reinject = places->reinject ? places->reinject : (char *)"",
			     .config = ctx->config->file },
	};
}

/* -- install and uninstall ------------------------------------------------------------------------------------------------------------------------- */

typedef int change_fn(const struct hooks_target *target, struct strvec *notes, size_t *ret_n, struct err *err);

static void print_change(const struct cli_context *ctx, const struct hooks_folder *folder, const char *did, size_t n)
{
	if (ctx->json)
		cli_json_print(json_pack("{s:o, s:o, s:I}", "repository", cli_json_string(folder->top), "folder", cli_json_string(folder->own),
					 "changed", (json_int_t)n));
	else if (n > 0)
		log_info("%s: %zu %s %s", folder->top, n, n == 1 ? "hook" : "hooks", did);
	else
		log_info("%s: nothing to do", folder->top);
}

static int change_source(const struct cli_context *ctx, const struct places *places, const struct config_source *source, change_fn *change,
			 const char *did, struct err *err)
{
	CLEANUP(hooks_folder_clear) struct hooks_folder folder = { 0 };
	CLEANUP(strvec_clear) struct strvec notes = { 0 };
	struct hooks_target target;
	size_t n = 0;
	int r = hooks_folder_find(source->path, &folder, err);

	if (r < 0)
		return r;
	fill_target(ctx, places, &folder, &target);
	r = change(&target, &notes, &n, err);
	for (size_t i = 0; i < notes.n; i++)
		log_info("%s", notes.v[i]);
	if (r >= 0)
		print_change(ctx, &folder, did, n);
	return r;
}

/* One repository's trouble does not keep the others from theirs; the first error is the verb's. */
static int change_all(const struct cli_context *ctx, const struct places *places, change_fn *change, const char *did, struct err *err)
{
	int first = 0;

	for (size_t i = 0; i < ctx->config->n_sources; i++) {
		struct err own = ERR_INIT;
		int r = change_source(ctx, places, &ctx->config->sources[i], change, did, &own);

		if (r >= 0)
			continue;
		if (first < 0)
			log_err(&own);
		else
			*err = own;
		first = first < 0 ? first : r;
	}
	return first;
}

/* A commit made by a graphical client has a PATH without cargo: the worker looks where the installer would have, too. */
static int save_path(const char *state, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/" SAVED_PATH, state);
	CLEANUP(str_clear) struct str saved = { 0 };
	CLEANUP_CLOSE int fd = -1;
	const char *now = getenv("PATH");
	int r;

	if (!now || (fs_exists(path) && fs_read(path, MAX_PATH_TEXT, &saved, NULL) == 0 && str_eq(str_text(&saved), now)))
		return 0;
	r = fs_write_atomic(path, now, strlen(now), 0600, err);
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_set(err, -errno, "cannot open '%s'", path) : journal_state_give(state, fd, err);
}

static int install(struct cli_context *ctx, struct err *err)
{
	CLEANUP(places_clear) struct places places = { 0 };
	int r = hooks_program_find(&places.hook, &places.reinject, err);

	if (r >= 0)
		r = journal_state_prepare(ctx->config->state, err);
	if (r >= 0)
		r = journal_state_make_dir(ctx->config->state, JOURNAL_SPOOL_DIR, err);
	if (r >= 0)
		r = save_path(ctx->config->state, err);
	if (r < 0)
		return r;
	if (cli_args_has(ctx->args, "option"))
		log_warning("what -o says counts for this call alone: the hooks' worker reads '%s'", ctx->config->file);
	return change_all(ctx, &places, hooks_install, "written", err);
}

static int remove_isolated(const struct cli_context *ctx, struct err *err)
{
	size_t n = 0;
	int r = refresh_isolate_remove(ctx->config, &n, err);

	if (r >= 0 && n > 0)
		log_info("%zu %s, in which commits were built, removed", n, n == 1 ? "folder" : "folders");
	return r;
}

static int uninstall(struct cli_context *ctx, struct err *err)
{
	CLEANUP(places_clear) struct places places = { 0 };
	int r = hooks_program_find(&places.hook, &places.reinject, NULL);

	(void)r; /* without the program its hooks can still be taken out */
	r = change_all(ctx, &places, hooks_uninstall, "taken out", err);
	return r < 0 ? r : remove_isolated(ctx, err);
}

/* -- status -------------------------------------------------------------------------------------------------------------------------------------- */

struct last_run {
	int64_t id, started;
	enum journal_result result;
	char *error; /* owned */
};

struct fired {
	const char *event, *top;
	int64_t at;
};

struct standing {
	struct places places;
	struct last_run last;
	size_t n_spool;
	pid_t worker, watch;
	bool is_watched;
	bool is_amiss;
	json_t *hooks; /* owned */
};

static void standing_clear(struct standing *standing)
{
	places_clear(&standing->places);
	free(standing->last.error);
	json_decref(standing->hooks);
}

static int take_hook_run(void *data, const struct journal_run *run)
{
	struct last_run *last = data;

	if (!str_eq(run->verb, "hook"))
		return 0;
	*last = (struct last_run){ run->id, run->started, run->result, run->error ? xstrdup(run->error) : NULL };
	return 1;
}

static int find_last_run(const struct cli_context *ctx, struct last_run *ret, struct err *err)
{
	CLEANUP(journal_freep) struct journal *journal = NULL;
	int r = journal_open(ctx->config->state, true, &journal, err);

	if (r == -ENOENT)
		return 0;
	if (r >= 0)
		r = journal_runs(journal, NULL, 0, 0, take_hook_run, ret, err);
	return r < 0 ? r : 0;
}

static void take_fired(void *data, const struct journal_record *record)
{
	struct fired *fired = data;

	if (str_eq(record->event, fired->event) && str_eq(record->top, fired->top) && record->at > fired->at)
		fired->at = record->at;
}

static void print_hook(const struct hooks_report *report, const char *event, int64_t fired)
{
	CLEANUP_FREE char *time = fired > 0 ? human_time(fired) : xstrdup("never");

	cli_print_line("  %-14s %-9s %s  fired %s", event, hooks_state_name(report->state),
		       report->is_kept ? "(after the one that was there)" : "", time);
}

static int tell_hook(const struct cli_context *ctx, const struct config_source *source, const struct hooks_target *target, const char *event,
		     struct standing *standing, struct err *err)
{
	struct fired fired = { .event = event, .top = target->folder->top };
	struct hooks_report report;
	int r = hooks_inspect(target, event, &report, err);

	if (r >= 0)
		r = journal_spool_last(ctx->config->state, take_fired, &fired, err);
	if (r < 0)
		return r;
	standing->is_amiss = standing->is_amiss || report.state != HOOKS_INSTALLED || !report.is_program;
	if (!ctx->json)
		print_hook(&report, event, fired.at);
	json_array_append_new(standing->hooks,
			      json_pack("{s:o, s:o, s:o, s:s, s:s, s:b, s:b, s:o}", "source", cli_json_string(source->name), "repository",
					cli_json_string(target->folder->top), "folder", cli_json_string(target->folder->dir), "event", event,
					"state", hooks_state_name(report.state), "kept", report.is_kept, "program", report.is_program, "fired",
					fired.at > 0 ? cli_json_time(fired.at) : json_null()));
	return 0;
}

static int tell_source(const struct cli_context *ctx, const struct config_source *source, struct standing *standing, struct err *err)
{
	CLEANUP(hooks_folder_clear) struct hooks_folder folder = { 0 };
	struct hooks_target target;
	int r = hooks_folder_find(source->path, &folder, err);

	if (r < 0)
		return r;
	fill_target(ctx, &standing->places, &folder, &target);
	if (!ctx->json)
		cli_print_line("%s, hooks in %s%s", folder.top, folder.is_configured ? "its configuration" : folder.dir,
			       folder.is_shadowed && !folder.is_configured ? ", which another tool owns" : "");
	for (size_t i = 0; r >= 0 && hooks_events[i]; i++)
		r = tell_hook(ctx, source, &target, hooks_events[i], standing, err);
	return r;
}

static json_t *last_json(const struct last_run *last)
{
	if (last->id == 0)
		return json_null();
	return json_pack("{s:I, s:o, s:s, s:o}", "run", (json_int_t)last->id, "started", cli_json_time(last->started), "result",
			 journal_result_name(last->result), "error", cli_json_string(last->error));
}

static void print_standing_json(const struct standing *standing)
{
	cli_json_print(json_pack("{s:O, s:o, s:I, s:o, s:b, s:o, s:b}", "hooks", standing->hooks, "program",
				 cli_json_string(standing->places.hook), "spool", (json_int_t)standing->n_spool, "worker",
				 standing->worker > 0 ? json_integer(standing->worker) : json_null(), "watch", standing->is_watched, "last",
				 last_json(&standing->last), "well", !standing->is_amiss));
}

static void print_standing(const struct standing *standing)
{
	CLEANUP_FREE char *started = standing->last.id > 0 ? human_time(standing->last.started) : NULL;

	cli_print_line("program   %s", standing->places.hook ? standing->places.hook : "missing: `make install` puts it beside reinject");
	cli_print_line("waiting   %zu %s%s", standing->n_spool, standing->n_spool == 1 ? "record" : "records",
		       standing->is_watched ? "; a watch runs, which looks by itself" : "");
	if (standing->worker > 0)
		printf("worker    process %d\n", (int)standing->worker);
	if (started)
		cli_print_line("last      run %lld, %s: %s%s%s", (long long)standing->last.id, started,
			       journal_result_name(standing->last.result), standing->last.error ? ": " : "",
			       standing->last.error ? standing->last.error : "");
}

static int status(struct cli_context *ctx, struct err *err)
{
	CLEANUP(standing_clear) struct standing standing = { .hooks = json_array() };
	const char *state = ctx->config->state;
	int r = hooks_program_find(&standing.places.hook, &standing.places.reinject, NULL);

	(void)r; /* a missing one is what status tells */
	r = find_last_run(ctx, &standing.last, err);
	if (r >= 0)
		r = journal_spool_count(state, &standing.n_spool, err);
	standing.is_watched = journal_spool_is_locked(state, JOURNAL_SPOOL_WATCH_LOCK, &standing.watch);
	(void)journal_spool_is_locked(state, JOURNAL_SPOOL_WORKER_LOCK, &standing.worker);
	for (size_t i = 0; r >= 0 && i < ctx->config->n_sources; i++)
		r = tell_source(ctx, &ctx->config->sources[i], &standing, err);
	if (r < 0)
		return r;
	if (ctx->json)
		print_standing_json(&standing);
	else
		print_standing(&standing);
	ctx->status = standing.is_amiss ? 1 : 0;
	return 0;
}

/* -- the worker ----------------------------------------------------------------------------------------------------------------------------------- */

/* When our words go to the log: begins another once it is long, and keeps one old one. */
static void bound_log(const char *state)
{
	CLEANUP_FREE char *path = xasprintf("%s/" JOURNAL_SPOOL_LOG, state), *old = xasprintf("%s.old", path);
	CLEANUP_CLOSE int fd = -1;
	struct stat ours, log;

	if (fstat(STDERR_FILENO, &ours) < 0 || lstat(path, &log) < 0 || ours.st_dev != log.st_dev || ours.st_ino != log.st_ino ||
	    log.st_size < MAX_LOG)
		return;
	if (rename(path, old) < 0)
		return;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0 && (dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0))
		log_warning("the log goes on in '%s'", old);
}

static void extend_path(const char *state)
{
	CLEANUP_FREE char *path = xasprintf("%s/" SAVED_PATH, state), *both = NULL;
	CLEANUP(str_clear) struct str saved = { 0 };
	const char *now = getenv("PATH");

	if (!fs_exists(path) || fs_read(path, MAX_PATH_TEXT, &saved, NULL) < 0 || saved.len == 0 || str_eq(str_text(&saved), now))
		return;
	both = now && *now ? xasprintf("%s:%s", now, str_text(&saved)) : xstrdup(str_text(&saved));
	if (setenv("PATH", both, 1) < 0)
		log_warning("PATH stays '%s'", now ? now : "");
}

static int work(struct cli_context *ctx, struct err *err)
{
	CLEANUP(cli_ui_clear) struct cli_ui ui;
	struct refresh_hooked_args args = { .cancel = ctx->cancel, .on_event = cli_ui_event, .data = &ui };

	bound_log(ctx->config->state);
	extend_path(ctx->config->state);
	log_set_times(true);
	cli_ui_init(&ui, ctx);
	return refresh_hooked_work(ctx->config, &args, err);
}

/* -- the verb -------------------------------------------------------------------------------------------------------------------------------------- */

static int run(struct cli_context *ctx, struct err *err)
{
	/* `run` is what the hooks' program starts: not a word for people. */
	static const struct {
		const char *name;
		int (*fn)(struct cli_context *ctx, struct err *err);
	} words[] = { { "install", install }, { "uninstall", uninstall }, { "status", status }, { "run", work } };
	const char *word = ctx->args->positional.v[0];

	for (size_t i = 0; i < N_ELEMENTS(words); i++)
		if (strcmp(word, words[i].name) == 0)
			return words[i].fn(ctx, err);
	return cli_unknown_word(ctx->args->verb, word, err);
}

extern const struct cli_verb cmd_hooks;
const struct cli_verb cmd_hooks = {
	.name = "hooks",
	.usage = "install | uninstall | status",
	.summary = "git hooks in every source repository: commit, and the image follows",
	.description =
		"install    writes post-commit, post-merge, post-checkout and post-rewrite into the hooks folder of every [source]. A hook that "
		"is\n"
		"           there already is kept and runs first. A second install writes nothing.\n"
		"uninstall  takes them out, and puts back what was there, as it was.\n"
		"status     how each hook stands, when it fired, how many records wait, and what the last refresh by a hook came to.\n"
		"           Exit status: 0 all well; 1 something to mend; 3 no repository or no git.\n\n"
		"A hook adds a line to a file and is done, which git does not feel. A worker waits until no further hook has come for 2 s\n"
		"([hooks] quiet_ms) and until a rebase or merge has ended, then does what `reinject refresh` does, unless a watch runs,\n"
		"which sees the commit by itself. What it says is in hooks.log in the state folder; `reinject log` lists its runs with the\n"
		"verb 'hook'; [hooks] on_success and on_failure are commands that tell you.\n\n"
		"[hooks] isolate = yes builds what was committed, in a folder of its own beside the work tree, not the half-edited tree; uninstall\n"
		"removes that folder.\n\n"
		"REINJECT=0 in the environment skips it: REINJECT=0 git commit. Where core.hooksPath gives the hooks to another tool, nothing\n"
		"is written, and the line to add to its hooks is printed (exit status 3). With git 2.54 and later the hooks are lines of the\n"
		"repository's configuration instead of files.",
	.operands = "install|uninstall|status",
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
