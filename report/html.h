/* report/html - what the files that make up report/report.h share: text that is safe in a page, and its charts. */
#ifndef REINJECT_REPORT_HTML_H
#define REINJECT_REPORT_HTML_H

#include "report/report.h"

/** Text for an element or a quoted attribute. NULL adds nothing. */
void report_html_text(struct str *html, const char *text);
/** '<data value="1600">1.6 s</data>', and the same for bytes; a time of day is a <time>. */
void report_html_duration(struct str *html, int64_t ms);
void report_html_bytes(struct str *html, int64_t bytes);
void report_html_time(struct str *html, int64_t wall_ms);
/** A duration as a cell of a table. */
void report_html_cell(struct str *html, int64_t ms);
/** The address of file @path (absolute) as seen from a page in @dir, percent-encoded: relative where it lies
 * below, else file: (also with '' for @dir, a place that nobody knows). */
void report_html_address(struct str *html, const char *dir, const char *path);

/** What a result is called on the page and in its style sheet: 'ok', 'failed', 'cancelled', 'nothing', 'running'. */
const char *report_result(enum journal_result result);
/** The same for a boot: 'ok' (up), 'failed' (failed, timeout), 'cancelled', 'running'. */
const char *report_verdict(const struct report_boot *boot);

/** True for a build that has compiled something, well or not. */
bool report_is_build(const struct report_step *step);

/** The lower one of an even number: a run that was. Sorts @numbers. */
int64_t report_median(int64_t *numbers, size_t n);

extern const char report_style[];

/** The sign of a result for the legend: an <svg> by itself. */
void report_chart_sign(struct str *html, const char *result, bool is_boot);
/** One row for each of the newest days with a run or a boot. */
void report_chart_days(struct str *html, const struct report *report);
/** Values as bars, oldest first, of which the newest are shown. @label: what they are, in words. */
struct report_bar {
	double value;
	bool failed;
	char *title; /* owned */
};
void report_chart_bars(struct str *html, const struct report_bar *bars, size_t n, const char *label);
/** What is used in the image and what of it is lost, after each run. */
void report_chart_space(struct str *html, const struct report *report);

#endif
