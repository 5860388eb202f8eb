#include "base/log.h"
#include "cli/keys.h"
#include "cli/supervise.h"
#include "cli/ui.h"
#include "cli/verbs.h"
#include "server/client.h"
#include "server/watch.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Of each package so much is kept for the key l. */
enum { MAX_LOG = 1 << 20 };

/* The compiler's words of a package's last build. */
struct words {
	char *package; /* owned */
	struct str text;
};

struct watching {
	struct cli_ui ui;
	struct server_watch *watch; /* owned */
	struct cli_keys keys;
	struct cli_supervise supervise;
	struct words *words; /* owned; in the order of the builds */
	size_t n_words, words_cap;
	bool unheard; /* standard output takes nothing any more */
};

static void watching_clear(struct watching *watching)
{
	cli_keys_stop(&watching->keys);
	cli_supervise_stop(&watching->supervise);
	server_watch_free(watching->watch);
	cli_ui_clear(&watching->ui);
	for (size_t i = 0; i < watching->n_words; i++) {
		free(watching->words[i].package);
		str_clear(&watching->words[i].text);
	}
	free(watching->words);
}

/* -- what happens ---------------------------------------------------------------------------------------------------------------------------- */

static void forget_words(struct watching *watching, const char *package)
{
	for (size_t i = 0; i < watching->n_words; i++) {
		if (!str_eq(watching->words[i].package, package))
			continue;
		free(watching->words[i].package);
		str_clear(&watching->words[i].text);
		watching->n_words--;
		memmove(&watching->words[i], &watching->words[i + 1], (watching->n_words - i) * sizeof(*watching->words));
		watching->words[watching->n_words] = (struct words){ 0 };
		return;
	}
}

static void add_words(struct watching *watching, const char *package, const char *text)
{
	struct words *last = watching->n_words > 0 ? &watching->words[watching->n_words - 1] : NULL;

	if (!last || !str_eq(last->package, package)) {
		grow_array(&watching->words, &watching->words_cap, watching->n_words, sizeof(*watching->words));
		last = &watching->words[watching->n_words++];
		last->package = package ? xstrdup(package) : NULL;
	}
	if (last->text.len + strlen(text) < MAX_LOG)
		str_add(&last->text, text);
}

/* Nobody knows any more what the compiler said. */
static void add_note(struct watching *watching, const char *package)
{
	CLEANUP_FREE char *text = xasprintf("%s: " SERVER_WATCH_FAILED_BEFORE "\n", package);

	add_words(watching, package, text);
}

/* What a build said counts until the package is built again, or its error was taken back. */
static void keep_log(struct watching *watching, const struct refresh_event *event)
{
	if (event->type == REFRESH_EVENT_BUILDING ||
	    (event->type == REFRESH_EVENT_NOTE && event->subject && str_eq(event->text, SERVER_WATCH_ERROR_GONE)))
		forget_words(watching, event->subject);
	else if (event->type == REFRESH_EVENT_DIAGNOSTIC)
		add_words(watching, event->subject, event->text);
	else if (event->type == REFRESH_EVENT_NOTE && event->subject && str_eq(event->text, SERVER_WATCH_FAILED_BEFORE))
		add_note(watching, event->subject);
}

/* OSC 9 is what iTerm2, Windows Terminal, kitty and others show as a notification. */
static void notify(const struct watching *watching, const struct refresh_event *event)
{
	CLEANUP_FREE char *text = NULL;
	const char *how;

	if (event->type != REFRESH_EVENT_DONE || !isatty(STDERR_FILENO) || strcmp(event->result, "cancelled") == 0)
		return;
	how = config_get(server_watch_config(watching->watch), "watch", "notify");
	if (str_eq(how, "bell"))
		text = xstrdup("\a");
	else if (str_eq(how, "osc9"))
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
	cli_supervise_event(&watching->supervise, event);
	/* Whoever read it is gone: nobody wants it any more. */
	if (ferror(stdout)) {
		watching->unheard = true;
		server_watch_stop(watching->watch);
	}
}

/* -- keys ------------------------------------------------------------------------------------------------------------------------------------ */

static void print_log(struct watching *watching)
{
	cli_ui_wipe(&watching->ui);
	if (watching->n_words == 0)
		log_info("the compiler has nothing to say about what is there now");
	for (size_t i = 0; i < watching->n_words; i++)
		cli_ui_print_diagnostic(str_text(&watching->words[i].text));
}

static void toggle_pause(struct watching *watching)
{
	bool paused = server_watch_is_paused(watching->watch);

	cli_ui_wipe(&watching->ui);
	log_info(paused ? "going on" : "paused: what changes is looked at when it goes on");
	server_watch_pause(watching->watch, !paused);
}

