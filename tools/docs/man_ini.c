#include "tools/docs/docs.h"
#include "tools/docs/roff.h"

#include <string.h>

/* reinject.ini.5. */

static void add_key(struct str *page, const struct schema_option *option)
{
	CLEANUP_FREE char *type = docs_type(option);
	CLEANUP(str_clear) struct str text = { 0 };

	str_printf(page, ".TP\n\\fB");
	docs_roff_word(page, strcmp(option->key, "*") == 0 ? "GLOB" : strcmp(option->key, "env.*") == 0 ? "env.NAME" : option->key);
	str_add(page, "\\fR = \\fI");
	docs_roff_word(page, type);
	str_add(page, "\\fR\n");
	str_add(&text, option->help);
	if (option->fallback)
		str_printf(&text, "; default: `%s`", option->fallback);
	docs_roff_fill(page, str_text(&text));
}

static void add_section(struct str *page, const struct docs_section *section)
{
	CLEANUP_FREE char *title = docs_section_title(section->name);

	str_printf(page, ".SS %s\n", title);
	docs_roff_text(page, section->intro);
	docs_roff_example(page, section->example);
	for (size_t i = 0; i < schema_n_options; i++)
		if (strcmp(schema_options[i].section, section->name) == 0)
			add_key(page, &schema_options[i]);
}

void docs_man_ini(struct str *page)
{
	docs_roff_head(page, "reinject.ini", 5, "the configuration of reinject");
	str_add(page, ".SH DESCRIPTION\n");
	for (size_t i = 0; i < docs_n_file_form; i++)
		docs_roff_text(page, docs_file_form[i]);
	str_add(page, ".SH SECTIONS\n");
	for (size_t i = 0; i < docs_n_sections; i++)
		add_section(page, &docs_sections[i]);
	str_add(page, ".SH SEE ALSO\n.BR reinject (1),\n.BR reinject\\-config (1),\n.BR reinject\\-doctor (1)\n");
}
