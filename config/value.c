#include "config/value.h"

#include "base/fs.h"
#include "config/template.h"

#include <errno.h>
#include <regex.h>
#include <string.h>

/* What commands get is known only when they are run. */
static const char *const *kept_names(const struct schema_option *option)
{
	static const char *const mounting[] = { "IMAGE", "MOUNT_POINT", "REINJECT_*", NULL };

	if (option->type != SCHEMA_COMMAND)
		return NULL;
	return strcmp(option->section, "image") == 0 ? mounting : mounting + 2;
}

#define wrong(err, ...) err_class_set(err, ERR_USAGE, -EINVAL, __VA_ARGS__)

bool config_value_may_continue(const struct schema_option *option)
{
	return option->type == SCHEMA_LIST || option->type == SCHEMA_COMMAND;
}

static bool has_dotdot(const char *path)
{
	for (const char *p = path; (p = strstr(p, "..")); p += 2)
		if ((p == path || p[-1] == '/' || p[-1] == ':') && (p[2] == '\0' || p[2] == '/'))
			return true;
	return false;
}

/* True when '..' leads above the start of @path. */
static bool leads_out(const char *path)
{
	int depth = 0;

	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && strncmp(path, "..", 2) == 0)
			depth--;
		else if (n > 0 && !(n == 1 && *path == '.'))
			depth++;
		if (depth < 0)
			return true;
		path += n + (path[n] == '/');
	}
	return false;
}

/* A path inside a source: relative, no way out of it, freed of '.', '..' and slashes at its end; '' is the source itself. */
static int make_tree_path(const char *text, char **ret, struct err *err)
{
	CLEANUP_FREE char *absolute = NULL;

	if (*text == '/')
		return wrong(err, "expected a path relative to the source, found '%s'", text);
	if (leads_out(text))
		return wrong(err, "'%s' leads out of the source", text);
	absolute = fs_absolute("/", text);
	*ret = xstrdup(absolute + 1);
	return 0;
}

static int check_place(const char *text, struct err *err)
{
	if (*text != '/' && !str_starts(text, "initfs:/") && !str_starts(text, "share:/"))
		return wrong(err, "expected a place that starts with /, initfs:/ or share:/, found '%s'", text);
	if (has_dotdot(text))
		return wrong(err, "'%s' holds '..', which a place in the image may not", text);
	return 0;
}

static int make_image_path(const char *text, char **ret, struct err *err)
{
	if (*text != '/')
		return wrong(err, "expected an absolute path inside the image, found '%s'", text);
	if (has_dotdot(text))
		return wrong(err, "'%s' holds '..', which a path in the image may not", text);
	*ret = fs_absolute("/", text);
	return 0;
}

static int check_regex(const char *text, struct err *err)
{
	char why[256];
	regex_t regex;
	int r = regcomp(&regex, text, REG_EXTENDED | REG_NOSUB);

	if (r != 0) {
		regerror(r, &regex, why, sizeof(why));
		return wrong(err, "expected an extended regular expression, found '%s' (%s)", text, why);
	}
	regfree(&regex);
	return 0;
}

/* The checks and resolution of an expanded word of type @type; numbers and choices are not among them. */
static int resolve(enum schema_type type, const char *text, const char *dir, char **ret, struct err *err)
{
	int r = 0;

	if (type == SCHEMA_TREE_PATH)
		return make_tree_path(text, ret, err);
	if (type == SCHEMA_IMAGE_PATH)
		return make_image_path(text, ret, err);
	if (type == SCHEMA_PATH || (type == SCHEMA_PROGRAM && strchr(text, '/'))) {
		*ret = fs_absolute(dir, text);
		return 0;
	}
	if (type == SCHEMA_PLACE)
		r = check_place(text, err);
	else if (type == SCHEMA_REGEX)
		r = check_regex(text, err);
	if (r == 0)
		*ret = xstrdup(text);
	return r;
}

static int parse_words(const struct schema_option *option, const char *raw, const char *dir, struct config_value_parsed *ret, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec words = { 0 }, expanded = { 0 };
	bool list = option->type == SCHEMA_LIST;
	struct str shown = { 0 };
	int r = 0;

	if (list)
		schema_split_list(raw, &words);
	else
		r = schema_split_command(raw, &words, err);
	if (r == 0 && option->verbatim)
		strvec_copy(&expanded, &words);
	else if (r == 0)
		r = template_expand_all(&words, NULL, kept_names(option), &expanded, err);
	for (size_t i = 0; r == 0 && i < expanded.n; i++) {
		char *item = NULL;

		r = resolve(list ? option->item : SCHEMA_STRING, expanded.v[i], dir, &item, err);
		if (r == 0)
			strvec_take(&ret->items, item);
	}
	if (r < 0)
		return r;
	for (size_t i = 0; !list && i < ret->items.n; i++) {
		if (i > 0)
			str_add_c(&shown, ' ');
		str_add_shell_quoted(&shown, ret->items.v[i]);
	}
	ret->empty = !list && ret->items.n == 0;
	ret->text = list ? schema_join_list(&ret->items) : str_take(&shown);
	return 0;
}

