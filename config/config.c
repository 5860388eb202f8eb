#include "config/config.h"

#include "base/fs.h"
#include "base/near.h"
#include "config/loader.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME      "reinject.ini"
#define DEFAULT_ORIGIN "default"

void config_problems_clear(struct config_problems *problems)
{
	strvec_clear(&problems->errors);
	strvec_clear(&problems->warnings);
}

static int start_folder(const struct config_args *args, char **ret, struct err *err)
{
	CLEANUP_FREE char *cwd = getcwd(NULL, 0);
	CLEANUP_FREE char *dir = NULL;

	if (!cwd && (!args->dir || args->dir[0] != '/'))
		return err_class_set(err, ERR_USAGE, -EINVAL, "cannot tell the working folder: %s", strerror(errno));
	dir = fs_absolute(cwd ? cwd : "/", args->dir ? args->dir : ".");
	if (!fs_is_dir(dir))
		return err_class_set(err, ERR_USAGE, -EINVAL, "there is no folder '%s'", dir);
	*ret = TAKE_PTR(dir);
	return 0;
}

/* The absolute path of the configuration: as named, or the nearest one from @dir upwards. */
static int find_file(const struct config_args *args, const char *dir, char **ret, struct err *err)
{
	CLEANUP_FREE char *at = xstrdup(dir);

	if (args->file) {
		*ret = fs_absolute(dir, args->file);
		return 0;
	}
	for (;;) {
		CLEANUP_FREE char *candidate = fs_absolute(at, FILE_NAME);
		char *parent;

		if (fs_exists(candidate)) {
			*ret = TAKE_PTR(candidate);
			return 0;
		}
		if (strcmp(at, "/") == 0)
			break;
		parent = fs_dirname(at);
		free(at);
		at = parent;
	}
	err_class_set(err, ERR_USAGE, -EINVAL, "there is no " FILE_NAME " in '%s' or in a folder above it", dir);
	err_hint(err, "name one with -c FILE, or have one written: reinject init");
	return -EINVAL;
}

/* Reads one included file; what is wrong with it as a whole is reported where it was named. */
static void include_file(struct config_loader *loader, const char *path, const char *from, unsigned int line)
{
	CLEANUP(config_ini_clear) struct config_ini ini = { 0 };
	const struct config_ini_entry *again;
	struct err err = ERR_INIT;

	if (config_ini_read(path, &ini, &loader->report, &err) < 0) {
		config_report_add(&loader->report, CONFIG_ERROR, from, line, "include: %s%s%s", err.message, err.hint[0] ? "; " : "", err.hint);
		return;
	}
	again = config_ini_find(&ini, "reinject", "include");
	if (again)
		config_report_add(&loader->report, CONFIG_ERROR, path, again->line, "an included file cannot include another");
	config_settings_add_file(&loader->settings, &ini, &loader->report);
}

/* The last -o reinject.include counts before anything else is known of the command line. */
static const char *overridden_include(const struct strvec *overrides)
{
	static const char key[] = "reinject.include=";
	const char *value = NULL;

	for (size_t i = 0; overrides && i < overrides->n; i++)
		if (str_starts(overrides->v[i], key))
			value = overrides->v[i] + strlen(key);
	return value;
}

static void include_files(struct config_loader *loader, const struct strvec *overrides)
{
	const struct config_section *section = config_settings_section(&loader->settings, "reinject");
	const struct config_setting *setting = config_section_find(section, "include");
	const char *raw = overridden_include(overrides);
	CLEANUP(config_value_clear) struct config_value_parsed value = { 0 };
	CLEANUP(strvec_clear) struct strvec paths = { 0 };

	if (raw && config_value_parse(schema_find("reinject", "include"), raw, loader->config->dir, &value, NULL) < 0)
		return; /* reported with the other overrides */
	if (raw)
		strvec_copy(&paths, &value.items);
	else if (setting && setting->valid)
		strvec_copy(&paths, &setting->parsed.items);
	for (size_t i = 0; i < paths.n; i++) {
		/* The section may move in memory when a file is added. */
		section = config_settings_section(&loader->settings, "reinject");
		setting = config_section_find(section, "include");
		include_file(loader, paths.v[i], raw ? "-o reinject.include" : setting->file, raw ? 0 : setting->line);
	}
}

/* Without a [source] the INI file's own folder is the one source. */
static void ensure_source(struct config_settings *settings)
{
	for (size_t i = 0; i < settings->n; i++)
		if (str_starts(settings->v[i].name, "source "))
			return;
	config_settings_make_section(settings, "source default");
}

static void fill(struct config_loader *loader)
{
	struct config *config = loader->config;

	config->state = config_loader_text(config_settings_section(&loader->settings, "reinject"), "state");
	config_fill_sources(loader);
	config_fill_build(loader);
	config_fill_image(loader);
	config_fill_initfs(loader);
	config_fill_destinations(loader);
	config_fill_packages(loader);
	config_fill_assets(loader);
	config_check_places(loader);
	config_check_missing(loader);
}

