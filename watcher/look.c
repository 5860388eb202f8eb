#include "watcher/internal.h"

#include "base/fs.h"
#include "watcher/changes.h"
#include "watcher/operation.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* -- open ------------------------------------------------------------------------------------------------------------------------------------ */

static int compare_watched(const void *a, const void *b)
{
	const struct watcher_path *x = a, *y = b;

	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	return strcmp(x->path, y->path);
}

struct watcher_path *watcher_internal_find(const struct watcher *watcher, size_t source, const char *path)
{
	const struct watcher_path key = { .source = source, .path = path };

	return bsearch(&key, watcher->watched, watcher->n_watched, sizeof(key), compare_watched);
}

static void add_watched(struct watcher *watcher, size_t source, const char *path)
{
	grow_array(&watcher->watched, &watcher->cap, watcher->n_watched, sizeof(*watcher->watched));
	watcher->watched[watcher->n_watched++] = (struct watcher_path){ .source = source, .path = path };
}

static void forget_watched(struct watcher *watcher)
{
	for (size_t i = 0; i < watcher->n_watched; i++) {
		strvec_clear(&watcher->watched[i].without);
		strvec_clear(&watcher->watched[i].dirty);
	}
	watcher->n_watched = 0;
	for (size_t i = 0; i < watcher->config->n_sources; i++)
		strvec_clear(&watcher->paths[i]);
}

static void collect_watched(struct watcher *watcher)
{
	const struct config *config = watcher->config;
	size_t n = 0;

	for (size_t i = 0; i < config->n_packages; i++) {
		const struct pkgmap_inputs *inputs = pkgmap_inputs(watcher->map, i);

		for (size_t j = 0; j < inputs->n; j++)
			add_watched(watcher, inputs->v[j].source, inputs->v[j].path);
	}
	for (size_t i = 0; i < config->n_sources; i++) {
		add_watched(watcher, i, WATCHER_LOCK_FILE);
		for (size_t j = 0; j < config->sources[i].shared.n; j++)
			add_watched(watcher, i, config->sources[i].shared.v[j]);
	}
	for (size_t i = 0; i < config->n_assets; i++)
		add_watched(watcher, config->assets[i].source, config->assets[i].path);
	qsort(watcher->watched, watcher->n_watched, sizeof(*watcher->watched), compare_watched);
	for (size_t i = 0; i < watcher->n_watched; i++)
		if (n == 0 || compare_watched(&watcher->watched[n - 1], &watcher->watched[i]) != 0)
			watcher->watched[n++] = watcher->watched[i];
	watcher->n_watched = n;
}

/* Members nest: a change in the inner package is none of the outer one's, unless that uses it, and then it is an input by itself. */
static void find_nested(const struct watcher *watcher, struct watcher_path *outer)
{
	const struct config *config = watcher->config;
	size_t owner = pkgmap_owner(watcher->map, outer->source, outer->path);

	/* The lock file is a part of its own, also where the whole workspace is one package. */
	if (outer->path[0] == '\0')
		strvec_add(&outer->without, WATCHER_LOCK_FILE);
	if (owner == PKGMAP_NONE || !strvec_has(&config->packages[owner].paths, outer->path))
		return;
	for (size_t i = 0; i < config->n_packages; i++) {
		const struct config_package *package = &config->packages[i];

		if (i == owner || package->source != outer->source)
			continue;
		for (size_t j = 0; j < package->paths.n; j++)
			if (path_under(package->paths.v[j], outer->path) && !str_eq(package->paths.v[j], outer->path))
				strvec_add(&outer->without, package->paths.v[j]);
	}
}

