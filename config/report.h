/* config/report - what was wrong, collected over all files, told in the order of the files and lines.
 *
 * Sequence: config_report_add() any number of times; config_report_end() writes the sentences, sorted, into a struct config_problems.
 * Ownership: embedded; config_report_clear() gives it back. File names are copied. */
#ifndef REINJECT_CONFIG_REPORT_H
#define REINJECT_CONFIG_REPORT_H

#include "base/cleanup.h"
#include "config/config.h"

enum config_severity { CONFIG_ERROR, CONFIG_WARNING };

struct config_note {
	enum config_severity severity;
	size_t file;       /* index into the report's files, which stand in the order in which they were first named */
	unsigned int line; /* 0: there is none, such as for -o */
	size_t number;     /* in the order of adding */
	char *text;
};

struct config_report {
	struct strvec files;
	struct config_note *notes; /* owned */
	size_t n_notes, cap_notes;
	size_t n_errors;
};

/** Adds 'FILE:LINE: TEXT', or 'FILE: TEXT' when @line is 0. */
void config_report_add(struct config_report *report, enum config_severity severity, const char *file, unsigned int line, const char *format, ...)
	PRINTF(5, 6);

/** Adds what was found to @problems, in the order of files and lines. */
void config_report_end(struct config_report *report, struct config_problems *problems);
void config_report_clear(struct config_report *report);

#endif
