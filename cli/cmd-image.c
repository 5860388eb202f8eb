#include "cli/cli.h"
#include "cli/json.h"
#include "image/check.h"

#include <errno.h>
#include <string.h>

static const struct cli_option options[] = {
	{ "deep", 0, NULL, "read every block with its checksum, in a scratch copy (RedoxFS), or run e2fsck -fn (ext4)" },
	{ NULL, 0, NULL, NULL },
};

static void print_facts(const struct cli_context *ctx, const char *path, const struct strvec *facts, int r, const struct err *err)
{
	if (ctx->json) {
		cli_json_print(json_pack("{s:o, s:b, s:b, s:o, s:o}", "image", cli_json_string(path), "ok", r >= 0, "deep",
					 cli_args_has(ctx->args, "deep"), "facts", cli_json_strings(facts), "error",
					 r < 0 ? cli_json_string(err->message) : json_null()));
		return;
	}
	for (size_t i = 0; i < facts->n; i++)
		puts(facts->v[i]);
	if (r >= 0)
		puts(cli_args_has(ctx->args, "deep") ? "no fault found" : "no fault found; --deep reads every block");
}

static int check(struct cli_context *ctx, const char *path, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec facts = { 0 };
	int r = image_check_run(&ctx->config->image, path, cli_args_has(ctx->args, "deep"), ctx->cancel, &facts, err);

	print_facts(ctx, path, &facts, r, err);
	return r;
}

static int run(struct cli_context *ctx, struct err *err)
{
	const struct strvec *words = &ctx->args->positional;

	if (strcmp(words->v[0], "check") != 0)
		return cli_usage_error(ctx->args->verb, err, "`reinject image` does not know '%s'", words->v[0]);
	if (words->n < 2 && !ctx->config->image.path)
		return err_class_set(err, ERR_USAGE, -EINVAL, "'%s' names no image: add a section [image] with `path = ...`", ctx->config->file);
	return check(ctx, words->n > 1 ? words->v[1] : ctx->config->image.path, err);
}

extern const struct cli_verb cmd_image;
const struct cli_verb cmd_image = {
	.name = "image",
	.usage = "check [--deep] [FILE]",
	.summary = "care of the image: what it is, who holds it, whether it is whole",
	.description =
		"`reinject image check` reads the file system's header and names everyone who has the image open, without mounting it (a mount\n"
		"writes). FILE is another image of the same format, such as IMAGE.prev. A mount proves nothing; --deep does.",
	.options = options,
	.min_args = 1,
	.max_args = 2,
	.run = run,
};
