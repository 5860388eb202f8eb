#include "tools/docs/docs.h"

#include <ctype.h>
#include <string.h>

/* docs/configuration.md. */

/* A cell of a table: '|' would end it. */
static void add_cell(struct str *page, const char *text)
{
	for (; *text; text++) {
		if (*text == '|')
			str_add_c(page, '\\');
		str_add_c(page, *text);
	}
}

static void add_key(struct str *page, const struct schema_option *option)
{
	CLEANUP_FREE char *type = docs_type(option);

	str_printf(page, "| `%s` | ", strcmp(option->key, "*") == 0 ? "GLOB" : strcmp(option->key, "env.*") == 0 ? "env.NAME" : option->key);
	add_cell(page, type);
	if (option->fallback)
		str_printf(page, " | `%s` | ", option->fallback);
	else
		str_add(page, " | | ");
	add_cell(page, option->help);
	str_add(page, " |\n");
}

/* As a reader of Markdown makes the name of a heading's anchor: letters and dashes only. */
static void add_anchor(struct str *page, const char *title)
{
	for (; *title; title++) {
		if (*title == ' ')
			str_add_c(page, '-');
		else if (isalnum((unsigned char)*title))
			str_add_c(page, (char)tolower((unsigned char)*title));
	}
}

static void add_contents(struct str *page)
{
	for (size_t i = 0; i < docs_n_sections; i++) {
		CLEANUP_FREE char *title = docs_section_title(docs_sections[i].name);

		str_printf(page, "- [`%s`](#", title);
		add_anchor(page, title);
		str_add(page, ")\n");
	}
}

static void add_section(struct str *page, const struct docs_section *section)
{
	CLEANUP_FREE char *title = docs_section_title(section->name);

	str_printf(page, "\n## %s\n\n%s\n\n```ini\n%s```\n\n| key | value | default | meaning |\n|---|---|---|---|\n", title, section->intro,
		   section->example);
	for (size_t i = 0; i < schema_n_options; i++)
		if (strcmp(schema_options[i].section, section->name) == 0)
			add_key(page, &schema_options[i]);
}

void docs_configuration(struct str *page)
{
	str_add(page, "<!-- Made by `make docs` from the program's own table of keys (config/schema.c): change that. -->\n# Configuration\n");
	for (size_t i = 0; i < docs_n_file_form; i++)
		str_printf(page, "\n%s\n", docs_file_form[i]);
	str_add(page,
		"\nA complete one for Redox OS: [config/samples/redox-aarch64.ini](../config/samples/redox-aarch64.ini). The sections:\n\n");
	add_contents(page);
	for (size_t i = 0; i < docs_n_sections; i++)
		add_section(page, &docs_sections[i]);
}
