#include "cargo/workspace.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "cargo/metadata.h"
#include "cargo/workspace_key.h"

#include <jansson.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FORMAT = 2, MAX_LOCK = 1 << 26, MAX_CACHE = 1 << 26 };

static void free_json(json_t **json)
{
	json_decref(*json);
}

static void collect_manifests(const struct cargo_workspace *workspace, struct strvec *ret)
{
	for (size_t i = 0; i < workspace->n_crates; i++)
		strvec_addf(ret, "%s/Cargo.toml", workspace->crates[i].dir);
	strvec_sort_unique(ret);
}

/* -- the cache -------------------------------------------------------------------------------------------------------------------------------- */

struct cache {
	json_t *root; /* owned; NULL: none */
	const char *key;
	struct strvec manifests;
};

static void cache_clear(struct cache *cache)
{
	json_decref(cache->root);
	strvec_clear(&cache->manifests);
}

static char *cache_path(const struct config *config, size_t source)
{
	const struct config_source *s = &config->sources[source];

	/* Of its own, so that the work tree's stays what it was last good for. */
	return xasprintf("%s/cargo/%s%s.json", config->state, s->name, s->home ? ".isolated" : "");
}

static void read_strings(const json_t *array, struct strvec *ret)
{
	for (size_t i = 0; i < json_array_size(array); i++)
		if (json_is_string(json_array_get(array, i)))
			strvec_add(ret, json_string_value(json_array_get(array, i)));
}

/* What cannot be read is no cache: cargo is asked again. */
static void cache_read(const struct config *config, size_t source, struct cache *ret)
{
	CLEANUP_FREE char *path = cache_path(config, source);
	CLEANUP(str_clear) struct str text = { 0 };
	json_t *root;

	if (!config->state || fs_read(path, MAX_CACHE, &text, NULL) < 0)
		return;
	root = json_loadb(str_text(&text), text.len, 0, NULL);
	if (json_integer_value(json_object_get(root, "format")) != FORMAT || !json_is_string(json_object_get(root, "key"))) {
		json_decref(root);
		return;
	}
	ret->root = root;
	ret->key = json_string_value(json_object_get(root, "key"));
	read_strings(json_object_get(root, "manifests"), &ret->manifests);
}

static int restore_crate(const json_t *object, struct cargo_crate *crate, size_t n_crates)
{
	const char *name = json_string_value(json_object_get(object, "name")), *dir = json_string_value(json_object_get(object, "dir"));
	const char *closure = json_string_value(json_object_get(object, "closure"));
	const json_t *deps = json_object_get(object, "deps");

	if (!name || !dir || !closure || strlen(closure) >= sizeof(crate->closure))
		return -EBADMSG;
	crate->name = xstrdup(name);
	crate->dir = xstrdup(dir);
	crate->member = json_is_true(json_object_get(object, "member"));
	memcpy(crate->closure, closure, strlen(closure) + 1);
	read_strings(json_object_get(object, "bins"), &crate->bins);
	read_strings(json_object_get(object, "bins_off"), &crate->bins_off);
	read_strings(json_object_get(object, "dev_only"), &crate->dev_only);
	for (size_t i = 0; i < json_array_size(deps); i++) {
		json_int_t dep = json_integer_value(json_array_get(deps, i));

		if (dep < 0 || (size_t)dep >= n_crates)
			return -EBADMSG;
		grow_array(&crate->deps, &crate->cap, crate->n_deps, sizeof(*crate->deps));
		crate->deps[crate->n_deps++] = (size_t)dep;
	}
	return 0;
}

static int cache_restore(const struct cache *cache, struct cargo_workspace *ret)
{
	CLEANUP(cargo_workspace_clear) struct cargo_workspace workspace = { 0 };
	const json_t *crates = json_object_get(cache->root, "crates");
	const char *root = json_string_value(json_object_get(cache->root, "root"));
	size_t n = json_array_size(crates);

	if (!root)
		return -EBADMSG;
	workspace.root = xstrdup(root);
	workspace.crates = xcalloc(n, sizeof(*workspace.crates));
	workspace.cap = n;
	for (; workspace.n_crates < n; workspace.n_crates++) {
		int r = restore_crate(json_array_get(crates, workspace.n_crates), &workspace.crates[workspace.n_crates], n);

		if (r < 0) {
			workspace.n_crates++; /* half built, to be cleared */
			return r;
		}
	}
	*ret = workspace;
	workspace = (struct cargo_workspace){ 0 };
	return 0;
}

