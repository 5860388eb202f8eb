/* cli/cli - what a verb is, and what it is handed.
 *
 * A verb is a file cmd-NAME.c with one const descriptor, and a row in table.c; main.c has no logic. Its run function returns an exit status by way of an
 * error: 0 or -errno with the class in `err` (base/err), which main prints; a verb that has told its failure itself returns 0 and sets ctx->status. */
#ifndef REINJECT_CLI_CLI_H
#define REINJECT_CLI_CLI_H

#include "base/cancel.h"
#include "base/err.h"
#include "cli/args.h"
#include "config/config.h"

struct cli_context {
	const struct cli_args *args;
	struct cancel *cancel;
	struct config *config; /* loaded before run() unless the verb says that it needs none */
	bool json;
	int status; /* 0, or what the verb wants to exit with although it has nothing more to say */
};

struct cli_verb {
	const char *name;
	const char *usage;                /* 'PKG... [/DEST]' */
	const char *summary;              /* one line for the list */
	const char *description;          /* paragraphs for `VERB --help` */
	const char *operands;             /* what stands where, for the completions: see cli_operand_at(); NULL: nothing does */
	const struct cli_option *options; /* ended by a row without name; NULL: none */
	int min_args, max_args;           /* positional arguments; -1: any number */
	bool no_config;
	int (*run)(struct cli_context *ctx, struct err *err);
};

/** All verbs, ended by NULL; in table.c. */
extern const struct cli_verb *const cli_verbs[];

/** Reads ctx->config as the command line says; in load.c. */
int cli_read_config(struct cli_context *ctx, struct config_problems *problems, struct err *err) MUST_CHECK;
/** The same, and tells what is wrong with it. */
int cli_load_config(struct cli_context *ctx, struct err *err) MUST_CHECK;

const struct cli_verb *cli_verb_find(const char *name);

/** Wrong number or kind of arguments: the sentence, and the usage as its hint. */
int cli_usage_error(const struct cli_verb *verb, struct err *err, const char *format, ...) PRINTF(3, 4);

/** The operand at place @i, counted from 0: 'install|uninstall' are the words themselves, 'PKG', 'RUN', 'FILE' and such are kinds. A verb's operands are
 * separated by blanks; one that ends in '...' stands for all that follow, and comes without it. False when nothing stands there. */
bool cli_operand_at(const struct cli_verb *verb, size_t i, char **ret) MUST_CHECK;

/** No such verb: what was meant, or where they are listed. Returns -EINVAL, class ERR_USAGE. */
int cli_unknown_verb(const char *word, struct err *err);

/** The first word after @verb is none of its operands: says so, and what was probably meant. */
int cli_unknown_word(const struct cli_verb *verb, const char *word, struct err *err);

/** `reinject --help` and `reinject VERB --help`, on stdout. */
void cli_help_program(void);
void cli_help_verb(const struct cli_verb *verb);

#endif
