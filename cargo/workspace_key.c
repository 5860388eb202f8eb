#include "cargo/workspace_key.h"

#include "base/fs.h"
#include "base/hash.h"
#include "cargo/features.h"
#include "cargo/settings.h"
#include "cargo/toolchain.h"

#include <dirent.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Times of files come from a clock that ticks every few milliseconds. */
enum { MAX_MANIFEST = 1 << 26, CLOCK_TICK_MS = 20 };

/* Of a glob; cargo's `**` is taken for `*`. */
static const char wildcards[] = "*?[\\";

static void add_program(struct hash *hash, const char *path)
{
	CLEANUP_FREE char *what = NULL;
	struct stat st;

	if (path && stat(path, &st) == 0)
		what = xasprintf("%lld bytes of %lld.%09ld", (long long)st.st_size, (long long)fs_mtime(&st).tv_sec, fs_mtime(&st).tv_nsec);
	hash_field(hash, "program", path);
	hash_field(hash, "identity", what);
}

static void add_words(struct hash *hash, const char *name, const struct strvec *words)
{
	for (size_t i = 0; i < words->n; i++)
		hash_field(hash, name, words->v[i]);
}

static void add_toolchain(struct hash *hash, const struct config *config)
{
	CLEANUP(strvec_clear) struct strvec compilers = { 0 }, features = { 0 };
	CLEANUP_FREE char *cargo = fs_find_program("cargo");

	hash_field(hash, "toolchain", config->build.toolchain);
	cargo_features_words(&config->build, &features);
	add_words(hash, "feature", &features);
	add_words(hash, "env", &config->build.env);
	add_program(hash, cargo);
	cargo_toolchain_find(config, &compilers);
	for (size_t i = 0; i < compilers.n; i++)
		add_program(hash, compilers.v[i]);
}

/* A file's content, or that there is none. @since: false is returned when the file was written after that, in milliseconds since 1970; 0: true. */
static bool add_file(struct hash *hash, const char *path, int64_t since)
{
	char hex[HASH_HEX_SIZE];
	struct stat st;

	hash_field(hash, "path", path);
	hash_field(hash, "content", hash_file(path, hex, NULL) == 0 ? hex : NULL);
	return since == 0 || stat(path, &st) < 0 || fs_mtime_ms(&st) < since - CLOCK_TICK_MS;
}

static int compare_manifests(const void *key, const void *item)
{
	return strcmp(key, *(char *const *)item);
}

/* Those that are known, @manifests, have been read already. */
static bool is_manifest(const char *path, const struct strvec *manifests)
{
	return bsearch(path, manifests->v, manifests->n, sizeof(*manifests->v), compare_manifests) || fs_exists(path);
}

/* The names in @dir: with @manifests of the folders that hold one, known or not; else of the programs there, NAME.rs or NAME/main.rs. */
static void add_names(struct hash *hash, const char *dir, const struct strvec *manifests)
{
	CLEANUP(cleanup_closedir) DIR *d = opendir(dir);
	CLEANUP(strvec_clear) struct strvec names = { 0 };

	for (struct dirent *entry = d ? readdir(d) : NULL; entry; entry = readdir(d)) {
		CLEANUP_FREE char *path = xasprintf("%s/%s/%s", dir, entry->d_name, manifests ? "Cargo.toml" : "main.rs");

		if (entry->d_name[0] == '.')
			continue;
		if (manifests ? is_manifest(path, manifests) : str_ends(entry->d_name, ".rs") || fs_exists(path))
			strvec_add(&names, entry->d_name);
	}
	strvec_sort_unique(&names);
	hash_field(hash, "folder", dir);
	add_words(hash, "name", &names);
}

