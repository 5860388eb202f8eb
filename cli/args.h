/* cli/args - the command line: global options before or after the verb, a verb's own after it, `--` ends them.
 *
 * An option is a row in a table (the global one here, and one in each verb's descriptor), which also makes the help.
 * Sequence: cli_args_parse(), then cli_args_has(), cli_args_value(), cli_args_number(); cli_args_clear().
 * Ownership: values are pointers into argv. */
#ifndef REINJECT_CLI_ARGS_H
#define REINJECT_CLI_ARGS_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct cli_option {
	const char *name;  /* long name without the dashes; NULL ends a table */
	char letter;       /* 0: none */
	const char *
		value; /* NULL: it takes none. 'a|b': it is one of these words. Else what it is called in the help; FILE, FOLDER and PROGRAM are completed */
	const char *help;  /* one line */
};

extern const struct cli_option cli_global_options[];

struct cli_verb;

struct cli_given {
	const struct cli_option *option;
	const char *value;
};

struct cli_args {
	const struct cli_verb *verb; /* NULL when none was named */
	struct cli_given *given;
	size_t n_given, cap;
	struct strvec positional; /* without the verb */
};

/** Parses. -EINVAL, class ERR_USAGE, for an option that neither the program nor the verb has. */
int cli_args_parse(int argc, char **argv, struct cli_args *ret, struct err *err) MUST_CHECK;
void cli_args_clear(struct cli_args *args);

bool cli_args_has(const struct cli_args *args, const char *name);
/** The last value given, or NULL. */
const char *cli_args_value(const struct cli_args *args, const char *name);
/** All values given, in order. */
void cli_args_values(const struct cli_args *args, const char *name, struct strvec *ret);
/** The number given, or @fallback. -EINVAL, class ERR_USAGE, for what is no number up to @max. */
int cli_args_number(const struct cli_args *args, const char *name, uint32_t fallback, uint32_t max, uint32_t *ret, struct err *err) MUST_CHECK;

#endif
