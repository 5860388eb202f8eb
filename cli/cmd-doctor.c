#include "base/log.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/json.h"
#include "setup/doctor.h"

#include <errno.h>
#include <unistd.h>

static const char *const words[] = {
	[SETUP_DOCTOR_OK] = "ok",
	[SETUP_DOCTOR_WARNING] = "warning",
	[SETUP_DOCTOR_FAILURE] = "failure",
	[SETUP_DOCTOR_SKIPPED] = "skipped",
};

static const char *const colors[] = {
	[SETUP_DOCTOR_OK] = "\033[32m",
	[SETUP_DOCTOR_WARNING] = "\033[33m",
	[SETUP_DOCTOR_FAILURE] = "\033[31m",
	[SETUP_DOCTOR_SKIPPED] = "\033[2m",
};

struct doctor_output {
	struct cli_context *ctx;
	size_t n[SETUP_DOCTOR_SKIPPED + 1], n_fixable, n_fixed;
};

static void print_json(const struct setup_doctor_finding *finding)
{
	cli_json_print(json_pack("{s:s, s:s, s:o, s:s, s:o, s:b, s:b}", "check", finding->name, "status", words[finding->status], "said",
				 cli_json_string(finding->said), "why", finding->why, "command", cli_json_string(finding->command), "fixable",
				 finding->fixable, "fixed", finding->fixed));
}

/* log_color() speaks for stderr, and these lines go to stdout. */
static bool may_color(const struct cli_context *ctx)
{
	return log_color() && (isatty(STDOUT_FILENO) || str_eq(cli_args_value(ctx->args, "color"), "always"));
}

/* Lines are not broken: a command is to be copied whole, and the terminal breaks what is too long. */
static void print_text(const struct cli_context *ctx, const struct setup_doctor_finding *finding, bool is_wrong)
{
	CLEANUP_FREE char *said = str_visible(finding->said), *command = finding->command ? str_visible(finding->command) : NULL;
	const char *color = may_color(ctx) ? colors[finding->status] : "";

	printf("%s%-8s%s %s: %s%s\n", color, words[finding->status], *color ? "\033[0m" : "", finding->name, said,
	       finding->fixed ? " (put right)" : "");
	if (!is_wrong)
		return;
	printf("%9swhy: %s\n", "", finding->why);
	if (command)
		printf("%9s%s: %s\n", "", finding->fixable ? "--fix does it" : "do", command);
}

static bool is_shown(const struct cli_context *ctx, const struct setup_doctor_finding *finding, bool is_wrong)
{
	if (is_wrong || finding->fixed || cli_args_has(ctx->args, "verbose"))
		return true;
	return finding->status != SETUP_DOCTOR_SKIPPED && !cli_args_has(ctx->args, "quiet");
}

static void on_finding(void *data, const struct setup_doctor_finding *finding)
{
	struct doctor_output *output = data;
	bool is_wrong = finding->status == SETUP_DOCTOR_WARNING || finding->status == SETUP_DOCTOR_FAILURE;

	output->n[finding->status]++;
	output->n_fixable += is_wrong && finding->fixable;
	output->n_fixed += finding->fixed;
	if (output->ctx->json)
		print_json(finding);
	else if (is_shown(output->ctx, finding, is_wrong))
		print_text(output->ctx, finding, is_wrong);
	fflush(stdout);
}

/* The end is what somebody sees first who scrolls nothing. */
static void tell_end(const struct doctor_output *output, bool fix)
{
	size_t failures = output->n[SETUP_DOCTOR_FAILURE], warnings = output->n[SETUP_DOCTOR_WARNING];
	CLEANUP_FREE char *fixed = output->n_fixed > 0 ? xasprintf(", %zu put right", output->n_fixed) : xstrdup("");

	if (failures + warnings == 0)
		log_info("nothing is wrong%s", fixed);
	else
		log_info("%zu failure%s, %zu warning%s%s", failures, failures == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s", fixed);
	if (output->n[SETUP_DOCTOR_SKIPPED] > 0)
		log_info("%zu do not apply or could not be looked at: -v lists them", output->n[SETUP_DOCTOR_SKIPPED]);
	if (output->n_fixable > 0 && !fix)
		log_info("`reinject doctor --fix` puts %zu of these right", output->n_fixable);
}

struct loaded {
	char *problem, *hint; /* all problems as one text; NULL when it could be read */
	struct strvec warnings;
};

static void loaded_clear(struct loaded *loaded)
{
	free(loaded->problem);
	free(loaded->hint);
	strvec_clear(&loaded->warnings);
}

/* A configuration that cannot be read is a finding, not an end. */
static void load(struct cli_context *ctx, struct loaded *ret)
{
	CLEANUP(config_problems_clear) struct config_problems problems = { 0 };
	struct err err = ERR_INIT;
	int r = cli_read_config(ctx, &problems, &err);

	strvec_copy(&ret->warnings, &problems.warnings);
	if (r == 0)
		return;
	ret->problem = problems.errors.n > 0 ? strvec_join(&problems.errors, "; ") : xstrdup(err.message);
	ret->hint = problems.errors.n == 0 && err.hint[0] ? xstrdup(err.hint) : NULL;
}

static int run(struct cli_context *ctx, struct err *err)
{
	CLEANUP(loaded_clear) struct loaded loaded = { 0 };
	struct doctor_output output = { .ctx = ctx };
	struct setup_doctor_args args = {
		.warnings = &loaded.warnings,
		.only = &ctx->args->positional,
		.fix = cli_args_has(ctx->args, "fix"),
		.cancel = ctx->cancel,
		.on_finding = on_finding,
		.data = &output,
	};
	size_t n_failures = 0;
	int r;

	load(ctx, &loaded);
	args.config = ctx->config;
	args.problem = loaded.problem;
	args.hint = loaded.hint;
	r = setup_doctor_run(&args, &n_failures, err);
	ctx->status = n_failures > 0 ? ERR_ENVIRONMENT : 0;
	if (r == 0 && !ctx->json)
		tell_end(&output, args.fix);
	return r;
}

static const struct cli_option options[] = {
	{ "fix", 0, NULL, "put right what can be put right safely" },
	{ NULL, 0, NULL, NULL },
};

extern const struct cli_verb cmd_doctor;
const struct cli_verb cmd_doctor = {
	.name = "doctor",
	.usage = "[--fix] [CHECK...]",
	.summary = "check everything that a refresh needs, and say how to put it right",
	.description = "Looks at the configuration and its map, git, the toolchain, target, backend and relibc, strip, the\n"
		       "mount program and FUSE, the image (its content in a copy, or through your own mount of it), the\n"
		       "initfs, the boot script, QEMU and the limit of watches. For each: ok, warning or failure, why it\n"
		       "matters, and what mends it; with -q only what is wrong, with -v also what does not apply. With the\n"
		       "names of checks, only those.\n\n"
		       "--fix does what is safe: an empty libgcc_eh.a, an empty \"pre-link-objects\" in the target's .json\n"
		       "(the old file stays as FILE.orig), permission bits of reinject.ini and the boot script, the\n"
		       "generated map, dead mounts and what a dead run left. It installs nothing and touches no repository.\n\n"
		       "Exit status: 0 when nothing failed (warnings are none), 3 otherwise.",
	.operands = "CHECK...",
	.options = options,
	.max_args = -1,
	.no_config = true,
	.run = run,
};
