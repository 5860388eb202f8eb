#include "config/loader.h"

#include "base/fs.h"

#include <string.h>

/* Settings that are checked one by one become the fields of [source], [build], [image] and [initfs]. */

static void report_at(struct config_loader *loader, enum config_severity severity, const char *file, unsigned int line, const char *format,
		      va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, format, args) < 0)
		return;
	config_report_add(&loader->report, severity, file ? file : loader->config->file, line, "%s", text);
	free(text);
}

void config_loader_report(struct config_loader *loader, enum config_severity severity, const struct config_section *section, const char *format,
			  ...)
{
	va_list args;

	va_start(args, format);
	report_at(loader, severity, section->file, section->line, format, args);
	va_end(args);
}

void config_loader_report_key(struct config_loader *loader, const struct config_section *section, const char *key, const char *format, ...)
{
	const struct config_setting *setting = config_section_find(section, key);
	bool said = setting && setting->file;
	va_list args;

	va_start(args, format);
	report_at(loader, CONFIG_ERROR, said ? setting->file : section->file, said ? setting->line : section->line, format, args);
	va_end(args);
}

char *config_loader_text(const struct config_section *section, const char *key)
{
	const struct config_value_parsed *value = config_section_value(section, key);

	return value ? xstrdup(value->text) : NULL;
}

void config_loader_items(const struct config_section *section, const char *key, struct strvec *ret)
{
	const struct config_value_parsed *value = config_section_value(section, key);

	if (value)
		strvec_copy(ret, &value->items);
}

static uint64_t number(const struct config_section *section, const char *key)
{
	const struct config_value_parsed *value = config_section_value(section, key);

	return value ? value->number : 0;
}

static void check_same_folder(struct config_loader *loader, const struct config_section *section, const char *path)
{
	for (size_t i = 0; i < loader->config->n_sources; i++)
		if (str_eq(loader->config->sources[i].path, path))
			config_loader_report_key(loader, section, "path", "[%s] is the same folder as [source %s]", section->name,
						 loader->config->sources[i].name);
}

static void add_source(struct config_loader *loader, const struct config_section *section)
{
	struct config *config = loader->config;
	struct config_source source = { .name = xstrdup(section->name + strlen("source ")) };

	source.path = config_loader_text(section, "path");
	if (!source.path)
		source.path = xstrdup(config->dir); /* said wrongly and reported: packages shall still find a source */
	else
		check_same_folder(loader, section, source.path);
	config_loader_items(section, "shared", &source.shared);
	config_loader_items(section, "ignore", &source.ignore);
	config->sources = xrealloc(config->sources, (config->n_sources + 1) * sizeof(*config->sources));
	config->sources[config->n_sources++] = source;
}

void config_fill_sources(struct config_loader *loader)
{
	for (size_t i = 0; i < loader->settings.n; i++)
		if (str_starts(loader->settings.v[i].name, "source "))
			add_source(loader, &loader->settings.v[i]);
}

/* A target's description lies in the first source or beside the INI file; one that is nowhere is cargo's to complain about. */
static char *find_target(const struct config *config, const char *target)
{
	char *in_source, *beside;

	if (!str_ends(target, ".json"))
		return xstrdup(target);
	in_source = fs_absolute(config->sources[0].path, target);
	beside = fs_absolute(config->dir, target);
	if (!fs_exists(in_source) && fs_exists(beside)) {
		free(in_source);
		return beside;
	}
	free(beside);
	return in_source;
}

static void add_environment(const struct config_section *section, struct strvec *env)
{
	for (size_t i = 0; i < section->n; i++)
		if (section->v[i].valid && str_starts(section->v[i].key, "env."))
			strvec_addf(env, "%s=%s", section->v[i].key + strlen("env."), section->v[i].parsed.text);
}

void config_fill_build(struct config_loader *loader)
{
	const struct config_section *section = config_settings_section(&loader->settings, "build");
	struct config_build *build = &loader->config->build;
	const struct config_value_parsed *target = config_section_value(section, "target");

	build->toolchain = config_loader_text(section, "toolchain");
	build->target = target ? find_target(loader->config, target->text) : NULL;
	build->codegen_backend = config_loader_text(section, "codegen_backend");
	build->relibc = config_loader_text(section, "relibc");
	build->build_std = config_loader_text(section, "build_std");
	build->build_std_features = config_loader_text(section, "build_std_features");
	config_loader_items(section, "rustflags", &build->rustflags);
	build->profile = config_loader_text(section, "profile");
	config_loader_items(section, "features", &build->features);
	config_loader_items(section, "cargo_args", &build->cargo_args);
	build->target_dir = config_loader_text(section, "target_dir");
	build->strip = config_loader_text(section, "strip");
	build->cache = config_loader_text(section, "cache");
	add_environment(section, &build->env);
}

