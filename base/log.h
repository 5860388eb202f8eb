/* base/log - sentences for the person at the terminal, all on stderr.
 *
 * Only cli/ and refresh/run.c log above debug; every other room returns its error (base/err).
 * Colour is used when stderr is a terminal and NO_COLOR is unset, or as --color says. Control bytes in what is logged come out escaped, so that
 * a file name cannot speak to the terminal.
 * Threads: a line is written with one write(2); levels are set once at start, before any thread runs. */
#ifndef REINJECT_BASE_LOG_H
#define REINJECT_BASE_LOG_H

#include "base/cleanup.h"
#include "base/err.h"

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/** What is shown: LOG_INFO by default, LOG_WARNING with -q, LOG_DEBUG with -v. */
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

/** With @on each line begins with the time of day: for what runs for hours. */
void log_set_times(bool on);

/** With @on each line begins with its level as systemd's journal reads it ('<4>' for a warning), and has no time of ours. */
void log_set_levels(bool on);

enum log_color { LOG_COLOR_AUTO, LOG_COLOR_NEVER, LOG_COLOR_ALWAYS };
void log_set_color(enum log_color when);
/** True when text on stderr may carry ANSI colours. */
bool log_color(void);

void log_at(enum log_level level, const char *format, ...) PRINTF(2, 3);
#define log_error(...)   log_at(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_at(LOG_DEBUG, __VA_ARGS__)

/** Prints the sentence of @err as an error, and its hint below it. */
void log_err(const struct err *err);

#endif
