#include "cli/ui.h"

#include "base/clock.h"
#include "base/human.h"
#include "base/log.h"
#include "cli/boots.h"
#include "cli/json.h"
#include "cli/print.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void cli_ui_init(struct cli_ui *ui, const struct cli_context *ctx)
{
	*ui = (struct cli_ui){
		.json = ctx->json,
		.quiet = cli_args_has(ctx->args, "quiet"),
	};
	ui->live = isatty(STDERR_FILENO) && !ui->quiet && !str_eq(getenv("TERM"), "dumb");
}

static void wipe_live(struct cli_ui *ui);

void cli_ui_clear(struct cli_ui *ui)
{
	wipe_live(ui);
	free(ui->building);
	free(ui->doing);
	free(ui->idle);
}

/* -- for programs -------------------------------------------------------------------------------------------------------------------------- */

static json_t *step_names(const struct refresh_plan *plan, bool assets)
{
	json_t *names = json_array();

	for (size_t i = 0; i < plan->n_steps; i++)
		if (plan->steps[i].is_asset == assets && !plan->steps[i].is_file)
			json_array_append_new(names, cli_json_string(plan->steps[i].name));
	return names;
}

static json_t *removal_paths(const struct refresh_plan *plan)
{
	json_t *paths = json_array();

	for (size_t i = 0; i < plan->n_removals; i++)
		json_array_append_new(paths, cli_json_string(plan->removals[i].path));
	return paths;
}

static json_t *run_number(int64_t run)
{
	return run > 0 ? json_integer(run) : json_null();
}

json_t *cli_ui_activations_json(const struct refresh_activations *activations)
{
	json_t *array = json_array();

	for (size_t i = 0; activations && i < activations->n; i++) {
		const struct refresh_activation *one = &activations->v[i];
		json_t *object = json_pack("{s:o, s:s, s:o}", "package", cli_json_string(one->package), "needs",
					   refresh_activate_need_name(one->need), "lines", cli_json_strings(&one->lines));

		if (one->asset)
			json_object_set_new(object, "asset", cli_json_string(one->asset));
		json_array_append_new(array, object);
	}
	return array;
}

static void print_json(const struct refresh_event *event)
{
	const char *kind;

	switch (event->type) {
	case REFRESH_EVENT_READY:
		cli_json_print(json_pack("{s:s, s:I}", "event", "ready", "watches", (json_int_t)event->bytes));
		break;
	case REFRESH_EVENT_CHANGE:
		cli_json_print(json_pack("{s:s, s:o}", "event", "change", "packages", step_names(event->plan, false)));
		break;
	case REFRESH_EVENT_PLAN:
		cli_json_print(json_pack("{s:s, s:o, s:o, s:o, s:o}", "event", "plan", "run", run_number(event->run), "stale",
					 step_names(event->plan, false), "assets", step_names(event->plan, true), "removals",
					 removal_paths(event->plan)));
		break;
	case REFRESH_EVENT_BUILD:
		cli_json_print(json_pack("{s:s, s:o, s:s, s:I}", "event", "build", "package", cli_json_string(event->subject), "result",
					 event->result, "ms", (json_int_t)event->ms));
		break;
	case REFRESH_EVENT_PUT:
		cli_json_print(json_pack("{s:s, s:o, s:s, s:I}", "event", "put", "path", cli_json_string(event->path), "result", event->result,
					 "bytes", (json_int_t)event->bytes));
		break;
	case REFRESH_EVENT_REMOVE:
		cli_json_print(json_pack("{s:s, s:o, s:s, s:I}", "event", "remove", "path", cli_json_string(event->path), "result",
					 event->result, "bytes", (json_int_t)event->bytes));
		break;
	case REFRESH_EVENT_SWAP:
		cli_json_print(json_pack("{s:s, s:o, s:I, s:o}", "event", "swap", "image", cli_json_string(event->path), "after_build_ms",
					 (json_int_t)event->ms, "activate", cli_ui_activations_json(event->activations)));
		break;
	case REFRESH_EVENT_ADOPT:
		kind = str_starts(event->subject, "asset ") ? "asset" : "package";
		cli_json_print(json_pack("{s:s, s:o, s:s, s:o}", "event", "adopt", kind, cli_json_string(strchr(event->subject, ' ') + 1), "result",
					 event->result, "missing", cli_json_string(event->path)));
		break;
	case REFRESH_EVENT_DONE:
		cli_json_print(json_pack("{s:s, s:o, s:s, s:o}", "event", "done", "run", run_number(event->run), "result", event->result,
					 "error", cli_json_string(event->text)));
		break;
	case REFRESH_EVENT_BOOT:
		cli_json_print(cli_boot_json(event->boot));
		break;
	default:
		break;
	}
}

