#include "config/schema.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

/* How values are cut into words, and the small types. '\n' in a value is where one of its lines ended. */

static bool is_blank(char c)
{
	return isspace((unsigned char)c);
}

void schema_split_list(const char *value, struct strvec *ret)
{
	const char *p = value;

	for (;;) {
		CLEANUP(str_clear) struct str item = { 0 };
		bool any = false;

		while (is_blank(*p) || (p[0] == '\\' && p[1] == '\n'))
			p++;
		while (*p && !is_blank(*p) && !(p[0] == '\\' && p[1] == '\n')) {
			if (p[0] == '\\' && p[1] && strchr(" ;\\", p[1]))
				p++;
			str_add_c(&item, *p++);
			any = true;
		}
		if (!any)
			return;
		strvec_take(ret, str_take(&item));
	}
}

char *schema_join_list(const struct strvec *items)
{
	struct str s = { 0 };

	for (size_t i = 0; i < items->n; i++) {
		if (!*items->v[i])
			continue;
		if (s.len > 0)
			str_add_c(&s, ' ');
		for (const char *p = items->v[i]; *p; p++) {
			if (strchr(" ;\\", *p))
				str_add_c(&s, '\\');
			str_add_c(&s, *p);
		}
	}
	return str_take(&s);
}

/* Adds the quoted text at *@p, which stands behind the quote, to @word. False when the quote is never closed. */
static bool add_quoted(struct str *word, const char **p, char quote)
{
	for (; **p && **p != quote; (*p)++) {
		if (**p == '\\' && ((*p)[1] == ';' || (quote == '"' && (*p)[1] && strchr("\"\\$`", (*p)[1]))))
			(*p)++;
		str_add_c(word, **p);
	}
	if (!**p)
		return false;
	(*p)++;
	return true;
}

/* One word at *@p, which is no blank. */
static int add_word(const char **p, struct str *word, struct err *err)
{
	while (**p && !is_blank(**p)) {
		char c = *(*p)++;

		if (c == '\'' || c == '"') {
			if (!add_quoted(word, p, c))
				return err_class_set(err, ERR_USAGE, -EINVAL, "a quote (%c) is not closed", c);
		} else if (c != '\\') {
			str_add_c(word, c);
		} else if (!**p) {
			return err_class_set(err, ERR_USAGE, -EINVAL, "a backslash stands at the end");
		} else {
			str_add_c(word, *(*p)++);
		}
		if ((*p)[0] == '\\' && (*p)[1] == '\n')
			break;
	}
	return 0;
}

int schema_split_command(const char *value, struct strvec *ret, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec words = { 0 };
	const char *p = value;

	for (;;) {
		CLEANUP(str_clear) struct str word = { 0 };
		int r;

		while (is_blank(*p) || (p[0] == '\\' && p[1] == '\n'))
			p += *p == '\\' ? 2 : 1;
		if (!*p)
			break;
		r = add_word(&p, &word, err);
		if (r < 0)
			return r;
		strvec_take(&words, str_take(&word));
	}
	strvec_copy(ret, &words);
	return 0;
}

bool schema_has_choice(const char *choices, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = choices; n > 0 && !strchr(word, '|') && (p = strstr(p, word)); p++)
		if ((p == choices || p[-1] == '|') && (p[n] == '\0' || p[n] == '|'))
			return true;
	return false;
}

int schema_parse_uint(const char *text, uint64_t *ret)
{
	unsigned long long value;

	if (!*text || text[strspn(text, "0123456789")])
		return -EINVAL;
	errno = 0;
	value = strtoull(text, NULL, 10);
	if (errno == ERANGE)
		return -ERANGE;
	*ret = value;
	return 0;
}

int schema_parse_bool(const char *text, bool *ret)
{
	static const char *const words[][2] = { { "no", "yes" }, { "false", "true" }, { "off", "on" }, { "0", "1" } };

	for (size_t i = 0; i < N_ELEMENTS(words); i++)
		for (int yes = 0; yes < 2; yes++)
			if (strcasecmp(text, words[i][yes]) == 0) {
				*ret = yes == 1;
				return 0;
			}
	return -EINVAL;
}
