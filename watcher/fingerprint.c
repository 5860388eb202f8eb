/* From what stands there to one hash for each package and asset, its parts kept by label. */
#include "watcher/internal.h"

#include "base/fs.h"

#include <string.h>

/* The parts of a fingerprint while they are gathered. */
struct builder {
	struct watcher_subject *subject;
	size_t cap;
};

/* Takes over @label. */
static void add_part(struct builder *b, char *label, const char *value)
{
	struct watcher_subject *subject = b->subject;

	grow_array(&subject->parts, &b->cap, subject->n_parts, sizeof(*subject->parts));
	subject->parts[subject->n_parts++] = (struct watcher_part){ .label = label, .value = value ? xstrdup(value) : NULL };
}

static void add_list(struct builder *b, const char *label, const struct strvec *values)
{
	for (size_t i = 0; i < values->n; i++)
		add_part(b, xstrdup(label), values->v[i]);
}

static void end_fingerprint(struct watcher_subject *subject)
{
	CLEANUP(hash_freep) struct hash *hash = hash_new();

	for (size_t i = 0; i < subject->n_parts; i++) {
		hash_field(hash, "label", subject->parts[i].label);
		hash_field(hash, "value", subject->parts[i].value);
	}
	hash_end(hash, subject->fingerprint);
}

static void add_path(struct builder *b, const struct watcher *watcher, const char *kind, size_t source, const char *path)
{
	add_part(b, xasprintf("%s %s:%s", kind, watcher->config->sources[source].name, path), watcher_internal_find(watcher, source, path)->id);
}

static void add_trees(struct builder *b, const struct watcher *watcher, size_t package)
{
	const struct config *config = watcher->config;
	const struct pkgmap_inputs *inputs = pkgmap_inputs(watcher->map, package);

	for (size_t i = 0; i < inputs->n; i++)
		add_path(b, watcher, "tree", inputs->v[i].source, inputs->v[i].path);
	for (size_t i = 0; i < config->n_sources; i++)
		for (size_t j = 0; pkgmap_concerns(watcher->map, package, i) && j < config->sources[i].shared.n; j++)
			add_path(b, watcher, "shared", i, config->sources[i].shared.v[j]);
}

/* The package's closure (name, version, source and checksum of all it links), so that a change of the lock makes those stale that it reaches. The whole
 * file where that is not known. */
static void add_lock(struct builder *b, const struct watcher *watcher, size_t package)
{
	const struct config *config = watcher->config;
	const struct cargo_crate *crate = watcher_graph_crate(watcher->graph, package);
	size_t source = config->packages[package].source;
	char past[HASH_HEX_SIZE] = "";

	/* An isolated source's graph is that of its commit, lock included. */
	if (crate && watcher_internal_is_past(watcher, source) && !config->sources[source].home) {
		struct cargo_lock_edges edges = cargo_workspace_edges(&watcher->graph->workspaces[source]);

		cargo_lock_closure(&watcher->locks[source], crate->name, &edges, past);
		if (past[0])
			add_part(b, xasprintf("lock %s:%s", config->sources[source].name, WATCHER_LOCK_FILE), past);
		else
			add_path(b, watcher, "lock", source, WATCHER_LOCK_FILE);
	} else if (crate && crate->closure[0])
		add_part(b, xasprintf("lock %s:%s", config->sources[source].name, WATCHER_LOCK_FILE), crate->closure);
	else
		add_path(b, watcher, "lock", source, WATCHER_LOCK_FILE);
}

/* What cargo is told from above the source: where there is nothing of the kind, no part says so. */
static void add_cargo_settings(struct builder *b, const struct cargo_settings *settings)
{
	for (size_t i = 0; i < settings->n; i++)
		add_part(b, xasprintf(WATCHER_CARGO_SETTING "%s", settings->v[i].name), settings->v[i].value);
}

