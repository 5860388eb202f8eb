/* boot/lines - a console's bytes as lines that patterns can be held against.
 *
 * Sequence: zero it, set on_line, boot_lines_feed() with whatever came, boot_lines_end() when nothing comes any more; boot_lines_clear().
 * Line:     what stands between two line ends (\n, \r, or a cursor put elsewhere), without escape sequences and control bytes; a backspace takes a byte
 *           back. Empty lines are none. One that grows beyond BOOT_LINES_MAX is ended there.
 * Partial:  a prompt has no end: at the end of each feed the line so far is handed over too, with complete = false, if it has grown. So a line is seen
 *           once complete, and any number of times before that; the caller remembers what it found in it (`number` tells whether it is the same line).
 * Bytes are matched as bytes: the program runs in the C locale. */
#ifndef REINJECT_BOOT_LINES_H
#define REINJECT_BOOT_LINES_H

#include "base/str.h"

#include <stdint.h>

enum { BOOT_LINES_MAX = 16384 };

struct boot_lines {
	void (*on_line)(void *data, const char *line, uint64_t number, bool complete);
	void *data;
	struct str line;
	uint64_t number; /* of the line that is being filled; the first is 0 */
	bool grown;      /* since it was handed over */
	int state;       /* where in an escape sequence: enum in lines.c */
};

/** Calls lines->on_line for each line that ends within these bytes, and for what has grown of the one that does not. */
void boot_lines_feed(struct boot_lines *lines, const char *bytes, size_t n);
/** The last line, if it was not ended. */
void boot_lines_end(struct boot_lines *lines);
void boot_lines_clear(struct boot_lines *lines);

#endif
