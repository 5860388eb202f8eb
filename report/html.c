#include "report/html.h"

#include "base/human.h"

#include <string.h>
#include <time.h>

/* What others have chosen (names, errors, what a kernel printed) becomes text here, and nowhere else. */

static const char *entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

/* C1 controls (U+0080 to U+009F) are no text either. */
static bool is_control(const char *text, size_t n)
{
	unsigned char c = (unsigned char)text[0];

	return (n == 1 && (c < 0x20 || c == 0x7f) && c != '\n' && c != '\t') || (n == 2 && c == 0xc2 && (unsigned char)text[1] < 0xa0);
}

void report_html_text(struct str *html, const char *text)
{
	while (text && *text) {
		size_t n = str_utf8_length(text);
		const char *instead = n == 0 || is_control(text, n) ? "\xef\xbf\xbd" : entity(*text);

		if (instead)
			str_add(html, instead);
		else
			str_add_n(html, text, n);
		text += n > 0 ? n : 1;
	}
}

void report_html_duration(struct str *html, int64_t ms)
{
	CLEANUP_FREE char *text = human_duration(ms);

	str_printf(html, "<data value=\"%lld\">%s</data>", (long long)ms, text);
}

void report_html_bytes(struct str *html, int64_t bytes)
{
	CLEANUP_FREE char *text = human_bytes((uint64_t)(bytes < 0 ? -bytes : bytes));

	str_printf(html, "<data value=\"%lld\">%s%s</data>", (long long)bytes, bytes < 0 ? "\xe2\x88\x92" : "", text);
}

void report_html_time(struct str *html, int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char exact[32], local[32];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(exact, sizeof(exact), "%Y-%m-%dT%H:%M:%S", &tm);
	localtime_r(&seconds, &tm);
	strftime(local, sizeof(local), "%Y-%m-%d %H:%M", &tm);
	str_printf(html, "<time datetime=\"%s.%03dZ\">%s</time>", exact, (int)(wall_ms % 1000), local);
}

void report_html_cell(struct str *html, int64_t ms)
{
	str_add(html, "<td class=\"n\">");
	report_html_duration(html, ms);
	str_add(html, "</td>");
}

void report_html_address(struct str *html, const char *dir, const char *path)
{
	bool is_below = *dir && path_under(path, dir) && !str_eq(path, dir);
	const char *rest = is_below && !str_eq(dir, "/") ? path + strlen(dir) + 1 : path;

	str_add(html, is_below ? "./" : "file://");
	for (; *rest; rest++) {
		unsigned char c = (unsigned char)*rest;

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || strchr("/-._~", c))
			str_add_c(html, *rest);
		else
			str_printf(html, "%%%02X", c);
	}
}
