#include "config/settings.h"

#include <ctype.h>
#include <string.h>

struct config_section *config_settings_section(const struct config_settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->n; i++)
		if (strcmp(settings->v[i].name, name) == 0)
			return &settings->v[i];
	return NULL;
}

struct config_section *config_settings_make_section(struct config_settings *settings, const char *name)
{
	struct config_section *section = config_settings_section(settings, name);

	if (section)
		return section;
	grow_array(&settings->v, &settings->cap, settings->n, sizeof(*settings->v));
	section = &settings->v[settings->n++];
	*section = (struct config_section){ .name = xstrdup(name) };
	return section;
}

static struct config_setting *find_setting(const struct config_section *section, const char *key)
{
	for (size_t i = 0; section && i < section->n; i++)
		if (strcmp(section->v[i].key, key) == 0)
			return &section->v[i];
	return NULL;
}

const struct config_setting *config_section_find(const struct config_section *section, const char *key)
{
	return find_setting(section, key);
}

const struct config_value_parsed *config_section_value(const struct config_section *section, const char *key)
{
	const struct config_setting *setting = find_setting(section, key);

	return setting && setting->valid && !setting->parsed.empty ? &setting->parsed : NULL;
}

/* A new setting at @at; those from there on move up. */
static struct config_setting *insert_setting(struct config_section *section, size_t at, const struct schema_option *option, const char *key)
{
	grow_array(&section->v, &section->cap, section->n, sizeof(*section->v));
	memmove(section->v + at + 1, section->v + at, (section->n - at) * sizeof(*section->v));
	section->n++;
	section->v[at] = (struct config_setting){ .key = xstrdup(key), .option = option };
	return &section->v[at];
}

static void setting_clear(struct config_setting *setting)
{
	free(setting->key);
	free(setting->file);
	config_value_clear(&setting->parsed);
}

void config_settings_clear(struct config_settings *settings)
{
	for (size_t i = 0; i < settings->n; i++) {
		for (size_t j = 0; j < settings->v[i].n; j++)
			setting_clear(&settings->v[i].v[j]);
		free(settings->v[i].v);
		free(settings->v[i].name);
		free(settings->v[i].file);
	}
	free(settings->v);
	*settings = (struct config_settings){ 0 };
}

/* Names go into file names, command lines and lists separated by commas. */
static bool is_good_name(const char *name, const char *also)
{
	if (!isalnum((unsigned char)*name) && *name != '_' && !(*name & 0x80))
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && *name != '_' && *name != '-' && !(*name & 0x80) && !strchr(also, *name))
			return false;
	return true;
}

/* Says what is wrong with a section's name, if anything is. */
static bool check_section(const char *name, const char *file, unsigned int line, struct config_report *report)
{
	bool package = str_starts(name, "package ");
	CLEANUP_FREE char *named = xasprintf("%s x", name);
	const char *near, *blank = strchr(name, ' ');

	if (schema_has_section(name)) {
		if (!blank || is_good_name(blank + 1, package ? "" : ".+"))
			return true;
		config_report_add(report, CONFIG_ERROR, file, line, "'%s' is no name for a %.*s: letters, digits, '_' and '-' are%s", blank + 1,
				  (int)(blank - name), name, package ? ", as in cargo" : ", and '.' and '+'");
		return false;
	}
	if (schema_has_section(named)) {
		config_report_add(report, CONFIG_ERROR, file, line, "[%s] needs a name: [%s NAME]", name, name);
		return false;
	}
	near = schema_nearest_section(name);
	if (near && near[strlen(near) - 1] == '*')
		config_report_add(report, CONFIG_ERROR, file, line, "unknown section [%s]; did you mean [%.*sNAME]?", name,
				  (int)strlen(near) - 1, near);
	else if (near)
		config_report_add(report, CONFIG_ERROR, file, line, "unknown section [%s]; did you mean [%s]?", name, near);
	else
		config_report_add(report, CONFIG_ERROR, file, line, "unknown section [%s]", name);
	return false;
}

