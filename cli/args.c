#include "cli/args.h"

#include "base/near.h"
#include "cli/cli.h"
#include "config/schema.h"

#include <errno.h>
#include <string.h>

const struct cli_option cli_global_options[] = {
	{ "directory", 'C', "DIR", "start in DIR: reinject.ini is looked for there and upwards" },
	{ "config", 'c', "FILE", "use this configuration" },
	{ "option", 'o', "SECTION.KEY=VALUE", "set one key of the configuration for this call; may be repeated" },
	{ "json", 0, NULL, "facts as JSON, one object a line" },
	{ "quiet", 'q', NULL, "only warnings and errors" },
	{ "verbose", 'v', NULL, "say more: command lines, each file" },
	{ "color", 0, "auto|always|never", "colours in what is said; NO_COLOR is heeded" },
	{ "help", 'h', NULL, "this text" },
	{ "version", 0, NULL, "the version and those of the libraries" },
	{ NULL, 0, NULL, NULL },
};

/* Taken, and in no help, page or completion: a test build's say what the program has that is given away. */
static const struct cli_option hidden_options[] = {
#ifdef REINJECT_FAULTS
	{ "list-faults", 0, NULL, "the named fault points of the test build" },
#endif
	{ NULL, 0, NULL, NULL },
};

struct parser {
	int argc;
	char **argv;
	int next;
	struct cli_args *args;
};

static const struct cli_option *find_in(const struct cli_option *table, const char *name, size_t n, char letter)
{
	for (; table && table->name; table++) {
		if (letter && table->letter == letter)
			return table;
		if (!letter && strlen(table->name) == n && strncmp(table->name, name, n) == 0)
			return table;
	}
	return NULL;
}

static const struct cli_option *find_option(const struct cli_args *args, const char *name, size_t n, char letter)
{
	const struct cli_option *option = args->verb ? find_in(args->verb->options, name, n, letter) : NULL;

	if (!option)
		option = find_in(cli_global_options, name, n, letter);
	return option ? option : find_in(hidden_options, name, n, letter);
}

static void offer_options(struct near *near, const struct cli_option *table)
{
	for (; table && table->name; table++)
		near_offer(near, table->name, strlen(table->name));
}

/* The long option that '--word' was probably meant to be, or NULL. Of a single letter nothing can be said. */
static const char *nearest_option(const struct cli_args *args, const char *word)
{
	struct near near = { .word = word + 2 };

	if (!str_starts(word, "--"))
		return NULL;
	near.n = strcspn(near.word, "=");
	if (args->verb)
		offer_options(&near, args->verb->options);
	offer_options(&near, cli_global_options);
	return near.best;
}

static int unknown_option(const struct cli_args *args, const char *word, struct err *err)
{
	const char *meant = nearest_option(args, word);

	if (meant)
		err_class_set(err, ERR_USAGE, -EINVAL, "unknown option '%s'; did you mean '--%s'?", word, meant);
	else
		err_class_set(err, ERR_USAGE, -EINVAL, "unknown option '%s'", word);
	if (args->verb)
		err_hint(err, "`reinject help %s` lists the options", args->verb->name);
	else
		err_hint(err, "`reinject help` lists the verbs and options; a verb's own options stand after it");
	return -EINVAL;
}

static void add_given(struct cli_args *args, const struct cli_option *option, const char *value)
{
	grow_array(&args->given, &args->cap, args->n_given, sizeof(*args->given));
	args->given[args->n_given++] = (struct cli_given){ option, value };
}

/* 'auto, always or never' for 'auto|always|never'. */
static char *choices_text(const char *choices)
{
	struct str s = { 0 };

	for (const char *p = choices; *p;) {
		size_t n = strcspn(p, "|");

		if (p != choices)
			str_add(&s, p[n] ? ", " : " or ");
		str_add_n(&s, p, n);
		p += n + (p[n] != '\0');
	}
	return str_take(&s);
}

static int check_choice(const struct cli_option *option, const char *value, struct err *err)
{
	CLEANUP_FREE char *choices = NULL;

	if (!option->value || !strchr(option->value, '|') || schema_has_choice(option->value, value))
		return 0;
	choices = choices_text(option->value);
	return err_class_set(err, ERR_USAGE, -EINVAL, "option '--%s' takes %s, not '%s'", option->name, choices, value);
}