static int parse_number(const struct schema_option *option, const char *text, struct config_value_parsed *ret, struct err *err)
{
	int r = schema_parse_uint(text, &ret->number);

	if (r < 0 || ret->number < option->min || ret->number > option->max) {
		return wrong(err, "expected a number from %llu to %llu%s%s, found '%s'", (unsigned long long)option->min,
			     (unsigned long long)option->max, option->unit ? " " : "", option->unit ? option->unit : "", text);
	}
	ret->text = xasprintf("%llu", (unsigned long long)ret->number);
	return 0;
}

static int parse_bool(const char *text, struct config_value_parsed *ret, struct err *err)
{
	bool yes;

	if (schema_parse_bool(text, &yes) < 0)
		return wrong(err, "expected yes or no, found '%s'", text);
	ret->number = yes;
	ret->text = xstrdup(yes ? "yes" : "no");
	return 0;
}

static int parse_choice(const struct schema_option *option, const char *text, struct config_value_parsed *ret, struct err *err)
{
	struct str choices = { 0 };
	int r;

	if (schema_has_choice(option->choices, text)) {
		ret->text = xstrdup(text);
		return 0;
	}
	for (const char *p = option->choices; *p; p++) {
		if (*p == '|')
			str_add(&choices, strchr(p + 1, '|') ? ", " : " or ");
		else
			str_add_c(&choices, *p);
	}
	r = wrong(err, "expected %s, found '%s'", str_text(&choices), text);
	str_clear(&choices);
	return r;
}

/* '\;' is ';'; in paths '\ ' is a blank, as it is in lists. */
static char *unescape(const char *raw, bool path)
{
	struct str s = { 0 };

	for (const char *p = raw; *p; p++) {
		if (*p == '\\' && (p[1] == ';' || (path && p[1] == ' ')))
			p++;
		str_add_c(&s, *p);
	}
	return str_take(&s);
}

static bool is_path(enum schema_type type)
{
	return type == SCHEMA_PATH || type == SCHEMA_PROGRAM || type == SCHEMA_TREE_PATH || type == SCHEMA_IMAGE_PATH;
}

static int parse_scalar(const struct schema_option *option, const char *raw, const char *dir, struct config_value_parsed *ret, struct err *err)
{
	CLEANUP_FREE char *plain = unescape(raw, is_path(option->type)), *text = NULL;
	int r;

	if (strchr(raw, '\n'))
		return wrong(err, "the value is no list: it must stand in one line");
	if (!*plain && (option->type == SCHEMA_STRING || option->type == SCHEMA_REGEX || is_path(option->type))) {
		ret->empty = true;
		ret->text = xstrdup("");
		return 0;
	}
	if (option->type == SCHEMA_BOOL)
		return parse_bool(plain, ret, err);
	if (option->type == SCHEMA_UINT)
		return parse_number(option, plain, ret, err);
	if (option->type == SCHEMA_ENUM)
		return parse_choice(option, plain, ret, err);
	if (option->verbatim || option->type == SCHEMA_REGEX) {
		text = TAKE_PTR(plain);
	} else {
		r = template_expand(plain, NULL, NULL, &text, err);
		if (r < 0)
			return r;
	}
	return resolve(option->type, text, dir, &ret->text, err);
}

int config_value_parse(const struct schema_option *option, const char *raw, const char *dir, struct config_value_parsed *ret, struct err *err)
{
	CLEANUP(config_value_clear) struct config_value_parsed value = { 0 };
	int r;

	if (config_value_may_continue(option))
		r = parse_words(option, raw, dir, &value, err);
	else
		r = parse_scalar(option, raw, dir, &value, err);
	if (r < 0)
		return r;
	*ret = value;
	value = (struct config_value_parsed){ 0 };
	return 0;
}

void config_value_clear(struct config_value_parsed *value)
{
	free(value->text);
	strvec_clear(&value->items);
	*value = (struct config_value_parsed){ 0 };
}
