#include "tools/docs/docs.h"

#include <string.h>

/* completions/reinject.fish: a `complete` line for each row of the tables. */

static const char head[] = "# Completion of reinject for fish. Made by `make docs` from the program's tables: change those.\n"
			   "\n"
			   "# The verb and the number of operands behind it, in the line so far: 'build 2'. Nothing before the verb.\n"
			   "function __reinject_place\n"
			   "    set -l verb\n"
			   "    set -l n 0\n"
			   "    set -l skip no\n"
			   "    for word in (commandline -opc)[2..-1]\n"
			   "        if test $skip = yes\n"
			   "            set skip no\n"
			   "        else if string match -q -- '-?*' $word\n"
			   "            if contains -- \"$verb:$word\" $__reinject_valued; or contains -- \":$word\" $__reinject_valued\n"
			   "                set skip yes\n"
			   "            end\n"
			   "        else if test -z \"$verb\"\n"
			   "            set verb $word\n"
			   "        else\n"
			   "            set n (math $n + 1)\n"
			   "        end\n"
			   "    end\n"
			   "    test -n \"$verb\"; and echo $verb $n\n"
			   "end\n"
			   "\n"
			   "# __reinject_in VERB [N]: whether the next word belongs to the verb, as operand N, counted from 0.\n"
			   "function __reinject_in\n"
			   "    set -l place (string split ' ' -- (__reinject_place))\n"
			   "    test \"$place[1]\" = $argv[1]; and begin\n"
			   "        test (count $argv) -lt 2; or test $place[2] = $argv[2]\n"
			   "    end\n"
			   "end\n"
			   "\n"
			   "# The -C and -c of the line so far, for what is asked of the program itself.\n"
			   "function __reinject_ask\n"
			   "    set -l where\n"
			   "    set -l words (commandline -opc)\n"
			   "    for i in (seq 2 (math (count $words) - 1))\n"
			   "        if contains -- $words[$i] -C --directory -c --config\n"
			   "            set where $where $words[$i] (string replace -r '^~/' \"$HOME/\" -- $words[(math $i + 1)])\n"
			   "        end\n"
			   "    end\n"
			   "    reinject $where $argv 2>/dev/null\n"
			   "end\n"
			   "\n"
			   "function __reinject_packages\n"
			   "    __reinject_ask config | string replace -rf '^\\[package (.*)\\]$' '$1'\n"
			   "end\n"
			   "\n"
			   "function __reinject_runs\n"
			   "    __reinject_ask log | string replace -rf '^ *([0-9]+) .*' '$1'\n"
			   "end\n"
			   "\n"
			   "function __reinject_revisions\n"
			   "    echo HEAD\n"
			   "    git for-each-ref --format='%(refname:short)' 2>/dev/null\n"
			   "end\n"
			   "\n"
			   "complete -c reinject -f\n";

static void add_quoted(struct str *page, const char *text)
{
	str_add_c(page, '\'');
	docs_add_escaped(page, text, "'\\");
	str_add_c(page, '\'');
}

/* The options of `complete` that say what a value is. */
static void add_kind(struct str *page, const char *value)
{
	CLEANUP_FREE char *words = NULL;

	switch (docs_kind_of(value)) {
	case DOCS_CHOICE:
		words = docs_words(value);
		break;
	case DOCS_CHECK:
		words = docs_checks();
		break;
	case DOCS_VERB:
		words = docs_verbs();
		break;
	case DOCS_KEY:
		str_add(page, " -a '$__reinject_keys'");
		return;
	case DOCS_SETTING:
		str_add(page, " -a '$__reinject_keys='");
		return;
	case DOCS_FILE:
		str_add(page, " -F");
		return;
	case DOCS_FOLDER:
		str_add(page, " -a '(__fish_complete_directories)'");
		return;
	case DOCS_PACKAGE:
		str_add(page, " -a '(__reinject_packages)'");
		return;
	case DOCS_RUN:
		str_add(page, " -a '(__reinject_runs)'");
		return;
	case DOCS_REVISION:
		str_add(page, " -a '(__reinject_revisions)'");
		return;
	case DOCS_NOTHING:
		return;
	}
	str_printf(page, " -a '%s'", words);
}

/* @verb: NULL for the global ones. */
static void add_options(struct str *page, const struct cli_verb *verb, const struct cli_option *option)
{
	for (; option && option->name; option++) {
		str_add(page, "complete -c reinject");
		if (verb)
			str_printf(page, " -n '__reinject_in %s'", verb->name);
		str_printf(page, " -l %s", option->name);
		if (option->letter)
			str_printf(page, " -s %c", option->letter);
		if (option->value) {
			str_add(page, docs_kind_of(option->value) == DOCS_FILE ? " -r" : " -x");
			add_kind(page, option->value);
		}
		str_add(page, " -d ");
		add_quoted(page, option->help);
		str_add_c(page, '\n');
	}
}

static void add_valued(struct str *page, const char *verb, const struct cli_option *option)
{
	for (; option && option->name; option++) {
		if (!option->value)
			continue;
		str_printf(page, " %s:--%s", verb, option->name);
		if (option->letter)
			str_printf(page, " %s:-%c", verb, option->letter);
	}
}

static void add_operands(struct str *page, const struct cli_verb *verb)
{
	bool repeats = verb->operands && str_ends(verb->operands, "...");

	for (size_t j = 0; j < 4; j++) {
		CLEANUP_FREE char *operand = NULL;

		if (!cli_operand_at(verb, j, &operand))
			return;
		if (docs_kind_of(operand) == DOCS_NOTHING)
			continue;
		str_printf(page, "complete -c reinject -n '__reinject_in %s", verb->name);
		if (!repeats)
			str_printf(page, " %zu", j);
		str_add(page, "'");
		add_kind(page, operand);
		str_add_c(page, '\n');
		if (repeats)
			return;
	}
}

void docs_fish(struct str *page)
{
	CLEANUP_FREE char *keys = docs_keys();

	str_add(page, head);
	str_printf(page, "\nset -g __reinject_keys %s\nset -g __reinject_valued", keys);
	add_valued(page, "", cli_global_options);
	for (size_t i = 0; cli_verbs[i]; i++)
		add_valued(page, cli_verbs[i]->name, cli_verbs[i]->options);
	str_add(page, "\n\n");
	add_options(page, NULL, cli_global_options);
	for (size_t i = 0; cli_verbs[i]; i++) {
		str_printf(page, "\ncomplete -c reinject -n 'test -z (__reinject_place)' -a %s -d ", cli_verbs[i]->name);
		add_quoted(page, cli_verbs[i]->summary);
		str_add_c(page, '\n');
		add_options(page, cli_verbs[i], cli_verbs[i]->options);
		add_operands(page, cli_verbs[i]);
	}
}
