/* The table of verbs, and the way from argv to an exit status. No verb's logic is here. */
#include "base/fault.h"
#include "base/log.h"
#include "base/manager.h"
#include "base/proc.h"
#include "cli/cli.h"
#include "cli/json.h"
#include "cli/version.h"

#include <errno.h>
#include <string.h>

extern const struct cli_verb cmd_init, cmd_doctor, cmd_refresh, cmd_watch, cmd_hooks, cmd_build, cmd_inject, cmd_adopt, cmd_rollback, cmd_boot, cmd_nightly, cmd_extract,
	cmd_status, cmd_log, cmd_show, cmd_report, cmd_symbols, cmd_affected, cmd_config, cmd_image, cmd_initfs, cmd_service;

const struct cli_verb *const cli_verbs[] = {
	&cmd_init, &cmd_doctor,  &cmd_refresh, &cmd_watch, &cmd_hooks, &cmd_build,  &cmd_inject,  &cmd_adopt,    &cmd_rollback,
	&cmd_boot, &cmd_nightly, &cmd_extract, &cmd_status,  &cmd_log,   &cmd_show,  &cmd_report, &cmd_symbols, &cmd_affected, &cmd_config,
	&cmd_image, &cmd_initfs, &cmd_service, NULL,
};

static int set_output(const struct cli_args *args, struct err *err)
{
	static const char *const whens[] = { "auto", "never", "always" };
	const char *when = cli_args_value(args, "color");

	if (cli_args_has(args, "quiet"))
		log_set_level(LOG_WARNING);
	if (cli_args_has(args, "verbose"))
		log_set_level(LOG_DEBUG);
	for (size_t i = 0; when && i < N_ELEMENTS(whens); i++) {
		if (strcmp(when, whens[i]) == 0) {
			log_set_color((enum log_color)i);
			return 0;
		}
	}
	return when ? err_class_set(err, ERR_USAGE, -EINVAL, "option '--color' takes auto, always or never, not '%s'", when) : 0;
}

int cli_load_config(struct cli_context *ctx, struct err *err)
{
	CLEANUP(config_problems_clear) struct config_problems problems = { 0 };
	CLEANUP(strvec_clear) struct strvec overrides = { 0 };
	struct config_args args = {
		.dir = cli_args_value(ctx->args, "directory"),
		.file = cli_args_value(ctx->args, "config"),
		.overrides = &overrides,
	};
	int r;

	cli_args_values(ctx->args, "option", &overrides);
	r = config_load(&args, &ctx->config, &problems, err);
	for (size_t i = 0; i < problems.errors.n; i++)
		log_error("%s", problems.errors.v[i]);
	for (size_t i = 0; i < problems.warnings.n; i++)
		log_warning("%s", problems.warnings.v[i]);
	return r;
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
	int r = set_output(ctx->args, err);

	if (r < 0)
		return r;
	if (!ctx->args->verb) {
		err_class_set(err, ERR_USAGE, -EINVAL, "what shall be done?");
		err_hint(err, "`reinject --help` lists the verbs; `reinject refresh` brings the image up to date");
		return -EINVAL;
	}
	r = cancel_on_signals(ctx->cancel, err);
	return r < 0 ? r : run_verb(ctx, err);
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
	proc_seal_descriptors();
	log_set_levels(manager_reads_stderr());
	r = cancel_init(&cancel, &err);
	if (r >= 0)
		r = cli_args_parse(argc, argv, &args, &err);
	if (r >= 0 && answer_at_once(&args))
		return 0;
	ctx.json = cli_args_has(&args, "json");
	if (r >= 0)
		r = start(&ctx, &err);
	config = ctx.config;
	if (r < 0)
		log_err(&err);
	return r < 0 ? err_exit_status(&err, r) : ctx.status;
}
