/* Two generated maps compared by their packages, in words. */
#include "cargo/generate.h"

#include <string.h>

struct section {
	const char *name; /* behind '[package ' or '[', n_name bytes */
	size_t n_name;
	const char *text; /* the whole section, n bytes */
	size_t n;
};

/* The section that begins at @p; NULL at the end. */
static const char *next_section(const char *p, struct section *ret)
{
	const char *end;

	if (*p != '[')
		return NULL;
	end = strstr(p, "\n[");
	*ret = (struct section){ .text = p, .n = end ? (size_t)(end + 1 - p) : strlen(p) };
	ret->name = p + (str_starts(p, "[package ") ? strlen("[package ") : 1);
	ret->n_name = strcspn(ret->name, "]\n");
	return p + ret->n;
}

static bool find_section(const char *body, const struct section *like, struct section *ret)
{
	while ((body = next_section(body, ret)))
		if (ret->n_name == like->n_name && strncmp(ret->name, like->name, like->n_name) == 0)
			return true;
	return false;
}

/* The section's line of its folder. */
static char *folder_of(const struct section *section)
{
	CLEANUP_FREE char *text = xstrndup(section->text, section->n);
	const char *p = strstr(text, "\npaths = ");

	return p ? xstrndup(p + strlen("\npaths = "), strcspn(p + strlen("\npaths = "), "\n")) : xstrdup("");
}

static void compare(const struct section *a, const struct section *b, struct strvec *moved, struct strvec *changed)
{
	CLEANUP_FREE char *from = folder_of(a), *to = folder_of(b);

	if (!str_eq(from, to))
		strvec_addf(moved, "%.*s (%s to %s)", (int)b->n_name, b->name, from, to);
	/* The last section has no empty line behind it. */
	else if (strncmp(a->text, b->text, a->n < b->n ? a->n : b->n) != 0 || a->n > b->n + 1 || b->n > a->n + 1)
		strvec_add_n(changed, b->name, b->n_name);
}

static void add_names(struct str *s, const char *what, const struct strvec *names)
{
	CLEANUP_FREE char *list = strvec_join(names, ", ");

	if (names->n > 0)
		str_printf(s, "%s%s: %s", s->len > 0 ? "; " : "", what, list);
}

char *cargo_generate_difference(const char *before, const char *after)
{
	CLEANUP(strvec_clear) struct strvec new = { 0 }, gone = { 0 }, moved = { 0 }, changed = { 0 };
	struct section section, other;
	struct str s = { 0 };

	for (const char *p = after; (p = next_section(p, &section));) {
		if (find_section(before, &section, &other))
			compare(&other, &section, &moved, &changed);
		else
			strvec_add_n(&new, section.name, section.n_name);
	}
	for (const char *p = before; (p = next_section(p, &section));)
		if (!find_section(after, &section, &other))
			strvec_add_n(&gone, section.name, section.n_name);
	add_names(&s, "new", &new);
	add_names(&s, "gone", &gone);
	add_names(&s, "moved", &moved);
	add_names(&s, "changed", &changed);
	return str_take(&s);
}
