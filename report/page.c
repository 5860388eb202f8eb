#include "report/html.h"

#include "base/fs.h"
#include "base/human.h"

#include <dirent.h>
#include <string.h>

/* The page, section by section, from the top. */

enum { OPEN_ROWS = 12, OPEN_FAILURES = 3, MAX_FAILURES = 40 };

/* -- the top ------------------------------------------------------------------------------------------------------------------------------------- */

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

static void add_head(struct str *html, const struct report *report)
{
	const char *name = fs_basename(report->project);

	str_add(html,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<title>");
	report_html_text(html, name);
	if (report->n_runs > 0)
		str_printf(html, ": run %lld, %s", (long long)report->runs[0].id, report_result(report->runs[0].result));
	str_printf(html, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">To the report</a>\n<header>\n<h1>",
		   report_style);
	report_html_text(html, name);
	str_add(html, "</h1>\n<p class=\"where\">");
	report_html_text(html, report->image ? report->image : report->project);
	str_add(html, "</p>\n</header>\n<main id=\"main\">\n");
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

static int compare_numbers(const void *a, const void *b)
{
	int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;

	return first < second ? -1 : first > second;
}

/* The lower one of an even number: a run that was. */
static int64_t median(int64_t *numbers, size_t n)
{
	qsort(numbers, n, sizeof(*numbers), compare_numbers);
	return n > 0 ? numbers[(n - 1) / 2] : 0;
}

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
	report_html_duration(html, median(ok, n_ok));
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

/* -- builds ---------------------------------------------------------------------------------------------------------------------------------------- */

static void add_cell(struct str *html, int64_t ms)
{
	str_add(html, "<td class=\"n\">");
	report_html_duration(html, ms);
	str_add(html, "</td>");
}

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
	add_cell(html, last);
	add_cell(html, median(ms, n));
	add_cell(html, ms[n - 1]);
	str_printf(html, "<td class=\"n\"><data value=\"%zu\">%zu</data></td><td class=\"n\"><data value=\"%zu\">%zu</data></td></tr>\n", n, n,
		   n_failed, n_failed);
}

static void add_builds(struct str *html, const struct report *report)
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

/* -- room in the image -------------------------------------------------------------------------------------------------------------------------- */

static void add_space_row(struct str *html, const struct journal_space *space)
{
	int64_t free_bytes = (int64_t)space->size - (int64_t)space->used;
	const int64_t cells[] = { (int64_t)space->used, free_bytes, space->grown, (int64_t)space->used - (int64_t)space->before - space->grown };

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
		   "</th><th scope=\"col\" class=\"n\">Files grown</th><th scope=\"col\" class=\"n\">Lost</th></tr></thead>\n<tbody>\n",
		   report->n_spaces);
	for (size_t i = report->n_spaces; i > 0; i--)
		add_space_row(html, &report->spaces[i - 1]);
	str_add(html, "</tbody></table></div></details>\n");
}

static void add_space(struct str *html, const struct report *report)
{
	const struct journal_space *last;

	if (report->n_spaces == 0)
		return;
	last = &report->spaces[report->n_spaces - 1];
	str_add(html, "<section aria-labelledby=\"space\"><h2 id=\"space\">Room in the image</h2>\n<p id=\"space-now\">");
	report_html_bytes(html, (int64_t)last->used);
	str_add(html, " of ");
	report_html_bytes(html, (int64_t)last->size);
	str_printf(html, " used after run %lld. Lost since run %lld: ", (long long)last->run, (long long)report->spaces[0].run);
	report_html_bytes(html, report_lost(report, report->n_spaces - 1));
	str_add(html, ", an estimate: what more is used, less what the files have grown, and less what was got back.</p>\n<figure>\n");
	report_chart_space(html, report);
	str_add(html, "<ul class=\"legend\"><li><span class=\"swatch\"></span>used</li><li><span class=\"swatch lost\"></span>of it "
		      "lost</li></ul></figure>\n");
	add_space_table(html, report);
	str_add(html, "</section>\n");
}

/* -- failures --------------------------------------------------------------------------------------------------------------------------------------- */

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
static void add_failures(struct str *html, const struct report *report, const char *dir)
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

/* -- boots and runs as tables ------------------------------------------------------------------------------------------------------------------------ */

static void add_boot_row(struct str *html, const struct report_boot *boot, const char *dir)
{
	str_printf(html, "<tr data-boot=\"%lld\"><th scope=\"row\">%lld</th><td>", (long long)boot->id, (long long)boot->id);
	report_html_time(html, boot->started);
	str_printf(html, "</td><td class=\"word %s\">", report_verdict(boot));
	report_html_text(html, boot->result);
	str_add(html, "</td>");
	add_cell(html, boot->ms);
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

static void add_boots(struct str *html, const struct report *report, const char *dir)
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

static void add_numbers(struct str *html, const struct report *report)
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
	add_cell(html, run->ms);
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

static void add_runs(struct str *html, const struct report *report)
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

/* -- logs ------------------------------------------------------------------------------------------------------------------------------------------ */

static void add_log(struct str *html, const char *dir, const char *path, const char *what, bool *any)
{
	if (!fs_exists(path))
		return;
	str_add(html, *any ? "<li><a href=\"" : "<section aria-labelledby=\"logs\"><h2 id=\"logs\">Logs</h2>\n<ul>\n<li><a href=\"");
	*any = true;
	report_html_address(html, dir, path);
	str_printf(html, "\">%s</a>: <code>", what);
	report_html_text(html, path);
	str_add(html, "</code></li>\n");
}

/* One for each image, in STATE/work/HASH. */
static void add_mount_logs(struct str *html, const struct report *report, const char *dir, bool *any)
{
	CLEANUP_FREE char *work = xasprintf("%s/work", report->state);
	CLEANUP(cleanup_closedir) DIR *d = opendir(work);

	for (struct dirent *entry = d ? readdir(d) : NULL; entry; entry = readdir(d)) {
		CLEANUP_FREE char *path = xasprintf("%s/%s/mount.log", work, entry->d_name);

		if (entry->d_name[0] != '.')
			add_log(html, dir, path, "the last mount", any);
	}
}

static void add_logs(struct str *html, const struct report *report, const char *dir)
{
	static const struct {
		const char *name, *what;
	} logs[] = { { "hooks.log", "git hooks" },
		     { "service-watch.log", "the watch, by launchd" },
		     { "service-nightly.log", "the nights, by launchd" },
		     { "locations", "the compiler's last errors, for editors" } };
	bool any = false;

	for (size_t i = 0; i < N_ELEMENTS(logs); i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", report->state, logs[i].name);

		add_log(html, dir, path, logs[i].what, &any);
	}
	add_mount_logs(html, report, dir, &any);
	if (any)
		str_add(html, "</ul></section>\n");
}

void report_render(const struct report *report, const char *dir, struct str *html)
{
	add_head(html, report);
	add_last(html, report);
	add_figures(html, report);
	add_days(html, report);
	add_failures(html, report, dir);
	add_builds(html, report);
	add_space(html, report);
	add_boots(html, report, dir);
	add_numbers(html, report);
	add_runs(html, report);
	add_logs(html, report, dir);
	str_add(html, "</main>\n<footer><p>Written ");
	report_html_time(html, report->now);
	str_add(html, " by reinject " REINJECT_VERSION " from the journal in <code>");
	report_html_text(html, report->state);
	str_add(html, "</code>.</p></footer>\n</body>\n</html>\n");
}
