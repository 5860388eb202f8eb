#include "watcher/roots.h"

#include "watcher/internal.h"

#include "base/fs.h"
#include "config/schema.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* From what is configured to what can be watched. Only words and the existence of files count here, so that equal inputs give equal lists. */

/* -- paths ----------------------------------------------------------------------------------------------------------------------------------- */

/* @path with all links resolved, also where its last parts are absent; the caller frees it. */
static char *real_path(const char *path)
{
	char *real = realpath(path, NULL);

	if (!real && strlen(path) > 1) {
		CLEANUP_FREE char *parent = fs_dirname(path);
		CLEANUP_FREE char *real_parent = real_path(parent);

		real = xasprintf("%s/%s", str_eq(real_parent, "/") ? "" : real_parent, fs_basename(path));
	}
	return real ? real : xstrdup(path);
}

static char *join(const char *dir, const char *path)
{
	return path[0] ? xasprintf("%s/%s", dir, path) : xstrdup(dir);
}

struct key {
	const char *text;
	size_t n;
};

static int compare_key(const void *key, const void *item)
{
	const struct key *k = key;
	const char *text = *(char *const *)item;
	int r = strncmp(k->text, text, k->n);

	return r ? r : -(text[k->n] != '\0');
}

/* Of a sorted list. */
static bool has_n(const struct strvec *v, const char *text, size_t n)
{
	struct key key = { text, n };

	return v->n > 0 && bsearch(&key, v->v, v->n, sizeof(*v->v), compare_key);
}

static bool has(const struct strvec *v, const char *text)
{
	return has_n(v, text, strlen(text));
}

/* The length of the longest item of sorted @v that is @path or a folder above it; 0 when none is. */
static size_t longest_above(const struct strvec *v, const char *path)
{
	for (size_t n = strlen(path); n > 0; n--)
		if ((path[n] == '\0' || path[n] == '/') && has_n(v, path, n))
			return n;
	return v->n > 0 && str_eq(v->v[0], "/") ? 1 : 0;
}

/* -- what is wanted -------------------------------------------------------------------------------------------------------------------------- */

struct builder {
	const struct config *config;
	struct watcher_roots *roots;
	char *base;           /* owned; the source at hand */
	struct strvec ignore; /* its ignored folders, absolute */
};

/* The folders from @base down to the one that @path lies in; without @base that one alone. */
static void add_above(struct watcher_roots *roots, const char *base, const char *path)
{
	char *parent = fs_dirname(path);

	while (strlen(parent) > 1) {
		char *next = fs_dirname(parent);

		strvec_add(&roots->above, parent);
		if (!base || str_eq(parent, base) || !path_under(parent, base)) {
			free(next);
			break;
		}
		free(parent);
		parent = next;
	}
	free(parent);
}

static void add_absent(struct watcher_roots *roots, const char *path)
{
	char *at = xstrdup(path);

	strvec_add(&roots->absent, path);
	while (strlen(at) > 1 && !fs_is_dir(at)) {
		char *parent = fs_dirname(at);

		strvec_add(&roots->above, at);
		free(at);
		at = parent;
	}
	strvec_add(&roots->folders, at);
	free(at);
}

/* A folder becomes a tree. Of a file that is a link both ends count. */
static void add_wanted(struct watcher_roots *roots, const char *base, const char *path)
{
	CLEANUP_FREE char *parent = fs_dirname(path), *real_parent = real_path(parent), *real = real_path(path);
	CLEANUP_FREE char *named = xasprintf("%s/%s", str_eq(real_parent, "/") ? "" : real_parent, fs_basename(path));

	add_above(roots, base, named);
	if (fs_is_dir(real)) {
		strvec_add(&roots->trees, real);
		return;
	}
	strvec_add(&roots->files, named);
	if (!fs_exists(real))
		add_absent(roots, real);
	if (!str_eq(real, named)) {
		strvec_add(&roots->files, real);
		add_above(roots, NULL, real);
	}
}

static bool below_any(const char *path, const struct strvec *folders)
{
	for (size_t i = 0; i < folders->n; i++)
		if (path_under(path, folders->v[i]))
			return true;
	return false;
}

static void add_of_source(struct builder *b, const char *path)
{
	CLEANUP_FREE char *full = join(b->base, path);

	if (!below_any(full, &b->ignore))
		add_wanted(b->roots, str_eq(full, b->base) ? full : b->base, full);
}

static void add_package(struct builder *b, size_t source, const struct pkgmap *map, size_t package)
{
	const struct pkgmap_inputs *inputs = pkgmap_inputs(map, package);

	for (size_t i = 0; i < inputs->n; i++)
		if (inputs->v[i].source == source)
			add_of_source(b, inputs->v[i].path);
}

