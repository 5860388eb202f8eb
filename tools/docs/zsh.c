#include "tools/docs/docs.h"

#include <string.h>

/* completions/_reinject, by the _arguments of zsh's own. */

static const char head[] = "#compdef reinject\n"
			   "# Completion of reinject for zsh. Made by `make docs` from the program's tables: change those.\n"
			   "\n"
			   "# The -C and -c of the line so far, for what is asked of the program itself.\n"
			   "_reinject_ask() {\n"
			   "\tlocal -a where\n"
			   "\tlocal i\n"
			   "\tfor ((i = 2; i < ${#_reinject_line}; i++)); do\n"
			   "\t\tcase $_reinject_line[i] in\n"
			   "\t\t-C | --directory | -c | --config) where+=($_reinject_line[i] ${(Q)_reinject_line[i + 1]/#\\~\\//$HOME/}) ;;\n"
			   "\t\tesac\n"
			   "\tdone\n"
			   "\treinject $where \"$@\" 2>/dev/null\n"
			   "}\n"
			   "\n"
			   "_reinject_packages() {\n"
			   "\tlocal -a packages=(${(f)\"$(_reinject_ask config | sed -n 's/^\\[package \\(.*\\)\\]$/\\1/p')\"})\n"
			   "\t_describe -t packages package packages\n"
			   "}\n"
			   "\n"
			   "_reinject_runs() {\n"
			   "\tlocal -a runs=(${(f)\"$(_reinject_ask log | sed 's/^ *\\([0-9]*\\).*/\\1/')\"})\n"
			   "\t_describe -t runs run runs\n"
			   "}\n"
			   "\n"
			   "_reinject_revisions() {\n"
			   "\tlocal -a revisions=(HEAD ${(f)\"$(git for-each-ref --format='%(refname:short)' 2>/dev/null)\"})\n"
			   "\t_describe -t revisions revision revisions\n"
			   "}\n"
			   "\n"
			   "_reinject_settings() {\n"
			   "\t_describe -t keys key _reinject_keys -S =\n"
			   "}\n"
			   "\n";

/* What completes it, as _arguments wants it behind ':NAME:'; blank for a value of which nothing is known. */
static char *action(const char *value)
{
	switch (docs_kind_of(value)) {
	case DOCS_CHOICE: {
		CLEANUP_FREE char *words = docs_words(value);

		return xasprintf("(%s)", words);
	}
	case DOCS_FILE:
		return xstrdup("_files");
	case DOCS_FOLDER:
		return xstrdup("_files -/");
	case DOCS_PACKAGE:
		return xstrdup("_reinject_packages");
	case DOCS_RUN:
		return xstrdup("_reinject_runs");
	case DOCS_REVISION:
		return xstrdup("_reinject_revisions");
	case DOCS_CHECK: {
		CLEANUP_FREE char *words = docs_checks();

		return xasprintf("(%s)", words);
	}
	case DOCS_KEY:
		return xstrdup("($_reinject_keys)");
	case DOCS_SETTING:
		return xstrdup("_reinject_settings");
	case DOCS_VERB: {
		CLEANUP_FREE char *words = docs_verbs();

		return xasprintf("(%s)", words);
	}
	case DOCS_NOTHING:
		break;
	}
	return xstrdup(" ");
}

/* Inside single quotes and the brackets of a specification. */
static void add_help(struct str *page, const char *help)
{
	for (; *help; help++) {
		if (*help == '\'')
			str_add(page, "'\\''");
		else if (strchr("[]:\\", *help))
			str_printf(page, "\\%c", *help);
		else
			str_add_c(page, *help);
	}
}

/* What an option's value or an operand is called in front of the choice. */
static const char *label(const char *value)
{
	return strchr(value, '|') ? "word" : value;
}

static void add_options(struct str *page, const char *indent, const struct cli_option *option)
{
	for (; option && option->name; option++) {
		CLEANUP_FREE char *what = action(option->value);
		bool again = docs_kind_of(option->value) == DOCS_SETTING;

		str_printf(page, "%s", indent);
		if (option->letter && again)
			str_printf(page, "'*'{-%c,--%s=}'[", option->letter, option->name);
		else if (option->letter)
			str_printf(page, "'(-%c --%s)'{-%c,--%s%s}'[", option->letter, option->name, option->letter, option->name,
				   option->value ? "=" : "");
		else
			str_printf(page, "'--%s%s[", option->name, option->value ? "=" : "");
		add_help(page, option->help);
		str_add(page, "]");
		if (option->value)
			str_printf(page, ":%.*s:%s", (int)strcspn(label(option->value), ":"), label(option->value), what);
		str_add(page, "'\n");
	}
}

static void add_operands(struct str *page, const struct cli_verb *verb)
{
	bool repeats = verb->operands && str_ends(verb->operands, "...");

	for (size_t j = 0; j < 4; j++) {
		CLEANUP_FREE char *operand = NULL, *what = NULL;

		if (!cli_operand_at(verb, j, &operand))
			return;
		what = action(operand);
		if (repeats) {
			str_printf(page, "\t\t\t\t'*:%s:%s'\n", label(operand), what);
			return;
		}
		str_printf(page, "\t\t\t\t'%zu:%s:%s'\n", j + 1, label(operand), what);
	}
}

static void add_verb(struct str *page, const struct cli_verb *verb)
{
	str_printf(page, "\t\t%s)\n\t\t\tspecs=(\n", verb->name);
	add_options(page, "\t\t\t\t", verb->options);
	add_operands(page, verb);
	str_add(page, "\t\t\t)\n\t\t\t;;\n");
}

/* A verb may use a letter of the global options for itself, and then the global one is left out behind it. */
void docs_zsh(struct str *page)
{
	CLEANUP_FREE char *keys = docs_keys();

	str_add(page, head);
	str_printf(page,
		   "_reinject() {\n\tlocal curcontext=$curcontext state line\n\tlocal -a _reinject_line=($words) verbs globals specs\n"
		   "\tlocal -a _reinject_keys=(%s)\n\ttypeset -A opt_args\n\tverbs=(\n",
		   keys);
	for (size_t i = 0; cli_verbs[i]; i++) {
		str_printf(page, "\t\t'%s:", cli_verbs[i]->name);
		add_help(page, cli_verbs[i]->summary);
		str_add(page, "'\n");
	}
	str_add(page, "\t)\n\tglobals=(\n");
	add_options(page, "\t\t", cli_global_options);
	str_add(page, "\t)\n\t_arguments -C -s $globals '1:verb:->verb' '*::argument:->argument'\n\tcase $state in\n"
		      "\tverb) _describe -t verbs verb verbs ;;\n\targument)\n\t\tcase $words[1] in\n");
	for (size_t i = 0; cli_verbs[i]; i++)
		add_verb(page, cli_verbs[i]);
	str_add(page, "\t\tesac\n\t\t[[ $words[1] != report ]] || globals=(${globals:#*--option=*})\n\t\t_arguments -s $specs "
		      "$globals\n\t\t;;\n\tesac\n}\n"
		      "\n_reinject \"$@\"\n");
}
