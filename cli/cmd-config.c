#include "base/near.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/json.h"
#include "cli/print.h"

#include <errno.h>
#include <string.h>

struct printing {
	const char *wanted; /* a key, 'section.key', a section, or NULL: all */
	bool json;
	struct near near; /* to wanted */
	char *near_key;   /* near.best, kept */
	char *section;    /* of the line before */
	size_t n;
};

static bool is_wanted(const struct printing *printing, const char *section, const char *key)
{
	CLEANUP_FREE char *full = xasprintf("%s.%s", section, key);

	return !printing->wanted || strcmp(printing->wanted, full) == 0 || strcmp(printing->wanted, section) == 0 ||
	       strcmp(printing->wanted, key) == 0;
}

/* The key as it would have to be asked for: 'section.key' where a point was typed. */
static void offer(struct printing *printing, const char *section, const char *key)
{
	CLEANUP_FREE char *full = xasprintf("%s.%s", section, key);
	const char *candidate = strchr(printing->wanted, '.') ? full : key;

	near_offer(&printing->near, candidate, strlen(candidate));
	if (printing->near.best != candidate)
		return;
	free(printing->near_key);
	printing->near_key = xstrdup(candidate);
	printing->near.best = printing->near_key;
}

static void print_value(void *data, const char *section, const char *key, const char *value, const char *origin)
{
	struct printing *printing = data;

	if (!is_wanted(printing, section, key)) {
		offer(printing, section, key);
		return;
	}
	printing->n++;
	if (printing->json) {
		cli_json_print(json_pack("{s:o, s:o, s:o, s:o}", "section", cli_json_string(section), "key", cli_json_string(key), "value",
					 cli_json_string(value), "origin", cli_json_string(origin)));
		return;
	}
	if (!str_eq(printing->section, section)) {
		if (printing->section)
			cli_print_line("%s", "");
		cli_print_line("[%s]", section);
		free(printing->section);
		printing->section = xstrdup(section);
	}
	cli_print_line("%-22s = %-24s ; %s", key, value, origin);
}

static int run(struct cli_context *ctx, struct err *err)
{
	struct printing printing = { .json = ctx->json };
	CLEANUP_FREE char *unused = NULL, *meant = NULL;

	if (ctx->args->positional.n > 0) {
		printing.wanted = ctx->args->positional.v[0];
		printing.near = (struct near){ .word = printing.wanted, .n = strlen(printing.wanted) };
	}
	config_each_value(ctx->config, print_value, &printing);
	unused = printing.section;
	meant = printing.near_key;
	if (printing.n > 0 || !printing.wanted)
		return 0;
	if (meant)
		err_class_set(err, ERR_USAGE, -ENOENT, "no key or section is called '%s'; did you mean '%s'?", printing.wanted, meant);
	else
		err_class_set(err, ERR_USAGE, -ENOENT, "no key or section is called '%s'", printing.wanted);
	err_hint(err, "`reinject config` prints all of them; a key is named SECTION.KEY");
	return -ENOENT;
}

extern const struct cli_verb cmd_config;
const struct cli_verb cmd_config = {
	.name = "config",
	.usage = "[KEY | SECTION | SECTION.KEY]",
	.summary = "the effective configuration, each value with the file and line that set it",
	.description = "Prints every value that is in force, in the form of the file, with where it comes from behind it: FILE:LINE, 'default', "
		       "or '-o'\n"
		       "for the command line.",
	.operands = "KEY",
	.max_args = 1,
	.run = run,
};
