#include "config/loader.h"

#include "config/glob.h"

#include <string.h>

/* [destinations], [package NAME] and [asset NAME]. */

void config_fill_destinations(struct config_loader *loader)
{
	const struct config_section *section = config_settings_section(&loader->settings, "destinations");
	struct config *config = loader->config;

	if (!section)
		return;
	config->destinations = xcalloc(section->n, sizeof(*config->destinations));
	for (size_t i = 0; i < section->n; i++) {
		struct config_destination *to = &config->destinations[config->n_destinations++];

		to->pattern = xstrdup(section->v[i].key);
		if (section->v[i].valid)
			strvec_copy(&to->dests, &section->v[i].parsed.items);
	}
}

/* The index of the source that @section names, or of the first one. */
static size_t find_source(struct config_loader *loader, const struct config_section *section)
{
	const struct config_value_parsed *name = config_section_value(section, "source");
	const struct config *config = loader->config;
	CLEANUP(str_clear) struct str known = { 0 };

	if (!name)
		return 0;
	for (size_t i = 0; i < config->n_sources; i++) {
		if (strcmp(config->sources[i].name, name->text) == 0)
			return i;
		str_printf(&known, "%s%s", i > 0 ? ", " : "", config->sources[i].name);
	}
	config_loader_report_key(loader, section, "source", "there is no [source %s]; known: %s", name->text, str_text(&known));
	return 0;
}

static bool is_said(const struct config_section *section, const char *key)
{
	return config_section_find(section, key) != NULL;
}

static void fill_bins(struct config_loader *loader, struct config_section *section, struct config_package *package)
{
	if (!is_said(section, "bins"))
		config_section_set_default(section, "bins", package->name, NULL, 0);
	config_loader_items(section, "bins", &package->bins);
	for (size_t i = 0; i < package->bins.n; i++) {
		const char *bin = package->bins.v[i];

		if (strchr(bin, '/') || strcmp(bin, ".") == 0 || strcmp(bin, "..") == 0)
			config_loader_report_key(loader, section, "bins", "bins: expected names of files, found '%s'", bin);
		for (size_t j = 0; j < i; j++)
			if (strcmp(package->bins.v[j], bin) == 0)
				config_loader_report_key(loader, section, "bins", "bins: '%s' stands twice", bin);
	}
}

/* A package without a word about its destination gets that of the first pattern over its first folder, with that line as the origin. */
static void fill_dests_by_pattern(struct config_loader *loader, struct config_section *section, struct config_package *package)
{
	const struct config_section *destinations = config_settings_section(&loader->settings, "destinations");

	if (!destinations || package->paths.n == 0)
		return;
	for (size_t i = 0; i < destinations->n; i++) {
		const struct config_setting *setting = &destinations->v[i];

		if (!config_glob_match(setting->key, package->paths.v[0]))
			continue;
		if (!setting->valid)
			return;
		strvec_copy(&package->dests, &setting->parsed.items);
		config_section_set_default(section, "dest", setting->parsed.text, setting->file, setting->line);
		return;
	}
}

static void fill_places(struct config_loader *loader, struct config_section *section, struct config_package *package)
{
	static const char *const keys[] = { "dest", "copy" };
	const struct config_setting *bins = config_section_find(section, "bins");

	if (bins && bins->valid && package->bins.n == 0) {
		for (size_t i = 0; i < N_ELEMENTS(keys); i++) {
			const struct config_value_parsed *value = config_section_value(section, keys[i]);

			if (value && value->items.n > 0)
				config_loader_report(loader, CONFIG_WARNING, section,
						     "[%s] is a library (bins is empty), so that '%s' means nothing", section->name, keys[i]);
		}
		return;
	}
	config_loader_items(section, "copy", &package->copies);
	for (size_t i = 0; i < package->copies.n; i++)
		if (str_ends(package->copies.v[i], "/"))
			config_loader_report_key(loader, section, "copy", "copy: '%s' is a folder; the file's name belongs to it",
						 package->copies.v[i]);
	if (is_said(section, "dest"))
		config_loader_items(section, "dest", &package->dests);
	else
		fill_dests_by_pattern(loader, section, package);
}