/* What becomes of the built file, and how it is built where cargo does not. Not what is done after it (activate). */
static void add_settings(struct builder *b, const struct config_package *package, const char *build_inputs)
{
	add_list(b, "bin", &package->bins);
	add_list(b, "destination", &package->dests);
	add_list(b, "copy", &package->copies);
	add_list(b, "command", &package->command);
	if (package->command.n > 0)
		add_part(b, xstrdup("artifact"), package->artifact);
	else
		add_part(b, xstrdup("build"), build_inputs);
}

static bool is_missing(const struct watcher *watcher, size_t source, const char *path)
{
	CLEANUP_FREE char *full = watcher_internal_full_path(watcher, source, path);

	return !fs_exists(full);
}

static int add_inputs(struct builder *b, const struct watcher *watcher, size_t package, struct err *err)
{
	const struct strvec *inputs = &watcher->inputs[package];
	char value[HASH_HEX_SIZE];
	int r = 0;

	for (size_t i = 0; r == 0 && i < inputs->n; i++) {
		CLEANUP_FREE char *path = config_read_path(watcher->config, inputs->v[i]);

		r = watcher_input_value(path, value, err);
		if (r == 0)
			add_part(b, xasprintf("input %s", inputs->v[i]), value);
	}
	return r;
}

bool watcher_is_before(const struct watcher *watcher, size_t before, size_t package)
{
	const struct config_package *p = &watcher->config->packages[before];

	return before != package && (p->command.n > 0 || p->invalidates_all) && pkgmap_depends(watcher->map, package, before);
}

/* Whoever depends on another has more before it than that has, itself included: sorted by this number nothing comes too early. */
static size_t count_before(const struct watcher *watcher, size_t package)
{
	size_t n = 0;

	for (size_t i = 0; i < watcher->config->n_packages; i++)
		n += watcher_is_before(watcher, i, package);
	return n;
}

int watcher_internal_package(const struct watcher *watcher, size_t index, const char *build_inputs, struct watcher_subject *ret, struct err *err)
{
	const struct config_package *package = &watcher->config->packages[index];
	struct builder b = { .subject = ret };
	int r;

	ret->name = xasprintf("package %s", package->name);
	ret->index = index;
	ret->missing = package->paths.n > 0 && is_missing(watcher, package->source, package->paths.v[0]);
	ret->n_before = count_before(watcher, index);
	add_part(&b, xstrdup("subject"), ret->name);
	add_trees(&b, watcher, index);
	if (package->command.n == 0)
		add_lock(&b, watcher, index);
	add_settings(&b, package, build_inputs);
	if (package->command.n == 0)
		add_cargo_settings(&b, &watcher->settings[package->source]);
	r = add_inputs(&b, watcher, index, err);
	end_fingerprint(ret);
	ret->why = watcher_internal_package_why(watcher, index);
	return r;
}

/* The bare content: its mode in the image is not the source's. */
int watcher_internal_asset(const struct watcher *watcher, size_t index, struct watcher_subject *ret, struct err *err)
{
	const struct config_asset *asset = &watcher->config->assets[index];
	const struct watcher_path *watched = watcher_internal_find(watcher, asset->source, asset->path);
	struct builder b = { .subject = ret };
	char id[HASH_HEX_SIZE + 8];
	uint32_t mode;
	git_oid oid;
	int r = watcher_repo_entry(watcher->repos[asset->source], asset->path, &mode, &oid, err);

	if (r == 0 && (mode == GIT_FILEMODE_BLOB || mode == GIT_FILEMODE_BLOB_EXECUTABLE))
		git_oid_tostr(id, sizeof(id), &oid);
	else if (r == 0)
		r = watcher_internal_content_id(watcher, asset->source, asset->path, id, sizeof(id), err);
	if (r < 0)
		return r;
	ret->name = xasprintf("asset %s", asset->name);
	ret->index = index;
	ret->is_asset = true;
	ret->missing = is_missing(watcher, asset->source, asset->path);
	add_part(&b, xstrdup("subject"), ret->name);
	add_part(&b, xstrdup("content"), id);
	add_list(&b, "destination", &asset->dests);
	end_fingerprint(ret);
	ret->why = watched->dirty.n > 0 ? xstrdup(watched->dirty.v[0]) : NULL;
	return 0;
}
