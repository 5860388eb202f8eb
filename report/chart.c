#include "report/html.h"

#include "base/human.h"

#include <string.h>
#include <time.h>

/* Charts as inline SVG. Places along the width are percentages and signs have pixels, so that a phone gets the same sizes as a desktop. */

enum { MAX_DAYS = 14, MAX_BARS = 40, MIN_SLOTS = 12, BAR_HEIGHT = 30, DAY_S = 86400 };

/* A shape for each result: whoever sees no colours sees the same. */
static const char *shape(const char *result, bool is_boot)
{
	if (str_eq(result, "failed"))
		return is_boot ? "<path d=\"M-5.5-5.5H5.5V5.5H-5.5ZM-3-3L3 3M3-3L-3 3\"/>" : "<path d=\"M-4.5-4.5L4.5 4.5M4.5-4.5L-4.5 4.5\"/>";
	if (str_eq(result, "nothing"))
		return "<path d=\"M0-5V5\"/>";
	if (str_eq(result, "running"))
		return "<path d=\"M0-6L6 0L0 6L-6 0Z\"/>";
	if (is_boot)
		return "<rect x=\"-5\" y=\"-5\" width=\"10\" height=\"10\" rx=\"1.5\"/>";
	return str_eq(result, "cancelled") ? "<circle r=\"4.5\"/>" : "<circle r=\"5\"/>";
}

void report_chart_sign(struct str *html, const char *result, bool is_boot)
{
	str_printf(html, "<svg class=\"sign m %s\" width=\"1em\" height=\"1em\" viewBox=\"-8 -8 16 16\" aria-hidden=\"true\">%s</svg>", result,
		   shape(result, is_boot));
}

/* -- days ---------------------------------------------------------------------------------------------------------------------------------------- */

struct moment {
	int year, day; /* of the year: local time */
	double x;      /* percent of the day */
	struct tm tm;
};

static struct moment find_moment(int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct moment moment;

	localtime_r(&seconds, &moment.tm);
	moment.year = moment.tm.tm_year;
	moment.day = moment.tm.tm_yday;
	moment.x = (moment.tm.tm_hour * 3600 + moment.tm.tm_min * 60 + moment.tm.tm_sec) * 100.0 / DAY_S;
	return moment;
}

static bool is_same_day(int64_t a, int64_t b)
{
	struct moment first = find_moment(a), second = find_moment(b);

	return first.year == second.year && first.day == second.day;
}

/* Between 1.5 and 98.5 percent, so that a sign at midnight stays on the page. */
static void add_mark(struct str *html, int64_t started, double y, const char *result, bool is_boot, const char *title)
{
	str_printf(html, "<svg class=\"m %s\" x=\"%.2f%%\" y=\"%.0f\"><title>", result, 1.5 + find_moment(started).x * 0.97, y);
	report_html_text(html, title);
	str_printf(html, "</title>%s</svg>", shape(result, is_boot));
}

static void add_run_mark(struct str *html, const struct report_run *run, double y)
{
	CLEANUP_FREE char *time = human_time(run->started), *ms = human_duration(run->ms);
	CLEANUP_FREE char *title = xasprintf("run %lld, %s, %s: %s, %s%s%s", (long long)run->id, run->verb, time, report_result(run->result), ms,
					     run->packages && *run->packages ? ": " : "", run->packages ? run->packages : "");

	add_mark(html, run->started, y, report_result(run->result), false, title);
}

static void add_boot_mark(struct str *html, const struct report_boot *boot, double y)
{
	CLEANUP_FREE char *time = human_time(boot->started), *ms = human_duration(boot->ms);
	CLEANUP_FREE char *title = xasprintf("boot %lld, %s: %s, %s", (long long)boot->id, time, boot->result, ms);

	add_mark(html, boot->started, y, report_verdict(boot), true, title);
}

static void add_marks(struct str *html, const struct report *report, int64_t day, bool failed)
{
	double y_run = report->n_boots > 0 ? 11 : 17;

	for (size_t i = report->n_runs; i > 0; i--) {
		const struct report_run *run = &report->runs[i - 1];

		if (is_same_day(run->started, day) && (run->result == JOURNAL_FAILED) == failed)
			add_run_mark(html, run, y_run);
	}
	for (size_t i = report->n_boots; i > 0; i--) {
		const struct report_boot *boot = &report->boots[i - 1];

		if (is_same_day(boot->started, day) && str_eq(report_verdict(boot), "failed") == failed)
			add_boot_mark(html, boot, 27);
	}
}

struct counted {
	size_t runs, failed, boots;
};

static struct counted count_day(const struct report *report, int64_t day)
{
	struct counted counted = { 0 };

	for (size_t i = 0; i < report->n_runs; i++) {
		if (!is_same_day(report->runs[i].started, day))
			continue;
		counted.runs++;
		counted.failed += report->runs[i].result == JOURNAL_FAILED;
	}
	for (size_t i = 0; i < report->n_boots; i++)
		counted.boots += is_same_day(report->boots[i].started, day);
	return counted;
}

static void add_day(struct str *html, const struct report *report, int64_t day)
{
	struct counted counted = count_day(report, day);
	struct moment moment = find_moment(day);
	unsigned int height = report->n_boots > 0 ? 38 : 34;
	char date[40];

	strftime(date, sizeof(date), "%a %d %b", &moment.tm);
	str_printf(html, "<li><span>%s</span><svg width=\"100%%\" height=\"%u\" role=\"img\" aria-label=\"%zu runs, %zu failed; %zu boots\">",
		   date, height, counted.runs, counted.failed, counted.boots);
	for (int i = 0; i <= 4; i++)
		str_printf(html, "<line class=\"rule\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"0\" y2=\"%u\"/>", 1.5 + i * 24.25, 1.5 + i * 24.25,
			   height);
	/* What failed lies on top. */
	add_marks(html, report, day, false);
	add_marks(html, report, day, true);
	str_printf(html, "</svg><span class=\"soft\">%zu %s</span></li>\n", counted.runs, counted.runs == 1 ? "run" : "runs");
}