/* What is watched follows from the map, and stays as it is while the map does: then the new graph takes over the old map, which is the same. */
static void take_graph(struct watcher *watcher, struct watcher_graph *graph)
{
	struct watcher_graph *old = watcher->graph;

	watcher->graph = graph;
	if (old && str_eq(old->id, graph->id)) {
		struct pkgmap *map = old->map;

		old->map = graph->map;
		graph->map = map;
		watcher_graph_free(old);
		return;
	}
	forget_watched(watcher);
	watcher->map = graph->map;
	watcher_graph_free(old);
	collect_watched(watcher);
	for (size_t i = 0; i < watcher->n_watched; i++) {
		find_nested(watcher, &watcher->watched[i]);
		strvec_add(&watcher->paths[watcher->watched[i].source], watcher->watched[i].path);
	}
}

static int look_at_graph(struct watcher *watcher, struct strvec *problems, struct err *err)
{
	struct watcher_graph *graph;
	int r = watcher_graph_load(watcher->config, watcher->cancel, &graph, err);

	if (r < 0)
		return r;
	take_graph(watcher, graph);
	strvec_copy(problems, &graph->problems);
	for (size_t i = 0; i < graph->outside.n; i++)
		strvec_addf(problems, "'%s' is a path dependency, and lies in no source: it is not watched", graph->outside.v[i]);
	return 0;
}

