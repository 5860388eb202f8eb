#include "tools/docs/roff.h"

#include "cli/wrap.h"

#include <ctype.h>
#include <string.h>

#define WIDTH 68

void docs_roff_head(struct str *page, const char *name, int section, const char *summary)
{
	str_printf(page, ".\\\" Made by `make docs` from the tables of the program: change those.\n.TH ");
	for (const char *p = name; *p; p++) {
		if (*p == '-')
			str_add(page, "\\-");
		else
			str_add_c(page, (char)toupper((unsigned char)*p));
	}
	str_printf(page, " %d " REINJECT_DATE " \"reinject " REINJECT_VERSION "\" \"reinject\"\n.SH NAME\n", section);
	docs_roff_word(page, name);
	str_add(page, " \\- ");
	docs_roff_word(page, summary);
	str_add_c(page, '\n');
}

static void add_char(struct str *page, char c)
{
	if (c == '\\')
		str_add(page, "\\e");
	else if (c == '-')
		str_add(page, "\\-");
	else if (c == '~')
		str_add(page, "\\(ti");
	else if (c == '^')
		str_add(page, "\\(ha");
	else if (c == '\'')
		str_add(page, "\\(aq");
	else
		str_add_c(page, c);
}

void docs_roff_word(struct str *page, const char *text)
{
	for (; *text; text++)
		add_char(page, *text);
}

/* A dash inside a word of prose is a hyphen. */
static bool is_hyphen(const char *text, const char *p)
{
	return *p == '-' && p > text && isalpha((unsigned char)p[-1]) && isalpha((unsigned char)p[1]);
}

/* One word of prose. @bold: whether a backquote is open, which a blank does not close. */
static void add_prose_word(struct str *page, const char *word, size_t n, bool *bold)
{
	if (*word == '.' || *word == '\'')
		str_add(page, "\\&");
	for (const char *p = word; p < word + n; p++) {
		if (*p == '`') {
			*bold = !*bold;
			str_add(page, *bold ? "\\fB" : "\\fR");
		} else if (!*bold && is_hyphen(word, p)) {
			str_add_c(page, '-');
		} else {
			add_char(page, *p);
		}
	}
}

/* The words of the @n bytes at @text, in lines of at most WIDTH. */
static void fill(struct str *page, const char *text, size_t n)
{
	const char *end = text + n;
	size_t column = 0;
	bool bold = false;

	while (text < end) {
		size_t length;

		text += strspn(text, " \n");
		length = strcspn(text, " \n");
		if (text >= end || length == 0)
			break;
		if (column > 0)
			str_add_c(page, column + 1 + length > WIDTH ? '\n' : ' ');
		column = column > 0 && column + 1 + length <= WIDTH ? column + 1 + length : length;
		add_prose_word(page, text, length, &bold);
		text += length;
	}
	str_add_c(page, '\n');
}

void docs_roff_fill(struct str *page, const char *text)
{
	fill(page, text, strlen(text));
}

void docs_roff_item(struct str *page, const char *word, const char *text)
{
	str_add(page, ".TP\n\\fB");
	docs_roff_word(page, word);
	str_add(page, "\\fR\n");
	docs_roff_fill(page, text);
}

/* A paragraph's macro, which right behind a heading would be one too many. */
static void begin_paragraph(struct str *page)
{
	const char *line = memrchr(page->buf, '\n', page->len - 1);

	if (!line || !str_starts(line, "\n.S"))
		str_add(page, ".PP\n");
}

void docs_roff_example(struct str *page, const char *text)
{
	begin_paragraph(page);
	str_add(page, ".nf\n");
	while (*text) {
		size_t n = strcspn(text, "\n");
		CLEANUP_FREE char *line = xstrndup(text, n);

		str_add(page, "\\&");
		docs_roff_word(page, line);
		str_add_c(page, '\n');
		text += n + (text[n] == '\n');
	}
	str_add(page, ".fi\n");
}

/* The lines of a list, of which a new item has a word before @column. */
static void add_list(struct str *page, const char *text, const char *end, size_t column)
{
	while (text < end) {
		size_t n = strcspn(text, " ");
		CLEANUP_FREE char *word = xstrndup(text, n);
		CLEANUP(str_clear) struct str meaning = { 0 };

		do {
			size_t length = strcspn(text, "\n");

			if (length > column)
				str_add_n(&meaning, text + column, length - column);
			str_add_c(&meaning, '\n');
			text += length + (text[length] == '\n');
		} while (text < end && *text == ' ');
		docs_roff_item(page, word, str_text(&meaning));
	}
}

static void add_paragraph(struct str *page, const char *text, const char *end)
{
	size_t column = cli_wrap_column(text);

	if (str_starts(text, "  ")) {
		CLEANUP_FREE char *lines = xstrndup(text, (size_t)(end - text));

		docs_roff_example(page, lines);
	} else if (column > 0) {
		add_list(page, text, end, column);
	} else {
		begin_paragraph(page);
		fill(page, text, (size_t)(end - text));
	}
}

void docs_roff_text(struct str *page, const char *text)
{
	while (*text) {
		const char *end = strstr(text, "\n\n");

		if (!end)
			end = text + strlen(text);
		add_paragraph(page, text, end);
		text = end + strspn(end, "\n");
	}
}
