#include "base/near.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "cli/wrap.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

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

/* Where an option's help begins. */
enum { OPTION_COLUMN = 37, VERB_COLUMN = 13, WIDEST = 100 };

/* Longer lines are hard to read, on a wide terminal as well; a file or a pipe gets them as such a terminal does. */
static size_t page_width(void)
{
	size_t columns = cli_print_columns(STDOUT_FILENO);

	return columns > 0 && columns < WIDEST ? columns : WIDEST;
}

static void add_options(struct str *page, const struct cli_option *option, size_t width)
{
	for (; option && option->name; option++) {
		CLEANUP_FREE char *letter = option->letter ? xasprintf("-%c,", option->letter) : xstrdup("   ");
		CLEANUP_FREE char *left = xasprintf("  %s --%s%s%s", letter, option->name, option->value ? " " : "",
						    option->value ? option->value : "");

		cli_wrap_item(page, left, OPTION_COLUMN, option->help, width);
	}
}

static void add_verbs(struct str *page, size_t width)
{
	for (size_t i = 0; cli_verbs[i]; i++) {
		CLEANUP_FREE char *left = xasprintf("  %s", cli_verbs[i]->name);

		cli_wrap_item(page, left, VERB_COLUMN, cli_verbs[i]->summary, width);
	}
}

void cli_help_program(void)
{
	CLEANUP(str_clear) struct str page = { 0 };
	size_t width = page_width();

	str_add(&page, "usage: reinject [OPTIONS] VERB [ARGUMENTS]\n\n");
	cli_wrap_text(&page,
		      "Save a file or commit: the disk image has the new driver, whole or not at all. reinject maps changed files to the "
		      "packages that own them, rebuilds those with cargo, strips them and puts them into a disk image by one transaction.",
		      width);
	str_add(&page, "\nverbs:\n");
	add_verbs(&page, width);
	str_add(&page, "\noptions, before or after the verb:\n");
	add_options(&page, cli_global_options, width);
	str_add_c(&page, '\n');
	cli_wrap_text(&page,
		      "exit status: 0 done; 1 something failed to build, inject or boot; 2 wrong use or configuration; 3 the environment lacks "
		      "something; 75 busy: somebody else holds the image; 130 interrupted.\n\n"
		      "`reinject help VERB` says more. A first configuration: `reinject init`, or see config/samples/ and README.md.",
		      width);
	fputs(str_text(&page), stdout);
}

void cli_help_verb(const struct cli_verb *verb)
{
	CLEANUP_FREE char *usage = xasprintf("reinject %s %s", verb->name, verb->usage);
	CLEANUP(str_clear) struct str page = { 0 };
	size_t width = page_width();

	cli_wrap_item(&page, "usage:", strlen("usage: "), usage, width);
	str_add_c(&page, '\n');
	cli_wrap_text(&page, verb->description, width);
	if (verb->options) {
		str_add(&page, "\noptions:\n");
		add_options(&page, verb->options, width);
	}
	str_add(&page, "\n`reinject help` lists the options that every verb takes.\n");
	fputs(str_text(&page), stdout);
}