static void add_value(struct config *config, size_t *cap, const struct config_section *section, const struct config_setting *setting)
{
	struct config_value *value;

	if (!setting->valid)
		return;
	grow_array(&config->values, cap, config->n_values, sizeof(*config->values));
	value = &config->values[config->n_values++];
	value->section = xstrdup(section->name);
	value->key = xstrdup(setting->key);
	value->text = xstrdup(setting->parsed.text);
	if (!setting->file)
		value->origin = xstrdup(DEFAULT_ORIGIN);
	else
		value->origin = setting->line > 0 ? xasprintf("%s:%u", setting->file, setting->line) : xstrdup(setting->file);
}

/* The values of one section, in the order of the table's rows from @first on; keys of one row in the order of the files. */
static void add_section_values(struct config *config, size_t *cap, const struct config_section *section, size_t first)
{
	for (size_t i = first; i < schema_n_options && strcmp(schema_options[i].section, schema_options[first].section) == 0; i++)
		for (size_t j = 0; j < section->n; j++)
			if (section->v[j].option == &schema_options[i])
				add_value(config, cap, section, &section->v[j]);
}

static void add_values(struct config *config, const struct config_settings *settings)
{
	size_t cap = 0;

	for (size_t i = 0; i < schema_n_options; i++) {
		const char *pattern = schema_options[i].section;
		size_t n = strlen(pattern);

		if (i > 0 && strcmp(pattern, schema_options[i - 1].section) == 0)
			continue;
		for (size_t j = 0; j < settings->n; j++) {
			const char *name = settings->v[j].name;

			if (pattern[n - 1] == '*' ? strncmp(name, pattern, n - 1) == 0 : strcmp(name, pattern) == 0)
				add_section_values(config, &cap, &settings->v[j], i);
		}
	}
}

static void loader_clear(struct config_loader *loader)
{
	config_free(loader->config);
	config_settings_clear(&loader->settings);
	config_report_clear(&loader->report);
}

static int load_file(struct config_loader *loader, const struct config_args *args, struct err *err)
{
	CLEANUP(config_ini_clear) struct config_ini ini = { 0 };
	int r;

	strvec_add(&loader->report.files, loader->config->file); /* its problems are told first */
	r = config_ini_read(loader->config->file, &ini, &loader->report, err);
	if (r < 0)
		return r;
	config_settings_add_file(&loader->settings, &ini, &loader->report);
	include_files(loader, args->overrides);
	for (size_t i = 0; args->overrides && i < args->overrides->n; i++)
		config_settings_override(&loader->settings, args->overrides->v[i], &loader->report);
	ensure_source(&loader->settings);
	config_settings_add_defaults(&loader->settings);
	fill(loader);
	return 0;
}

int config_load(const struct config_args *args, struct config **ret, struct config_problems *problems, struct err *err)
{
	CLEANUP(loader_clear) struct config_loader loader = { 0 };
	CLEANUP_FREE char *start = NULL;
	int r;

	loader.config = xcalloc(1, sizeof(*loader.config));
	r = start_folder(args, &start, err);
	if (r == 0)
		r = find_file(args, start, &loader.config->file, err);
	if (r < 0)
		return r;
	loader.config->dir = fs_dirname(loader.config->file);
	loader.settings.dir = loader.config->dir;
	r = load_file(&loader, args, err);
	if (r < 0)
		return r;
	config_report_end(&loader.report, problems);
	if (loader.report.n_errors > 0) {
		return err_class_set(err, ERR_USAGE, -EINVAL, "configuration '%s' has %zu error%s", loader.config->file, loader.report.n_errors,
				     loader.report.n_errors == 1 ? "" : "s");
	}
	add_values(loader.config, &loader.settings);
	*ret = TAKE_PTR(loader.config);
	return 0;
}

static void free_build(struct config_build *build)
{
	free(build->toolchain);
	free(build->target);
	free(build->codegen_backend);
	free(build->relibc);
	free(build->build_std);
	free(build->build_std_features);
	strvec_clear(&build->rustflags);
	free(build->profile);
	strvec_clear(&build->features);
	strvec_clear(&build->cargo_args);
	free(build->target_dir);
	strvec_clear(&build->env);
	free(build->strip);
	free(build->cache);
}

static void free_image(struct config_image *image, struct config_initfs *initfs)
{
	free(image->path);
	free(image->tool);
	strvec_clear(&image->mount);
	strvec_clear(&image->unmount);
	free(image->mount_point);
	free(image->stamp);
	free(initfs->dir);
	free(initfs->tool);
	free(initfs->bootstrap);
	free(initfs->dest);
}

