/* What whoever opens the page wants first: how the last run and the last boot ended, a few figures, a row for each day. */
#include "report/sections.h"

#include <string.h>

/* -- the last result -------------------------------------------------------------------------------------------------------------------------------- */

static const char *verdict_word(enum journal_result result)
{
	switch (result) {
	case JOURNAL_OK:
		return "In the image";
	case JOURNAL_NOTHING:
		return "Nothing to do";
	case JOURNAL_CANCELLED:
		return "Interrupted";
	case JOURNAL_PENDING:
		return "Running";
	default:
		return "Failed";
	}
}

/* 'base at 17fe32233bcb' for each 'base=17fe3...'. */
static void add_commits(struct str *html, const char *commits)
{
	const char *separator = "<p class=\"soft\">";

	for (const char *word = commits; word && *word;) {
		size_t n = strcspn(word, " "), name = strcspn(word, "= ");
		CLEANUP_FREE char *source = xstrndup(word, name);
		CLEANUP_FREE char *commit = name < n ? xstrndup(word + name + 1, n - name - 1 < 12 ? n - name - 1 : 12) : NULL;

		if (commit) {
			str_add(html, separator);
			report_html_text(html, source);
			str_add(html, " at <code>");
			report_html_text(html, commit);
			str_add(html, "</code>");
			separator = ", ";
		}
		word += n;
		word += strspn(word, " ");
	}
	if (separator[0] == ',')
		str_add(html, "</p>\n");
}

static void add_last_boot(struct str *html, const struct report *report)
{
	const struct report_boot *boot = &report->boots[0];

	if (report->n_boots == 0)
		return;
	str_printf(html, "<p id=\"last-boot\" data-boot=\"%lld\">", (long long)boot->id);
	report_chart_sign(html, report_verdict(boot), true);
	str_add(html, " Last boot: ");
	report_html_text(html, boot->result);
	str_add(html, " after ");
	report_html_duration(html, boot->ms);
	str_add(html, ", ");
	report_html_time(html, boot->started);
	str_add(html, "</p>\n");
}

static void add_last_run(struct str *html, const struct report_run *run)
{
	const char *result = report_result(run->result);

	str_add(html, "<p class=\"verdict\">");
	report_chart_sign(html, result, false);
	str_printf(html, "<span class=\"word\">%s</span></p>\n<p>Run %lld, ", verdict_word(run->result), (long long)run->id);
	report_html_text(html, run->verb);
	str_add(html, ", ");
	report_html_time(html, run->started);
	str_add(html, run->result == JOURNAL_PENDING ? "</p>\n" : ", took ");
	if (run->result != JOURNAL_PENDING) {
		report_html_duration(html, run->ms);
		str_add(html, "</p>\n");
	}
	if (run->packages && *run->packages) {
		str_add(html, "<p><strong>");
		report_html_text(html, run->packages);
		str_add(html, "</strong></p>\n");
	}
	if (run->error) {
		str_add(html, "<p>");
		report_html_text(html, run->error);
		str_add(html, "</p>\n");
	}
	add_commits(html, run->commits);
}

static void add_last(struct str *html, const struct report *report)
{
	const char *result = report->n_runs > 0 ? report_result(report->runs[0].result) : NULL;

	if (result)
		str_printf(html, "<section class=\"last %s\" id=\"last\" data-run=\"%lld\" data-result=\"%s\">", result,
			   (long long)report->runs[0].id, result);
	else
		str_add(html, "<section class=\"last\" id=\"last\">");
	str_add(html, "<h2>Last result</h2>\n");
	if (result)
		add_last_run(html, &report->runs[0]);
	else
		str_printf(html, "<p class=\"verdict\">%s</p>\n", report->n_boots > 0 ? "No run yet" : "Nothing was done yet");
	add_last_boot(html, report);
	str_add(html, "</section>\n");
}

/* -- figures --------------------------------------------------------------------------------------------------------------------------------------- */

static void add_count(struct str *html, const char *id, const char *title, size_t n)
{
	str_printf(html, "<div><dt>%s</dt><dd id=\"%s\"><data value=\"%zu\">%zu</data></dd></div>\n", title, id, n, n);
}

static void add_run_figures(struct str *html, const struct report *report)
{
	CLEANUP_FREE int64_t *ok = xcalloc(report->n_runs + 1, sizeof(*ok));
	size_t n_ok = 0, n_failed = 0, n_builds = 0;

	for (size_t i = 0; i < report->n_runs; i++) {
		if (report->runs[i].result == JOURNAL_OK)
			ok[n_ok++] = report->runs[i].ms;
		n_failed += report->runs[i].result == JOURNAL_FAILED;
	}
	for (size_t i = 0; i < report->n_steps; i++)
		n_builds += report_is_build(&report->steps[i]);
	add_count(html, "figure-runs", "Runs", report->n_runs);
	add_count(html, "figure-failed", "of which failed", n_failed);
	add_count(html, "figure-builds", "Builds", n_builds);
	if (n_ok == 0)
		return;
	str_add(html, "<div><dt>A good run, median</dt><dd id=\"figure-median\">");
	report_html_duration(html, report_median(ok, n_ok));
	str_add(html, "</dd></div>\n");
}

static void add_figures(struct str *html, const struct report *report)
{
	if (report->n_runs == 0)
		return;
	str_add(html, "<dl class=\"figures\">\n");
	add_run_figures(html, report);
	if (report->n_spaces > 0) {
		str_add(html, "<div><dt>Used in the image</dt><dd id=\"figure-used\">");
		report_html_bytes(html, (int64_t)report->spaces[report->n_spaces - 1].used);
		str_add(html, "</dd></div>\n");
	}
	str_add(html, "</dl>\n");
}

/* -- days ------------------------------------------------------------------------------------------------------------------------------------------ */

/* Only what occurs. */
static void add_legend(struct str *html, const struct report *report)
{
	static const enum journal_result results[] = { JOURNAL_OK, JOURNAL_FAILED, JOURNAL_NOTHING, JOURNAL_CANCELLED, JOURNAL_PENDING };

	str_add(html, "<ul class=\"legend\">\n");
	for (size_t i = 0; i < N_ELEMENTS(results); i++) {
		size_t run = 0;

		while (run < report->n_runs && report->runs[run].result != results[i])
			run++;
		if (run == report->n_runs)
			continue;
		str_add(html, "<li>");
		report_chart_sign(html, report_result(results[i]), false);
		str_printf(html, "%s</li>\n", results[i] == JOURNAL_NOTHING ? "nothing to do" : report_result(results[i]));
	}
	for (size_t i = 0; i < 2 && report->n_boots > 0; i++) {
		str_add(html, "<li>");
		report_chart_sign(html, i == 0 ? "ok" : "failed", true);
		str_printf(html, "boot %s</li>\n", i == 0 ? "up" : "failed");
	}
	str_add(html, "</ul>\n");
}

static void add_days(struct str *html, const struct report *report)
{
	if (report->n_runs + report->n_boots == 0)
		return;
	str_printf(html, "<section aria-labelledby=\"days\"><h2 id=\"days\">%s</h2>\n<figure>\n",
		   report->n_boots > 0 ? "Runs and boots by day" : "Runs by day");
	report_chart_days(html, report);
	add_legend(html, report);
	str_add(html, "</figure></section>\n");
}

void report_overview_add(struct str *html, const struct report *report)
{
	add_last(html, report);
	add_figures(html, report);
	add_days(html, report);
}
