/* report/report - the journal as one HTML page that needs nothing else: no script, no file from elsewhere.
 *
 * Sequence: report_collect(), report_render(), report_clear(). Between the two it is plain data.
 * Page:     the last night, with whom it has named and what is held since when; the last result, a row for each day with its runs and boots, build times by package, room in the image, failures, all runs, logs. Each chart is
 *           inline SVG beside a table with the same numbers; exact ones stand in <data value="...">. A section without data is left out, or says so.
 * Safety:   what comes from elsewhere (names, errors, console lines) is escaped; bytes that are no text come out as U+FFFD.
 * Files:    report.c (the data), page.c (the page), overview.c, failures.c, trends.c, tables.c (its sections), chart.c (SVG), html.c (escaping), style.c.
 * Threads:  no shared state. */
#ifndef REINJECT_REPORT_REPORT_H
#define REINJECT_REPORT_REPORT_H

#include "base/str.h"
#include "config/config.h"
#include "journal/journal.h"
#include "journal/space.h"

/* All strings are owned. */
struct report_run {
	int64_t id, started, ms;
	enum journal_result result;
	char *verb, *error, *packages, *commits; /* as the journal's; error, packages and commits may be NULL */
};

struct report_step {
	int64_t run, ms;
	enum journal_result result;
	char *kind, *subject, *detail; /* subject and detail may be NULL */
};

struct report_boot {
	int64_t id, run, started, ms;
	char *result;              /* 'up', 'failed', 'timeout', 'cancelled', 'pending' */
	char *reason, *line, *log; /* may be NULL */
	struct strvec last_lines;  /* of the console, the newest last; only where it is not up */
};

/* What [boot] record took out of a boot's console. */
struct report_number {
	int64_t boot;
	double value;
	char *name;
};

struct report_night {
	int64_t id, started, ms, run, boots, trials;
	char *result, *summary; /* as the journal's; summary may be NULL */
};

/* Somebody's subject that is held, and what is known of the night that named it. */
struct report_held {
	char *name;
	int64_t since, run; /* since: 0 when the run is not in the journal any more */
	int64_t night;      /* 0: no night has named it: a rollback */
	char *commits, *line, *log; /* may be NULL */
};

struct report {
	int64_t now;   /* ms since 1970 */
	char *project; /* the configuration's folder, absolute */
	char *image;   /* NULL when none is configured */
	char *state;
	struct report_run *runs; /* newest first */
	size_t n_runs, runs_cap;
	struct report_step *steps; /* of these runs: every build, and what failed; oldest first */
	size_t n_steps, steps_cap;
	struct report_boot *boots; /* newest first */
	size_t n_boots, boots_cap;
	struct report_number *numbers; /* of these boots, oldest first */
	size_t n_numbers, numbers_cap;
	struct report_night *nights; /* newest first */
	size_t n_nights, nights_cap;
	struct report_held *held; /* what the image is without, by name */
	size_t n_held, held_cap;
	struct journal_space *spaces; /* oldest first */
	size_t n_spaces, spaces_cap;
};

/** Fills @ret from @journal (NULL: nothing was done yet) with the newest @limit runs (0: all) of the configured image. */
int report_collect(const struct config *config, struct journal *journal, unsigned int limit, struct report *ret, struct err *err) MUST_CHECK;
void report_clear(struct report *report);

/** Adds the page to @html. @dir: the folder where it will lie, for links to logs. */
void report_render(const struct report *report, const char *dir, struct str *html);

#endif
