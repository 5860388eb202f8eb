/* cli/print - lines for people, on stdout.
 *
 * A line holds what others have named: packages, files, branches, messages of commits, words of a console. A name with a newline must not begin a line of
 * its own, one with an escape sequence not speak to the terminal. So whatever is printed for people as a fact goes through here; JSON has its own
 * escapes (cli/json), and sentences go to stderr (base/log, which does the same). */
#ifndef REINJECT_CLI_PRINT_H
#define REINJECT_CLI_PRINT_H

#include "base/cleanup.h"

/** Prints one line, its newline added, control bytes as \xNN. */
void cli_print_line(const char *format, ...) PRINTF(1, 2);

/** Prints what a shell may be given (by str_add_shell_quoted), a newline added. A control byte in a quoted word comes as '$'\nnn'', which bash, zsh and
 * busybox read as that byte. */
void cli_print_script(const char *script);

/** How many columns the terminal behind @fd has; 0 when it is none. */
size_t cli_print_columns(int fd);

#endif
