/* cli/json - JSON lines on stdout, as DESIGN.md section 10 defines them: one object a line, each flushed, with `t_ms` since the program's start.
 *
 * Strings that are not UTF-8 (paths are bytes) come out with each wrong byte 0xNN as the escape \udcNN, as Python's 'surrogateescape' has it.
 * Ownership: cli_json_print() takes the object over. */
#ifndef REINJECT_CLI_JSON_H
#define REINJECT_CLI_JSON_H

#include "base/str.h"

#include <jansson.h>

/** Called first in main(): t_ms counts from here. */
void cli_json_start_clock(void);

/** A JSON string, or null for NULL. */
json_t *cli_json_string(const char *text);
json_t *cli_json_strings(const struct strvec *v);
/** '2026-01-02T03:04:05.678Z'. */
json_t *cli_json_time(int64_t wall_ms);

/** Prints @object with t_ms as a line on stdout, and frees it. */
void cli_json_print(json_t *object);

#endif
