#include "base/log.h"
#include "cli/keys.h"
#include "cli/ui.h"
#include "cli/verbs.h"
#include "refresh/watch.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* What the key l prints again is kept up to this. */
enum { MAX_LOG = 1 << 20 };

struct watching {
	struct cli_ui ui;
	struct refresh_watch *watch; /* owned */
	struct cli_keys keys;
	struct str log; /* the compiler's words of the last round that had any */
	bool log_old;   /* it is another round's */
	const char *notify;
};

static void watching_clear(struct watching *watching)
{
	cli_keys_stop(&watching->keys);
	refresh_watch_free(watching->watch);
	cli_ui_clear(&watching->ui);
	str_clear(&watching->log);
}

/* -- what happens ---------------------------------------------------------------------------------------------------------------------------- */

static void keep_log(struct watching *watching, const struct refresh_event *event)
{
	if (event->type == REFRESH_EVENT_PLAN)
		watching->log_old = true;
	if (event->type != REFRESH_EVENT_DIAGNOSTIC)
		return;
	if (watching->log_old)
		str_clear(&watching->log);
	watching->log_old = false;
	if (watching->log.len + strlen(event->text) < MAX_LOG)
		str_add(&watching->log, event->text);
}

/* OSC 9 is what iTerm2, Windows Terminal, kitty and others show as a notification. */
static void notify(const struct watching *watching, const struct refresh_event *event)
{
	CLEANUP_FREE char *text = NULL;

	if (event->type != REFRESH_EVENT_DONE || !isatty(STDERR_FILENO) || strcmp(event->result, "cancelled") == 0)
		return;
	if (str_eq(watching->notify, "bell"))
		text = xstrdup("\a");
	else if (str_eq(watching->notify, "osc9"))
		text = xasprintf("\033]9;reinject: run %lld %s\a", (long long)event->run, event->result);
	if (text)
		(void)!write(STDERR_FILENO, text, strlen(text));
}

static void on_event(void *data, const struct refresh_event *event)
{
	struct watching *watching = data;

	keep_log(watching, event);
	cli_ui_event(&watching->ui, event);
	notify(watching, event);
}

/* -- keys ------------------------------------------------------------------------------------------------------------------------------------ */

static void print_log(struct watching *watching)
{
	cli_ui_wipe(&watching->ui);
	if (watching->log.len == 0)
		log_info("the compiler has said nothing yet");
	else
		(void)!write(STDERR_FILENO, watching->log.buf, watching->log.len);
}

static void toggle_pause(struct watching *watching)
{
	bool paused = refresh_watch_status(watching->watch).state == REFRESH_WATCH_PAUSED;

	cli_ui_wipe(&watching->ui);
	log_info(paused ? "going on" : "paused: what changes is looked at when it goes on");
	refresh_watch_pause(watching->watch, !paused);
}

static void on_key(void *data, char key)
{
	struct watching *watching = data;

	switch (key) {
	case 'r':
		refresh_watch_ask(watching->watch);
		break;
	case 'p':
		toggle_pause(watching);
		break;
	case 'l':
		print_log(watching);
		break;
	case 'q':
		refresh_watch_stop(watching->watch);
		break;
	default:
		break;
	}
}

/* -- the verb -------------------------------------------------------------------------------------------------------------------------------- */

static int run(struct cli_context *ctx, struct err *err)
{
	CLEANUP(watching_clear) struct watching watching = { .notify = config_get(ctx->config, "watch", "notify") };
	CLEANUP(strvec_clear) struct strvec overrides = { 0 };
	struct config_args config_args = {
		.dir = cli_args_value(ctx->args, "directory"),
		.file = ctx->config->file,
		.overrides = &overrides,
	};
	struct refresh_watch_args args = {
		.config_args = &config_args,
		.packages = &ctx->args->positional,
		.cancel = ctx->cancel,
		.on_event = on_event,
		.data = &watching,
	};
	int r;

	cli_args_values(ctx->args, "option", &overrides);
	cli_ui_init(&watching.ui, ctx);
	r = refresh_watch_new(ctx->config, &args, &watching.watch, err);
	if (r < 0)
		return r;
	log_set_times(true);
	cli_keys_start(&watching.keys, refresh_watch_loop(watching.watch), on_key, &watching);
	r = refresh_watch_run(watching.watch, err);
	cli_ui_wipe(&watching.ui);
	log_set_times(false);
	return r;
}

extern const struct cli_verb cmd_watch;
const struct cli_verb cmd_watch = {
	.name = "watch",
	.usage = "[PKG...]",
	.summary = "bring the image up to date on each save, commit and checkout",
	.description = "Looks when something changes, and builds and injects what became stale, as `reinject refresh` does; with packages named, only those.\n"
		       "What a change means is decided by content, so that a save that changes nothing builds nothing, and nothing is lost by a\n"
		       "missed event. While git is in the middle of a rebase or merge, it waits for its end.\n\n"
		       "[watch] in the configuration says how long to wait for quiet (quiet_ms), whether a change during a build interrupts it\n"
		       "(on_busy), whether saves or only commits count (trigger), and what to do when very much is stale (hold_over).\n\n"
		       "On a terminal: r refreshes at once and tries what failed again, p pauses, l shows the compiler's last words, q quits.",
	.max_args = -1,
	.run = run,
};
