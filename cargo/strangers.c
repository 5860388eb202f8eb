/* The crates that lie in a source and are no members of its workspace: excluded ones, workspaces of their own, vendored trees. No package owns what
 * changes in them, so the generated map names them. */
#include "cargo/generate.h"

#include "base/fs.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

/* A vendored tree has hundreds: enough are named to know which tree it is. */
enum { MAX_NAMED = 24, MAX_DEPTH = 12, MAX_MANIFEST = 1 << 20 };

struct walk {
	const struct config_source *source;
	const struct cargo_workspace *workspace;
	char *root; /* owned */
	struct strvec excluded, foreign;
};

static void walk_clear(struct walk *walk)
{
	free(walk->root);
	strvec_clear(&walk->excluded);
	strvec_clear(&walk->foreign);
}

static bool is_crate(const struct walk *walk, const char *dir)
{
	if (str_eq(dir, walk->workspace->root))
		return true;
	for (size_t i = 0; i < walk->workspace->n_crates; i++)
		if (str_eq(walk->workspace->crates[i].dir, dir))
			return true;
	return false;
}

/* cargo's target folders by their mark, never by their name. */
static bool is_passed_over(const struct walk *walk, const char *dir, const char *relative)
{
	CLEANUP_FREE char *tag = xasprintf("%s/CACHEDIR.TAG", dir);

	for (size_t i = 0; i < walk->source->ignore.n; i++)
		if (path_under(relative, walk->source->ignore.v[i]))
			return true;
	return str_eq(fs_basename(dir), ".git") || fs_exists(tag);
}

static bool has_workspace(const char *manifest)
{
	CLEANUP(str_clear) struct str text = { 0 };
	const char *p;

	if (fs_read(manifest, MAX_MANIFEST, &text, NULL) < 0)
		return false;
	p = str_text(&text);
	return str_starts(p, "[workspace") || strstr(p, "\n[workspace");
}

static void walk_folder(struct walk *walk, const char *dir, int depth);

static void see_entry(struct walk *walk, const char *dir, const char *name, int depth)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
	const char *relative = path + strlen(walk->root) + 1;
	struct stat st;

	if (lstat(path, &st) < 0)
		return;
	if (S_ISREG(st.st_mode) && strcmp(name, "Cargo.toml") == 0 && !is_crate(walk, dir))
		strvec_addf(has_workspace(path) ? &walk->foreign : &walk->excluded, "%.*s", (int)(strlen(relative) - strlen("/Cargo.toml")),
			    relative);
	if (S_ISDIR(st.st_mode) && !is_passed_over(walk, path, relative))
		walk_folder(walk, path, depth + 1);
}

static void walk_folder(struct walk *walk, const char *dir, int depth)
{
	CLEANUP(cleanup_closedir) DIR *d = depth < MAX_DEPTH ? opendir(dir) : NULL;

	for (struct dirent *entry = d ? readdir(d) : NULL; entry; entry = readdir(d))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			see_entry(walk, dir, entry->d_name, depth);
}

static void note_list(struct strvec *ret, const char *what, struct strvec *names)
{
	strvec_sort_unique(names);
	for (size_t i = 0; i < names->n && i < MAX_NAMED; i++)
		strvec_addf(ret, "  %s: %s", what, names->v[i]);
	if (names->n > MAX_NAMED)
		strvec_addf(ret, "  %s: %zu more", what, names->n - MAX_NAMED);
}

static void note_graph(const struct config_source *source, const struct cargo_workspace *workspace, struct strvec *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < workspace->n_crates; i++)
		n += workspace->crates[i].member;
	if (workspace->state == CARGO_WORKSPACE_UNKNOWN)
		strvec_addf(ret, "source %s: no cargo workspace", source->name);
	else
		strvec_addf(ret, "source %s: %zu members", source->name, n);
	if (workspace->problem)
		strvec_addf(ret, "  %s", workspace->problem);
}

void cargo_generate_notes(const struct config *config, const struct cargo_workspace *workspaces, struct strvec *ret)
{
	for (size_t i = 0; i < config->n_sources; i++) {
		CLEANUP(walk_clear) struct walk walk = { .source = &config->sources[i], .workspace = &workspaces[i] };

		note_graph(walk.source, walk.workspace, ret);
		walk.root = realpath(config->sources[i].path, NULL);
		if (!walk.root)
			continue;
		walk_folder(&walk, walk.root, 0);
		note_list(ret, "of no package (no member)", &walk.excluded);
		note_list(ret, "of no package (a workspace of its own)", &walk.foreign);
	}
}