static void begin_source(struct builder *b, size_t source)
{
	CLEANUP(strvec_clear) struct strvec ignore = { 0 };

	free(b->base);
	strvec_clear(&b->ignore);
	b->base = real_path(b->config->sources[source].path);
	watcher_look_ignored(b->config, source, &ignore);
	for (size_t i = 0; i < ignore.n; i++)
		strvec_take(&b->ignore, join(b->base, ignore.v[i]));
	strvec_copy(&b->roots->excludes, &b->ignore);
}

static void add_source(struct builder *b, size_t source, const struct pkgmap *map)
{
	const struct config *config = b->config;

	begin_source(b, source);
	strvec_add(&b->roots->above, b->base);
	for (size_t i = 0; i < config->n_packages; i++)
		add_package(b, source, map, i);
	for (size_t i = 0; i < config->sources[source].shared.n; i++)
		add_of_source(b, config->sources[source].shared.v[i]);
	add_of_source(b, WATCHER_LOCK_FILE);
	for (size_t i = 0; i < config->n_assets; i++)
		if (config->assets[i].source == source)
			add_of_source(b, config->assets[i].path);
}

/* Branches lie in the common folder, HEAD and what git is doing in the work tree's own. */
static void add_git(struct watcher_roots *roots, struct watcher_repo *repo)
{
	git_repository *git = watcher_repo_git(repo);
	CLEANUP_FREE char *own = real_path(git_repository_path(git)), *common = real_path(git_repository_commondir(git));
	CLEANUP_FREE char *branches = join(common, "refs/heads"), *work = real_path(git_repository_workdir(git));

	strvec_add(&roots->gits, own);
	strvec_add(&roots->gits, common);
	strvec_add(&roots->excludes, own);
	strvec_add(&roots->excludes, common);
	strvec_add(&roots->folders, own);
	strvec_add(&roots->folders, common);
	if (fs_is_dir(branches))
		strvec_add(&roots->trees, branches);
	else
		add_absent(roots, branches);
	/* The .gitignore files from the work tree's root down to the source. */
	strvec_add(&roots->above, work);
	strvec_add(&roots->works, work);
}

static void add_config(struct watcher_roots *roots, const struct config *config)
{
	const char *include = config_get(config, "reinject", "include");
	CLEANUP(strvec_clear) struct strvec files = { 0 };

	strvec_add(&files, config->file);
	if (include)
		schema_split_list(include, &files);
	for (size_t i = 0; i < files.n; i++) {
		CLEANUP_FREE char *parent = fs_dirname(files.v[i]), *real_parent = real_path(parent), *real = real_path(files.v[i]);

		strvec_take(&roots->configs, xasprintf("%s/%s", real_parent, fs_basename(files.v[i])));
		strvec_add(&roots->configs, real);
	}
}

/* Those that are there: the folders above a source are many, busy and of no concern, so one that is new waits for the look each minute. */
static void add_cargo_settings(struct watcher_roots *roots, const struct config *config, size_t source)
{
	CLEANUP(cargo_settings_clear) struct cargo_settings settings = { 0 };

	cargo_settings_read(config, source, &settings);
	for (size_t i = 0; i < settings.n; i++)
		add_wanted(roots, NULL, settings.v[i].path);
}

/* What cargo does not see, and the inputs' hash covers. */
static void add_build(struct watcher_roots *roots, const struct config_build *build)
{
	if (build->codegen_backend)
		add_wanted(roots, NULL, build->codegen_backend);
	if (build->relibc) {
		CLEANUP_FREE char *real = real_path(build->relibc);

		strvec_add(&roots->objects, real);
		if (fs_is_dir(real))
			strvec_add(&roots->folders, real);
		else
			add_absent(roots, real);
	}
}

/* What we and the builds write. */
static void add_own(struct watcher_roots *roots, const struct config *config)
{
	const char *const folders[] = { config->state, config->build.target_dir, config->image.mount_point };

	for (size_t i = 0; i < N_ELEMENTS(folders); i++)
		if (folders[i])
			strvec_take(&roots->excludes, real_path(folders[i]));
	if (config->image.path)
		strvec_take(&roots->mute, real_path(config->image.path));
}

/* -- in order -------------------------------------------------------------------------------------------------------------------------------- */

static bool note_target(void *data, const char *path)
{
	struct strvec *found = data;

	if (str_eq(fs_basename(path), "target")) {
		CLEANUP_FREE char *tag = xasprintf("%s/CACHEDIR.TAG", path);

		if (fs_exists(tag))
			strvec_add(found, path);
	}
	return true;
}