static json_t *strings_json(const struct strvec *strings)
{
	json_t *array = json_array();

	for (size_t i = 0; i < strings->n; i++)
		json_array_append_new(array, json_string(strings->v[i]));
	return array;
}

static json_t *crate_json(const struct cargo_crate *crate)
{
	json_t *deps = json_array();

	for (size_t i = 0; i < crate->n_deps; i++)
		json_array_append_new(deps, json_integer((json_int_t)crate->deps[i]));
	return json_pack("{s:s, s:s, s:b, s:s, s:o, s:o, s:o, s:o}", "name", crate->name, "dir", crate->dir, "member", crate->member, "closure",
			 crate->closure, "bins", strings_json(&crate->bins), "bins_off", strings_json(&crate->bins_off), "dev_only",
			 strings_json(&crate->dev_only), "deps", deps);
}

/* Under sudo it belongs to whom the state folder belongs to. */
static int give_to_owner(const char *state, const char *path)
{
	struct stat st;

	if (geteuid() != 0 || stat(state, &st) < 0 || st.st_uid == 0)
		return 0;
	return lchown(path, st.st_uid, st.st_gid) < 0 ? -errno : 0;
}

/* A cache that cannot be written costs time and nothing else, so an error is passed over. */
static void cache_write(const struct config *config, size_t source, const struct cargo_workspace *workspace, int64_t since)
{
	CLEANUP_FREE char *dir = xasprintf("%s/cargo", config->state ? config->state : ""), *path = cache_path(config, source), *text = NULL;
	CLEANUP(strvec_clear) struct strvec manifests = { 0 };
	CLEANUP(free_json) json_t *root = NULL;
	char key[HASH_HEX_SIZE];
	json_t *crates;

	collect_manifests(workspace, &manifests);
	if (!config->state || !fs_is_dir(config->state) || (mkdir(dir, 0700) < 0 && errno != EEXIST))
		return;
	/* What was edited meanwhile may or may not have been read: an empty key fits nothing, but the graph is good to fall back on. */
	if (!cargo_workspace_key(config, source, workspace->root, &manifests, since, key))
		key[0] = '\0';
	crates = json_array();
	for (size_t i = 0; i < workspace->n_crates; i++)
		json_array_append_new(crates, crate_json(&workspace->crates[i]));
	root = json_pack("{s:i, s:s, s:s, s:o, s:o}", "format", FORMAT, "key", key, "root", workspace->root, "manifests",
			 strings_json(&manifests), "crates", crates);
	text = root ? json_dumps(root, JSON_COMPACT) : NULL;
	if (!text || fs_write_atomic(path, text, strlen(text), 0600, NULL) < 0)
		return;
	(void)!give_to_owner(config->state, dir);
	(void)!give_to_owner(config->state, path);
}

/* -- the lock --------------------------------------------------------------------------------------------------------------------------------- */

/* A member's edges, by its name: the lock has no folders. */
static bool is_dropped(void *data, const struct cargo_lock_package *from, const struct cargo_lock_package *to)
{
	const struct cargo_crate *crate = from->source ? NULL : cargo_workspace_find(data, from->name);
	CLEANUP_FREE char *exact = NULL;

	if (!crate || crate->dev_only.n == 0)
		return false;
	exact = xasprintf("%s %s", to->name, to->version);
	return strvec_has(&crate->dev_only, to->name) || strvec_has(&crate->dev_only, exact);
}

struct cargo_lock_edges cargo_workspace_edges(const struct cargo_workspace *workspace)
{
	return (struct cargo_lock_edges){ .is_dropped = is_dropped, .data = (void *)workspace };
}

/* The Cargo.lock in the root; -ENOENT without one. */
static int read_lock(const struct cargo_workspace *workspace, struct cargo_lock *ret, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/Cargo.lock", workspace->root);
	CLEANUP(str_clear) struct str text = { 0 };
	int r = fs_read(path, MAX_LOCK, &text, err);

	if (r == 0)
		r = cargo_lock_parse(str_text(&text), text.len, ret, err);
	return r < 0 ? err_wrap(err, r, "cannot read '%s'", path) : 0;
}

