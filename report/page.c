#include "report/sections.h"

#include "base/fs.h"

#include <dirent.h>

/* The page: its head, its sections in their order, and links to the logs. */

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
	report_nights_add(html, report, dir);
	report_overview_add(html, report);
	report_failures_add(html, report, dir);
	report_trends_add_builds(html, report);
	report_trends_add_space(html, report);
	report_tables_add_boots(html, report, dir);
	report_trends_add_numbers(html, report);
	report_tables_add_runs(html, report);
	add_logs(html, report, dir);
	str_add(html, "</main>\n<footer><p>Written ");
	report_html_time(html, report->now);
	str_add(html, " by reinject " REINJECT_VERSION " from the journal in <code>");
	report_html_text(html, report->state);
	str_add(html, "</code>.</p></footer>\n</body>\n</html>\n");
}