/* @root itself may have such characters in its name. */
static void add_matches(struct hash *hash, const char *root, const char *pattern)
{
	CLEANUP(str_clear) struct str whole = { 0 };
	glob_t found;

	for (const char *c = root; *c; c++)
		str_printf(&whole, strchr(wildcards, *c) ? "\\%c" : "%c", *c);
	str_printf(&whole, "/%s/Cargo.toml", pattern);
	hash_field(hash, "glob", pattern);
	if (glob(str_text(&whole), 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		hash_field(hash, "match", found.gl_pathv[i]);
	globfree(&found);
}

/* The word in quotes at @text, which goes on behind it; NULL at the line's end or before a comment. */
static char *next_quoted(const char **text)
{
	const char *begin = *text + strcspn(*text, "\"'#\n");
	bool is_quoted = *begin == '"' || *begin == '\'';
	size_t n = is_quoted ? strcspn(begin + 1, *begin == '"' ? "\"\n" : "'\n") : 0;

	if (!is_quoted || begin[n + 1] != *begin) {
		*text = begin + strcspn(begin, "\n");
		return NULL;
	}
	*text = begin + n + 2;
	return xstrndup(begin + 1, n);
}

/* Folders that hold no crate yet, but where a glob among the members of @root's manifest would take one in; @parents: those that are listed anyway. */
static void add_globs(struct hash *hash, const char *root, const struct strvec *parents)
{
	CLEANUP_FREE char *manifest = xasprintf("%s/Cargo.toml", root);
	CLEANUP(str_clear) struct str text = { 0 };

	if (fs_read(manifest, MAX_MANIFEST, &text, NULL) < 0)
		return;
	for (const char *at = str_text(&text); *at; at += *at == '\n') {
		for (char *word; (word = next_quoted(&at)); free(word)) {
			CLEANUP_FREE char *path = xasprintf("%s/%s", root, word), *dir = fs_dirname(path);

			if (strpbrk(word, wildcards) && strchr(word, '/') &&
			    (strpbrk(dir + strlen(root), wildcards) || !strvec_has(parents, dir)))
				add_matches(hash, root, word);
		}
	}
}

/* What counts though no manifest names it: the programs in src/bin, and the crates that a glob of the workspace's manifest takes in, which lie beside
 * others or in a folder of their own. */
static void add_unnamed(struct hash *hash, const char *root, const struct strvec *manifests)
{
	static const char *const files[] = { "src/main.rs", "src/lib.rs" };
	CLEANUP(strvec_clear) struct strvec parents = { 0 };

	for (size_t i = 0; i < manifests->n; i++) {
		CLEANUP_FREE char *dir = fs_dirname(manifests->v[i]), *bins = xasprintf("%s/src/bin", dir);

		add_names(hash, bins, NULL);
		for (size_t j = 0; j < N_ELEMENTS(files); j++) {
			CLEANUP_FREE char *path = xasprintf("%s/%s", dir, files[j]);

			hash_field(hash, files[j], fs_exists(path) ? "there" : NULL);
		}
		strvec_take(&parents, fs_dirname(dir));
	}
	strvec_sort_unique(&parents);
	for (size_t i = 0; i < parents.n; i++)
		add_names(hash, parents.v[i], manifests);
	add_globs(hash, root, &parents);
}

bool cargo_workspace_key(const struct config *config, size_t source, const char *root, const struct strvec *manifests, int64_t since,
			 char ret[HASH_HEX_SIZE])
{
	static const char *const files[] = { "Cargo.toml", "Cargo.lock", ".cargo/config.toml", ".cargo/config" };
	CLEANUP(cargo_settings_clear) struct cargo_settings settings = { 0 };
	CLEANUP(hash_freep) struct hash *hash = hash_new();
	bool settled = true;

	hash_field(hash, "source", config->sources[source].path);
	add_toolchain(hash, config);
	for (size_t i = 0; i < N_ELEMENTS(files); i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", root, files[i]);

		settled = add_file(hash, path, since) && settled;
	}
	for (size_t i = 0; i < manifests->n; i++)
		settled = add_file(hash, manifests->v[i], since) && settled;
	cargo_settings_read(config, source, &settings);
	for (size_t i = 0; i < settings.n; i++)
		settled = add_file(hash, settings.v[i].path, since) && settled;
	add_unnamed(hash, root, manifests);
	hash_end(hash, ret);
	return settled;
}