static void close_over(struct cargo_workspace *workspace, const struct cargo_lock *lock)
{
	struct cargo_lock_edges edges = cargo_workspace_edges(workspace);

	for (size_t i = 0; i < workspace->n_crates; i++)
		cargo_lock_closure(lock, workspace->crates[i].name, &edges, workspace->crates[i].closure);
}

static ssize_t crate_named(const struct cargo_workspace *workspace, const struct cargo_lock_package *package)
{
	for (size_t i = 0; !package->source && i < workspace->n_crates; i++)
		if (str_eq(workspace->crates[i].name, package->name))
			return (ssize_t)i;
	return -1;
}

/* The ways from one crate to others, through a registry's packages, as the lock has them: so [patch] is seen without cargo. */
static void add_lock_edges(struct cargo_workspace *workspace, const struct cargo_lock *lock, size_t start)
{
	CLEANUP_FREE bool *seen = xcalloc(lock->n_packages, sizeof(*seen));
	CLEANUP_FREE size_t *queue = xcalloc(lock->n_packages, sizeof(*queue));
	ssize_t crate = crate_named(workspace, &lock->packages[start]);
	size_t n = 0;

	if (crate < 0)
		return;
	queue[n++] = start;
	for (size_t i = 0; i < n; i++) {
		const struct cargo_lock_package *from = &lock->packages[queue[i]];

		for (size_t j = 0; j < from->dependencies.n; j++) {
			const struct cargo_lock_package *to = &lock->packages[from->edges[j]];

			if (seen[from->edges[j]] || is_dropped(workspace, from, to))
				continue;
			seen[from->edges[j]] = true;
			if (crate_named(workspace, to) >= 0)
				cargo_metadata_depend(workspace, (size_t)crate, (size_t)crate_named(workspace, to));
			else
				queue[n++] = from->edges[j];
		}
	}
}

/* -- load ------------------------------------------------------------------------------------------------------------------------------------- */

struct loader {
	const struct config *config;
	size_t source;
	struct cancel *cancel;
	struct cache cache;
	struct err refused; /* why cargo did not resolve */
};

static void loader_clear(struct loader *loader)
{
	cache_clear(&loader->cache);
}

static bool load_cached(const struct loader *loader, struct cargo_workspace *ret)
{
	const struct cache *cache = &loader->cache;
	const char *root = json_string_value(json_object_get(cache->root, "root"));
	char key[HASH_HEX_SIZE];

	if (!root)
		return false;
	cargo_workspace_key(loader->config, loader->source, root, &cache->manifests, 0, key);
	if (!str_eq(key, cache->key) || cache_restore(cache, ret) < 0)
		return false;
	ret->state = CARGO_WORKSPACE_GOOD;
	return true;
}

/* It is only read here, so cargo is told not to write a lock; its words for that leave the reader alone with an option that he never gave. */
static void explain_lock(struct loader *loader)
{
	const char *folder = loader->config->sources[loader->source].path;
	CLEANUP_FREE char *lock = xasprintf("%s/Cargo.lock", folder);

	if (!strstr(loader->refused.message, "--locked"))
		return;
	if (fs_exists(lock))
		err_set(&loader->refused, loader->refused.code,
			"Cargo.lock in '%s' is behind the manifests: the next build brings it up to date, and so does `cargo update --workspace` there!", folder);
	else
		err_set(&loader->refused, loader->refused.code,
			"there is no Cargo.lock in '%s' yet: the first build makes it, and so does `cargo generate-lockfile` there!", folder);
}

static int load_resolved(struct loader *loader, struct cargo_workspace *ret)
{
	CLEANUP(cargo_workspace_clear) struct cargo_workspace workspace = { .state = CARGO_WORKSPACE_GOOD };
	CLEANUP(cargo_lock_clear) struct cargo_lock lock = { 0 };
	CLEANUP(free_json) json_t *root = NULL;
	int64_t since = clock_wall_ms();
	int r = cargo_metadata_run(loader->config, loader->source, false, loader->cancel, &root, &loader->refused);

	if (r == 0)
		r = cargo_metadata_resolved(loader->config, root, &workspace, &loader->refused);
	if (r < 0) {
		explain_lock(loader);
		return r;
	}
	/* A lock that cargo understands and we do not: then there are no closures. */
	if (read_lock(&workspace, &lock, NULL) == 0)
		close_over(&workspace, &lock);
	cache_write(loader->config, loader->source, &workspace, since);
	*ret = workspace;
	workspace = (struct cargo_workspace){ 0 };
	return 0;
}