static void report_unknown_key(const char *section, const char *key, const char *file, unsigned int line, struct config_report *report)
{
	const char *near = schema_nearest_key(section, key);

	if (near)
		config_report_add(report, CONFIG_ERROR, file, line, "unknown key '%s' in [%s]; did you mean '%s'?", key, section, near);
	else
		config_report_add(report, CONFIG_ERROR, file, line, "unknown key '%s' in [%s]", key, section);
}

/* True when @text, which continues a value in @section, is a key of that section by its looks: an indented 'strip = x' would else silently become
 * a part of the list before it. */
static bool looks_like_key(const char *section, const char *text)
{
	size_t n = strcspn(text, "=\n");
	CLEANUP_FREE char *key = NULL;

	if (text[n] != '=')
		return false;
	while (n > 0 && isspace((unsigned char)text[n - 1]))
		n--;
	key = xstrndup(text, n);
	return !strchr(key, ' ') && schema_find(section, key);
}

static bool check_continued(const struct config_ini_entry *entry, const char *section, const struct schema_option *option, const char *file,
			    struct config_report *report)
{
	const char *line = entry->value;
	bool good = true;

	for (size_t i = 0; i < entry->n_continued; i++) {
		line = strchr(line, '\n') + 1;
		if (!config_value_may_continue(option))
			config_report_add(report, CONFIG_ERROR, file, entry->continued[i],
					  "the line starts with a blank, but the value of '%s' before it is no list", entry->key);
		else if (looks_like_key(section, line))
			config_report_add(report, CONFIG_ERROR, file, entry->continued[i],
					  "the line looks like a key, but starts with a blank, so that it continues the value of '%s'",
					  entry->key);
		else
			continue;
		good = false;
	}
	return good;
}

/* Variables that a child cannot get, or that mean something else: 'env.' alone, or with '='. */
static bool check_key(const struct schema_option *option, const char *key, const char *file, unsigned int line, struct config_report *report)
{
	if (!str_starts(option->key, "env.") || !strpbrk(key, "= \t"))
		return true;
	config_report_add(report, CONFIG_ERROR, file, line, "'%s' is no name for a variable", key + strlen("env."));
	return false;
}

static void add_entry(struct config_settings *settings, struct config_section *section, const struct config_ini_entry *entry, const char *file,
		      struct config_report *report)
{
	const struct schema_option *option = schema_find(section->name, entry->key);
	struct config_value_parsed parsed = { 0 };
	struct config_setting *setting;
	struct err err = ERR_INIT;
	bool valid = false;

	if (!option) {
		if (!entry->broken)
			report_unknown_key(section->name, entry->key, file, entry->line, report);
		return;
	}
	if (!entry->broken && check_key(option, entry->key, file, entry->line, report) &&
	    check_continued(entry, section->name, option, file, report)) {
		valid = config_value_parse(option, entry->value, settings->dir, &parsed, &err) == 0;
		if (!valid)
			config_report_add(report, CONFIG_ERROR, file, entry->line, "%s: %s", entry->key, err.message);
	}
	if (find_setting(section, entry->key)) {
		config_value_clear(&parsed);
		return;
	}
	setting = insert_setting(section, section->n, option, entry->key);
	setting->parsed = parsed;
	setting->valid = valid;
	setting->file = xstrdup(file);
	setting->line = entry->line;
}

void config_settings_add_file(struct config_settings *settings, const struct config_ini *ini, struct config_report *report)
{
	for (size_t i = 0; i < ini->n_sections; i++) {
		const struct config_ini_section *from = &ini->sections[i];
		struct config_section *to;

		if (from->broken || !check_section(from->name, ini->path, from->line, report))
			continue;
		to = config_settings_make_section(settings, from->name);
		if (!to->file) {
			to->file = xstrdup(ini->path);
			to->line = from->line;
		}
		for (size_t j = 0; j < from->n_entries; j++)
			add_entry(settings, to, &from->entries[j], ini->path, report);
	}
}

