#include "cli/json.h"

#include "base/clock.h"

#include <string.h>
#include <time.h>

/* Set once, before any thread runs. */
static int64_t started_ms;

void cli_json_start_clock(void)
{
	started_ms = clock_ms();
}

const char *cli_json_library_version(void)
{
	return jansson_version_str();
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

/* For text that jansson has refused: what it accepts character by character stays, each other byte becomes U+FFFD. */
static json_t *repaired_string(const char *text)
{
	CLEANUP(str_clear) struct str s = { 0 };

	while (*text) {
		size_t n = utf8_length((unsigned char)*text);
		json_t *one = n > 0 && strnlen(text, n) == n ? json_stringn(text, n) : NULL;

		str_add_n(&s, one ? text : "\xef\xbf\xbd", one ? n : 3);
		text += one ? n : 1;
		json_decref(one);
	}
	return json_string(str_text(&s));
}

json_t *cli_json_string(const char *text)
{
	json_t *string = text ? json_string(text) : json_null();

	return string ? string : repaired_string(text);
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
	char *text;

	json_object_set_new(object, "t_ms", json_integer(clock_ms() - started_ms));
	text = json_dumps(object, JSON_COMPACT);
	if (text)
		puts(text);
	fflush(stdout);
	free(text);
	json_decref(object);
}