/* The newest moment before the day of @day (0: of all); 0 when there is none. */
static int64_t find_day_before(const struct report *report, int64_t day)
{
	int64_t found = 0;

	for (size_t i = 0; i < report->n_runs; i++) {
		int64_t at = report->runs[i].started;

		if (at > found && (day == 0 || (at < day && !is_same_day(at, day))))
			found = at;
	}
	for (size_t i = 0; i < report->n_boots; i++) {
		int64_t at = report->boots[i].started;

		if (at > found && (day == 0 || (at < day && !is_same_day(at, day))))
			found = at;
	}
	return found;
}

void report_chart_days(struct str *html, const struct report *report)
{
	int64_t day = find_day_before(report, 0);

	str_add(html, "<ol class=\"days\">\n<li class=\"hours\" aria-hidden=\"true\"><span></span><svg width=\"100%\" height=\"18\">");
	for (int i = 0; i <= 4; i++)
		str_printf(html, "<text x=\"%.2f%%\" y=\"12\">%d%s</text>", 1.5 + i * 24.25, i * 6, i == 4 ? " h" : "");
	str_add(html, "</svg><span></span></li>\n");
	for (int i = 0; i < MAX_DAYS && day > 0; i++) {
		add_day(html, report, day);
		day = find_day_before(report, day);
	}
	str_add(html, "</ol>\n");
}

/* -- bars ---------------------------------------------------------------------------------------------------------------------------------------- */

static void add_bar(struct str *html, const struct report_bar *bar, double x, double slot, double max)
{
	double height = max > 0 ? bar->value * (BAR_HEIGHT - 3) / max : 0;

	height = height < 3 ? 3 : height;
	str_printf(html, "<rect class=\"bar%s\" x=\"%.2f%%\" y=\"%.1f\" width=\"%.2f%%\" height=\"%.1f\" rx=\"1\"><title>",
		   bar->failed ? " failed" : "", x, BAR_HEIGHT - height, slot * 0.7, height);
	report_html_text(html, bar->title);
	str_add(html, "</title></rect>");
}

void report_chart_bars(struct str *html, const struct report_bar *bars, size_t n, const char *label)
{
	size_t first = n > MAX_BARS ? n - MAX_BARS : 0;
	double slot = 100.0 / (double)(n - first < MIN_SLOTS ? MIN_SLOTS : n - first), max = 0;

	for (size_t i = first; i < n; i++)
		max = bars[i].value > max ? bars[i].value : max;
	str_printf(html, "<svg width=\"100%%\" height=\"%d\" role=\"img\" aria-label=\"", BAR_HEIGHT);
	report_html_text(html, label);
	str_add(html, "\">");
	for (size_t i = first; i < n; i++)
		add_bar(html, &bars[i], (double)(i - first) * slot, slot, max);
	str_printf(html, "<line class=\"rule\" x1=\"0\" x2=\"100%%\" y1=\"%d.5\" y2=\"%d.5\"/></svg>", BAR_HEIGHT, BAR_HEIGHT);
}

/* -- room in the image ---------------------------------------------------------------------------------------------------------------------------- */

static double across(const struct report *report, size_t i)
{
	return report->n_spaces > 1 ? (double)i * 100.0 / (double)(report->n_spaces - 1) : 0;
}

/* The points of what is used, or of what of it is lost; one point alone becomes a line. */
static void add_points(struct str *html, const struct report *report, bool lost, double top)
{
	double y = 100;

	for (size_t i = 0; i < report->n_spaces; i++) {
		const struct journal_space *space = &report->spaces[i];

		y = 100 - (double)(lost ? space->lost : space->used) * 100 / top;
		str_printf(html, "%.2f,%.2f ", across(report, i), y);
	}
	if (report->n_spaces == 1)
		str_printf(html, "100,%.2f ", y);
}

static void add_area(struct str *html, const struct report *report, const char *class, bool lost, double top)
{
	str_printf(html, "<polygon class=\"%s\" points=\"0,100 ", class);
	add_points(html, report, lost, top);
	str_add(html, "100,100\"/>");
}

void report_chart_space(struct str *html, const struct report *report)
{
	const struct journal_space *first = &report->spaces[0], *last = &report->spaces[report->n_spaces - 1];
	CLEANUP_FREE char *top_text = NULL;
	uint64_t top = 0;

	for (size_t i = 0; i < report->n_spaces; i++)
		top = report->spaces[i].used > top ? report->spaces[i].used : top;
	top_text = human_bytes(top);
	str_printf(html,
		   "<div class=\"plot\"><div class=\"y\" aria-hidden=\"true\"><span>%s</span><span>0</span></div>"
		   "<svg width=\"100%%\" height=\"140\" viewBox=\"0 0 100 100\" preserveAspectRatio=\"none\" role=\"img\" "
		   "aria-label=\"used and lost room after each run; the table below has the numbers\">",
		   top_text);
	add_area(html, report, "used", false, (double)(top > 0 ? top : 1));
	add_area(html, report, "lost", true, (double)(top > 0 ? top : 1));
	str_add(html, "<polyline class=\"usedline\" points=\"");
	add_points(html, report, false, (double)(top > 0 ? top : 1));
	str_printf(html, "\"/></svg><div class=\"x\"><span>run %lld</span><span>run %lld</span></div></div>\n", (long long)first->run,
		   (long long)last->run);
}