static enum config_image_format image_format(const struct config_section *section)
{
	const struct config_value_parsed *value = config_section_value(section, "format");

	if (value && strcmp(value->text, "ext4") == 0)
		return CONFIG_IMAGE_EXT4;
	return value && strcmp(value->text, "custom") == 0 ? CONFIG_IMAGE_CUSTOM : CONFIG_IMAGE_REDOXFS;
}

static enum config_image_mode image_mode(const struct config_section *section)
{
	const struct config_value_parsed *value = config_section_value(section, "mode");

	if (value && strcmp(value->text, "live") == 0)
		return CONFIG_IMAGE_LIVE;
	return value && strcmp(value->text, "in-place") == 0 ? CONFIG_IMAGE_IN_PLACE : CONFIG_IMAGE_SHADOW;
}

/* argv of a custom mount; the program's own path is one of the host, like all others. */
static void fill_command(const struct config *config, const struct config_section *section, const char *key, struct strvec *ret)
{
	config_loader_items(section, key, ret);
	if (ret->n > 0 && strchr(ret->v[0], '/')) {
		char *absolute = fs_absolute(config->dir, ret->v[0]);

		free(ret->v[0]);
		ret->v[0] = absolute;
	}
}

static void check_image(struct config_loader *loader, const struct config_section *section)
{
	static const char *const keys[] = { "mount", "unmount" };
	const struct config_image *image = &loader->config->image;

	for (size_t i = 0; i < N_ELEMENTS(keys); i++) {
		const struct config_setting *setting = config_section_find(section, keys[i]);

		if (image->format == CONFIG_IMAGE_CUSTOM && (!setting || setting->parsed.empty))
			config_loader_report_key(loader, section, "format", "format = custom needs '%s'", keys[i]);
		else if (image->format != CONFIG_IMAGE_CUSTOM && setting && setting->valid && !setting->parsed.empty)
			config_report_add(&loader->report, CONFIG_WARNING, setting->file, setting->line,
					  "'%s' is used with format = custom only", keys[i]);
	}
	if (image->mode == CONFIG_IMAGE_LIVE && !image->mount_point && !config_section_find(section, "mount_point"))
		config_loader_report_key(loader, section, "mode", "mode = live needs 'mount_point', where the image is kept mounted");
}

void config_fill_image(struct config_loader *loader)
{
	struct config_section *section = config_settings_section(&loader->settings, "image");
	struct config_image *image = &loader->config->image;

	image->path = config_loader_text(section, "path");
	image->format = image_format(section);
	image->mode = image_mode(section);
	if (image->format != CONFIG_IMAGE_CUSTOM && !config_section_value(section, "tool"))
		config_section_set_default(section, "tool", image->format == CONFIG_IMAGE_EXT4 ? "fuse2fs" : "redoxfs", NULL, 0);
	image->tool = config_loader_text(section, "tool");
	fill_command(loader->config, section, "mount", &image->mount);
	fill_command(loader->config, section, "unmount", &image->unmount);
	image->mount_point = config_loader_text(section, "mount_point");
	image->keep_previous = number(section, "keep_previous") != 0;
	image->stamp = config_loader_text(section, "stamp");
	image->block = number(section, "block");
	image->mount_timeout_ms = (uint32_t)number(section, "mount_timeout_ms");
	image->answer_timeout_ms = (uint32_t)number(section, "answer_timeout_ms");
	image->leak_limit_mb = (uint32_t)number(section, "leak_limit_mb");
	check_image(loader, section);
}

void config_fill_initfs(struct config_loader *loader)
{
	const struct config_section *section = config_settings_section(&loader->settings, "initfs");
	struct config_initfs *initfs = &loader->config->initfs;

	initfs->dir = config_loader_text(section, "dir");
	initfs->tool = config_loader_text(section, "tool");
	initfs->bootstrap = config_loader_text(section, "bootstrap");
	initfs->max_size = number(section, "max_size");
	initfs->dest = config_loader_text(section, "dest");
	if (section->file && !config_section_find(section, "dir"))
		config_loader_report(loader, CONFIG_ERROR, section, "[initfs] needs 'dir', the folder with its content");
}
