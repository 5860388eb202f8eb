#include "base/near.h"
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

const struct cli_verb *cli_verb_find(const char *name)
{
	for (size_t i = 0; cli_verbs[i]; i++)
		if (strcmp(cli_verbs[i]->name, name) == 0)
			return cli_verbs[i];
	return NULL;
}

/* The verb that @word was probably meant to be, or NULL. */
static const char *nearest_verb(const char *word)
{
	struct near near = { .word = word, .n = strlen(word) };

	for (size_t i = 0; cli_verbs[i]; i++)
		near_offer(&near, cli_verbs[i]->name, strlen(cli_verbs[i]->name));
	return near.best;
}

bool cli_operand_at(const struct cli_verb *verb, size_t i, char **ret)
{
	const char *p = verb->operands ? verb->operands : "";
	size_t n = strcspn(p, " ");
	bool repeats = n > 3 && strncmp(p + n - 3, "...", 3) == 0;

	for (; i > 0 && !repeats && p[n]; i--) {
		p += n + 1;
		n = strcspn(p, " ");
		repeats = n > 3 && strncmp(p + n - 3, "...", 3) == 0;
	}
	if (n == 0 || (i > 0 && !repeats))
		return false;
	*ret = xstrndup(p, repeats ? n - 3 : n);
	return true;
}

int cli_unknown_verb(const char *word, struct err *err)
{
	const char *meant = nearest_verb(word);

	if (meant)
		err_class_set(err, ERR_USAGE, -EINVAL, "there is no verb '%s'; did you mean '%s'?", word, meant);
	else
		err_class_set(err, ERR_USAGE, -EINVAL, "there is no verb '%s'", word);
	err_hint(err, "`reinject help` lists them");
	return -EINVAL;
}

int cli_unknown_word(const struct cli_verb *verb, const char *word, struct err *err)
{
	struct near near = { .word = word, .n = strlen(word) };
	CLEANUP_FREE char *choices = NULL;

	if (cli_operand_at(verb, 0, &choices))
		near_offer_choices(&near, choices);
	if (!near.best)
		return cli_usage_error(verb, err, "`reinject %s` does not know '%s'", verb->name, word);
	return cli_usage_error(verb, err, "`reinject %s` does not know '%s'; did you mean '%.*s'?", verb->name, word,
			       (int)strcspn(near.best, "|"), near.best);
}

int cli_usage_error(const struct cli_verb *verb, struct err *err, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	err_class_set(err, ERR_USAGE, -EINVAL, "%s", text);
	err_hint(err, "usage: reinject %s%s%s", verb->name, verb->usage[0] ? " " : "", verb->usage);
	return -EINVAL;
}

static void print_options(const struct cli_option *option)
{
	for (; option && option->name; option++) {
		CLEANUP_FREE char *left = option->letter ? xasprintf("-%c, --%s%s%s", option->letter, option->name, option->value ? " " : "",
								     option->value ? option->value : "")
							 : xasprintf("    --%s%s%s", option->name, option->value ? " " : "",
								     option->value ? option->value : "");

		printf("  %-34s %s\n", left, option->help);
	}
}

void cli_help_program(void)
{
	printf("usage: reinject [OPTIONS] VERB [ARGUMENTS]\n\n"
	       "Save a file or commit: the disk image has the new driver, whole or not at all. reinject maps changed files to the\n"
	       "packages that own them, rebuilds those with cargo, strips them and puts them into a disk image by one transaction.\n\n"
	       "verbs:\n");
	for (size_t i = 0; cli_verbs[i]; i++)
		printf("  %-10s %s\n", cli_verbs[i]->name, cli_verbs[i]->summary);
	printf("\noptions, before or after the verb:\n");
	print_options(cli_global_options);
	printf("\nexit status: 0 done; 1 something failed to build or inject; 2 wrong use or configuration; 3 the environment lacks\n"
	       "something; 75 busy: somebody else holds the image; 130 interrupted.\n\n"
	       "`reinject help VERB` says more. A first configuration: see config/samples/ and README.md.\n");
}

void cli_help_verb(const struct cli_verb *verb)
{
	printf("usage: reinject %s%s%s\n\n%s\n", verb->name, verb->usage[0] ? " " : "", verb->usage, verb->description);
	if (verb->options) {
		printf("\noptions:\n");
		print_options(verb->options);
	}
	printf("\n`reinject help` lists the options that every verb takes.\n");
}
