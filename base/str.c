#include "base/str.h"

#include <ctype.h>
#include <string.h>

static void out_of_memory(void)
{
	static const char text[] = "reinject: out of memory\n";

	fwrite(text, 1, sizeof(text) - 1, stderr);
	abort();
}

void *xrealloc(void *p, size_t size)
{
	void *q = realloc(p, size ? size : 1);

	if (!q)
		out_of_memory();
	return q;
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

char *xstrndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *copy = xrealloc(NULL, len + 1);

	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

char *xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

void str_vprintf(struct str *s, const char *format, va_list args)
{
	va_list again;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (n < 0)
		return;
	grow_array(&s->buf, &s->cap, s->len + (size_t)n + 1, 1);
	vsnprintf(s->buf + s->len, (size_t)n + 1, format, args);
	s->len += (size_t)n;
}

char *xasprintf(const char *format, ...)
{
	struct str s = { 0 };
	va_list args;

	va_start(args, format);
	str_vprintf(&s, format, args);
	va_end(args);
	return str_take(&s);
}

void grow_array(void *array, size_t *cap, size_t n, size_t size)
{
	void **p = array;
	size_t want = *cap ? *cap : 8;

	if (n < *cap)
		return;
	while (want <= n)
		want *= 2;
	*p = xrealloc(*p, want * size);
	memset((char *)*p + *cap * size, 0, (want - *cap) * size);
	*cap = want;
}

void str_add_n(struct str *s, const void *bytes, size_t n)
{
	grow_array(&s->buf, &s->cap, s->len + n + 1, 1);
	if (n > 0)
		memcpy(s->buf + s->len, bytes, n);
	s->len += n;
	s->buf[s->len] = '\0';
}

void str_add(struct str *s, const char *text)
{
	str_add_n(s, text, strlen(text));
}

void str_add_c(struct str *s, char c)
{
	str_add_n(s, &c, 1);
}

void str_add_literal(struct str *s, const char *text)
{
	for (; *text; text++) {
		if (strchr("*?[\\", *text))
			str_add_c(s, '\\');
		str_add_c(s, *text);
	}
}

void str_printf(struct str *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	str_vprintf(s, format, args);
	va_end(args);
}

void str_add_without_ansi(struct str *s, const char *text)
{
	while (*text) {
		if (text[0] == '\033' && text[1] == '[') {
			for (text += 2; *text && !isalpha((unsigned char)*text); text++)
				;
			text += *text != '\0';
		} else {
			str_add_c(s, *text++);
		}
	}
}

const char *str_text(const struct str *s)
{
	return s->buf ? s->buf : "";
}

char *str_take(struct str *s)
{
	char *text = s->buf ? s->buf : xstrdup("");

	*s = (struct str){ 0 };
	return text;
}

void str_reset(struct str *s)
{
	s->len = 0;
	if (s->buf)
		s->buf[0] = '\0';
}

void str_clear(struct str *s)
{
	free(s->buf);
	*s = (struct str){ 0 };
}

void strvec_take(struct strvec *v, char *text)
{
	grow_array(&v->v, &v->cap, v->n + 1, sizeof(*v->v));
	v->v[v->n++] = text;
	v->v[v->n] = NULL;
}

void strvec_add(struct strvec *v, const char *text)
{
	strvec_take(v, xstrdup(text));
}

void strvec_add_n(struct strvec *v, const char *text, size_t n)
{
	strvec_take(v, xstrndup(text, n));
}

void strvec_addf(struct strvec *v, const char *format, ...)
{
	struct str s = { 0 };
	va_list args;

	va_start(args, format);
	str_vprintf(&s, format, args);
	va_end(args);
	strvec_take(v, str_take(&s));
}

void strvec_copy(struct strvec *to, const struct strvec *from)
{
	for (size_t i = 0; i < from->n; i++)
		strvec_add(to, from->v[i]);
}

bool strvec_has(const struct strvec *v, const char *text)
{
	for (size_t i = 0; i < v->n; i++)
		if (strcmp(v->v[i], text) == 0)
			return true;
	return false;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

bool strvec_same(const struct strvec *a, const struct strvec *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return a->n == b->n;
}

void strvec_sort_unique(struct strvec *v)
{
	size_t n = 0;

	if (v->n == 0)
		return;
	qsort(v->v, v->n, sizeof(*v->v), compare_strings);
	for (size_t i = 0; i < v->n; i++) {
		if (n > 0 && strcmp(v->v[n - 1], v->v[i]) == 0)
			free(v->v[i]);
		else
			v->v[n++] = v->v[i];
	}
	v->n = n;
	v->v[n] = NULL;
}

void strvec_clear(struct strvec *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(v->v[i]);
	free(v->v);
	*v = (struct strvec){ 0 };
}

char *strvec_join(const struct strvec *v, const char *separator)
{
	struct str s = { 0 };

	for (size_t i = 0; i < v->n; i++) {
		if (i > 0)
			str_add(&s, separator);
		str_add(&s, v->v[i]);
	}
	return str_take(&s);
}

bool str_eq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && strcmp(s + n - m, suffix) == 0;
}

bool path_under(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return n == 0 || (strncmp(path, dir, n) == 0 && (path[n] == '\0' || path[n] == '/' || dir[n - 1] == '/'));
}

static bool shell_plain(const char *text)
{
	if (!*text)
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("_-./=:,+@%^", *text))
			return false;
	return true;
}

void str_add_shell_quoted(struct str *s, const char *text)
{
	if (shell_plain(text)) {
		str_add(s, text);
		return;
	}
	str_add_c(s, '\'');
	for (; *text; text++) {
		if (*text == '\'')
			str_add(s, "'\\''");
		else
			str_add_c(s, *text);
	}
	str_add_c(s, '\'');
}

char *str_visible(const char *text)
{
	struct str s = { 0 };

	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		bool is_c1 = c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0;

		if (*c < 0x20 || *c == 0x7f || is_c1)
			str_printf(&s, "\\x%02x", *c);
		else
			str_add_c(&s, (char)*c);
		/* Without its lead the other byte is no character. */
		if (is_c1)
			str_printf(&s, "\\x%02x", *++c);
	}
	return str_take(&s);
}

void hex_encode(const void *bytes, size_t n, char *ret)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *b = bytes;

	for (size_t i = 0; i < n; i++) {
		ret[2 * i] = digits[b[i] >> 4];
		ret[2 * i + 1] = digits[b[i] & 15];
	}
	ret[2 * n] = '\0';
}

void str_add_percent(struct str *s, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c <= ' ' || c == '%' || c > '~')
			str_printf(s, "%%%02x", c);
		else
			str_add_c(s, (char)c);
	}
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

char *str_from_percent(const char *text, size_t n)
{
	struct str s = { 0 };

	for (size_t i = 0; i < n; i++) {
		int high = text[i] == '%' && i + 2 < n ? hex_digit(text[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(text[i + 2]) : -1;

		str_add_c(&s, low >= 0 ? (char)(high * 16 + low) : text[i]);
		i += low >= 0 ? 2 : 0;
	}
	return str_take(&s);
}

size_t str_utf8_length(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;
	size_t n = c[0] < 0x80 ? 1 : c[0] >= 0xc2 && c[0] < 0xe0 ? 2 : (c[0] & 0xf0) == 0xe0 ? 3 : c[0] >= 0xf0 && c[0] < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < n; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than need be, and the halves of UTF-16. */
	if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) || (c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f))
		return 0;
	return n;
}
