/* Which of cargo's configuration files are there, and what is in them. A file that is absent leaves no trace, so that whoever has none of them keeps the
 * fingerprints that he has. */
#include "cargo/settings.h"

#include "base/fs.h"
#include "cargo/toolchain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool is_known(const struct cargo_settings *settings, const char *path)
{
	for (size_t i = 0; i < settings->n; i++)
		if (str_eq(settings->v[i].path, path))
			return true;
	return false;
}

static void add_file(struct cargo_settings *settings, const char *path, const char *name)
{
	struct cargo_setting *setting;
	struct stat st;

	if (is_known(settings, path) || (stat(path, &st) < 0 ? errno == ENOENT || errno == ENOTDIR : !S_ISREG(st.st_mode)))
		return;
	grow_array(&settings->v, &settings->cap, settings->n, sizeof(*settings->v));
	setting = &settings->v[settings->n++];
	*setting = (struct cargo_setting){ .path = xstrdup(path), .name = xstrdup(name) };
	if (hash_file(path, setting->value, NULL) < 0)
		snprintf(setting->value, sizeof(setting->value), "unreadable");
}

/* @dir is called @named in the work tree. */
static void add_folder(struct cargo_settings *settings, const char *dir, const char *named, const char *below)
{
	static const char *const names[] = { "config.toml", "config" };

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		CLEANUP_FREE char *path = xasprintf("%s%s/%s", str_eq(dir, "/") ? "" : dir, below, names[i]);
		CLEANUP_FREE char *name = xasprintf("%s%s/%s", str_eq(named, "/") ? "" : named, below, names[i]);

		add_file(settings, path, name);
	}
}

/* cargo goes up from the real folder. */
static char *real_folder(const char *path)
{
	char *real = realpath(path, NULL);

	return real ? real : xstrdup(path);
}

static void go_up(char **path)
{
	char *parent = fs_dirname(*path);

	free(*path);
	*path = parent;
}

/* Where a commit is built beside its work tree, both lie equally deep, so they go up together. */
static void add_above(struct cargo_settings *settings, const struct config_source *source)
{
	CLEANUP_FREE char *dir = real_folder(source->path), *named = real_folder(config_source_home(source));

	while (strlen(dir) > 1) {
		go_up(&dir);
		go_up(&named);
		add_folder(settings, dir, named, "/.cargo");
	}
}

void cargo_settings_read(const struct config *config, size_t source, struct cargo_settings *ret)
{
	CLEANUP_FREE char *home = cargo_toolchain_home(config, "CARGO_HOME", ".cargo"), *dir = NULL, *named = NULL;

	*ret = (struct cargo_settings){ 0 };
	add_above(ret, &config->sources[source]);
	if (!home)
		return;
	dir = fs_absolute(config->sources[source].path, home);
	named = config_home_path(config, dir);
	add_folder(ret, dir, named, "");
}

void cargo_settings_clear(struct cargo_settings *settings)
{
	for (size_t i = 0; i < settings->n; i++) {
		free(settings->v[i].path);
		free(settings->v[i].name);
	}
	free(settings->v);
	*settings = (struct cargo_settings){ 0 };
}
