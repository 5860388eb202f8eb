/* cli/runs - a run of the journal as JSON, for `log` and `show`. */
#ifndef REINJECT_CLI_RUNS_H
#define REINJECT_CLI_RUNS_H

#include "journal/journal.h"

#include <jansson.h>

/** {"run", "verb", "started", "ms", "result", "packages", "commits", "error", "image"}. The caller owns it. */
json_t *cli_run_json(const struct journal_run *run);

#endif
