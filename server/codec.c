/* The only file that turns bytes into JSON and back for the socket, so that the checks cannot be forgotten in one of many places. */
#include "server/codec.h"

#include <errno.h>
#include <string.h>

static const char cut_mark[] = "\033[0m... [the rest was left out]\n";

static json_t *bytes_value(const char *text, size_t n)
{
	json_t *string = json_stringn(text, n);
	CLEANUP_FREE char *hex = NULL;

	if (string)
		return string;
	hex = xrealloc(NULL, 2 * n + 1);
	hex_encode(text, n, hex);
	return json_pack("{s:s}", "hex", hex);
}

/* Where a text may be cut without breaking a character in two. */
static size_t cut_at(const char *text, size_t max)
{
	size_t n = max;

	while (n > 0 && n + 4 > max && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	return n;
}

json_t *server_codec_text(const char *text, size_t max)
{
	CLEANUP(str_clear) struct str cut = { 0 };
	size_t n;

	if (!text)
		return json_null();
	n = strnlen(text, max + 1);
	if (n <= max)
		return bytes_value(text, n);
	str_add_n(&cut, text, cut_at(text, max - strlen(cut_mark)));
	str_add(&cut, cut_mark);
	return bytes_value(cut.buf, cut.len);
}

json_t *server_codec_strings(const struct strvec *v)
{
	json_t *array = json_array();

	for (size_t i = 0; i < v->n; i++)
		json_array_append_new(array, bytes_value(v->v[i], strlen(v->v[i])));
	return array;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A NUL would end the text early, so it is none. */
static int decode_hex(const char *hex, size_t n, char *ret)
{
	if (n % 2)
		return -EPROTO;
	for (size_t i = 0; i < n; i += 2) {
		int high = hex_digit(hex[i]), low = hex_digit(hex[i + 1]);

		if (high < 0 || low < 0 || high + low == 0)
			return -EPROTO;
		ret[i / 2] = (char)(high << 4 | low);
	}
	ret[n / 2] = '\0';
	return 0;
}

static int read_hex(const json_t *value, size_t max, struct strvec *keep, const char **ret)
{
	const json_t *hex = json_object_get(value, "hex");
	size_t n = json_string_length(hex);
	CLEANUP_FREE char *bytes = NULL;
	int r;

	if (!json_is_string(hex) || n / 2 > max)
		return -EPROTO;
	bytes = xrealloc(NULL, n / 2 + 1);
	r = decode_hex(json_string_value(hex), n, bytes);
	if (r < 0)
		return r;
	*ret = bytes;
	strvec_take(keep, TAKE_PTR(bytes));
	return 0;
}

int server_codec_read_text(const json_t *value, size_t max, struct strvec *keep, const char **ret)
{
	*ret = NULL;
	if (!value || json_is_null(value))
		return 0;
	if (json_is_object(value))
		return read_hex(value, max, keep, ret);
	if (!json_is_string(value) || json_string_length(value) > max)
		return -EPROTO;
	*ret = json_string_value(value);
	return 0;
}

int server_codec_read_strings(const json_t *array, size_t max, struct strvec *ret)
{
	if (!array || json_is_null(array))
		return 0;
	if (!json_is_array(array))
		return -EPROTO;
	for (size_t i = 0; i < json_array_size(array); i++) {
		CLEANUP(strvec_clear) struct strvec keep = { 0 };
		const char *text;
		int r = server_codec_read_text(json_array_get(array, i), max, &keep, &text);

		if (r < 0 || !text)
			return -EPROTO;
		strvec_add(ret, text);
	}
	return 0;
}

int server_codec_read_int(const json_t *value, int64_t min, int64_t max, int64_t *ret)
{
	int64_t number;

	*ret = 0;
	if (!value || json_is_null(value))
		return 0;
	number = json_integer_value(value);
	if (!json_is_integer(value) || number < min || number > max)
		return -EPROTO;
	*ret = number;
	return 0;
}

int server_codec_read_bool(const json_t *value, bool *ret)
{
	*ret = json_is_true(value);
	return !value || json_is_null(value) || json_is_boolean(value) ? 0 : -EPROTO;
}

int server_codec_add_line(struct str *to, json_t *object, size_t max)
{
	CLEANUP_FREE char *text = json_dumps(object, JSON_COMPACT);
	size_t n = text ? strlen(text) : 0;

	json_decref(object);
	if (!text)
		return -EINVAL;
	if (n >= max)
		return -EMSGSIZE;
	str_add_n(to, text, n);
	str_add_c(to, '\n');
	return 0;
}

json_t *server_codec_parse(const char *line, size_t n)
{
	json_t *value = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(value))
		return value;
	json_decref(value);
	return NULL;
}
