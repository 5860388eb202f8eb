/* A console speaks to a terminal: colours, cursor moves, a line that is drawn again. What a pattern should see is the text. */
#include "boot/lines.h"

#include <string.h>

enum { TEXT, ESCAPE, ESCAPE_MORE, CSI, STRING, STRING_ESCAPE };

enum { BEL = 7, BACKSPACE = 8, ESC = 27, DEL = 127 };

static void end_line(struct boot_lines *lines)
{
	if (lines->line.len == 0)
		return;
	lines->on_line(lines->data, lines->line.buf, lines->number++, true);
	str_reset(&lines->line);
	lines->grown = false;
}

static void take_text(struct boot_lines *lines, unsigned char c)
{
	if (c == '\n' || c == '\r') {
		end_line(lines);
	} else if (c == BACKSPACE) {
		if (lines->line.len > 0)
			lines->line.buf[--lines->line.len] = '\0';
	} else if (c == ESC) {
		lines->state = ESCAPE;
	} else if ((c >= ' ' || c == '\t') && c != DEL) {
		str_add_c(&lines->line, (char)c);
		lines->grown = true;
		if (lines->line.len >= BOOT_LINES_MAX)
			end_line(lines);
	}
}

/* ESC [ begins parameters, ESC ] P X ^ _ a string up to BEL or ESC \, ESC SP..'/' one more byte; any other is a sequence of two. */
static void take_escape(struct boot_lines *lines, unsigned char c)
{
	if (c == '[')
		lines->state = CSI;
	else if (strchr("]PX^_", c) && c != '\0')
		lines->state = STRING;
	else if (c >= ' ' && c <= '/')
		lines->state = ESCAPE_MORE;
	else
		lines->state = c == ESC ? ESCAPE : TEXT;
}

static void take_parameter(struct boot_lines *lines, unsigned char c)
{
	if (c < '@' || c > '~')
		return;
	lines->state = TEXT;
	/* The cursor goes elsewhere: what follows is another line. */
	if (strchr("HfEF", c))
		end_line(lines);
}

static void take(struct boot_lines *lines, unsigned char c)
{
	switch (lines->state) {
	case ESCAPE:
		take_escape(lines, c);
		break;
	case ESCAPE_MORE:
		lines->state = c >= ' ' && c <= '/' ? ESCAPE_MORE : TEXT;
		break;
	case CSI:
		take_parameter(lines, c);
		break;
	case STRING:
		/* One that a crash has cut off must not swallow the rest: it ends with its line. */
		lines->state = c == ESC ? STRING_ESCAPE : c == BEL || c == '\n' ? TEXT : STRING;
		break;
	case STRING_ESCAPE:
		lines->state = c == '\\' ? TEXT : STRING;
		break;
	default:
		take_text(lines, c);
	}
}

void boot_lines_feed(struct boot_lines *lines, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		take(lines, (unsigned char)bytes[i]);
	if (lines->grown && lines->line.len > 0)
		lines->on_line(lines->data, lines->line.buf, lines->number, false);
	lines->grown = false;
}

void boot_lines_end(struct boot_lines *lines)
{
	end_line(lines);
}

void boot_lines_clear(struct boot_lines *lines)
{
	str_clear(&lines->line);
}
