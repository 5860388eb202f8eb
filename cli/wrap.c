#include "cli/wrap.h"

#include <string.h>

/* At least so much of a line is for the text of an item, however narrow the terminal is. */
enum { NARROWEST = 20 };

static void pad(struct str *to, size_t n)
{
	while (n-- > 0)
		str_add_c(to, ' ');
}

/* The words up to @end, the first one at column @indent, where we stand. */
static void fill(struct str *to, const char *text, const char *end, size_t indent, size_t width)
{
	size_t at = indent, limit = width > indent + NARROWEST ? width : indent + NARROWEST;

	for (text += strspn(text, " \n"); text < end; text += strspn(text, " \n")) {
		size_t n = strcspn(text, " \n");

		if (at > indent && at + 1 + n > limit) {
			str_add_c(to, '\n');
			pad(to, indent);
			at = indent;
		} else if (at > indent) {
			str_add_c(to, ' ');
			at++;
		}
		str_add_n(to, text, n);
		at += n;
		text += n;
	}
	str_add_c(to, '\n');
}

static void add_item(struct str *to, const char *left, size_t n, size_t column, const char *text, const char *end, size_t width)
{
	str_add_n(to, left, n);
	if (n + 1 > column) {
		str_add_c(to, '\n');
		n = 0;
	}
	pad(to, column - n);
	fill(to, text, end, column, width);
}

void cli_wrap_item(struct str *to, const char *left, size_t column, const char *text, size_t width)
{
	add_item(to, left, strlen(left), column, text, text + strlen(text), width);
}

size_t cli_wrap_column(const char *line)
{
	size_t n = strcspn(line, " \n"), blanks = strspn(line + n, " ");

	return n > 0 && n < 12 && blanks >= 2 && n + blanks < 16 ? n + blanks : 0;
}

/* The end of an item: the line before the next one that does not begin with a blank. */
static const char *item_end(const char *text, const char *end)
{
	for (const char *line = memchr(text, '\n', (size_t)(end - text)); line; line = memchr(line + 1, '\n', (size_t)(end - line - 1)))
		if (line[1] != ' ')
			return line;
	return end;
}

static void add_list(struct str *to, const char *text, const char *end, size_t column, size_t width)
{
	while (text < end) {
		const char *next = item_end(text, end);
		size_t n = strcspn(text, " \n");

		add_item(to, text, n, column, text + n, next, width);
		text = next + (next < end);
	}
}

static void add_paragraph(struct str *to, const char *text, const char *end, size_t width)
{
	size_t column = cli_wrap_column(text);

	if (str_starts(text, "  ")) {
		str_add_n(to, text, (size_t)(end - text));
		str_add_c(to, '\n');
	} else if (column > 0) {
		add_list(to, text, end, column, width);
	} else {
		fill(to, text, end, 0, width);
	}
}

void cli_wrap_text(struct str *to, const char *text, size_t width)
{
	while (*text) {
		const char *end = strstr(text, "\n\n");

		if (!end)
			end = text + strlen(text);
		add_paragraph(to, text, end, width);
		text = end + strspn(end, "\n");
		if (*text)
			str_add_c(to, '\n');
	}
}
