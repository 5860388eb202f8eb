#include "cli/cli.h"

static int run(struct cli_context *ctx, struct err *err)
{
	const char *word = ctx->args->positional.n > 0 ? ctx->args->positional.v[0] : NULL;
	const struct cli_verb *verb = word ? cli_verb_find(word) : NULL;

	if (word && !verb)
		return cli_unknown_verb(word, err);
	if (verb)
		cli_help_verb(verb);
	else
		cli_help_program();
	return 0;
}

extern const struct cli_verb cmd_help;
const struct cli_verb cmd_help = {
	.name = "help",
	.usage = "[VERB]",
	.summary = "the verbs and options, or what one verb does",
	.description = "The same as `reinject --help` and `reinject VERB --help`. The manual has more: man reinject, man reinject.ini.",
	.operands = "VERB",
	.max_args = 1,
	.no_config = true,
	.run = run,
};
