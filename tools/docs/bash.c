#include "tools/docs/docs.h"

#include <string.h>

/* completions/reinject.bash. The tables become `case` lines; what does not depend on them is text. */

static const char head[] =
	"# Completion of reinject for bash. Made by `make docs` from the program's tables: change those.\n"
	"\n"
	"# The -C and -c of the line so far, for what is asked of the program itself.\n"
	"_reinject_ask() {\n"
	"\treinject \"${where[@]}\" \"$@\" 2>/dev/null\n"
	"}\n"
	"\n"
	"_reinject_offer() {\n"
	"\tlocal kind=$1\n"
	"\tcase $kind in\n"
	"\tfile | folder)\n"
	"\t\tcompopt -o filenames 2>/dev/null\n"
	"\t\t[[ $kind == file ]] && mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	"\t\t[[ $kind == folder ]] && mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")\n"
	"\t\t;;\n"
	"\tpackage) mapfile -t COMPREPLY < <(compgen -W \"$(_reinject_ask config | sed -n 's/^\\[package \\(.*\\)\\]$/\\1/p')\" -- \"$cur\") "
	";;\n"
	"\trun) mapfile -t COMPREPLY < <(compgen -W \"$(_reinject_ask log | sed 's/^ *\\([0-9]*\\).*/\\1/')\" -- \"$cur\") ;;\n"
	"\trevision) mapfile -t COMPREPLY < <(compgen -W \"HEAD $(git for-each-ref --format='%(refname:short)' 2>/dev/null)\" -- \"$cur\") ;;\n"
	"\tsetting)\n"
	"\t\tcompopt -o nospace 2>/dev/null\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -S = -W \"$_reinject_keys\" -- \"$cur\")\n"
	"\t\t;;\n"
	"\tkey) mapfile -t COMPREPLY < <(compgen -W \"$_reinject_keys\" -- \"$cur\") ;;\n"
	"\t*) mapfile -t COMPREPLY < <(compgen -W \"$kind\" -- \"$cur\") ;;\n"
	"\tesac\n"
	"}\n";

static const char tail[] =
	"\n"
	"_reinject() {\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb='' word kind i n=0\n"
	"\tlocal -a where=()\n"
	"\tCOMPREPLY=()\n"
	"\t# bash cuts --option=value at the sign.\n"
	"\tif [[ $cur == = ]]; then\n"
	"\t\tcur=\n"
	"\telif [[ $prev == = ]]; then\n"
	"\t\tprev=${COMP_WORDS[COMP_CWORD - 2]}\n"
	"\tfi\n"
	"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	"\t\tword=${COMP_WORDS[i]}\n"
	"\t\tif [[ $word == -?* ]]; then\n"
	"\t\t\t[[ -n $(_reinject_value \"$verb\" \"$word\") ]] || continue\n"
	"\t\t\t[[ ${COMP_WORDS[i + 1]-} == = ]] && ((i++))\n"
	"\t\t\t((i++))\n"
	"\t\t\tcase $word in -C | --directory | -c | --config) where+=(\"${word}\" \"${COMP_WORDS[i]/#\\~\\//$HOME/}\") ;; esac\n"
	"\t\telif [[ -z $verb ]]; then\n"
	"\t\t\tverb=$word\n"
	"\t\telse\n"
	"\t\t\t((n++))\n"
	"\t\tfi\n"
	"\tdone\n"
	"\tkind=$(_reinject_value \"$verb\" \"$prev\")\n"
	"\tif [[ $prev == -?* && -n $kind ]]; then\n"
	"\t\t_reinject_offer \"$kind\"\n"
	"\telif [[ $cur == -* ]]; then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W \"$(_reinject_options \"$verb\")\" -- \"$cur\")\n"
	"\telif [[ -z $verb ]]; then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W \"$_reinject_verbs\" -- \"$cur\")\n"
	"\telse\n"
	"\t\tkind=$(_reinject_operand \"$verb\" \"$n\")\n"
	"\t\t[[ -n $kind ]] && _reinject_offer \"$kind\"\n"
	"\tfi\n"
	"}\n"
	"\n"
	"complete -F _reinject reinject\n";

