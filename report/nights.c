/* What the nights have come to: the last one first, then what is held, and why; the others folded away. */
#include "report/sections.h"

#include <string.h>

static const char *night_word(const char *result)
{
	static const char *const words[][2] = {
		{ "nothing", "Nothing was stale" },
		{ "good", "The image boots" },
		{ "failed", "Not everything was built" },
		{ "culprits", "Culprits found" },
		{ "bad", "The image was no good" },
		{ "flaky", "No verdict: the boots differ" },
		{ "spent", "No verdict in time" },
		{ "host", "The host or the guest" },
		{ "error", "The night could not be done" },
		{ "interrupted", "Interrupted" },
		{ "pending", "Running" },
		{ "busy", "Another run had the image" },
	};

	for (size_t i = 0; i < N_ELEMENTS(words); i++)
		if (str_eq(result, words[i][0]))
			return words[i][1];
	return result;
}

/* In the words of the style sheet. */
static const char *night_class(const char *result)
{
	if (str_eq(result, "good"))
		return "ok";
	if (str_eq(result, "nothing") || str_eq(result, "pending"))
		return str_eq(result, "nothing") ? "nothing" : "running";
	return str_eq(result, "interrupted") || str_eq(result, "busy") ? "cancelled" : "failed";
}

static void add_last(struct str *html, const struct report_night *night)
{
	const char *class = night_class(night->result);

	str_printf(html, "<section class=\"last %s\" id=\"night\" data-night=\"%lld\" data-result=\"", class, (long long)night->id);
	report_html_text(html, night->result);
	str_add(html, "\"><h2>Last night</h2>\n<p class=\"verdict\">");
	report_chart_sign(html, class, false);
	str_printf(html, "<span class=\"word\">%s</span></p>\n<p>", night_word(night->result));
	report_html_text(html, night->summary);
	str_add(html, "</p>\n<p>");
	report_html_time(html, night->started);
	str_add(html, ", took ");
	report_html_duration(html, night->ms);
	if (night->boots > 0)
		str_printf(html, ", <data value=\"%lld\">%lld</data> %s of <data value=\"%lld\">%lld</data> %s", (long long)night->boots,
			   (long long)night->boots, night->boots == 1 ? "boot" : "boots", (long long)night->trials, (long long)night->trials,
			   night->trials == 1 ? "image" : "images");
	str_add(html, "</p></section>\n");
}

static void add_lines(struct str *html, const char *lines)
{
	for (const char *line = lines; line && *line;) {
		size_t n = strcspn(line, "\n");
		CLEANUP_FREE char *text = xstrndup(line, n);

		str_add(html, "<li><code>");
		report_html_text(html, text);
		str_add(html, "</code></li>");
		line += n + (line[n] != '\0');
	}
}

static void add_held(struct str *html, const struct report_held *held, const char *dir)
{
	str_add(html, "<article data-held=\"");
	report_html_text(html, held->name);
	str_add(html, "\"><h3>");
	report_html_text(html, held->name);
	str_add(html, "</h3>\n<p>Held");
	if (held->since > 0) {
		str_add(html, " since ");
		report_html_time(html, held->since);
		str_printf(html, ", <a href=\"#run-%lld\">run %lld</a>", (long long)held->run, (long long)held->run);
	}
	str_add(html, held->night > 0 ? ": with it the image does not boot, without it it does." : ", by a rollback.");
	str_add(html, " It is not built again until it changes or is asked for by name.</p>\n");
	if (held->line && *held->line) {
		str_add(html, "<pre tabindex=\"0\" aria-label=\"what the console said\">");
		report_html_text(html, held->line);
		str_add(html, "</pre>\n");
	}
	if (held->commits && *held->commits) {
		str_add(html, "<p>Its commits since the last good image:</p>\n<ul>");
		add_lines(html, held->commits);
		str_add(html, "</ul>\n");
	}
	if (held->log) {
		str_add(html, "<p><a href=\"");
		report_html_address(html, dir, held->log);
		str_add(html, "\">The whole console</a></p>\n");
	}
	str_add(html, "</article>\n");
}

static void add_all_held(struct str *html, const struct report *report, const char *dir)
{
	if (report->n_held == 0)
		return;
	str_add(html, "<section aria-labelledby=\"held\"><h2 id=\"held\">Held</h2>\n");
	for (size_t i = 0; i < report->n_held; i++)
		add_held(html, &report->held[i], dir);
	str_add(html, "</section>\n");
}

static void add_row(struct str *html, const struct report_night *night)
{
	str_printf(html, "<tr data-past-night=\"%lld\"><th scope=\"row\">", (long long)night->id);
	report_html_time(html, night->started);
	str_printf(html, "</th><td>%s</td><td>", night_word(night->result));
	report_html_text(html, night->summary);
	str_add(html, "</td>");
	report_html_cell(html, night->ms);
	str_add(html, "</tr>\n");
}

static void add_earlier(struct str *html, const struct report *report)
{
	if (report->n_nights < 2)
		return;
	str_add(html, "<section aria-labelledby=\"nights\"><h2 id=\"nights\">Earlier nights</h2>\n<details><summary>All nights before the last</summary>\n"
		      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"nights\"><table>\n<thead><tr><th scope=\"col\">Began</th>"
		      "<th scope=\"col\">Result</th><th scope=\"col\">In words</th><th scope=\"col\">Took</th></tr></thead>\n<tbody>\n");
	for (size_t i = 1; i < report->n_nights; i++)
		add_row(html, &report->nights[i]);
	str_add(html, "</tbody></table></div></details></section>\n");
}

void report_nights_add(struct str *html, const struct report *report, const char *dir)
{
	if (report->n_nights > 0)
		add_last(html, &report->nights[0]);
	add_all_held(html, report, dir);
	add_earlier(html, report);
}