static void find_targets(struct watcher_roots *roots)
{
	CLEANUP(strvec_clear) struct strvec found = { 0 };

	for (size_t i = 0; i < roots->trees.n; i++)
		watcher_roots_walk(roots, roots->trees.v[i], note_target, &found);
	strvec_copy(&roots->excludes, &found);
	strvec_sort_unique(&roots->excludes);
}

static void fold(struct strvec *paths, bool (*drop)(const struct watcher_roots *roots, const char *path), const struct watcher_roots *roots)
{
	CLEANUP(strvec_clear) struct strvec all = *paths;

	*paths = (struct strvec){ 0 };
	for (size_t i = 0; i < all.n; i++)
		if (!drop(roots, all.v[i]))
			strvec_add(paths, all.v[i]);
}

/* True when the session for trees sees @path: a tree above it that is nearer than what is left out. */
static bool in_tree(const struct watcher_roots *roots, const char *path)
{
	size_t tree = longest_above(&roots->trees, path);

	return tree > 0 && tree > longest_above(&roots->excludes, path);
}

static bool in_another_tree(const struct watcher_roots *roots, const char *path)
{
	CLEANUP_FREE char *parent = fs_dirname(path);

	return in_tree(roots, parent) && longest_above(&roots->excludes, path) != strlen(path);
}

static bool in_no_tree(const struct watcher_roots *roots, const char *path)
{
	return longest_above(&roots->trees, path) == 0;
}

static void add_folders(struct watcher_roots *roots)
{
	const struct strvec *files[] = { &roots->files, &roots->configs };

	for (size_t i = 0; i < N_ELEMENTS(files); i++)
		for (size_t j = 0; j < files[i]->n; j++) {
			CLEANUP_FREE char *parent = fs_dirname(files[i]->v[j]);

			if (fs_is_dir(parent))
				strvec_add(&roots->folders, parent);
		}
	for (size_t i = 0; i < roots->above.n; i++)
		if (fs_is_dir(roots->above.v[i]))
			strvec_add(&roots->folders, roots->above.v[i]);
}

static void put_in_order(struct watcher_roots *roots)
{
	struct strvec *all[] = { &roots->trees, &roots->excludes, &roots->absent,  &roots->files, &roots->configs,
				 &roots->gits,  &roots->works,    &roots->objects, &roots->above, &roots->mute };

	for (size_t i = 0; i < N_ELEMENTS(all); i++)
		strvec_sort_unique(all[i]);
	add_folders(roots);
	strvec_sort_unique(&roots->folders);
	fold(&roots->trees, in_another_tree, roots);
	find_targets(roots);
	fold(&roots->excludes, in_no_tree, roots);
	fold(&roots->folders, in_tree, roots);
}

int watcher_roots_find(const struct config *config, const struct pkgmap *map, struct watcher_repo *const *repos, const struct strvec *inputs,
		       struct watcher_roots **ret, struct err *err)
{
	CLEANUP(watcher_roots_freep) struct watcher_roots *roots = xcalloc(1, sizeof(*roots));
	struct builder b = { .config = config, .roots = roots };

	(void)err; /* nothing can fail yet */
	for (size_t i = 0; i < config->n_sources; i++) {
		add_source(&b, i, map);
		add_git(roots, repos[i]);
		add_cargo_settings(roots, config, i);
	}
	for (size_t i = 0; inputs && i < config->n_packages; i++)
		for (size_t j = 0; j < inputs[i].n; j++)
			add_wanted(roots, NULL, inputs[i].v[j]);
	add_config(roots, config);
	add_build(roots, &config->build);
	add_own(roots, config);
	put_in_order(roots);
	free(b.base);
	strvec_clear(&b.ignore);
	*ret = TAKE_PTR(roots);
	return 0;
}

int watcher_roots_of(const struct watcher *watcher, struct watcher_roots **ret, struct err *err)
{
	return watcher_roots_find(watcher->config, watcher->map, watcher->repos, watcher->inputs, ret, err);
}

void watcher_roots_free(struct watcher_roots *roots)
{
	if (!roots)
		return;
	strvec_clear(&roots->trees);
	strvec_clear(&roots->folders);
	strvec_clear(&roots->excludes);
	strvec_clear(&roots->absent);
	strvec_clear(&roots->files);
	strvec_clear(&roots->configs);
	strvec_clear(&roots->gits);
	strvec_clear(&roots->works);
	strvec_clear(&roots->objects);
	strvec_clear(&roots->above);
	strvec_clear(&roots->mute);
	free(roots);
}

void watcher_roots_freep(struct watcher_roots **roots)
{
	watcher_roots_free(*roots);
}

/* -- what a path means ----------------------------------------------------------------------------------------------------------------------- */

