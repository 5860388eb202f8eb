/* A rule file is an INI with words of its own, so the reader is the configuration's and the table of keys is not. */
#include "cargo/rules.h"

#include "base/fs.h"
#include "config/glob.h"
#include "config/ini_reader.h"
#include "config/schema.h"

#include <errno.h>
#include <string.h>

static struct cargo_rule *add_rule(struct cargo_rule_list *list, const char *pattern)
{
	grow_array(&list->v, &list->cap, list->n, sizeof(*list->v));
	list->v[list->n].pattern = xstrdup(pattern);
	return &list->v[list->n++];
}

static void clear_list(struct cargo_rule_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		struct cargo_rule *rule = &list->v[i];

		free(rule->pattern);
		free(rule->in);
		free(rule->activate);
		strvec_clear(&rule->paths);
		strvec_clear(&rule->dests);
		strvec_clear(&rule->copies);
		strvec_clear(&rule->machines);
	}
	free(list->v);
}

void cargo_rules_clear(struct cargo_rules *rules)
{
	clear_list(&rules->destinations);
	clear_list(&rules->packages);
	clear_list(&rules->assets);
	clear_list(&rules->programs);
	*rules = (struct cargo_rules){ 0 };
}

/* False for a key that such a section does not have. */
static bool set_key(struct cargo_rule *rule, bool is_asset, const struct config_ini_entry *entry)
{
	const char *key = entry->key;

	if (strcmp(key, "dest") == 0)
		schema_split_list(entry->value, &rule->dests);
	else if (strcmp(key, "machines") == 0)
		schema_split_list(entry->value, &rule->machines);
	else if (is_asset && strcmp(key, "path") == 0)
		schema_split_list(entry->value, &rule->paths);
	else if (is_asset && strcmp(key, "in") == 0)
		rule->in = xstrdup(entry->value);
	else if (!is_asset && strcmp(key, "copy") == 0)
		schema_split_list(entry->value, &rule->copies);
	else if (!is_asset && strcmp(key, "activate") == 0)
		rule->activate = xstrdup(entry->value);
	else
		return false;
	return true;
}

static int add_named(struct cargo_rule_list *list, bool is_asset, const char *pattern, const char *path,
		     const struct config_ini_section *section, struct err *err)
{
	struct cargo_rule *rule = add_rule(list, pattern);

	for (size_t i = 0; i < section->n_entries; i++)
		if (!set_key(rule, is_asset, &section->entries[i]))
			return err_class_set(err, ERR_USAGE, -EINVAL, "%s:%u: a rule for %s has no key '%s'", path, section->entries[i].line,
					     is_asset ? "an asset" : "a package", section->entries[i].key);
	if (is_asset && (rule->paths.n == 0 || rule->dests.n == 0))
		return err_class_set(err, ERR_USAGE, -EINVAL, "%s:%u: [%s] needs 'path' and 'dest'", path, section->line, section->name);
	return 0;
}

static int add_section(struct cargo_rules *rules, const char *path, const struct config_ini_section *section, struct err *err)
{
	if (str_starts(section->name, "package "))
		return add_named(&rules->packages, false, section->name + strlen("package "), path, section, err);
	if (str_starts(section->name, "asset "))
		return add_named(&rules->assets, true, section->name + strlen("asset "), path, section, err);
	if (strcmp(section->name, "destinations") != 0)
		return err_class_set(err, ERR_USAGE, -EINVAL,
				     "%s:%u: a rule file has no [%s]; it has [destinations], [package GLOB], [asset NAME]", path, section->line,
				     section->name);
	for (size_t i = 0; i < section->n_entries; i++) {
		struct cargo_rule *rule = add_rule(&rules->destinations, section->entries[i].key);

		schema_split_list(section->entries[i].value, &rule->dests);
	}
	return 0;
}

static int read_sections(const char *path, struct config_ini *ini, struct config_report *report, struct cargo_rules *ret, struct err *err)
{
	CLEANUP(config_problems_clear) struct config_problems problems = { 0 };
	int r = config_ini_read(path, ini, report, err);

	if (r < 0)
		return r;
	config_report_end(report, &problems);
	if (problems.errors.n > 0)
		return err_class_set(err, ERR_USAGE, -EINVAL, "%s", problems.errors.v[0]);
	for (size_t i = 0; r == 0 && i < ini->n_sections; i++)
		r = add_section(ret, path, &ini->sections[i], err);
	return r;
}

int cargo_rules_load(const char *path, struct cargo_rules *ret, struct err *err)
{
	CLEANUP(cargo_rules_clear) struct cargo_rules rules = { 0 };
	CLEANUP(config_ini_clear) struct config_ini ini = { 0 };
	CLEANUP(config_report_clear) struct config_report report = { 0 };
	int r = read_sections(path, &ini, &report, &rules, err);

	if (r < 0)
		return r;
	*ret = rules;
	rules = (struct cargo_rules){ 0 };
	return 0;
}

/* PREFIX/bin has PREFIX/share beside it; build/ and build/faults/ lie in the source tree. */
char *cargo_rules_find(void)
{
	static const char *const places[] = { "../share/reinject/rules/redox.ini", "../config/rules/redox.ini", "../../config/rules/redox.ini" };
	CLEANUP_FREE char *program = fs_own_program(), *dir = program ? fs_dirname(program) : NULL;

	for (size_t i = 0; dir && i < N_ELEMENTS(places); i++) {
		char *path = fs_absolute(dir, places[i]);

		if (fs_exists(path))
			return path;
		free(path);
	}
	return NULL;
}

const struct cargo_rule *cargo_rules_find_program(const struct cargo_rules *rules, const char *program)
{
	for (size_t i = 0; i < rules->programs.n; i++)
		if (strcmp(rules->programs.v[i].pattern, program) == 0)
			return &rules->programs.v[i];
	return NULL;
}

void cargo_rules_add_program(struct cargo_rules *rules, const char *program, const char *place)
{
	struct cargo_rule *rule = (struct cargo_rule *)cargo_rules_find_program(rules, program);

	if (!rule)
		rule = add_rule(&rules->programs, program);
	if (strvec_has(&rule->dests, place))
		return;
	strvec_add(&rule->dests, place);
	rules->n_places++;
}

bool cargo_rules_is_for(const struct cargo_rule *rule, const char *machine)
{
	return rule->machines.n == 0 || strvec_has(&rule->machines, machine);
}

const struct cargo_rule *cargo_rules_match(const struct cargo_rule_list *list, const char *text)
{
	for (size_t i = 0; i < list->n; i++)
		if (config_glob_match(list->v[i].pattern, text))
			return &list->v[i];
	return NULL;
}
