#include "cargo/recipe_words.h"

#include <string.h>

enum { MAX_DEPTH = 64 };

static void add(struct recipe_words *words, char *text, bool is_operator)
{
	grow_array(&words->v, &words->cap, words->n, sizeof(*words->v));
	words->v[words->n++] = (struct recipe_word){ .text = text, .is_operator = is_operator };
}

static const char *skip_parentheses(const char *p, int depth);

/* Behind the closing quote of the "..." at @p, which may hold $( ) with quotes of its own. */
static const char *skip_quoted(const char *p, int depth)
{
	for (p++; *p && *p != '"';) {
		if (p[0] == '\\' && p[1])
			p += 2;
		else if (p[0] == '$' && p[1] == '(')
			p = skip_parentheses(p, depth + 1);
		else
			p++;
	}
	return *p ? p + 1 : p;
}

/* Behind the closing parenthesis of the $( at @p; at the end of the script when there is none, or when nobody writes so deep. */
static const char *skip_parentheses(const char *p, int depth)
{
	int open = 0;

	if (depth > MAX_DEPTH)
		return p + strlen(p);
	for (p++; *p;) {
		if (*p == '"') {
			p = skip_quoted(p, depth);
			continue;
		}
		if (*p == '\\' && p[1])
			p++;
		else if (*p == '\'')
			p += 1 + strcspn(p + 1, "'");
		if (!*p)
			break;
		open += *p == '(' ? 1 : *p == ')' ? -1 : 0;
		p++;
		if (open == 0)
			break;
	}
	return p;
}

/* One piece of a word at @p that is no plain letter; NULL when it is one. */
static const char *add_piece(struct str *s, const char *p, char quote)
{
	const char *end;

	if (p[0] == '\\' && p[1] && quote != '\'') {
		if (p[1] != '\n')
			str_add_c(s, p[1]);
		return p + 2;
	}
	if (p[0] != '$' || quote == '\'' || (p[1] != '(' && p[1] != '{'))
		return NULL;
	end = p[1] == '(' ? skip_parentheses(p, 0) : p + strcspn(p, "}");
	end += p[1] == '{' && *end;
	str_add_n(s, p, (size_t)(end - p));
	return end;
}

static const char *add_quoted(struct str *s, const char *p)
{
	char quote = *p++;

	while (*p && *p != quote) {
		const char *next = add_piece(s, p, quote);

		if (!next)
			str_add_c(s, *p);
		p = next ? next : p + 1;
	}
	return *p ? p + 1 : p;
}

static const char *add_word(struct recipe_words *words, const char *p)
{
	struct str s = { 0 };

	while (*p && !strchr(" \t\n;|&()", *p)) {
		const char *next = *p == '"' || *p == '\'' ? add_quoted(&s, p) : add_piece(&s, p, '\0');

		if (!next)
			str_add_c(&s, *p);
		p = next ? next : p + 1;
	}
	add(words, str_take(&s), false);
	return p;
}

static const char *add_operator(struct recipe_words *words, const char *p)
{
	size_t n = p[0] == p[1] && strchr(";|&", p[0]) ? 2 : 1;

	add(words, n == 1 && *p == ';' ? xstrdup("\n") : xstrndup(p, n), true);
	return p + n;
}

void recipe_words_split(const char *script, struct recipe_words *ret)
{
	const char *p = script;

	while (*p) {
		if (*p == ' ' || *p == '\t' || *p == '\r')
			p++;
		else if (p[0] == '\\' && p[1] == '\n')
			p += 2;
		else if (*p == '#')
			p += strcspn(p, "\n");
		else
			p = strchr("\n;|&()", *p) ? add_operator(ret, p) : add_word(ret, p);
	}
}

void recipe_words_clear(struct recipe_words *words)
{
	for (size_t i = 0; i < words->n; i++)
		free(words->v[i].text);
	free(words->v);
	*words = (struct recipe_words){ 0 };
}

bool recipe_words_is_operator(const struct recipe_words *words, size_t at, const char *text)
{
	return at < words->n && words->v[at].is_operator && strcmp(words->v[at].text, text) == 0;
}

bool recipe_words_is(const struct recipe_words *words, size_t at, const char *text)
{
	return at < words->n && !words->v[at].is_operator && strcmp(words->v[at].text, text) == 0;
}
