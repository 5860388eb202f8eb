#include "base/log.h"
#include "cli/boots.h"
#include "cli/ui.h"

#include <errno.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* A day: longer is a mistake. */
enum { MAX_TIMEOUT_S = 86400 };

static const struct cli_option options[] = {
	{ "wait", 0, NULL, "return at the verdict, also on a terminal (without one that is so in any case)" },
	{ "timeout", 0, "SECONDS", "how long it may take until ready ([boot] timeout_s)" },
	{ "stop", 0, NULL, "ask the machine to end after the verdict" },
	{ NULL, 0, NULL, NULL },
};

struct booting {
	struct cli_context *ctx;
	struct cli_ui ui;
	bool attached; /* the console is shown, and what is typed goes there */
	bool told;     /* the verdict was */
	struct termios before;
};

static void booting_clear(struct booting *booting)
{
	if (booting->attached)
		(void)!tcsetattr(STDIN_FILENO, TCSADRAIN, &booting->before);
	cli_ui_clear(&booting->ui);
}

/* Keys go to the guest as they are; Ctrl-C is the guest's too, as in QEMU's own terminal, and Ctrl-A x ends it. What is shown is still made into lines, as
 * there: ours are told amid the guest's. */
static void attach(struct booting *booting)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &booting->before) < 0)
		return;
	raw = booting->before;
	cfmakeraw(&raw);
	raw.c_oflag = booting->before.c_oflag;
	booting->attached = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

static void on_bytes(void *data, const char *bytes, size_t n)
{
	struct booting *booting = data;

	if (booting->attached)
		(void)!write(STDOUT_FILENO, bytes, n);
}

static void on_line(void *data, const char *line)
{
	struct booting *booting = data;

	if (booting->attached || !log_enabled(LOG_DEBUG))
		return;
	cli_ui_wipe(&booting->ui);
	log_debug("console: %s", line);
}

static void on_tick(void *data, const char *doing, int64_t ms)
{
	struct booting *booting = data;

	(void)ms;
	if (!booting->attached)
		cli_ui_live(&booting->ui, "boot", doing);
}

static void tell(struct booting *booting, const struct boot_verdict *verdict)
{
	cli_ui_wipe(&booting->ui);
	if (booting->told)
		return;
	booting->told = true;
	if (booting->attached)
		(void)!write(STDERR_FILENO, "\n", 1);
	if (booting->ctx->json)
		cli_json_print(cli_boot_json(verdict));
	cli_boot_tell(verdict);
}

static void on_verdict(void *data, const struct boot_verdict *verdict)
{
	tell(data, verdict);
}

static void tell_end(const struct booting *booting, const struct boot_verdict *verdict)
{
	for (size_t i = 0; i < verdict->notes.n; i++)
		log_warning("%s", verdict->notes.v[i]);
	if (verdict->running && verdict->notes.n == 0)
		log_info("the machine runs on; console: %s", config_get(booting->ctx->config, "boot", "console"));
}

static int run(struct cli_context *ctx, struct err *err)
{
	CLEANUP(booting_clear) struct booting booting = { .ctx = ctx };
	CLEANUP(boot_verdict_clear) struct boot_verdict verdict = { 0 };
	bool pty = str_eq(config_get(ctx->config, "boot", "console"), "pty");
	bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && !ctx->json;
	struct boot_args args = {
		.config = ctx->config,
		.stop = cli_args_has(ctx->args, "stop"),
		.unattended = !isatty(STDIN_FILENO),
		.follow = pty && terminal && !cli_args_has(ctx->args, "wait") && !cli_args_has(ctx->args, "stop"),
		.cancel = ctx->cancel,
		.hooks = { .on_line = on_line, .on_bytes = on_bytes, .on_tick = on_tick, .on_verdict = on_verdict, .data = &booting },
	};
	int r = cli_args_number(ctx->args, "timeout", 0, MAX_TIMEOUT_S, &args.timeout_s, err);

	if (r < 0)
		return r;
	cli_ui_init(&booting.ui, ctx);
	if (args.follow)
		attach(&booting);
	args.interactive = args.follow = booting.attached;
	r = boot_run(&args, &verdict, err);
	if (r < 0)
		return r;
	tell(&booting, &verdict);
	tell_end(&booting, &verdict);
	ctx->status = verdict.result == BOOT_UP ? 0 : ERR_FAILED;
	return 0;
}

extern const struct cli_verb cmd_boot;
const struct cli_verb cmd_boot = {
	.name = "boot",
	.usage = "[--wait] [--timeout SECONDS] [--stop]",
	.summary = "boot the image and say whether it comes up",
	.description =
		"Starts the program of [boot] command (run-dev.sh) with RAW_IMG set to the image, follows the console, and ends with a verdict: up\n"
		"(a line matches `ready`, and the required [check NAME] sections pass), failed (a line matches `failure`, a check fails, or the\n"
		"program ends before), or timeout. Exit status 0 for up, 1 otherwise.\n\n"
		"A boot that is up makes the image IMAGE.good. Everything the console said is kept in the state folder (boots/N.log); numbers that\n"
		"match `record` go into the journal.\n\n"
		"The machine runs on where its console does not need us (socket, tmux, file); --stop asks it to end. With console = pty on a\n"
		"terminal, the console is yours, as if run-dev.sh had been started by hand (Ctrl-A x ends QEMU); with --wait, or without a\n"
		"terminal, it is asked to end after the verdict. A machine that reinject did not start is never touched.",
	.options = options,
	.max_args = 0,
	.run = run,
};
