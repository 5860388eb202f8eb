/* All boots and all runs, the newest first; the older ones folded away. */
#include "report/sections.h"

enum { OPEN_ROWS = 12 };

/* -- boots ------------------------------------------------------------------------------------------------------------------------------------------ */

static void add_boot_row(struct str *html, const struct report_boot *boot, const char *dir)
{
	str_printf(html, "<tr data-boot=\"%lld\"><th scope=\"row\">%lld</th><td>", (long long)boot->id, (long long)boot->id);
	report_html_time(html, boot->started);
	str_printf(html, "</td><td class=\"word %s\">", report_verdict(boot));
	report_html_text(html, boot->result);
	str_add(html, "</td>");
	report_html_cell(html, boot->ms);
	str_add(html, "<td class=\"wide\">");
	report_html_text(html, boot->reason);
	str_add(html, "</td><td>");
	if (boot->log) {
		str_add(html, "<a href=\"");
		report_html_address(html, dir, boot->log);
		str_printf(html, "\">console<span hidden> of boot %lld</span></a>", (long long)boot->id);
	}
	str_add(html, "</td></tr>\n");
}

static void add_boot_table(struct str *html, const struct report *report, size_t from, size_t to, const char *dir)
{
	str_add(html,
		"<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Boots\"><table>\n<thead><tr><th scope=\"col\">Boot</th>"
		"<th scope=\"col\">Started</th><th scope=\"col\">Result</th><th scope=\"col\" class=\"n\">Took</th><th scope=\"col\">Why</th>"
		"<th scope=\"col\">Log</th></tr></thead>\n<tbody>\n");
	for (size_t i = from; i < to; i++)
		add_boot_row(html, &report->boots[i], dir);
	str_add(html, "</tbody></table></div>\n");
}

void report_tables_add_boots(struct str *html, const struct report *report, const char *dir)
{
	size_t open = report->n_boots < OPEN_ROWS ? report->n_boots : OPEN_ROWS;

	if (report->n_boots == 0)
		return;
	str_add(html, "<section aria-labelledby=\"boots\"><h2 id=\"boots\">Boots</h2>\n");
	add_boot_table(html, report, 0, open, dir);
	if (open < report->n_boots) {
		str_printf(html, "<details><summary>%zu earlier boots</summary>\n", report->n_boots - open);
		add_boot_table(html, report, open, report->n_boots, dir);
		str_add(html, "</details>\n");
	}
	str_add(html, "</section>\n");
}

/* -- runs ------------------------------------------------------------------------------------------------------------------------------------------- */

static void add_run_row(struct str *html, const struct report_run *run)
{
	const char *result = report_result(run->result);

	str_printf(html, "<tr id=\"run-%lld\" data-run=\"%lld\"><th scope=\"row\">%lld</th><td>", (long long)run->id, (long long)run->id,
		   (long long)run->id);
	report_html_time(html, run->started);
	str_add(html, "</td><td>");
	report_html_text(html, run->verb);
	str_printf(html, "</td><td class=\"word %s\">", result);
	report_chart_sign(html, result, false);
	str_printf(html, " %s</td>", result);
	report_html_cell(html, run->ms);
	str_add(html, "<td class=\"wide\">");
	report_html_text(html, run->error ? run->error : run->packages);
	str_add(html, "</td></tr>\n");
}

static void add_run_table(struct str *html, const struct report *report, size_t from, size_t to)
{
	str_add(html,
		"<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Runs\"><table class=\"runs\">\n<thead><tr><th "
		"scope=\"col\">Run</th>"
		"<th scope=\"col\">Started</th><th scope=\"col\">Verb</th><th scope=\"col\">Result</th><th scope=\"col\" class=\"n\">Took</th>"
		"<th scope=\"col\">Packages, or why not</th></tr></thead>\n<tbody>\n");
	for (size_t i = from; i < to; i++)
		add_run_row(html, &report->runs[i]);
	str_add(html, "</tbody></table></div>\n");
}

void report_tables_add_runs(struct str *html, const struct report *report)
{
	size_t open = report->n_runs < OPEN_ROWS ? report->n_runs : OPEN_ROWS;

	if (report->n_runs == 0)
		return;
	str_add(html, "<section aria-labelledby=\"runs\"><h2 id=\"runs\">Runs</h2>\n");
	add_run_table(html, report, 0, open);
	if (open < report->n_runs) {
		str_printf(html, "<details><summary>%zu earlier runs</summary>\n", report->n_runs - open);
		add_run_table(html, report, open, report->n_runs);
		str_add(html, "</details>\n");
	}
	str_add(html, "</section>\n");
}
