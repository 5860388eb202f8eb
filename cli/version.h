/* cli/version - `reinject --version`: ours, and those of the libraries that were found when this program started, which need not be those it was built with.
 *
 * libfswatch and inih have no call that tells; for these two it is the name of the library's file, with the number that it was installed under.
 * Threads:  no shared state. */
#ifndef REINJECT_CLI_VERSION_H
#define REINJECT_CLI_VERSION_H

#include <stdbool.h>

/** Prints on stdout: three lines, the first of which is 'reinject VERSION'; with @json one object. */
void cli_version_print(bool json);

#endif