/* The word for _reinject_offer; '-' for a value of which nothing is known. */
static char *kind_word(const char *value)
{
	switch (docs_kind_of(value)) {
	case DOCS_CHOICE:
		return docs_words(value);
	case DOCS_FILE:
		return xstrdup("file");
	case DOCS_FOLDER:
		return xstrdup("folder");
	case DOCS_PACKAGE:
		return xstrdup("package");
	case DOCS_RUN:
		return xstrdup("run");
	case DOCS_REVISION:
		return xstrdup("revision");
	case DOCS_CHECK:
		return docs_checks();
	case DOCS_KEY:
		return xstrdup("key");
	case DOCS_SETTING:
		return xstrdup("setting");
	case DOCS_VERB:
		return docs_verbs();
	case DOCS_NOTHING:
		break;
	}
	return xstrdup("-");
}

static void add_values(struct str *page, const char *verb, const struct cli_option *option)
{
	for (; option && option->name; option++) {
		CLEANUP_FREE char *kind = kind_word(option->value);

		if (!option->value)
			continue;
		str_printf(page, "\t%s--%s", verb, option->name);
		if (option->letter)
			str_printf(page, " | %s-%c", verb, option->letter);
		str_printf(page, ") echo '%s' ;;\n", kind);
	}
}

static void add_options(struct str *page, const struct cli_option *option)
{
	for (; option && option->name; option++)
		str_printf(page, " --%s", option->name);
}

/* What an option's value is; a verb's own options first, since it may use a letter of the global ones for itself. */
static void add_value_function(struct str *page)
{
	str_add(page, "\n_reinject_value() {\n\tcase $1:$2 in\n");
	for (size_t i = 0; cli_verbs[i]; i++) {
		CLEANUP_FREE char *prefix = xasprintf("%s:", cli_verbs[i]->name);

		add_values(page, prefix, cli_verbs[i]->options);
	}
	add_values(page, "*:", cli_global_options);
	str_add(page, "\tesac\n}\n");
}

static void add_options_function(struct str *page)
{
	str_add(page, "\n_reinject_options() {\n\techo '");
	add_options(page, cli_global_options);
	str_add(page, "'\n\tcase $1 in\n");
	for (size_t i = 0; cli_verbs[i]; i++) {
		if (!cli_verbs[i]->options)
			continue;
		str_printf(page, "\t%s) echo '", cli_verbs[i]->name);
		add_options(page, cli_verbs[i]->options);
		str_add(page, "' ;;\n");
	}
	str_add(page, "\tesac\n}\n");
}

static void add_operand_function(struct str *page)
{
	str_add(page, "\n_reinject_operand() {\n\tcase $1:$2 in\n");
	for (size_t i = 0; cli_verbs[i]; i++) {
		bool repeats = cli_verbs[i]->operands && str_ends(cli_verbs[i]->operands, "...");

		for (size_t j = 0; j < 4; j++) {
			CLEANUP_FREE char *operand = NULL, *kind = NULL;

			if (!cli_operand_at(cli_verbs[i], j, &operand) || docs_kind_of(operand) == DOCS_NOTHING)
				continue;
			kind = kind_word(operand);
			if (repeats)
				str_printf(page, "\t%s:*) echo '%s' ;;\n", cli_verbs[i]->name, kind);
			else
				str_printf(page, "\t%s:%zu) echo '%s' ;;\n", cli_verbs[i]->name, j, kind);
			if (repeats)
				break;
		}
	}
	str_add(page, "\tesac\n}\n");
}

void docs_bash(struct str *page)
{
	CLEANUP_FREE char *verbs = docs_verbs(), *keys = docs_keys();

	str_add(page, head);
	str_printf(page, "\n_reinject_verbs='%s'\n_reinject_keys='%s'\n", verbs, keys);
	add_value_function(page);
	add_options_function(page);
	add_operand_function(page);
	str_add(page, tail);
}