int watcher_open(const struct config *config, const struct pkgmap *map, struct watcher **ret, struct err *err)
{
	CLEANUP(watcher_freep) struct watcher *watcher = xcalloc(1, sizeof(*watcher));

	watcher->config = config;
	watcher->map = map;
	watcher->repos = xcalloc(config->n_sources, sizeof(*watcher->repos));
	watcher->paths = xcalloc(config->n_sources, sizeof(*watcher->paths));
	watcher->settings = xcalloc(config->n_sources, sizeof(*watcher->settings));
	watcher->inputs = xcalloc(config->n_packages, sizeof(*watcher->inputs));
	for (size_t i = 0; i < config->n_sources; i++) {
		int r = watcher_repo_open(config_source_home(&config->sources[i]), &watcher->repos[i], err);

		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(watcher);
	return 0;
}

void watcher_free(struct watcher *watcher)
{
	if (!watcher)
		return;
	forget_watched(watcher);
	for (size_t i = 0; i < watcher->config->n_sources; i++) {
		watcher_repo_free(watcher->repos[i]);
		cargo_settings_clear(&watcher->settings[i]);
	}
	for (size_t i = 0; i < watcher->config->n_packages; i++)
		strvec_clear(&watcher->inputs[i]);
	free(watcher->inputs);
	free(watcher->settings);
	free(watcher->repos);
	free(watcher->paths);
	free(watcher->watched);
	watcher_graph_free(watcher->graph);
	free(watcher);
}

void watcher_freep(struct watcher **watcher)
{
	watcher_free(*watcher);
}

void watcher_set_cancel(struct watcher *watcher, struct cancel *cancel)
{
	watcher->cancel = cancel;
}

/* -- what stands there ----------------------------------------------------------------------------------------------------------------------- */

char *watcher_internal_full_path(const struct watcher *watcher, size_t source, const char *path)
{
	return xasprintf("%s/%s", watcher->config->sources[source].path, path);
}

/* The content of a file that git passes over, because .gitignore names it or because it is a link; links followed. Nothing for what is no file. */
int watcher_internal_content_id(const struct watcher *watcher, size_t source, const char *path, char *ret, size_t size, struct err *err)
{
	CLEANUP_FREE char *full = watcher_internal_full_path(watcher, source, path);
	char hash[HASH_HEX_SIZE];
	struct stat st;
	int r;

	if (pkgmap_is_ignored(watcher->map, source, path) || stat(full, &st) < 0 || !S_ISREG(st.st_mode)) {
		snprintf(ret, size, "absent");
		return 0;
	}
	r = hash_file(full, hash, err);
	if (r == 0)
		snprintf(ret, size, "file:%s", hash);
	return r;
}

static int watch_id(const struct watcher *watcher, struct watcher_path *watched, struct err *err)
{
	struct watcher_repo *repo = watcher->repos[watched->source];
	git_oid oid;
	int r = watcher_repo_tree(repo, watched->path, &watched->without, &oid, err);

	strvec_clear(&watched->dirty);
	if (r == 0)
		r = watcher_repo_dirty(repo, watched->path, &watched->dirty, err);
	if (r < 0)
		return r;
	if (git_oid_is_zero(&oid))
		return watcher_internal_content_id(watcher, watched->source, watched->path, watched->id, sizeof(watched->id), err);
	git_oid_tostr(watched->id, sizeof(watched->id), &oid);
	return 0;
}

/* What cargo builds is no input, also where no .gitignore says so; it marks its folder with a CACHEDIR.TAG. */
void watcher_look_ignored(const struct config *config, size_t source, struct strvec *ret)
{
	CLEANUP_FREE char *tag = xasprintf("%s/target/CACHEDIR.TAG", config->sources[source].path);

	strvec_copy(ret, &config->sources[source].ignore);
	if (fs_exists(tag))
		strvec_add(ret, "target");
}

bool watcher_internal_is_past(const struct watcher *watcher, size_t source)
{
	return watcher->commits && !git_oid_is_zero(&watcher->commits[source]);
}

static void keep_dirty(void *data, const char *path, const char *value)
{
	struct watcher_source_state *state = data;

	if (state->dirty_kept == WATCHER_MAX_DIRTY)
		return;
	grow_array(&state->dirty, &state->dirty_cap, state->dirty_kept, sizeof(*state->dirty));
	state->dirty[state->dirty_kept++] = (struct watcher_part){ .label = xstrdup(path), .value = xstrdup(value) };
}

static int look_at_source(struct watcher *watcher, size_t source, struct watcher_source_state *state, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec ignore = { 0 };
	struct watcher_repo *repo = watcher->repos[source];
	enum watcher_operation operation = WATCHER_OPERATION_NONE;
	int r;

	cargo_settings_clear(&watcher->settings[source]);
	cargo_settings_read(watcher->config, source, &watcher->settings[source]);
	watcher_look_ignored(watcher->config, source, &ignore);
	if (watcher_internal_is_past(watcher, source)) {
		git_oid_tostr(state->head, sizeof(state->head), &watcher->commits[source]);
		r = watcher_repo_look_at(repo, &watcher->commits[source], &watcher->paths[source], &ignore, err);
	} else {
		r = watcher_repo_look(repo, &watcher->paths[source], &ignore, &state->n_dirty, err);
		if (r == 0)
			r = watcher_repo_head(repo, state->head, err);
	}
	if (r == 0)
		r = watcher_operation_find(repo, &operation, NULL, err);
	if (r == 0)
		watcher_repo_each_change(repo, keep_dirty, state);
	state->settled = operation == WATCHER_OPERATION_NONE && watcher_graph_is_good(watcher->graph, source);
	for (size_t i = 0; r == 0 && i < watcher->n_watched; i++)
		if (watcher->watched[i].source == source)
			r = watch_id(watcher, &watcher->watched[i], err);
	return r;
}

/* -- look ------------------------------------------------------------------------------------------------------------------------------------ */

static bool is_a_source(const struct watcher *watcher, const char *folder)
{
	for (size_t i = 0; i < watcher->config->n_sources; i++) {
		CLEANUP_FREE char *real = realpath(watcher->config->sources[i].path, NULL);

		if (real && path_under(real, folder))
			return true;
	}
	return false;
}

static void tell_nested(const struct watcher *watcher, size_t source, struct strvec *problems)
{
	const struct strvec *nested = watcher_repo_nested(watcher->repos[source]);

	for (size_t i = 0; i < nested->n; i++) {
		CLEANUP_FREE char *full = fs_absolute(git_repository_workdir(watcher_repo_git(watcher->repos[source])), nested->v[i]);

		if (!is_a_source(watcher, full))
			strvec_addf(problems, "source '%s': '%s' is a repository of its own and no submodule: it is not looked at",
				    watcher->config->sources[source].name, nested->v[i]);
	}
}

int watcher_look(struct watcher *watcher, const char *build_inputs, struct watcher_look **ret, struct err *err)
{
	CLEANUP(watcher_look_freep) struct watcher_look *look = xcalloc(1, sizeof(*look));
	const struct config *config = watcher->config;
	int r = look_at_graph(watcher, &look->problems, err);

	look->n_sources = config->n_sources;
	look->sources = xcalloc(look->n_sources, sizeof(*look->sources));
	look->n_subjects = config->n_packages + config->n_assets;
	look->subjects = xcalloc(look->n_subjects, sizeof(*look->subjects));
	for (size_t i = 0; r == 0 && i < config->n_sources; i++) {
		r = look_at_source(watcher, i, &look->sources[i], err);
		if (r == 0)
			tell_nested(watcher, i, &look->problems);
		if (r < 0)
			return err_wrap(err, r, "source '%s'", config->sources[i].name);
	}
	for (size_t i = 0; r == 0 && i < config->n_packages; i++)
		r = watcher_internal_package(watcher, i, build_inputs, &look->subjects[i], err);
	for (size_t i = 0; r == 0 && i < config->n_assets; i++)
		r = watcher_internal_asset(watcher, i, &look->subjects[config->n_packages + i], err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(look);
	return 0;
}

int watcher_learn(struct watcher *watcher, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec problems = { 0 };

	return look_at_graph(watcher, &problems, err);
}

const char *watcher_map_id(const struct watcher *watcher)
{
	return watcher->graph ? watcher->graph->id : "";
}

const char *watcher_crates_id(const struct watcher *watcher)
{
	return watcher->graph ? watcher->graph->crates : "";
}

int watcher_resolve(const struct watcher *watcher, size_t source, const char *rev, git_oid *ret, struct err *err)
{
	return watcher_changes_resolve(watcher->repos[source], rev, ret, err);
}

/* A lock that is not there, or that cannot be read, counts as the whole file. */
static void read_locks(const struct watcher *watcher, struct cargo_lock *ret)
{
	for (size_t i = 0; i < watcher->config->n_sources; i++) {
		CLEANUP(str_clear) struct str text = { 0 };

		if (!watcher_internal_is_past(watcher, i) || watcher_changes_file(watcher->repos[i], &watcher->commits[i], WATCHER_LOCK_FILE, &text, NULL) < 0)
			continue;
		(void)!cargo_lock_parse(str_text(&text), text.len, &ret[i], NULL);
	}
}

int watcher_look_at(struct watcher *watcher, const git_oid *commits, const char *build_inputs, struct watcher_look **ret, struct err *err)
{
	CLEANUP_FREE struct cargo_lock *locks = xcalloc(watcher->config->n_sources, sizeof(*locks));
	int r;

	watcher->commits = commits;
	watcher->locks = locks;
	read_locks(watcher, locks);
	r = watcher_look(watcher, build_inputs, ret, err);
	watcher->commits = NULL;
	watcher->locks = NULL;
	for (size_t i = 0; i < watcher->config->n_sources; i++)
		cargo_lock_clear(&locks[i]);
	return r;
}

void watcher_look_free(struct watcher_look *look)
{
	if (!look)
		return;
	for (size_t i = 0; i < look->n_subjects; i++) {
		for (size_t j = 0; j < look->subjects[i].n_parts; j++) {
			free(look->subjects[i].parts[j].label);
			free(look->subjects[i].parts[j].value);
		}
		free(look->subjects[i].parts);
		free(look->subjects[i].name);
		free(look->subjects[i].why);
		free(look->subjects[i].since);
	}
	for (size_t i = 0; look->sources && i < look->n_sources; i++) {
		for (size_t j = 0; j < look->sources[i].dirty_kept; j++) {
			free(look->sources[i].dirty[j].label);
			free(look->sources[i].dirty[j].value);
		}
		free(look->sources[i].dirty);
	}
	strvec_clear(&look->problems);
	free(look->subjects);
	free(look->sources);
	free(look);
}

void watcher_look_freep(struct watcher_look **look)
{
	watcher_look_free(*look);
}
