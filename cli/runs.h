/* cli/runs - runs of the journal: as JSON, for `log` and `show`, and as a number on the command line. */
#ifndef REINJECT_CLI_RUNS_H
#define REINJECT_CLI_RUNS_H

#include "cli/cli.h"
#include "journal/journal.h"

#include <jansson.h>

/** {"run", "verb", "started", "ms", "result", "packages", "commits", "error", "image"}. The caller owns it. */
json_t *cli_run_json(const struct journal_run *run);

/** The journal's list of words ('a b'; NULL: none) as an array of strings. The caller owns it. */
json_t *cli_run_words_json(const char *words);

/** A run's number from 1; 0 when @word is none. */
int64_t cli_run_number(const char *word);

/** The same for an operand of @verb, where anything else is wrong use. */
int cli_run_operand(const struct cli_verb *verb, const char *word, int64_t *ret, struct err *err) MUST_CHECK;

#endif
