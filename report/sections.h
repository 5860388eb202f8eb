/* report/sections - the sections that page.c puts together. Each adds its HTML, or nothing where there is nothing to tell. @dir: where the page will lie.
 * Threads: no shared state. */
#ifndef REINJECT_REPORT_SECTIONS_H
#define REINJECT_REPORT_SECTIONS_H

#include "report/html.h"

void report_nights_add(struct str *html, const struct report *report, const char *dir);
void report_overview_add(struct str *html, const struct report *report);
void report_failures_add(struct str *html, const struct report *report, const char *dir);
void report_trends_add_builds(struct str *html, const struct report *report);
void report_trends_add_numbers(struct str *html, const struct report *report);
void report_trends_add_space(struct str *html, const struct report *report);
void report_tables_add_boots(struct str *html, const struct report *report, const char *dir);
void report_tables_add_runs(struct str *html, const struct report *report);

#endif
