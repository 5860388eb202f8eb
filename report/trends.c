/* What changes slowly: build times, numbers out of the console, room in the image; each as a chart and as the same numbers in a table. */
#include "report/sections.h"

#include "base/human.h"

/* -- bars in a row ---------------------------------------------------------------------------------------------------------------------------------- */

struct bars {
	struct report_bar *v; /* owned */
	size_t n, cap;
};

static void bars_clear(struct bars *bars)
{
	for (size_t i = 0; i < bars->n; i++)
		free(bars->v[i].title);
	free(bars->v);
}

/* Takes @title over. */
static void bars_add(struct bars *bars, double value, bool failed, char *title)
{
	grow_array(&bars->v, &bars->cap, bars->n, sizeof(*bars->v));
	bars->v[bars->n++] = (struct report_bar){ value, failed, title };
}

/* -- build times ------------------------------------------------------------------------------------------------------------------------------------ */

static char *build_title(const struct report_step *step)
{
	CLEANUP_FREE char *ms = human_duration(step->ms);

	return xasprintf("run %lld: %s, %s", (long long)step->run, ms, report_result(step->result));
}

static void add_row_head(struct str *html, const char *key, const char *name, const struct bars *bars, const char *label)
{
	str_printf(html, "<tr %s=\"", key);
	report_html_text(html, name);
	str_add(html, "\"><th scope=\"row\">");
	report_html_text(html, name);
	str_add(html, "</th><td class=\"spark\">");
	report_chart_bars(html, bars->v, bars->n, label);
	str_add(html, "</td>");
}

static void add_package(struct str *html, const struct report *report, const char *package)
{
	CLEANUP_FREE int64_t *ms = xcalloc(report->n_steps, sizeof(*ms));
	CLEANUP(bars_clear) struct bars bars = { 0 };
	CLEANUP_FREE char *label = NULL;
	int64_t last = 0;
	size_t n = 0, n_failed = 0;

	for (size_t i = 0; i < report->n_steps; i++) {
		const struct report_step *step = &report->steps[i];

		if (!report_is_build(step) || !str_eq(step->subject, package))
			continue;
		bars_add(&bars, (double)step->ms, step->result == JOURNAL_FAILED, build_title(step));
		ms[n++] = last = step->ms;
		n_failed += step->result == JOURNAL_FAILED;
	}
	label = xasprintf("%zu builds over time; the columns beside have the figures", n);
	add_row_head(html, "data-package", package, &bars, label);
	report_html_cell(html, last);
	report_html_cell(html, report_median(ms, n));
	report_html_cell(html, ms[n - 1]);
	str_printf(html, "<td class=\"n\"><data value=\"%zu\">%zu</data></td><td class=\"n\"><data value=\"%zu\">%zu</data></td></tr>\n", n, n,
		   n_failed, n_failed);
}

