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
	       "`reinject VERB --help` says more. A first configuration: see config/samples/ and README.md.\n");
}

void cli_help_verb(const struct cli_verb *verb)
{
	printf("usage: reinject %s%s%s\n\n%s\n", verb->name, verb->usage[0] ? " " : "", verb->usage, verb->description);
	if (verb->options) {
		printf("\noptions:\n");
		print_options(verb->options);
	}
	printf("\n`reinject --help` lists the options that every verb takes.\n");
}