static void on_key(void *data, char key)
{
	struct watching *watching = data;

	switch (key) {
	case 'r':
		server_watch_ask(watching->watch);
		break;
	case 'p':
		toggle_pause(watching);
		break;
	case 'l':
		print_log(watching);
		break;
	case 'b':
		server_watch_boot(watching->watch);
		break;
	case 'q':
		server_watch_stop(watching->watch);
		break;
	default:
		break;
	}
}

/* -- the one that runs ------------------------------------------------------------------------------------------------------------------------ */

static const struct cli_option options[] = {
	{ "pause", 0, NULL, "ask the watch that runs to pause" },
	{ "resume", 0, NULL, "ask it to go on" },
	{ "wait", 0, NULL, "return when it is at rest: everything looked at, built and in the image" },
	{ NULL, 0, NULL, NULL },
};

/* True, with what is asked, when another watch is spoken to. */
static bool find_wish(const struct cli_context *ctx, enum server_wish_kind *ret)
{
	if (cli_args_has(ctx->args, "pause"))
		*ret = SERVER_WISH_PAUSE;
	else if (cli_args_has(ctx->args, "resume"))
		*ret = SERVER_WISH_RESUME;
	else if (cli_args_has(ctx->args, "wait"))
		*ret = SERVER_WISH_WAIT;
	else
		return false;
	return true;
}

static int speak(struct cli_context *ctx, enum server_wish_kind kind, struct err *err)
{
	CLEANUP(server_client_freep) struct server_client *client = NULL;
	struct server_client_args args = { .state = ctx->config->state, .cancel = ctx->cancel };
	struct server_wish wish = { .kind = kind };
	int r = server_client_connect(&args, &client, NULL, err);

	/* One state folder may have several configurations. */
	if (r >= 0 && !server_client_serves(client, ctx->config, false))
		r = -ENOENT;
	if (r == -ENOENT) {
		err_class_set(err, ERR_FAILED, r, "no watch runs for '%s'", ctx->config->file);
		err_hint(err, "start one: reinject watch");
	}
	return r < 0 ? r : server_client_ask(client, &wish, NULL, NULL, &ctx->status, err);
}

/* -- the verb -------------------------------------------------------------------------------------------------------------------------------- */

static int run(struct cli_context *ctx, struct err *err)
{
	CLEANUP(watching_clear) struct watching watching = { 0 };
	CLEANUP(strvec_clear) struct strvec overrides = { 0 };
	struct config_args config_args = {
		.dir = cli_args_value(ctx->args, "directory"),
		.file = ctx->config->file,
		.overrides = &overrides,
	};
	struct server_watch_args args = {
		.config_args = &config_args,
		.packages = &ctx->args->positional,
		.cancel = ctx->cancel,
		.on_event = on_event,
		.data = &watching,
	};
	enum server_wish_kind kind;
	int r;

	if (find_wish(ctx, &kind))
		return speak(ctx, kind, err);
	cli_args_values(ctx->args, "option", &overrides);
	cli_ui_init(&watching.ui, ctx);
	cli_supervise_open(&watching.supervise);
	r = server_watch_new(ctx->config, &args, &watching.watch, err);
	if (r < 0)
		return r;
	log_set_times(true);
	cli_keys_start(&watching.keys, server_watch_loop(watching.watch), on_key, &watching);
	cli_supervise_start(&watching.supervise, server_watch_loop(watching.watch));
	r = server_watch_run(watching.watch, err);
	cli_ui_wipe(&watching.ui);
	log_set_times(false);
	return r == 0 && watching.unheard ? err_set(err, -EPIPE, "cannot write to standard output") : r;
}

extern const struct cli_verb cmd_watch;
const struct cli_verb cmd_watch = {
	.name = "watch",
	.usage = "[PKG...] | --pause | --resume | --wait",
	.summary = "bring the image up to date on each save, commit and checkout",
	.description = "Looks when something changes, and builds and injects what became stale, as `reinject refresh` does; with packages named, only those.\n"
		       "What a change means is decided by content, so that a save that changes nothing builds nothing, and nothing is lost by a\n"
		       "missed event. While git is in the middle of a rebase or merge, it waits for its end: of conflicts\n"
		       "until they are resolved, of what stands still 10 s at most.\n\n"
		       "[watch] in the configuration says how long to wait for quiet (quiet_ms), whether a change during a build interrupts it\n"
		       "(on_busy), whether saves or only commits count (trigger), and what to do when very much is stale (hold_over).\n\n"
		       "One watch runs for each project. `reinject refresh` and `build` beside it hand their wish over to it and follow its run;\n"
		       "`status` tells what it does.\n\n"
		       "On a terminal: r refreshes at once and tries what failed again, p pauses, b boots the image, l shows the compiler's last\n"
		       "words, q quits.",
	.operands = "PKG...",
	.options = options,
	.max_args = -1,
	.run = run,
};