static bool is_of_this_source(const struct loader *loader, const struct cargo_workspace *workspace)
{
	CLEANUP_FREE char *real = realpath(loader->config->sources[loader->source].path, NULL);

	return real && path_under(real, workspace->root);
}

static int declare(struct loader *loader, bool optional, struct cargo_workspace *workspace)
{
	CLEANUP(free_json) json_t *root = NULL;
	int r = cargo_metadata_run(loader->config, loader->source, true, loader->cancel, &root, NULL);

	return r < 0 ? r : cargo_metadata_declared(loader->config, root, optional, workspace, NULL);
}

static int load_last_good(struct loader *loader, struct cargo_workspace *ret)
{
	int r = loader->cache.root ? cache_restore(&loader->cache, ret) : -ENOENT;

	if (r == 0 && !is_of_this_source(loader, ret)) {
		cargo_workspace_clear(ret);
		return -ENOENT;
	}
	if (r < 0)
		return r;
	ret->state = CARGO_WORKSPACE_LAST_GOOD;
	ret->problem = xasprintf("%s; the graph as it was last resolved is used, with the path dependencies that the manifests name now",
				 loader->refused.message);
	r = declare(loader, false, ret);
	return r == -ECANCELED ? r : 0;
}

static int load_declared(struct loader *loader, struct cargo_workspace *ret)
{
	CLEANUP(cargo_lock_clear) struct cargo_lock lock = { 0 };
	int r = declare(loader, true, ret);

	if (r < 0)
		return r;
	ret->state = CARGO_WORKSPACE_DECLARED;
	ret->problem = xasprintf("%s; manifests and Cargo.lock are read instead: a dependency through [patch] that is not in Cargo.lock yet is "
				 "missing, and what a feature turns off counts",
				 loader->refused.message);
	if (read_lock(ret, &lock, NULL) < 0)
		return 0;
	for (size_t i = 0; i < lock.n_packages; i++)
		add_lock_edges(ret, &lock, i);
	close_over(ret, &lock);
	return 0;
}

static bool has_manifest(const struct config *config, size_t source)
{
	CLEANUP_FREE char *path = xasprintf("%s/Cargo.toml", config->sources[source].path);

	return fs_exists(path);
}

int cargo_workspace_load(const struct config *config, size_t source, struct cancel *cancel, struct cargo_workspace *ret, struct err *err)
{
	CLEANUP(cargo_workspace_clear) struct cargo_workspace workspace = { 0 };
	CLEANUP(loader_clear) struct loader loader = { .config = config, .source = source, .cancel = cancel };
	int r = 0;

	cache_read(config, source, &loader.cache);
	if (has_manifest(config, source) && !load_cached(&loader, &workspace)) {
		r = load_resolved(&loader, &workspace);
		if (r < 0 && r != -ECANCELED)
			r = load_last_good(&loader, &workspace);
		if (r < 0 && r != -ECANCELED)
			r = load_declared(&loader, &workspace);
		if (r == -ECANCELED)
			return err_class_set(err, ERR_INTERRUPTED, r, "interrupted");
		if (r < 0) {
			cargo_workspace_clear(&workspace);
			workspace.problem = xasprintf("%s; only what the configuration says is known", loader.refused.message);
		}
	}
	*ret = workspace;
	workspace = (struct cargo_workspace){ 0 };
	return 0;
}

const struct cargo_crate *cargo_workspace_find(const struct cargo_workspace *workspace, const char *name)
{
	for (size_t i = 0; i < workspace->n_crates; i++)
		if (workspace->crates[i].member && str_eq(workspace->crates[i].name, name))
			return &workspace->crates[i];
	return NULL;
}

void cargo_workspace_clear(struct cargo_workspace *workspace)
{
	for (size_t i = 0; i < workspace->n_crates; i++) {
		struct cargo_crate *crate = &workspace->crates[i];

		free(crate->name);
		free(crate->dir);
		free(crate->deps);
		strvec_clear(&crate->bins);
		strvec_clear(&crate->bins_off);
		strvec_clear(&crate->dev_only);
	}
	free(workspace->crates);
	free(workspace->root);
	free(workspace->problem);
	*workspace = (struct cargo_workspace){ 0 };
}
