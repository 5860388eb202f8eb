/* What failed, and what was said of it at the time. */
#include "report/sections.h"

#include <string.h>

enum { OPEN_FAILURES = 3, MAX_FAILURES = 40 };

/* Where the error is no more than the one step that failed, it is not said twice. */
static bool is_said(const struct report *report, const struct report_run *run)
{
	CLEANUP_FREE char *said = NULL;
	size_t n = 0;

	for (size_t i = 0; i < report->n_steps; i++) {
		const struct report_step *step = &report->steps[i];

		if (step->run != run->id || step->result != JOURNAL_FAILED)
			continue;
		free(said);
		said = xasprintf("%s: %s", step->subject ? step->subject : "", step->detail ? step->detail : "");
		n++;
	}
	return n == 1 && str_eq(said, run->error);
}

static void add_failed_steps(struct str *html, const struct report *report, const struct report_run *run)
{
	bool any = false;

	for (size_t i = 0; i < report->n_steps && !is_said(report, run); i++) {
		const struct report_step *step = &report->steps[i];

		if (step->run != run->id || step->result != JOURNAL_FAILED)
			continue;
		str_add(html, any ? "<li>" : "<ul><li>");
		any = true;
		report_html_text(html, step->kind);
		str_add(html, " ");
		report_html_text(html, step->subject);
		str_add(html, ": ");
		report_html_text(html, step->detail ? step->detail : "failed");
		str_add(html, ", after ");
		report_html_duration(html, step->ms);
		str_add(html, "</li>");
	}
	if (any)
		str_add(html, "</ul>\n");
}

static void add_failed_run(struct str *html, const struct report *report, const struct report_run *run)
{
	str_printf(html, "<article data-failure=\"%lld\"><h3><a href=\"#run-%lld\">Run %lld</a>, ", (long long)run->id, (long long)run->id,
		   (long long)run->id);
	report_html_text(html, run->verb);
	str_add(html, ", ");
	report_html_time(html, run->started);
	str_add(html, "</h3>\n<p>");
	report_html_text(html, run->error ? run->error : "no reason was recorded");
	str_add(html, "</p>\n");
	add_failed_steps(html, report, run);
	str_add(html, "</article>\n");
}

static void add_console(struct str *html, const struct report_boot *boot, const char *dir)
{
	if (boot->last_lines.n > 0) {
		str_add(html, "<pre tabindex=\"0\" aria-label=\"the console's last lines\">");
		for (size_t i = 0; i < boot->last_lines.n; i++) {
			report_html_text(html, boot->last_lines.v[i]);
			str_add(html, "\n");
		}
		str_add(html, "</pre>\n");
	}
	if (!boot->log)
		return;
	str_add(html, "<p><a href=\"");
	report_html_address(html, dir, boot->log);
	str_add(html, "\">The whole console</a></p>\n");
}

static void add_failed_boot(struct str *html, const struct report_boot *boot, const char *dir)
{
	str_printf(html, "<article data-failed-boot=\"%lld\"><h3>Boot %lld, ", (long long)boot->id, (long long)boot->id);
	report_html_time(html, boot->started);
	str_add(html, "</h3>\n<p>");
	report_html_text(html, boot->result);
	str_add(html, " after ");
	report_html_duration(html, boot->ms);
	if (boot->run > 0)
		str_printf(html, ", image of <a href=\"#run-%lld\">run %lld</a>", (long long)boot->run, (long long)boot->run);
	str_add(html, boot->reason ? ": " : "");
	report_html_text(html, boot->reason);
	str_add(html, "</p>\n");
	add_console(html, boot, dir);
	str_add(html, "</article>\n");
}

/* Runs and boots, the newest of both first. */
void report_failures_add(struct str *html, const struct report *report, const char *dir)
{
	size_t run = 0, boot = 0, n = 0;

	while (n < MAX_FAILURES) {
		while (run < report->n_runs && report->runs[run].result != JOURNAL_FAILED)
			run++;
		while (boot < report->n_boots && strcmp(report_verdict(&report->boots[boot]), "failed") != 0)
			boot++;
		if (run == report->n_runs && boot == report->n_boots)
			break;
		if (n == 0)
			str_add(html, "<section aria-labelledby=\"failures\"><h2 id=\"failures\">Failures</h2>\n");
		if (n++ == OPEN_FAILURES)
			str_add(html, "<details><summary>Earlier failures</summary>\n");
		if (boot == report->n_boots || (run < report->n_runs && report->runs[run].started > report->boots[boot].started))
			add_failed_run(html, report, &report->runs[run++]);
		else
			add_failed_boot(html, &report->boots[boot++], dir);
	}
	if (n > 0)
		str_add(html, n > OPEN_FAILURES ? "</details></section>\n" : "</section>\n");
}
