#include "watcher/graph.h"

#include <stdlib.h>
#include <string.h>

struct builder {
	const struct config *config;
	struct watcher_graph *graph;
	char **roots; /* owned; the sources' folders, links resolved */
	struct pkgmap_edge *edges;
	size_t n, cap;
};

static void builder_clear(struct builder *b)
{
	for (size_t i = 0; b->roots && i < b->config->n_sources; i++)
		free(b->roots[i]);
	for (size_t i = 0; i < b->n; i++)
		free((char *)b->edges[i].path);
	free(b->roots);
	free(b->edges);
}

const struct cargo_crate *watcher_graph_crate(const struct watcher_graph *graph, size_t package)
{
	const struct config_package *p = &graph->config->packages[package];

	return p->command.n > 0 ? NULL : cargo_workspace_find(&graph->workspaces[p->source], p->name);
}

/* The innermost source that folder @dir lies in, and its path there, a pointer into @dir; PKGMAP_NONE for a folder outside. */
static size_t find_source(const struct builder *b, const char *dir, const char **ret)
{
	size_t found = PKGMAP_NONE, longest = 0;

	for (size_t i = 0; i < b->config->n_sources; i++) {
		size_t n = strlen(b->roots[i]);

		if (!path_under(dir, b->roots[i]) || (found != PKGMAP_NONE && n <= longest))
			continue;
		found = i;
		longest = n;
	}
	*ret = found == PKGMAP_NONE ? dir : dir + longest + (dir[longest] == '/');
	return found;
}

/* The package that is this crate: of its name, and of the source it lies in; else the one whose folder it is. */
static size_t find_package(const struct builder *b, const struct cargo_crate *crate, size_t source, const char *path)
{
	const struct config *config = b->config;
	size_t by_path = PKGMAP_NONE;

	for (size_t i = 0; i < config->n_packages; i++) {
		if (config->packages[i].source != source)
			continue;
		if (str_eq(config->packages[i].name, crate->name))
			return i;
		if (by_path == PKGMAP_NONE && strvec_has(&config->packages[i].paths, path))
			by_path = i;
	}
	return by_path;
}

static void add_edge(struct builder *b, size_t package, size_t dependency, size_t source, const char *path)
{
	grow_array(&b->edges, &b->cap, b->n, sizeof(*b->edges));
	b->edges[b->n++] = (struct pkgmap_edge){ .package = package, .dependency = dependency, .source = source, .path = xstrdup(path) };
}

/* From @package's crate to the next ones that are packages, or lie outside; in between are crates of which the configuration says nothing. */
static void add_edges_of(struct builder *b, size_t package)
{
	const struct cargo_workspace *workspace = &b->graph->workspaces[b->config->packages[package].source];
	const struct cargo_crate *start = watcher_graph_crate(b->graph, package);
	CLEANUP_FREE bool *seen = xcalloc(workspace->n_crates, sizeof(*seen));
	CLEANUP_FREE size_t *queue = xcalloc(workspace->n_crates, sizeof(*queue));
	size_t n = 0;

	if (!start)
		return;
	queue[n++] = (size_t)(start - workspace->crates);
	seen[queue[0]] = true;
	for (size_t i = 0; i < n; i++) {
		const struct cargo_crate *from = &workspace->crates[queue[i]];

		for (size_t j = 0; j < from->n_deps; j++) {
			const struct cargo_crate *to = &workspace->crates[from->deps[j]];
			size_t source, dependency;
			const char *path;

			if (seen[from->deps[j]])
				continue;
			seen[from->deps[j]] = true;
			source = find_source(b, to->dir, &path);
			dependency = source == PKGMAP_NONE ? PKGMAP_NONE : find_package(b, to, source, path);
			if (source == PKGMAP_NONE)
				strvec_add(&b->graph->outside, to->dir);
			else
				add_edge(b, package, dependency, source, path);
			if (dependency == PKGMAP_NONE)
				queue[n++] = from->deps[j];
		}
	}
}

static int compare_edges(const void *a, const void *b)
{
	const struct pkgmap_edge *x = a, *y = b;

	if (x->package != y->package)
		return x->package < y->package ? -1 : 1;
	if (x->dependency != y->dependency)
		return x->dependency < y->dependency ? -1 : 1;
	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	return strcmp(x->path, y->path);
}