/* Cuts 'section.key=value' at the first point that gives a known key. False when there is none. The parts are the caller's. */
static bool split_override(const char *text, char **ret_section, char **ret_key, char **ret_value)
{
	const char *equals = strchr(text, '=');

	for (const char *dot = strchr(text, '.'); equals && dot && dot < equals; dot = strchr(dot + 1, '.')) {
		CLEANUP_FREE char *section = xstrndup(text, (size_t)(dot - text));
		CLEANUP_FREE char *key = xstrndup(dot + 1, (size_t)(equals - dot - 1));

		if (!schema_find(section, key))
			continue;
		*ret_section = TAKE_PTR(section);
		*ret_key = TAKE_PTR(key);
		*ret_value = xstrdup(equals + 1);
		return true;
	}
	return false;
}

/* Why split_override() found nothing. */
static void report_override(const char *text, const char *name, struct config_report *report)
{
	const char *equals = strchr(text, '='), *dot = strchr(text, '.');
	CLEANUP_FREE char *section = NULL, *key = NULL;

	if (!equals || !dot || dot > equals || dot == text || dot + 1 == equals) {
		config_report_add(report, CONFIG_ERROR, name, 0, "expected section.key=value, such as build.profile=dev");
		return;
	}
	section = xstrndup(text, (size_t)(dot - text));
	key = xstrndup(dot + 1, (size_t)(equals - dot - 1));
	if (check_section(section, name, 0, report))
		report_unknown_key(section, key, name, 0, report);
}

void config_settings_override(struct config_settings *settings, const char *text, struct config_report *report)
{
	CLEANUP_FREE char *section = NULL, *key = NULL, *value = NULL, *name = xasprintf("-o %s", text);
	struct config_value_parsed parsed = { 0 };
	const struct schema_option *option;
	struct config_setting *setting;
	struct config_section *to;
	struct err err = ERR_INIT;

	if (!split_override(text, &section, &key, &value)) {
		report_override(text, name, report);
		return;
	}
	option = schema_find(section, key);
	if (!check_section(section, name, 0, report) || !check_key(option, key, name, 0, report))
		return;
	if (config_value_parse(option, value, settings->dir, &parsed, &err) < 0) {
		config_report_add(report, CONFIG_ERROR, name, 0, "%s", err.message);
		return;
	}
	to = config_settings_make_section(settings, section);
	if (!to->file)
		to->file = xstrdup("-o");
	setting = find_setting(to, key);
	if (!setting)
		setting = insert_setting(to, 0, option, key);
	config_value_clear(&setting->parsed);
	setting->parsed = parsed;
	setting->valid = true;
	free(setting->file);
	setting->file = xstrdup("-o");
	setting->line = 0;
}

/* Sets @setting from the table's or our own default @text. Defaults are right, so that a failure would be ours: then the key stays unsaid. */
static void set_default(struct config_setting *setting, const char *text, const char *dir)
{
	struct config_value_parsed parsed = { 0 };

	if (config_value_parse(setting->option, text, dir, &parsed, NULL) < 0)
		return;
	config_value_clear(&setting->parsed);
	setting->parsed = parsed;
	setting->valid = true;
	free(setting->file);
	setting->file = NULL;
	setting->line = 0;
}

static void add_default(struct config_section *section, const struct schema_option *option, const char *dir)
{
	struct config_setting *setting = find_setting(section, option->key);

	if (setting && !(setting->valid && setting->parsed.empty))
		return;
	if (!setting)
		setting = insert_setting(section, section->n, option, option->key);
	set_default(setting, option->fallback, dir);
}

void config_settings_add_defaults(struct config_settings *settings)
{
	for (size_t i = 0; i < schema_n_options; i++) {
		const struct schema_option *option = &schema_options[i];
		size_t n = strlen(option->section);

		if (!option->fallback)
			continue;
		if (option->section[n - 1] != '*')
			add_default(config_settings_make_section(settings, option->section), option, settings->dir);
		for (size_t j = 0; option->section[n - 1] == '*' && j < settings->n; j++)
			if (strncmp(settings->v[j].name, option->section, n - 1) == 0)
				add_default(&settings->v[j], option, settings->dir);
	}
}

void config_section_set_default(struct config_section *section, const char *key, const char *text, const char *file, unsigned int line)
{
	struct config_setting *setting = find_setting(section, key);

	if (!setting)
		setting = insert_setting(section, section->n, schema_find(section->name, key), key);
	set_default(setting, text, "/");
	if (file) {
		setting->file = xstrdup(file);
		setting->line = line;
	}
}
