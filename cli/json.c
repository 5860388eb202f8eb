#include "cli/json.h"

#include "base/clock.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

/* Set once, before any thread runs. */
static int64_t started_ms;

void cli_json_start_clock(void)
{
	started_ms = clock_ms();
}

static size_t utf8_length(unsigned char c)
{
	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c < 0xe0)
		return 2;
	if (c >= 0xe0 && c < 0xf0)
		return 3;
	return c >= 0xf0 && c < 0xf5 ? 4 : 0;
}

/* jansson takes no lone surrogates, neither in nor out. So a wrong byte travels as MARK and two hex digits, a MARK as two of them, and the finished line
 * is rewritten. MARK is U+10FFFF, a noncharacter. */
#define MARK "\xf4\x8f\xbf\xbf"

static json_t *marked_string(const char *text)
{
	CLEANUP(str_clear) struct str s = { 0 };

	while (*text) {
		size_t n = utf8_length((unsigned char)*text);
		json_t *one = n > 0 && strnlen(text, n) == n ? json_stringn(text, n) : NULL;

		if (str_starts(text, MARK))
			str_add(&s, MARK MARK);
		else if (one)
			str_add_n(&s, text, n);
		else
			str_printf(&s, MARK "%02x", (unsigned int)(unsigned char)*text);
		text += one ? n : 1;
		json_decref(one);
	}
	return json_string(str_text(&s));
}

static void add_unmarked(struct str *s, const char *text)
{
	size_t n = strlen(MARK);

	for (const char *mark = strstr(text, MARK); mark; mark = strstr(text, MARK)) {
		str_add_n(s, text, (size_t)(mark - text));
		text = mark + n;
		if (str_starts(text, MARK)) {
			str_add(s, MARK);
			text += n;
		} else if (isxdigit((unsigned char)text[0]) && isxdigit((unsigned char)text[1])) {
			str_printf(s, "\\udc%.2s", text);
			text += 2;
		} else {
			str_add(s, MARK);
		}
	}
	str_add(s, text);
}

json_t *cli_json_string(const char *text)
{
	json_t *string = text && !strstr(text, MARK) ? json_string(text) : NULL;

	if (!text)
		return json_null();
	return string ? string : marked_string(text);
}

json_t *cli_json_strings(const struct strvec *v)
{
	json_t *array = json_array();

	for (size_t i = 0; i < v->n; i++)
		json_array_append_new(array, cli_json_string(v->v[i]));
	return array;
}

json_t *cli_json_time(int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char text[64];
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, sizeof(text) - n, ".%03dZ", (int)(wall_ms % 1000));
	return json_string(text);
}

void cli_json_print(json_t *object)
{
	CLEANUP(str_clear) struct str line = { 0 };
	CLEANUP_FREE char *text = NULL;

	json_object_set_new(object, "t_ms", json_integer(clock_ms() - started_ms));
	text = json_dumps(object, JSON_COMPACT);
	if (text)
		add_unmarked(&line, text);
	puts(str_text(&line));
	fflush(stdout);
	json_decref(object);
}
