#include "tools/docs/docs.h"

#include "setup/doctor.h"

#include <inttypes.h>
#include <string.h>

/* The small questions that every writer asks of the tables. */

enum docs_kind docs_kind_of(const char *value)
{
	static const struct {
		const char *name;
		enum docs_kind kind;
	} kinds[] = {
		{ "FILE", DOCS_FILE },   { "FILE.html", DOCS_FILE }, { "PROGRAM", DOCS_FILE }, { "FOLDER", DOCS_FOLDER },
		{ "DIR", DOCS_FOLDER },  { "PKG", DOCS_PACKAGE },    { "RUN", DOCS_RUN },      { "REV", DOCS_REVISION },
		{ "CHECK", DOCS_CHECK }, { "KEY", DOCS_KEY },        { "VERB", DOCS_VERB },    { "SECTION.KEY=VALUE", DOCS_SETTING },
	};

	if (!value)
		return DOCS_NOTHING;
	if (strchr(value, '|'))
		return DOCS_CHOICE;
	for (size_t i = 0; i < N_ELEMENTS(kinds); i++)
		if (strcmp(kinds[i].name, value) == 0)
			return kinds[i].kind;
	return DOCS_NOTHING;
}

static void add_word(struct str *s, const char *word)
{
	if (s->len > 0)
		str_add_c(s, ' ');
	str_add(s, word);
}

char *docs_words(const char *choices)
{
	char *words = xstrdup(choices);

	for (char *p = words; *p; p++)
		if (*p == '|')
			*p = ' ';
	return words;
}

char *docs_verbs(void)
{
	struct str s = { 0 };

	for (size_t i = 0; cli_verbs[i]; i++)
		add_word(&s, cli_verbs[i]->name);
	return str_take(&s);
}

char *docs_checks(void)
{
	struct str s = { 0 };
	const char *name, *why;

	for (size_t i = 0; setup_doctor_check(i, &name, &why); i++)
		add_word(&s, name);
	return str_take(&s);
}

char *docs_keys(void)
{
	struct str s = { 0 };

	for (size_t i = 0; i < schema_n_options; i++) {
		CLEANUP_FREE char *name = xasprintf("%s.%s", schema_options[i].section, schema_options[i].key);

		if (!strchr(name, '*'))
			add_word(&s, name);
	}
	return str_take(&s);
}

static const char *type_name(enum schema_type type)
{
	switch (type) {
	case SCHEMA_STRING:
		return "text";
	case SCHEMA_LIST:
		return "list";
	case SCHEMA_COMMAND:
		return "command";
	case SCHEMA_PATH:
		return "path";
	case SCHEMA_PROGRAM:
		return "program";
	case SCHEMA_TREE_PATH:
		return "path in the source";
	case SCHEMA_IMAGE_PATH:
		return "path in the image";
	case SCHEMA_BOOL:
		return "yes or no";
	case SCHEMA_UINT:
		return "number";
	case SCHEMA_ENUM:
		return "word";
	case SCHEMA_REGEX:
		return "pattern";
	case SCHEMA_PLACE:
		return "place";
	}
	return "?";
}

char *docs_type(const struct schema_option *option)
{
	switch (option->type) {
	case SCHEMA_UINT:
		if (option->unit)
			return xasprintf("number of %s, %" PRIu64 " to %" PRIu64, option->unit, option->min, option->max);
		return xasprintf("number, %" PRIu64 " to %" PRIu64, option->min, option->max);
	case SCHEMA_ENUM: {
		CLEANUP_FREE char *words = docs_words(option->choices);
		struct str s = { 0 };

		for (const char *p = words; *p; p++)
			str_add(&s, *p == ' ' ? " or " : (char[]){ *p, '\0' });
		return str_take(&s);
	}
	case SCHEMA_LIST:
		if (option->item == SCHEMA_STRING)
			return xstrdup("list");
		if (option->item == SCHEMA_TREE_PATH)
			return xstrdup("list of paths in the source");
		return xasprintf("list of %ss", type_name(option->item));
	default:
		return xstrdup(type_name(option->type));
	}
}

void docs_add_escaped(struct str *s, const char *text, const char *special)
{
	for (; *text; text++) {
		if (strchr(special, *text))
			str_add_c(s, '\\');
		str_add_c(s, *text);
	}
}

char *docs_section_title(const char *name)
{
	size_t n = strlen(name);

	return name[n - 1] == '*' ? xasprintf("[%.*sNAME]", (int)n - 1, name) : xasprintf("[%s]", name);
}