void report_trends_add_builds(struct str *html, const struct report *report)
{
	CLEANUP(strvec_clear) struct strvec packages = { 0 };

	for (size_t i = 0; i < report->n_steps; i++)
		if (report_is_build(&report->steps[i]))
			strvec_add(&packages, report->steps[i].subject);
	if (packages.n == 0)
		return;
	strvec_sort_unique(&packages);
	str_add(html, "<section aria-labelledby=\"builds\"><h2 id=\"builds\">Build times</h2>\n"
		      "<p class=\"soft\">What cargo found fresh is not counted. Each bar is a build, the newest at the right; a hollow one "
		      "failed.</p>\n"
		      "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Build times by package\"><table "
		      "id=\"build-table\">\n<thead><tr>"
		      "<th scope=\"col\">Package</th><th scope=\"col\">Over time</th><th scope=\"col\" class=\"n\">Last</th><th scope=\"col\" "
		      "class=\"n\">"
		      "Median</th><th scope=\"col\" class=\"n\">Longest</th><th scope=\"col\" class=\"n\">Builds</th><th scope=\"col\" "
		      "class=\"n\">Failed</th>"
		      "</tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < packages.n; i++)
		add_package(html, report, packages.v[i]);
	str_add(html, "</tbody></table></div></section>\n");
}

/* -- numbers out of the console --------------------------------------------------------------------------------------------------------------------- */

static void add_number(struct str *html, const struct report *report, const char *name)
{
	CLEANUP(bars_clear) struct bars bars = { 0 };
	CLEANUP_FREE char *label = NULL;
	double low = 0, high = 0;

	for (size_t i = 0; i < report->n_numbers; i++) {
		const struct report_number *number = &report->numbers[i];

		if (!str_eq(number->name, name))
			continue;
		low = bars.n == 0 || number->value < low ? number->value : low;
		high = bars.n == 0 || number->value > high ? number->value : high;
		bars_add(&bars, number->value, false, xasprintf("boot %lld: %g", (long long)number->boot, number->value));
	}
	label = xasprintf("%zu boots over time; the columns beside have the figures", bars.n);
	add_row_head(html, "data-number", name, &bars, label);
	str_printf(html, "<td class=\"n\">%g</td><td class=\"n\">%g</td><td class=\"n\">%g</td><td class=\"n\">%zu</td></tr>\n",
		   bars.v[bars.n - 1].value, low, high, bars.n);
}

void report_trends_add_numbers(struct str *html, const struct report *report)
{
	CLEANUP(strvec_clear) struct strvec names = { 0 };

	for (size_t i = 0; i < report->n_numbers; i++)
		strvec_add(&names, report->numbers[i].name);
	if (names.n == 0)
		return;
	strvec_sort_unique(&names);
	str_add(html,
		"<section aria-labelledby=\"numbers\"><h2 id=\"numbers\">Numbers from the console</h2>\n<div class=\"scroll\" role=\"region\" "
		"tabindex=\"0\" aria-label=\"Numbers from the console\"><table>\n<thead><tr><th scope=\"col\">What</th><th scope=\"col\">Over "
		"time</th>"
		"<th scope=\"col\" class=\"n\">Last</th><th scope=\"col\" class=\"n\">Lowest</th><th scope=\"col\" class=\"n\">Highest</th>"
		"<th scope=\"col\" class=\"n\">Boots</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < names.n; i++)
		add_number(html, report, names.v[i]);
	str_add(html, "</tbody></table></div></section>\n");
}

/* -- room in the image -------------------------------------------------------------------------------------------------------------------------- */

static void add_space_row(struct str *html, const struct journal_space *space)
{
	int64_t free_bytes = (int64_t)space->size - (int64_t)space->used;
	const int64_t cells[] = { (int64_t)space->used, free_bytes, space->grown, (int64_t)space->lost };

	str_printf(html, "<tr data-space=\"%lld\"><th scope=\"row\">%lld</th>", (long long)space->run, (long long)space->run);
	for (size_t i = 0; i < N_ELEMENTS(cells); i++) {
		str_add(html, "<td class=\"n\">");
		report_html_bytes(html, cells[i]);
		str_add(html, "</td>");
	}
	str_add(html, "</tr>\n");
}

static void add_space_table(struct str *html, const struct report *report)
{
	str_printf(html,
		   "<details><summary>The same as a table (%zu runs)</summary><div class=\"scroll\" role=\"region\" tabindex=\"0\" "
		   "aria-label=\"Room in the "
		   "image\">"
		   "<table id=\"space-table\">\n<thead><tr><th scope=\"col\">Run</th><th scope=\"col\" class=\"n\">Used</th><th scope=\"col\" "
		   "class=\"n\">Free"
		   "</th><th scope=\"col\" class=\"n\">Files grown</th><th scope=\"col\" class=\"n\">Lost so far</th></tr></thead>\n<tbody>\n",
		   report->n_spaces);
	for (size_t i = report->n_spaces; i > 0; i--)
		add_space_row(html, &report->spaces[i - 1]);
	str_add(html, "</tbody></table></div></details>\n");
}

void report_trends_add_space(struct str *html, const struct report *report)
{
	const struct journal_space *last;

	if (report->n_spaces == 0)
		return;
	last = &report->spaces[report->n_spaces - 1];
	str_add(html, "<section aria-labelledby=\"space\"><h2 id=\"space\">Room in the image</h2>\n<p id=\"space-now\">");
	report_html_bytes(html, (int64_t)last->used);
	str_add(html, " of ");
	report_html_bytes(html, (int64_t)last->size);
	str_printf(html, " used after run %lld. Lost: ", (long long)last->run);
	report_html_bytes(html, (int64_t)last->lost);
	str_add(html, ", an estimate: what more is used after files were replaced, less what these have grown, and less what was got "
		      "back.</p>\n<figure>\n");
	report_chart_space(html, report);
	str_add(html, "<ul class=\"legend\"><li><span class=\"swatch\"></span>used</li><li><span class=\"swatch lost\"></span>of it "
		      "lost</li></ul></figure>\n");
	add_space_table(html, report);
	str_add(html, "</section>\n");
}
