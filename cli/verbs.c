#include "cli/verbs.h"

#include "base/log.h"
#include "cargo/build.h"
#include "cli/follow.h"
#include "cli/print.h"
#include "cli/ui.h"
#include "refresh/map.h"

#include <errno.h>
#include <string.h>

/* A day: longer waits are a mistake. */
enum { MAX_WAIT_S = 86400 };

int cli_wait_lock(const struct cli_context *ctx, uint32_t *ret, struct err *err)
{
	return cli_args_number(ctx->args, "wait-lock", 0, MAX_WAIT_S, ret, err);
}

int cli_open_session(struct cli_context *ctx, bool read_only, struct refresh_session **ret, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec notes = { 0 };
	struct refresh_session_args args = { .read_only = read_only };
	int r = cli_wait_lock(ctx, &args.wait_s, err);

	if (r < 0)
		return r;
	r = refresh_session_open(ctx->config, &args, ctx->cancel, ret, &notes, err);
	for (size_t i = 0; i < notes.n; i++)
		log_info("recovered: %s", notes.v[i]);
	return r;
}

int cli_check_dest(const struct cli_context *ctx, const char *dest, struct err *err)
{
	const struct cli_verb *verb = ctx->args->verb;

	if (dest[0] != '/')
		return cli_usage_error(verb, err, "'%s' is no destination: it is a path inside the image and starts with '/'", dest);
	for (const char *p = dest; *p; p += strcspn(p, "/")) {
		while (*p == '/')
			p++;
		if (strcspn(p, "/") == 2 && p[0] == '.' && p[1] == '.')
			return cli_usage_error(verb, err, "destination '%s' must not hold '..'", dest);
	}
	return 0;
}

/* The generated map follows the workspace, and then the configuration is another. What one command line says otherwise is not written into it. */
static int follow_workspace(struct cli_context *ctx, struct err *err)
{
	bool write = !cli_args_has(ctx->args, "dry-run") && !cli_args_has(ctx->args, "option"), written;
	CLEANUP_FREE char *sentence = NULL;
	int r = refresh_map_follow(ctx->config, write, ctx->cancel, &written, &sentence, err);

	if (r < 0 || !sentence)
		return r;
	if (!written) {
		log_warning("%s", sentence);
		return 0;
	}
	log_info("%s", sentence);
	config_free(ctx->config);
	ctx->config = NULL;
	return cli_load_config(ctx, err);
}

static void print_plan(const struct refresh_plan *plan)
{
	for (size_t i = 0; i < plan->n_steps; i++) {
		const struct refresh_step *step = &plan->steps[i];
		CLEANUP(strvec_clear) struct strvec all = { 0 };
		CLEANUP_FREE char *dests = NULL;

		strvec_copy(&all, &step->dests);
		strvec_copy(&all, &step->shares);
		dests = strvec_join(&all, " ");
		cli_print_line("%s %s -> %s   (%s)", step->is_asset ? "copy " : "build", step->name, dests, step->why);
	}
	for (size_t i = 0; i < plan->n_removals; i++)
		cli_print_line("remove %s   (%s)", plan->removals[i].path, plan->removals[i].why);
}

static int print_commands(const struct cli_context *ctx, const struct watcher_look *look, const struct refresh_plan *plan, struct err *err)
{
	for (size_t i = 0; i < plan->n_steps; i++) {
		CLEANUP(cargo_command_clear) struct cargo_command command = { 0 };
		CLEANUP_FREE char *text = NULL;
		int r;

		if (plan->steps[i].is_asset)
			continue;
		r = cargo_command_init(ctx->config, &ctx->config->packages[look->subjects[plan->steps[i].subject].index], NULL, &command, err);
		if (r < 0)
			return r;
		text = cargo_command_text(&command);
		cli_print_line("%s", "");
		cli_print_line("# %s", plan->steps[i].name);
		cli_print_script(text);
	}
	return 0;
}

static int preview(struct cli_context *ctx, const struct refresh_args *args, struct err *err)
{
	CLEANUP(refresh_session_freep) struct refresh_session *session = NULL;
	CLEANUP(watcher_look_freep) struct watcher_look *look = NULL;
	CLEANUP(refresh_plan_clear) struct refresh_plan plan = { 0 };
	int r = follow_workspace(ctx, err);

	if (r >= 0)
		r = cli_open_session(ctx, true, &session, err);
	if (r < 0)
		return r;
	if (session->image_problem)
		log_warning("%s", session->image_problem);
	r = refresh_preview(session, args, &look, &plan, err);
	if (r < 0 || ctx->json)
		return r;
	print_plan(&plan);
	return cli_args_has(ctx->args, "verbose") ? print_commands(ctx, look, &plan, err) : 0;
}

/* Where a run had begun, its error and what became of the image are told here, in this order; otherwise the error is main's to print. */
static int finish(struct cli_context *ctx, const struct cli_ui *ui, enum refresh_result result, int r, const struct err *err)
{
	ctx->status = r < 0 ? err_exit_status(err, r) : result == REFRESH_RUN_FAILED;
	if (r >= 0 || ui->failed_run == 0)
		return r;
	cli_ui_failed(ui, r, err);
	return 0;
}

int cli_refresh(struct cli_context *ctx, const char *verb, const struct refresh_request *request, struct err *err)
{
	CLEANUP(refresh_session_freep) struct refresh_session *session = NULL;
	CLEANUP(cli_ui_clear) struct cli_ui ui;
	struct refresh_args args = { .verb = verb, .request = *request, .on_event = cli_ui_event, .data = &ui };
	enum refresh_result result = REFRESH_NOTHING;
	int r;

	cli_ui_init(&ui, ctx);
	if (cli_args_has(ctx->args, "dry-run"))
		return preview(ctx, &args, err);
	r = cli_follow(ctx, verb, request, &ui, &result, err);
	if (r != 0)
		return finish(ctx, &ui, result, r < 0 ? r : 0, err);
	r = follow_workspace(ctx, err);
	if (r >= 0)
		r = cli_open_session(ctx, false, &session, err);
	if (r >= 0)
		r = refresh_run(session, &args, &result, err);
	return finish(ctx, &ui, result, r, err);
}

int cli_do(struct cli_context *ctx, const char *verb, cli_do_fn *fn, const void *what, struct err *err)
{
	CLEANUP(refresh_session_freep) struct refresh_session *session = NULL;
	CLEANUP(cli_ui_clear) struct cli_ui ui;
	struct refresh_args args = { .verb = verb, .on_event = cli_ui_event, .data = &ui };
	enum refresh_result result = REFRESH_NOTHING;
	int r;

	cli_ui_init(&ui, ctx);
	r = cli_open_session(ctx, false, &session, err);
	if (r >= 0)
		r = fn(session, what, &args, &result, err);
	return finish(ctx, &ui, result, r, err);
}