static void free_package(struct config_package *package)
{
	free(package->name);
	strvec_clear(&package->paths);
	strvec_clear(&package->uses);
	strvec_clear(&package->bins);
	strvec_clear(&package->dests);
	strvec_clear(&package->copies);
	free(package->activate);
	strvec_clear(&package->command);
	free(package->artifact);
	free(package->file);
}

static void free_asset(struct config_asset *asset)
{
	free(asset->name);
	free(asset->path);
	strvec_clear(&asset->dests);
	free(asset->file);
}

static void free_sources(struct config *config)
{
	for (size_t i = 0; i < config->n_sources; i++) {
		free(config->sources[i].name);
		free(config->sources[i].path);
		strvec_clear(&config->sources[i].shared);
		strvec_clear(&config->sources[i].ignore);
	}
	free(config->sources);
}

static void free_values(struct config *config)
{
	for (size_t i = 0; i < config->n_values; i++) {
		free(config->values[i].section);
		free(config->values[i].key);
		free(config->values[i].text);
		free(config->values[i].origin);
	}
	free(config->values);
}

void config_free(struct config *config)
{
	if (!config)
		return;
	free(config->file);
	free(config->dir);
	free(config->state);
	free_sources(config);
	free_build(&config->build);
	free_image(&config->image, &config->initfs);
	for (size_t i = 0; i < config->n_destinations; i++) {
		free(config->destinations[i].pattern);
		strvec_clear(&config->destinations[i].dests);
	}
	free(config->destinations);
	for (size_t i = 0; i < config->n_packages; i++)
		free_package(&config->packages[i]);
	free(config->packages);
	for (size_t i = 0; i < config->n_assets; i++)
		free_asset(&config->assets[i]);
	free(config->assets);
	free_values(config);
	free(config);
}

void config_freep(struct config **config)
{
	config_free(*config);
	*config = NULL;
}

const char *config_source_home(const struct config_source *source)
{
	return source->home ? source->home : source->path;
}

char *config_home_path(const struct config *config, const char *path)
{
	for (size_t i = 0; i < config->n_sources; i++) {
		const struct config_source *source = &config->sources[i];

		if (source->home && path_under(path, source->path))
			return xasprintf("%s%s", source->home, path + strlen(source->path));
	}
	return xstrdup(path);
}

char *config_read_path(const struct config *config, const char *path)
{
	for (size_t i = 0; i < config->n_sources; i++) {
		const struct config_source *source = &config->sources[i];

		if (source->home && path_under(path, source->home))
			return xasprintf("%s%s", source->path, path + strlen(source->home));
	}
	return xstrdup(path);
}

const struct config_package *config_package_find(const struct config *config, const char *name)
{
	size_t low = 0, high = config->n_packages;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int r = strcmp(name, config->packages[middle].name);

		if (r == 0)
			return &config->packages[middle];
		if (r < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

int config_package_unknown(const struct config *config, const char *name, struct err *err)
{
	struct near near = { .word = name, .n = strlen(name) };

	for (size_t i = 0; i < config->n_packages; i++)
		near_offer(&near, config->packages[i].name, strlen(config->packages[i].name));
	if (near.best)
		err_class_set(err, ERR_USAGE, -ENOENT, "there is no package '%s' in '%s'; did you mean '%s'?", name, config->file, near.best);
	else
		err_class_set(err, ERR_USAGE, -ENOENT, "there is no package '%s' in '%s'", name, config->file);
	err_hint(err, "package names are cargo's; `reinject config` lists the [package] sections");
	return -ENOENT;
}

const char *config_get(const struct config *config, const char *section, const char *key)
{
	for (size_t i = 0; i < config->n_values; i++)
		if (strcmp(config->values[i].section, section) == 0 && strcmp(config->values[i].key, key) == 0)
			return config->values[i].text;
	return NULL;
}

uint64_t config_get_uint(const struct config *config, const char *section, const char *key, uint64_t fallback)
{
	const char *text = config_get(config, section, key);
	uint64_t value;
	bool yes;

	if (text && schema_parse_uint(text, &value) == 0)
		return value;
	if (text && schema_parse_bool(text, &yes) == 0)
		return yes;
	return fallback;
}

bool config_is_said(const struct config *config, const char *section, const char *key)
{
	for (size_t i = 0; i < config->n_values; i++) {
		const struct config_value *value = &config->values[i];

		if (str_eq(value->section, section) && (!key || str_eq(value->key, key)) && !str_eq(value->origin, DEFAULT_ORIGIN))
			return true;
	}
	return false;
}

void config_each_value(const struct config *config,
		       void (*fn)(void *data, const char *section, const char *key, const char *value, const char *origin), void *data)
{
	for (size_t i = 0; i < config->n_values; i++) {
		const struct config_value *value = &config->values[i];

		fn(data, value->section, value->key, value->text, value->origin);
	}
}