/* @inline_value: what stands in the same word, or NULL. */
static int take_option(struct parser *parser, const struct cli_option *option, const char *inline_value, const char *word, struct err *err)
{
	if (option->value && !inline_value) {
		if (parser->next >= parser->argc)
			return err_class_set(err, ERR_USAGE, -EINVAL, "option '%s' needs a value: %s", word, option->value);
		inline_value = parser->argv[parser->next++];
	}
	add_given(parser->args, option, inline_value);
	return check_choice(option, inline_value, err);
}

static int take_long(struct parser *parser, const char *word, struct err *err)
{
	size_t n = strcspn(word + 2, "=");
	const struct cli_option *option = find_option(parser->args, word + 2, n, 0);
	const char *value = word[2 + n] == '=' ? word + 3 + n : NULL;

	if (!option)
		return unknown_option(parser->args, word, err);
	if (value && !option->value)
		return err_class_set(err, ERR_USAGE, -EINVAL, "option '--%s' takes no value", option->name);
	return take_option(parser, option, value, word, err);
}

static int take_letters(struct parser *parser, const char *word, struct err *err)
{
	for (const char *letter = word + 1; *letter; letter++) {
		const struct cli_option *option = find_option(parser->args, NULL, 0, *letter);
		const char *rest = letter[1] ? letter + 1 : NULL;
		int r;

		if (!option)
			return unknown_option(parser->args, word, err);
		r = take_option(parser, option, option->value ? rest : NULL, word, err);
		if (r < 0 || option->value)
			return r;
	}
	return 0;
}

static int take_word(struct parser *parser, const char *word, struct err *err)
{
	if (parser->args->verb) {
		strvec_add(&parser->args->positional, word);
		return 0;
	}
	parser->args->verb = cli_verb_find(word);
	return parser->args->verb ? 0 : cli_unknown_verb(word, err);
}

int cli_args_parse(int argc, char **argv, struct cli_args *ret, struct err *err)
{
	struct parser parser = { .argc = argc, .argv = argv, .next = 1, .args = ret };
	bool ended = false;
	int r = 0;

	while (r >= 0 && parser.next < argc) {
		const char *word = argv[parser.next++];

		if (!ended && strcmp(word, "--") == 0)
			ended = true;
		else if (!ended && str_starts(word, "--"))
			r = take_long(&parser, word, err);
		else if (!ended && word[0] == '-' && word[1])
			r = take_letters(&parser, word, err);
		else
			r = take_word(&parser, word, err);
	}
	return r;
}

void cli_args_clear(struct cli_args *args)
{
	free(args->given);
	strvec_clear(&args->positional);
	*args = (struct cli_args){ 0 };
}

const char *cli_args_value(const struct cli_args *args, const char *name)
{
	const char *value = NULL;

	for (size_t i = 0; i < args->n_given; i++)
		if (strcmp(args->given[i].option->name, name) == 0)
			value = args->given[i].value;
	return value;
}

bool cli_args_has(const struct cli_args *args, const char *name)
{
	for (size_t i = 0; i < args->n_given; i++)
		if (strcmp(args->given[i].option->name, name) == 0)
			return true;
	return false;
}

void cli_args_values(const struct cli_args *args, const char *name, struct strvec *ret)
{
	for (size_t i = 0; i < args->n_given; i++)
		if (strcmp(args->given[i].option->name, name) == 0)
			strvec_add(ret, args->given[i].value);
}

int cli_args_number(const struct cli_args *args, const char *name, uint32_t fallback, uint32_t max, uint32_t *ret, struct err *err)
{
	const char *value = cli_args_value(args, name);
	unsigned long long number;
	char *end;

	*ret = fallback;
	if (!value)
		return 0;
	errno = 0;
	number = strtoull(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || errno || number > max)
		return err_class_set(err, ERR_USAGE, -EINVAL, "option '--%s' takes a whole number from 0 to %u, not '%s'", name, max, value);
	*ret = (uint32_t)number;
	return 0;
}
