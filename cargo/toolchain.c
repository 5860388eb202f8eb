#include "cargo/toolchain.h"

#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/sudo.h"

enum { MAX_SETTINGS = 1 << 20 };

/* A variable as cargo will see it: [build] env.NAME, else our own environment. */
static const char *build_variable(const struct config *config, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = config->build.env.n; i-- > 0;)
		if (strncmp(config->build.env.v[i], name, n) == 0 && config->build.env.v[i][n] == '=')
			return config->build.env.v[i] + n + 1;
	return getenv(name);
}

char *cargo_toolchain_home(const struct config *config, const char *variable, const char *folder)
{
	const char *home = build_variable(config, variable);
	CLEANUP_FREE char *own = NULL;

	if (home && *home)
		return xstrdup(home);
	own = config->n_sources > 0 ? sudo_home(config->sources[0].path) : NULL;
	home = build_variable(config, "HOME");
	if (own && home == getenv("HOME"))
		return xasprintf("%s/%s", own, folder);
	return home && *home ? xasprintf("%s/%s", home, folder) : NULL;
}

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

/* The string of a line `KEY = "VALUE"`; KEY may be quoted. NULL when it is another line. */
static char *toml_string(const char *line, const char *key)
{
	const char *p = skip_blanks(line);
	size_t n = strlen(key);
	char quote = *p == '"' || *p == '\'' ? *p++ : '\0';

	if (strncmp(p, key, n) != 0 || (quote && p[n] != quote))
		return NULL;
	p = skip_blanks(p + n + (quote != '\0'));
	if (*p != '=')
		return NULL;
	p = skip_blanks(p + 1);
	quote = *p;
	if (quote != '"' && quote != '\'')
		return NULL;
	return xstrndup(p + 1, strcspn(p + 1, quote == '"' ? "\"" : "'"));
}

/* The value of @key in section [@section] ('' for the head) of the TOML @text, or NULL. */
static char *toml_find(const char *text, const char *section, const char *key)
{
	CLEANUP_FREE char *copy = xstrdup(text), *header = xasprintf("[%s]", section);
	bool inside = *section == '\0';
	char *rest = copy;

	for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
		if (*skip_blanks(line) == '[')
			inside = str_starts(skip_blanks(line), header);
		char *value = inside ? toml_string(line, key) : NULL;

		if (value)
			return value;
	}
	return NULL;
}

static char *read_text(const char *path)
{
	CLEANUP(str_clear) struct str text = { 0 };

	if (fs_read(path, MAX_SETTINGS, &text, NULL) < 0)
		return NULL;
	return str_take(&text);
}

/* What a toolchain file says: a name, or the absolute path of a toolchain's folder. */
static char *toolchain_file(const char *path)
{
	CLEANUP_FREE char *text = read_text(path);
	char *said;

	if (!text)
		return NULL;
	if (!strchr(text, '[')) {
		const char *start = text + strspn(text, " \t\r\n");

		return *start ? xstrndup(start, strcspn(start, " \t\r\n")) : NULL;
	}
	said = toml_find(text, "toolchain", "channel");
	if (!said)
		said = toml_find(text, "toolchain", "path");
	if (said && said[0] != '/' && strchr(said, '/')) {
		CLEANUP_FREE char *dir = fs_dirname(path), *relative = said;

		said = fs_absolute(dir, relative);
	}
	return said;
}

static char *toolchain_of_folder(const char *dir, const char *settings)
{
	static const char *const names[] = { "rust-toolchain", "rust-toolchain.toml" };
	char *said = settings ? toml_find(settings, "overrides", dir) : NULL;

	for (size_t i = 0; !said && i < N_ELEMENTS(names); i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", dir, names[i]);

		said = toolchain_file(path);
	}
	return said;
}

/* The nearest folder that says anything, from @source up. */
static char *toolchain_of_source(const char *source, const char *settings)
{
	CLEANUP_FREE char *dir = realpath(source, NULL);

	while (dir) {
		char *said = toolchain_of_folder(dir, settings);
		char *parent = fs_dirname(dir);

		if (said || str_eq(parent, dir)) {
			free(parent);
			return said;
		}
		free(dir);
		dir = parent;
	}
	return NULL;
}

static void add_rustc_of(const char *folder, struct strvec *ret)
{
	CLEANUP_FREE char *path = xasprintf("%s/bin/rustc", folder);
	char *real = realpath(path, NULL);

	if (real)
		strvec_take(ret, real);
}

/* A date follows a channel's name as digits, a host triple starts with a letter. */
static bool is_toolchain(const char *installed, const char *name)
{
	size_t n = strlen(name);

	return strncmp(installed, name, n) == 0 && (installed[n] == '\0' || (installed[n] == '-' && isalpha((unsigned char)installed[n + 1])));
}

static void add_toolchain(const char *home, const char *name, struct strvec *ret)
{
	CLEANUP_FREE char *folder = home ? xasprintf("%s/toolchains", home) : NULL;
	CLEANUP(cleanup_closedir) DIR *dir = NULL;

	if (name[0] == '/') {
		add_rustc_of(name, ret);
		return;
	}
	dir = folder ? opendir(folder) : NULL;
	for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", folder, entry->d_name);

		if (is_toolchain(entry->d_name, name))
			add_rustc_of(path, ret);
	}
}

/* rustup's proxies are links to rustup, of either kind, which lies beside them. */
static bool is_proxy(const char *rustc)
{
	CLEANUP_FREE char *dir = fs_dirname(rustc), *rustup = xasprintf("%s/rustup", dir);
	struct stat a, b;

	return stat(rustc, &a) == 0 && stat(rustup, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static void add_by_rustup(const struct config *config, const char *home, struct strvec *ret)
{
	CLEANUP_FREE char *path = home ? xasprintf("%s/settings.toml", home) : NULL;
	CLEANUP_FREE char *settings = path ? read_text(path) : NULL;
	const char *forced = build_variable(config, "RUSTUP_TOOLCHAIN");

	if (forced && *forced) {
		add_toolchain(home, forced, ret);
		return;
	}
	for (size_t i = 0; i < config->n_sources; i++) {
		CLEANUP_FREE char *said = toolchain_of_source(config->sources[i].path, settings);

		if (!said && settings)
			said = toml_find(settings, "", "default_toolchain");
		if (said)
			add_toolchain(home, said, ret);
	}
}

void cargo_toolchain_find(const struct config *config, struct strvec *ret)
{
	CLEANUP_FREE char *home = cargo_toolchain_home(config, "RUSTUP_HOME", ".rustup"), *on_path = fs_find_program("rustc");
	const char *named = config->build.toolchain;
	size_t before = ret->n;

	if (named && *named)
		add_toolchain(home, named, ret);
	else if (!on_path || is_proxy(on_path))
		add_by_rustup(config, home, ret);
	if (ret->n == before && on_path) {
		char *real = realpath(on_path, NULL);

		if (real)
			strvec_take(ret, real);
	}
	strvec_sort_unique(ret);
}
