#include "config/template.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

static const char *look_up(const char *name, const struct strvec *variables)
{
	size_t n = strlen(name);

	for (size_t i = 0; variables && i < variables->n; i++)
		if (strncmp(variables->v[i], name, n) == 0 && variables->v[i][n] == '=')
			return variables->v[i] + n + 1;
	return NULL;
}

static bool is_kept(const char *name, const char *const *keep)
{
	for (; keep && *keep; keep++) {
		size_t n = strlen(*keep);

		if (n > 0 && (*keep)[n - 1] == '*' ? strncmp(name, *keep, n - 1) == 0 : strcmp(name, *keep) == 0)
			return true;
	}
	return false;
}

static bool is_name(const char *name)
{
	if (!isalpha((unsigned char)*name) && *name != '_')
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && *name != '_')
			return false;
	return true;
}

/* Adds what stands for the `${NAME}` at **@p to @s and moves behind it. */
static int add_variable(struct str *s, const char **p, const struct strvec *variables, const char *const *keep, struct err *err)
{
	const char *end = strchr(*p, '}'), *value;
	CLEANUP_FREE char *name = NULL;

	if (!end)
		return err_class_set(err, ERR_USAGE, -EINVAL, "'%s' has no closing brace", *p);
	name = xstrndup(*p + 2, (size_t)(end - *p - 2));
	*p = end + 1;
	if (!is_name(name))
		return err_class_set(err, ERR_USAGE, -EINVAL, "'${%s}' names no variable (letters, digits and '_'; '\\${' is a plain '${')",
				     name);
	value = look_up(name, variables);
	if (!value && is_kept(name, keep)) {
		str_printf(s, "${%s}", name);
		return 0;
	}
	if (!value)
		value = getenv(name);
	if (!value)
		return err_class_set(err, ERR_USAGE, -EINVAL, "the environment variable %s is not set", name);
	str_add(s, value);
	return 0;
}

int template_expand(const char *text, const struct strvec *variables, const char *const *keep, char **ret, struct err *err)
{
	CLEANUP(str_clear) struct str s = { 0 };
	const char *p = text;
	int r;

	if (p[0] == '~' && (p[1] == '\0' || p[1] == '/')) {
		const char *home = getenv("HOME");

		if (!home || !*home)
			return err_class_set(err, ERR_USAGE, -EINVAL, "'~' stands for $HOME, which is not set");
		str_add(&s, home);
		p++;
	}
	while (*p) {
		if (str_starts(p, "\\${")) {
			str_add(&s, "${");
			p += 3;
		} else if (str_starts(p, "${")) {
			r = add_variable(&s, &p, variables, keep, err);
			if (r < 0)
				return r;
		} else {
			str_add_c(&s, *p++);
		}
	}
	*ret = str_take(&s);
	return 0;
}

int template_expand_all(const struct strvec *items, const struct strvec *variables, const char *const *keep, struct strvec *ret, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec all = { 0 };

	for (size_t i = 0; i < items->n; i++) {
		CLEANUP_FREE char *item = NULL;
		int r = template_expand(items->v[i], variables, keep, &item, err);

		if (r < 0)
			return r;
		if (*item)
			strvec_take(&all, TAKE_PTR(item));
	}
	strvec_copy(ret, &all);
	return 0;
}
