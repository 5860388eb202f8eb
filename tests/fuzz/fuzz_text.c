/* The few functions that every name and every line of a stranger's goes through on its way to a terminal, a log or a shell. */
#include "fuzz.h"

#include "image/redoxfs.h"

static void check_visible(const char *text)
{
	CLEANUP_FREE char *visible = str_visible(text);

	for (const char *p = visible; *p; p++) {
		FUZZ_CHECK((unsigned char)*p >= ' ' && *p != 127);
		FUZZ_CHECK(!((unsigned char)p[0] == 0xc2 && (unsigned char)p[1] >= 0x80 && (unsigned char)p[1] < 0xa0));
	}
}

static void check_percent(const char *text)
{
	CLEANUP(str_clear) struct str coded = { 0 };
	CLEANUP_FREE char *back = NULL, *raw = str_from_percent(text, strlen(text));

	str_add_percent(&coded, text);
	for (size_t i = 0; i < coded.len; i++)
		FUZZ_CHECK(coded.buf[i] > ' ' && coded.buf[i] < 127);
	back = str_from_percent(str_text(&coded), coded.len);
	FUZZ_CHECK(str_eq(back, text) && strlen(raw) <= strlen(text));
}

static void check_paths(const char *text)
{
	CLEANUP_FREE char *path = fs_absolute("/base", text);
	CLEANUP(str_clear) struct str plain = { 0 };

	FUZZ_CHECK(path[0] == '/' && !strstr(path, "//") && !strstr(path, "/../") && !str_ends(path, "/..") && !str_ends(path, "/."));
	str_add_without_ansi(&plain, text);
	FUZZ_CHECK(plain.len <= strlen(text));
	for (const char *p = text; *p; p += str_utf8_length(p) ? str_utf8_length(p) : 1)
		FUZZ_CHECK(p + str_utf8_length(p) <= text + strlen(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP_FREE char *text = fuzz_text(data, n);
	CLEANUP(str_clear) struct str quoted = { 0 };

	check_visible(text);
	check_percent(text);
	check_paths(text);
	str_add_shell_quoted(&quoted, text);
	FUZZ_CHECK(quoted.len >= strlen(text));
	(void)image_redoxfs_name_problem((const char *)data, n);
	return 0;
}
