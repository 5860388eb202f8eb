#include "base/log.h"

#include "base/str.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

static enum log_level current_level = LOG_INFO;
static enum log_color color_when = LOG_COLOR_AUTO;
static bool with_times;
static bool with_levels;

void log_set_level(enum log_level level)
{
	current_level = level;
}

bool log_enabled(enum log_level level)
{
	return level <= current_level;
}

void log_set_times(bool on)
{
	with_times = on;
}

void log_set_levels(bool on)
{
	with_levels = on;
}

void log_set_color(enum log_color when)
{
	color_when = when;
}

bool log_color(void)
{
	const char *no_color = getenv("NO_COLOR");

	if (color_when != LOG_COLOR_AUTO)
		return color_when == LOG_COLOR_ALWAYS;
	return isatty(STDERR_FILENO) && !(no_color && *no_color);
}

static void add_escaped(struct str *line, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text, next = (unsigned char)text[1];

		if (c == 0xc2 && next >= 0x80 && next < 0xa0)
			/* One of C1, such as CSI: terminals take it for Escape and a letter. */
			str_printf(line, "\\x%02x\\x%02x", c, (unsigned char)*++text);
		else if ((c < 0x20 && c != '\t') || c == 0x7f)
			str_printf(line, "\\x%02x", c);
		else
			str_add_c(line, *text);
	}
}

static void add_time(struct str *line)
{
	time_t now = time(NULL);
	char text[16];
	struct tm tm;

	localtime_r(&now, &tm);
	if (with_times && !with_levels && strftime(text, sizeof(text), "%H:%M:%S ", &tm) > 0)
		str_add(line, text);
}

/* syslog's numbers, which the journal takes off again. */
static void add_level(struct str *line, enum log_level level)
{
	static const char *const levels[] = { "<3>", "<4>", "<6>", "<7>" };

	if (with_levels)
		str_add(line, levels[level]);
}

static void write_line(enum log_level level, const char *prefix, const char *ansi, const char *text)
{
	CLEANUP(str_clear) struct str line = { 0 };
	bool color = *ansi && log_color();

	add_level(&line, level);
	add_time(&line);
	str_printf(&line, "%s%s%s", color ? ansi : "", prefix, color ? "\033[0m" : "");
	add_escaped(&line, text);
	str_add_c(&line, '\n');
	/* Nobody is left to be told when stderr itself cannot be written. */
	(void)!write(STDERR_FILENO, line.buf, line.len);
}

void log_at(enum log_level level, const char *format, ...)
{
	static const char *const prefixes[] = { "error: ", "warning: ", "", "" };
	static const char *const colors[] = { "\033[1;31m", "\033[1;33m", "", "" };
	CLEANUP(str_clear) struct str text = { 0 };
	char small[512];
	va_list args;
	int n;

	if (!log_enabled(level))
		return;
	va_start(args, format);
	n = vsnprintf(small, sizeof(small), format, args);
	va_end(args);
	if (n >= (int)sizeof(small)) {
		grow_array(&text.buf, &text.cap, (size_t)n + 1, 1);
		va_start(args, format);
		vsnprintf(text.buf, (size_t)n + 1, format, args);
		va_end(args);
	}
	write_line(level, prefixes[level], colors[level], text.buf ? text.buf : small);
}

void log_err(const struct err *err)
{
	log_error("%s", err->message[0] ? err->message : "failed, and nothing said why: please report this");
	if (err->hint[0] && log_enabled(LOG_ERROR))
		write_line(LOG_ERROR, "  ", "", err->hint);
}
