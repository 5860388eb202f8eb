/* The configuration that the command line asks for, and what is wrong with it. */
#include "base/log.h"
#include "cli/cli.h"

int cli_read_config(struct cli_context *ctx, struct config_problems *problems, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec overrides = { 0 };
	struct config_args args = {
		.dir = cli_args_value(ctx->args, "directory"),
		.file = cli_args_value(ctx->args, "config"),
		.overrides = &overrides,
	};

	cli_args_values(ctx->args, "option", &overrides);
	return config_load(&args, &ctx->config, problems, err);
}

int cli_load_config(struct cli_context *ctx, struct err *err)
{
	CLEANUP(config_problems_clear) struct config_problems problems = { 0 };
	int r = cli_read_config(ctx, &problems, err);

	for (size_t i = 0; i < problems.errors.n; i++)
		log_error("%s", problems.errors.v[i]);
	for (size_t i = 0; i < problems.warnings.n; i++)
		log_warning("%s", problems.warnings.v[i]);
	return r;
}