static void fill_command(struct config_loader *loader, const struct config_section *section, struct config_package *package)
{
	config_loader_items(section, "command", &package->command);
	package->artifact = config_loader_text(section, "artifact");
	if (package->command.n > 0 && !is_said(section, "artifact"))
		config_loader_report_key(loader, section, "command", "[%s] has a 'command', so it needs the 'artifact' that this makes",
					 section->name);
	if (package->artifact && !is_said(section, "command"))
		config_loader_report_key(loader, section, "artifact", "[%s] has an 'artifact', so it needs the 'command' that makes it",
					 section->name);
	if (package->command.n > 0 && package->bins.n > 1)
		config_loader_report_key(loader, section, "bins", "[%s] has a 'command', which makes one binary, not %zu", section->name,
					 package->bins.n);
}

static void fill_package(struct config_loader *loader, struct config_section *section, struct config_package *package)
{
	package->name = xstrdup(section->name + strlen("package "));
	package->source = find_source(loader, section);
	package->file = xstrdup(section->file ? section->file : loader->config->file);
	package->line = section->line;
	config_loader_items(section, "paths", &package->paths);
	config_loader_items(section, "uses", &package->uses);
	if (!is_said(section, "paths"))
		config_loader_report(loader, CONFIG_ERROR, section, "[%s] needs 'paths', its folders in the source", section->name);
	else if (config_section_value(section, "paths") && package->paths.n == 0)
		config_loader_report_key(loader, section, "paths", "paths: expected at least one folder");
	fill_bins(loader, section, package);
	fill_places(loader, section, package);
	fill_command(loader, section, package);
	package->activate = config_loader_text(section, "activate");
	package->invalidates_all = config_section_value(section, "invalidates") != NULL;
}

static int compare_packages(const void *a, const void *b)
{
	return strcmp(((const struct config_package *)a)->name, ((const struct config_package *)b)->name);
}

void config_fill_packages(struct config_loader *loader)
{
	struct config *config = loader->config;

	config->packages = xcalloc(loader->settings.n, sizeof(*config->packages));
	for (size_t i = 0; i < loader->settings.n; i++)
		if (str_starts(loader->settings.v[i].name, "package "))
			fill_package(loader, &loader->settings.v[i], &config->packages[config->n_packages++]);
	if (config->n_packages > 0)
		qsort(config->packages, config->n_packages, sizeof(*config->packages), compare_packages);
}

static void fill_asset(struct config_loader *loader, const struct config_section *section, struct config_asset *asset)
{
	asset->name = xstrdup(section->name + strlen("asset "));
	asset->source = find_source(loader, section);
	asset->path = config_loader_text(section, "path");
	asset->file = xstrdup(section->file ? section->file : loader->config->file);
	asset->line = section->line;
	config_loader_items(section, "dest", &asset->dests);
	if (!is_said(section, "path"))
		config_loader_report(loader, CONFIG_ERROR, section, "[%s] needs 'path', a file in the source", section->name);
	else if (config_section_find(section, "path")->valid && (!asset->path || !*asset->path))
		config_loader_report_key(loader, section, "path", "path: expected a file in the source");
	if (!is_said(section, "dest"))
		config_loader_report(loader, CONFIG_ERROR, section, "[%s] needs 'dest', where the file goes", section->name);
	else if (config_section_value(section, "dest") && asset->dests.n == 0)
		config_loader_report_key(loader, section, "dest", "dest: expected at least one place");
	if (!asset->path)
		asset->path = xstrdup(""); /* wrong and reported; the checks that follow need no special case */
}

static int compare_assets(const void *a, const void *b)
{
	return strcmp(((const struct config_asset *)a)->name, ((const struct config_asset *)b)->name);
}

void config_fill_assets(struct config_loader *loader)
{
	struct config *config = loader->config;

	config->assets = xcalloc(loader->settings.n, sizeof(*config->assets));
	for (size_t i = 0; i < loader->settings.n; i++)
		if (str_starts(loader->settings.v[i].name, "asset "))
			fill_asset(loader, &loader->settings.v[i], &config->assets[config->n_assets++]);
	if (config->n_assets > 0)
		qsort(config->assets, config->n_assets, sizeof(*config->assets), compare_assets);
}