/* Sorted first: cargo's order is its own. */
static void make_map(struct builder *b)
{
	CLEANUP(hash_freep) struct hash *hash = hash_new();

	if (b->n > 1)
		qsort(b->edges, b->n, sizeof(*b->edges), compare_edges);
	for (size_t i = 0; i < b->n; i++) {
		hash_add(hash, &b->edges[i].package, sizeof(b->edges[i].package));
		hash_add(hash, &b->edges[i].dependency, sizeof(b->edges[i].dependency));
		hash_add(hash, &b->edges[i].source, sizeof(b->edges[i].source));
		hash_field(hash, "path", b->edges[i].path);
	}
	hash_end(hash, b->graph->id);
	b->graph->map = pkgmap_new_with(b->config, b->edges, b->n);
}

static void hash_crate(struct hash *hash, const struct cargo_crate *crate)
{
	hash_field(hash, crate->member ? "member" : "crate", crate->name);
	hash_field(hash, "dir", crate->dir);
	for (size_t i = 0; i < crate->bins.n; i++)
		hash_field(hash, "bin", crate->bins.v[i]);
	for (size_t i = 0; i < crate->n_deps; i++)
		hash_add(hash, &crate->deps[i], sizeof(crate->deps[i]));
}

/* In cargo's own order: it is the same for the same manifests. */
static void hash_workspaces(struct watcher_graph *graph)
{
	CLEANUP(hash_freep) struct hash *hash = hash_new();

	for (size_t i = 0; i < graph->config->n_sources; i++) {
		const struct cargo_workspace *workspace = &graph->workspaces[i];

		hash_field(hash, "workspace", workspace->root ? workspace->root : "");
		hash_add(hash, &workspace->state, sizeof(workspace->state));
		for (size_t j = 0; j < workspace->n_crates; j++)
			hash_crate(hash, &workspace->crates[j]);
	}
	hash_end(hash, graph->crates);
}

/* Whose packages are all built by commands of their own has nothing to ask cargo. */
static bool is_cargos(const struct config *config, size_t source)
{
	for (size_t i = 0; i < config->n_packages; i++)
		if (config->packages[i].source == source && config->packages[i].command.n == 0)
			return true;
	return false;
}

bool watcher_graph_is_good(const struct watcher_graph *graph, size_t source)
{
	return graph->workspaces[source].state == CARGO_WORKSPACE_GOOD || !is_cargos(graph->config, source);
}

int watcher_graph_load(const struct config *config, struct cancel *cancel, struct watcher_graph **ret, struct err *err)
{
	CLEANUP(watcher_graph_freep) struct watcher_graph *graph = xcalloc(1, sizeof(*graph));
	CLEANUP(builder_clear) struct builder b = { .config = config, .graph = graph };

	graph->config = config;
	graph->workspaces = xcalloc(config->n_sources, sizeof(*graph->workspaces));
	b.roots = xcalloc(config->n_sources, sizeof(*b.roots));
	for (size_t i = 0; i < config->n_sources; i++) {
		int r = is_cargos(config, i) ? cargo_workspace_load(config, i, cancel, &graph->workspaces[i], err) : 0;

		if (r < 0)
			return r;
		b.roots[i] = realpath(config->sources[i].path, NULL);
		if (!b.roots[i])
			b.roots[i] = xstrdup(config->sources[i].path);
		if (graph->workspaces[i].problem)
			strvec_addf(&graph->problems, "source '%s': %s", config->sources[i].name, graph->workspaces[i].problem);
	}
	for (size_t i = 0; i < config->n_packages; i++)
		add_edges_of(&b, i);
	strvec_sort_unique(&graph->outside);
	make_map(&b);
	hash_workspaces(graph);
	*ret = TAKE_PTR(graph);
	return 0;
}

void watcher_graph_free(struct watcher_graph *graph)
{
	if (!graph)
		return;
	for (size_t i = 0; i < graph->config->n_sources; i++)
		cargo_workspace_clear(&graph->workspaces[i]);
	free(graph->workspaces);
	pkgmap_free(graph->map);
	strvec_clear(&graph->problems);
	strvec_clear(&graph->outside);
	free(graph);
}

void watcher_graph_freep(struct watcher_graph **graph)
{
	watcher_graph_free(*graph);
	*graph = NULL;
}
