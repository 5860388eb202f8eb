#include "cli/print.h"

#include "base/str.h"

#include <sys/ioctl.h>

void cli_print_line(const char *format, ...)
{
	CLEANUP_FREE char *visible = NULL;
	char *text = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		return;
	visible = str_visible(text);
	free(text);
	puts(visible);
}

/* How many of the bytes at @text speak to a terminal: one, the two of C1 in UTF-8, or none. */
static size_t control_length(const unsigned char *text)
{
	if (text[0] == 0xc2 && text[1] >= 0x80 && text[1] < 0xa0)
		return 2;
	return text[0] < 0x20 || text[0] == 0x7f;
}

void cli_print_script(const char *script)
{
	CLEANUP(str_clear) struct str safe = { 0 };
	bool quoted = false;

	for (const char *p = script; *p; p++) {
		size_t n = quoted ? control_length((const unsigned char *)p) : 0;

		for (size_t i = 0; i < n; i++)
			str_printf(&safe, "'$'\\%03o''", (unsigned char)p[i]);
		if (n == 0)
			str_add_c(&safe, *p);
		if (*p == '\\' && !quoted && p[1])
			str_add_c(&safe, *++p);
		else if (*p == '\'')
			quoted = !quoted;
		p += n > 0 ? n - 1 : 0;
	}
	puts(str_text(&safe));
}

size_t cli_print_columns(int fd)
{
	struct winsize size = { 0 };

	return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}