/* @name is relative to a git folder. */
static enum watcher_event_class classify_git(const char *name)
{
	static const char *const operations[] = { "index.lock",  "HEAD.lock",    "MERGE_HEAD",   "CHERRY_PICK_HEAD", "REVERT_HEAD",
						  "REBASE_HEAD", "rebase-merge", "rebase-apply", "sequencer" };

	for (size_t i = 0; i < N_ELEMENTS(operations); i++)
		if (str_eq(name, operations[i]))
			return WATCHER_EVENT_OPERATION;
	if (str_eq(name, "HEAD") || str_eq(name, "packed-refs"))
		return WATCHER_EVENT_GIT;
	if (path_under(name, "refs") && !str_ends(name, ".lock"))
		return WATCHER_EVENT_GIT;
	return WATCHER_EVENT_IGNORED;
}

/* Beside an image lie files called like it with a point and more; a folder called so is anybody's. */
static bool is_mute(const struct watcher_roots *roots, const char *path)
{
	for (size_t i = 0; i < roots->mute.n; i++) {
		size_t n = strlen(roots->mute.v[i]);

		if (path_under(path, roots->mute.v[i]))
			return true;
		if (strncmp(path, roots->mute.v[i], n) == 0 && path[n] == '.' && !strchr(path + n, '/'))
			return true;
	}
	return false;
}

/* Of the folders above what counts these names speak for all below. */
static bool is_rule_file(const struct watcher_roots *roots, const char *path)
{
	const char *name = fs_basename(path);

	return (str_eq(name, ".gitignore") || str_eq(name, ".gitattributes")) && has_n(&roots->above, path, (size_t)(name - path) - 1);
}

static bool is_object(const struct watcher_roots *roots, const char *path)
{
	const char *name = fs_basename(path);

	return (str_ends(name, ".o") || str_ends(name, ".a")) && name > path + 1 && has_n(&roots->objects, path, (size_t)(name - path) - 1);
}

enum watcher_event_class watcher_roots_classify(const struct watcher_roots *roots, const char *path, bool *ret_above)
{
	size_t git = longest_above(&roots->gits, path), work = longest_above(&roots->works, path);
	bool above = has(&roots->above, path) || has(&roots->trees, path);

	/* In a bare repository's folder, a work tree of its own is nothing of git's. */
	if (work > git)
		git = 0;
	if (ret_above)
		*ret_above = above || (git > 0 && !path[git]);
	if (has(&roots->configs, path))
		return WATCHER_EVENT_CONFIG;
	if (git > 0)
		return path[git] ? classify_git(path + git + 1) : WATCHER_EVENT_GIT;
	if (!above && !has(&roots->files, path) && is_mute(roots, path))
		return WATCHER_EVENT_IGNORED;
	if (above || in_tree(roots, path) || is_object(roots, path))
		return WATCHER_EVENT_SOURCE;
	if (has(&roots->files, path) && longest_above(&roots->excludes, path) == 0)
		return WATCHER_EVENT_SOURCE;
	return is_rule_file(roots, path) ? WATCHER_EVENT_SOURCE : WATCHER_EVENT_IGNORED;
}

/* -- walking --------------------------------------------------------------------------------------------------------------------------------- */

struct walk {
	const struct watcher_roots *roots;
	bool (*fn)(void *data, const char *path);
	void *data;
	struct str path;
};

static bool is_folder(const struct walk *walk, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return lstat(walk->path.buf, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool walk_folder(struct walk *walk)
{
	CLEANUP(cleanup_closedir) DIR *dir = NULL;
	size_t len = walk->path.len;
	struct dirent *entry;

	if (!walk->fn(walk->data, walk->path.buf))
		return false;
	dir = opendir(walk->path.buf);
	while (dir && (entry = readdir(dir))) {
		bool go_on = true;

		if (str_eq(entry->d_name, ".") || str_eq(entry->d_name, "..") || entry->d_type == DT_REG)
			continue;
		str_add_c(&walk->path, '/');
		str_add(&walk->path, entry->d_name);
		if (is_folder(walk, entry) && !has(&walk->roots->excludes, walk->path.buf))
			go_on = walk_folder(walk);
		walk->path.len = len;
		walk->path.buf[len] = '\0';
		if (!go_on)
			return false;
	}
	return true;
}

void watcher_roots_walk(const struct watcher_roots *roots, const char *tree, bool (*fn)(void *data, const char *path), void *data)
{
	struct walk walk = { .roots = roots, .fn = fn, .data = data };

	str_add(&walk.path, tree);
	if (fs_is_dir(tree))
		(void)walk_folder(&walk); /* false: @fn had enough */
	str_clear(&walk.path);
}
