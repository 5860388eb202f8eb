/* The way from argv to an exit status. No verb's logic is here. */
#include "base/fault.h"
#include "base/log.h"
#include "base/manager.h"
#include "base/proc.h"
#include "cli/cli.h"
#include "cli/json.h"
#include "cli/version.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void set_output(const struct cli_args *args)
{
	static const char *const whens[] = { "auto", "never", "always" };
	const char *when = cli_args_value(args, "color");

	if (cli_args_has(args, "quiet"))
		log_set_level(LOG_WARNING);
	if (cli_args_has(args, "verbose"))
		log_set_level(LOG_DEBUG);
	for (size_t i = 0; when && i < N_ELEMENTS(whens); i++)
		if (strcmp(when, whens[i]) == 0)
			log_set_color((enum log_color)i);
}

static int check_count(const struct cli_args *args, struct err *err)
{
	const struct cli_verb *verb = args->verb;

	if ((int)args->positional.n < verb->min_args)
		return cli_usage_error(verb, err, "`reinject %s` needs more to work on", verb->name);
	if (verb->max_args >= 0 && (int)args->positional.n > verb->max_args)
		return cli_usage_error(verb, err, "`reinject %s` does not know what '%s' is for", verb->name,
				       args->positional.v[verb->max_args]);
	return 0;
}

static int run_verb(struct cli_context *ctx, struct err *err)
{
	const struct cli_verb *verb = ctx->args->verb;
	int r = check_count(ctx->args, err);

	if (r >= 0 && !verb->no_config)
		r = cli_load_config(ctx, err);
	return r < 0 ? r : verb->run(ctx, err);
}

/* What needs no verb, or only its name. True when that was all. */
static bool answer_at_once(const struct cli_args *args)
{
	if (cli_args_has(args, "version")) {
		cli_version_print(cli_args_has(args, "json"));
	} else if (cli_args_has(args, "list-faults")) {
		for (size_t i = 0; fault_names[i]; i++)
			puts(fault_names[i]);
	} else if (cli_args_has(args, "help")) {
		if (args->verb)
			cli_help_verb(args->verb);
		else
			cli_help_program();
	} else {
		return false;
	}
	return true;
}

static int start(struct cli_context *ctx, struct err *err)
{
	int r;

	set_output(ctx->args);
	if (!ctx->args->verb) {
		err_class_set(err, ERR_USAGE, -EINVAL, "what shall be done?");
		err_hint(err, "`reinject help` lists the verbs; `reinject refresh` updates the image");
		return -EINVAL;
	}
	r = cancel_on_signals(ctx->cancel, err);
	return r < 0 ? r : run_verb(ctx, err);
}

/* A script must not take a part for the whole. Who has stopped reading wants no more. */
static int end_output(struct err *err)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };

	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	if (poll(&out, 1, 0) == 1 && (out.revents & POLLERR))
		return 0;
	return err_class_set(err, ERR_FAILED, -EIO, "standard output has not taken all that was to be printed: what is there is not the whole");
}

int main(int argc, char **argv)
{
	CLEANUP(cli_args_clear) struct cli_args args = { 0 };
	CLEANUP(config_freep) struct config *config = NULL;
	CLEANUP(cancel_clear) struct cancel cancel;
	struct cli_context ctx = { .args = &args, .cancel = &cancel };
	struct err err = ERR_INIT;
	int r;

	cli_json_start_clock();
	proc_open_standard();
	proc_seal_descriptors();
	log_set_levels(manager_reads_stderr());
	r = cancel_init(&cancel, &err);
	if (r >= 0)
		r = cli_args_parse(argc, argv, &args, &err);
	ctx.json = cli_args_has(&args, "json");
	if (r >= 0 && !answer_at_once(&args))
		r = start(&ctx, &err);
	config = ctx.config;
	if (r >= 0 && ctx.status == 0)
		r = end_output(&err);
	if (r < 0)
		log_err(&err);
	return r < 0 ? err_exit_status(&err, r) : ctx.status;
}