/* -- for people ---------------------------------------------------------------------------------------------------------------------------- */

static void wipe_live(struct cli_ui *ui)
{
	static const char wipe[] = "\r\033[K";

	if (ui->live_shown)
		(void)!write(STDERR_FILENO, wipe, sizeof(wipe) - 1);
	ui->live_shown = false;
}

static size_t terminal_width(void)
{
	size_t columns = cli_print_columns(STDERR_FILENO);

	return columns > 20 ? columns : 80;
}

/* At most @n bytes of @text, without a part of a character at the end. */
static size_t utf8_floor(const char *text, size_t n)
{
	while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static void add_building(const struct cli_ui *ui, struct str *line)
{
	CLEANUP_FREE char *duration = human_duration((clock_ms() - ui->since_ms) / 100 * 100), *visible = NULL;
	const char *doing = ui->doing ? ui->doing : "";

	while (*doing == ' ')
		doing++;
	/* What stands in it may be a name that others chose. */
	visible = str_visible(doing);
	if (ui->of > 0)
		str_printf(line, "[%zu/%zu] ", ui->position, ui->of);
	str_printf(line, "%s  %s  %s", ui->building, duration, visible);
}

static void show_live(struct cli_ui *ui)
{
	CLEANUP(str_clear) struct str line = { 0 };

	if (!ui->live || (!ui->building && !ui->idle))
		return;
	if (ui->building)
		add_building(ui, &line);
	else
		str_add(&line, ui->idle);
	if (line.len >= terminal_width())
		line.len = utf8_floor(line.buf, terminal_width() - 1);
	wipe_live(ui);
	(void)!write(STDERR_FILENO, line.buf, line.len);
	ui->live_shown = true;
}

/* The bytes that a colour's sequence has at @text, 0 for anything else. */
static size_t color_length(const char *text)
{
	size_t n = text[0] == '\033' && text[1] == '[' ? 2 + strspn(text + 2, "0123456789;:") : 0;

	return n > 0 && text[n] == 'm' ? n + 1 : 0;
}

/* Lines stay lines and colours stay colours; all else that speaks to a terminal comes from a name or a source, and is shown. */
static void add_safe(struct str *to, const char *text)
{
	while (*text) {
		size_t color = color_length(text), n = color ? color : strcspn(text, "\033\n\t");
		CLEANUP_FREE char *piece = xstrndup(text, n > 0 ? n : 1);
		CLEANUP_FREE char *visible = str_visible(piece);

		str_add(to, color || piece[0] == '\n' || piece[0] == '\t' ? piece : visible);
		text += n > 0 ? n : 1;
	}
}

/* rustc's text has colours in it, always: taken out where nobody wants them. */
void cli_ui_print_diagnostic(const char *text)
{
	CLEANUP(str_clear) struct str plain = { 0 }, safe = { 0 };

	if (!log_color())
		str_add_without_ansi(&plain, text);
	add_safe(&safe, log_color() ? text : str_text(&plain));
	(void)!write(STDERR_FILENO, str_text(&safe), safe.len);
}

static void set_text(char **to, const char *text)
{
	free(*to);
	*to = text ? xstrdup(text) : NULL;
}

void cli_ui_live(struct cli_ui *ui, const char *what, const char *doing)
{
	if (!ui->building)
		ui->since_ms = clock_ms();
	set_text(&ui->building, what);
	set_text(&ui->doing, doing);
	show_live(ui);
}

void cli_ui_wipe(struct cli_ui *ui)
{
	wipe_live(ui);
}

static void begin_building(struct cli_ui *ui, const struct refresh_event *event)
{
	set_text(&ui->building, event->subject);
	set_text(&ui->doing, NULL);
	ui->position = event->position;
	ui->of = event->of;
	ui->since_ms = clock_ms();
	log_info("[%zu/%zu] %s: %s", event->position, event->of, event->subject, event->text);
}

static void end_building(struct cli_ui *ui, const struct refresh_event *event)
{
	CLEANUP_FREE char *duration = human_duration(event->ms);

	set_text(&ui->building, NULL);
	if (strcmp(event->result, "failed") == 0)
		log_error("%s failed after %s: %s", event->subject, duration, event->text);
	else
		log_info("      %s in %s", strcmp(event->result, "fresh") == 0 ? "nothing to compile," : "built", duration);
}

static void tell_put(struct cli_ui *ui, const struct refresh_event *event)
{
	CLEANUP_FREE char *bytes = human_bytes(event->bytes);
	bool written = strcmp(event->result, "written") == 0;

	if (written)
		ui->n_written++;
	else
		ui->n_identical++;
	if (written)
		log_info("put   %s (%s)", event->path, bytes);
	else
		log_debug("same  %s (%s)", event->path, bytes);
}

static void tell_remove(struct cli_ui *ui, const struct refresh_event *event)
{
	if (strcmp(event->result, "removed") != 0)
		return;
	ui->n_removed++;
	log_info("remove %s: %s", event->path, event->text);
}

/* A watch has many runs. */
static void begin_run(struct cli_ui *ui)
{
	ui->n_written = ui->n_identical = ui->n_removed = 0;
	ui->swapped = false;
	ui->of = 0;
}

static void tell_state(struct cli_ui *ui, const struct refresh_event *event)
{
	CLEANUP_FREE char *text = NULL;

	if (strcmp(event->result, "waiting") == 0)
		text = xasprintf("waiting for %s", event->subject ? event->subject : "git");
	else if (strcmp(event->result, "paused") == 0)
		text = xstrdup("paused: p goes on, q quits");
	else if (strcmp(event->result, "idle") == 0)
		text = xstrdup("watching: r refresh, b boot, p pause, l last log, q quit");
	set_text(&ui->idle, text);
}

static void tell_adopt(struct cli_ui *ui, const struct refresh_event *event)
{
	if (strcmp(event->result, "adopted") == 0) {
		ui->n_adopted++;
		log_debug("%s: adopted", event->subject);
		return;
	}
	ui->n_absent++;
	log_info("%s is not adopted: the image has no file '%s'", event->subject, event->path);
}

static void tell_nothing(const struct refresh_plan *plan)
{
	CLEANUP_FREE char *failed = strvec_join(&plan->failed, " ");
	CLEANUP_FREE char *held = strvec_join(&plan->held, " ");

	if (plan->n_steps + plan->n_removals > 0)
		return;
	if (plan->failed.n + plan->held.n == 0)
		log_info("nothing is stale: the image is up to date");
	else
		log_info("nothing is stale, but not everything is in the image:");
	if (plan->failed.n > 0)
		log_info("  failed before, waiting for a change: %s (`reinject refresh --retry` tries again)", failed);
	if (plan->held.n > 0)
		log_info("  held by a rollback or a night, until the sources change: %s (`reinject refresh --retry` brings them back)", held);
}

static void tell_done(struct cli_ui *ui, const struct refresh_event *event)
{
	CLEANUP_FREE char *duration = human_duration(event->ms);
	CLEANUP_FREE char *removed = ui->n_removed > 0 ? xasprintf(", %u removed", ui->n_removed) : NULL;
	const char *files = ui->n_written == 1 ? "file" : "files";

	if (event->is_whole_run)
		ui->failed_run = event->run;
	else if (ui->n_adopted + ui->n_absent > 0)
		log_info("run %lld: %u packages and assets adopted as the image has them, %u not in it; in %s", (long long)event->run,
			 ui->n_adopted, ui->n_absent, duration);
	else if (strcmp(event->result, "ok") == 0 && ui->swapped && ui->n_written + ui->n_identical + ui->n_removed == 0)
		log_info("run %lld: the image as a whole is another one now, in %s", (long long)event->run, duration);
	else if (strcmp(event->result, "ok") == 0)
		log_info("run %lld: %u %s written, %u identical%s, in %s", (long long)event->run, ui->n_written, files, ui->n_identical,
			 removed ? removed : "", duration);
	else if (strcmp(event->result, "nothing") == 0 && ui->n_identical > 0)
		log_info("run %lld: the image has all of it already, nothing was written; in %s", (long long)event->run, duration);
	else if (strcmp(event->result, "failed") == 0 && ui->swapped)
		log_warning("run %lld: %u %s written, but not everything could be done (%s)", (long long)event->run, ui->n_written, files,
			    event->text);
	else if (strcmp(event->result, "failed") == 0)
		log_warning("run %lld failed; the image is as it was", (long long)event->run);
}

void cli_ui_failed(const struct cli_ui *ui, int code, const struct err *err)
{
	log_err(err);
	if (ui->failed_run > 0 && ui->swapped)
		log_warning("run %lld failed after its swap: the image is the new one", (long long)ui->failed_run);
	else if (ui->failed_run > 0 && code != -ENOTRECOVERABLE)
		log_warning("run %lld was given up; the image is as it was", (long long)ui->failed_run);
}

static void tell_swap(struct cli_ui *ui, const struct refresh_event *event)
{
	CLEANUP(strvec_clear) struct strvec needs = { 0 };
	CLEANUP_FREE char *duration = human_duration(event->ms);

	ui->swapped = true;
	if (ui->of > 0)
		log_info("swap  %s, verified, %s after the last build", event->path, duration);
	else
		log_info("swap  %s, verified", event->path);
	if (event->activations)
		refresh_activate_describe(event->activations, &needs);
	for (size_t i = 0; i < needs.n; i++)
		log_info("      %s", needs.v[i]);
}

static void print_text(struct cli_ui *ui, const struct refresh_event *event)
{
	switch (event->type) {
	case REFRESH_EVENT_READY:
		log_info("%s", event->text);
		break;
	case REFRESH_EVENT_STATE:
		tell_state(ui, event);
		break;
	case REFRESH_EVENT_PLAN:
		begin_run(ui);
		tell_nothing(event->plan);
		break;
	case REFRESH_EVENT_BUILDING:
		begin_building(ui, event);
		break;
	case REFRESH_EVENT_PROGRESS:
		set_text(&ui->doing, event->text);
		if (!ui->live && str_starts(event->text, "waiting"))
			log_info("      %s", event->text);
		else
			log_debug("%s", event->text);
		break;
	case REFRESH_EVENT_DIAGNOSTIC:
		cli_ui_print_diagnostic(event->text);
		break;
	case REFRESH_EVENT_BUILD:
		end_building(ui, event);
		break;
	case REFRESH_EVENT_PUT:
		tell_put(ui, event);
		break;
	case REFRESH_EVENT_REMOVE:
		tell_remove(ui, event);
		break;
	case REFRESH_EVENT_SWAP:
		tell_swap(ui, event);
		break;
	case REFRESH_EVENT_ADOPT:
		tell_adopt(ui, event);
		break;
	case REFRESH_EVENT_NOTE:
		log_info("%s%s%s", event->subject ? event->subject : "", event->subject ? ": " : "", event->text);
		break;
	case REFRESH_EVENT_WARNING:
		log_warning("%s%s%s", event->subject ? event->subject : "", event->subject ? ": " : "", event->text);
		if (event->hint && *event->hint)
			log_info("  %s", event->hint);
		break;
	case REFRESH_EVENT_DONE:
		tell_done(ui, event);
		break;
	case REFRESH_EVENT_BOOT:
		cli_boot_tell(event->boot);
		break;
	default:
		break;
	}
}

void cli_ui_event(void *data, const struct refresh_event *event)
{
	struct cli_ui *ui = data;

	if (event->type == REFRESH_EVENT_TICK) {
		show_live(ui);
		return;
	}
	wipe_live(ui);
	if (ui->json)
		print_json(event);
	print_text(ui, event);
	if (!ui->building)
		show_live(ui);
}
