#include "cli/verbs.h"

#include <errno.h>
#include <string.h>

static const struct cli_option options[] = {
	CLI_OPTION_DRY_RUN,
	CLI_OPTION_WAIT_LOCK,
	{ NULL, 0, NULL, NULL },
};

/* A place in the image, or in the initfs that goes into it. */
static int check_dest(const struct cli_context *ctx, const char *dest, struct err *err)
{
	int r;

	if (!refresh_is_in_initfs(dest))
		return cli_check_dest(ctx, dest, err);
	if (ctx->config->initfs.dir)
		return cli_check_dest(ctx, dest + strlen("initfs:"), err);
	r = err_class_set(err, ERR_USAGE, -EINVAL, "'%s' is a place in an initfs, and '%s' describes none", dest, ctx->config->file);
	err_hint(err, "add a section [initfs] with `dir`, `tool`, `bootstrap` and `dest`");
	return r;
}

static int run(struct cli_context *ctx, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec packages = { 0 };
	const struct strvec *words = &ctx->args->positional;
	const char *last = words->v[words->n - 1];
	struct refresh_request request = { .packages = &packages, .dest = last[0] == '/' || refresh_is_in_initfs(last) ? last : NULL };
	int r;

	for (size_t i = 0; i < words->n - (request.dest != NULL); i++)
		if (!strvec_has(&packages, words->v[i]))
			strvec_add(&packages, words->v[i]);
	if (packages.n == 0)
		return cli_usage_error(ctx->args->verb, err, "no package is named");
	if (request.dest) {
		r = check_dest(ctx, request.dest, err);
		if (r < 0)
			return r;
	}
	return cli_refresh(ctx, "build", &request, err);
}

extern const struct cli_verb cmd_build;
const struct cli_verb cmd_build = {
	.name = "build",
	.usage = "[-n] [--wait-lock SECONDS] PKG... [/DEST | initfs:/DEST]",
	.summary = "build, strip and put these packages now, stale or not",
	.description =
		"PKG is a section [package PKG] of the configuration, named as cargo names it. A last argument that starts with '/' is the\n"
		"destination inside the image, instead of the configured ones: a folder there, or a path for one binary; initfs:/DEST is\n"
		"one in the initfs. Put somewhere else than configured, it is a one-off: the next refresh still brings the configured places up to date.\n\n"
		"`reinject build -n -v PKG` prints cargo's command line and environment in a form that can be pasted into a shell.",
	.operands = "PKG...",
	.options = options,
	.min_args = 1,
	.max_args = -1,
	.run = run,
};
