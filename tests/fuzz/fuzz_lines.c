/* A console's bytes: however they are cut, the complete lines are the same, without control bytes, and none is longer than it may be. */
#include "fuzz.h"

#include "boot/lines.h"

struct seen {
	struct str text;
	uint64_t next;
};

static void note(void *data, const char *line, uint64_t number, bool complete)
{
	struct seen *seen = data;

	FUZZ_CHECK(number == seen->next && line[0] && strlen(line) <= BOOT_LINES_MAX);
	for (const char *p = line; *p; p++)
		FUZZ_CHECK(((unsigned char)*p >= ' ' || *p == '\t') && *p != 127);
	if (!complete)
		return;
	seen->next++;
	str_printf(&seen->text, "%s\n", line);
}

static void feed(const uint8_t *data, size_t n, size_t piece, struct seen *seen)
{
	struct boot_lines lines = { .on_line = note, .data = seen };

	for (size_t at = 0; at < n; at += piece)
		boot_lines_feed(&lines, (const char *)data + at, n - at < piece ? n - at : piece);
	boot_lines_end(&lines);
	boot_lines_clear(&lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct seen whole = { 0 }, cut = { 0 };

	feed(data, n, n + 1, &whole);
	feed(data, n, n > 0 ? data[0] % 7 + 1u : 1, &cut);
	FUZZ_CHECK(whole.next == cut.next && str_eq(str_text(&whole.text), str_text(&cut.text)));
	str_clear(&whole.text);
	str_clear(&cut.text);
	return 0;
}
