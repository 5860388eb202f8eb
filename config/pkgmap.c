#include "config/pkgmap.h"

#include "config/path_index.h"

#include <stdint.h>
#include <string.h>

/* All questions but 'who owns this path' are answered when the map is made: one walk over the graph for each package, breadth first, so that what
 * is near comes first. */

struct indices {
	size_t *v; /* owned */
	size_t n, cap;
};

struct edge {
	size_t package, source;
	char *path; /* owned */
};

struct pkgmap {
	const struct config *config;
	struct config_path_index owners, assets, shared, ignored;
	struct indices *direct; /* for each package, the packages that it depends on; itself is not among them */
	struct edge *edges;     /* owned; those to a path, from elsewhere than the config */
	size_t n_edges;
	bool *reach; /* [package * n + dependency] */
	struct pkgmap_inputs *inputs;
};

/* One walk: the packages in the order of their distance, and from where each was reached. */
struct walk {
	size_t *order;
	size_t *from;
	size_t n;
};

static void add_index(struct indices *indices, size_t index)
{
	for (size_t i = 0; i < indices->n; i++)
		if (indices->v[i] == index)
			return;
	grow_array(&indices->v, &indices->cap, indices->n, sizeof(*indices->v));
	indices->v[indices->n++] = index;
}

static void index_paths(struct pkgmap *map)
{
	const struct config *config = map->config;

	for (size_t i = 0; i < config->n_packages; i++)
		for (size_t j = 0; j < config->packages[i].paths.n; j++)
			config_path_index_add(&map->owners, config->packages[i].source, config->packages[i].paths.v[j], i);
	for (size_t i = 0; i < config->n_assets; i++)
		config_path_index_add(&map->assets, config->assets[i].source, config->assets[i].path, i);
	for (size_t i = 0; i < config->n_sources; i++) {
		for (size_t j = 0; j < config->sources[i].shared.n; j++)
			config_path_index_add(&map->shared, i, config->sources[i].shared.v[j], i);
		for (size_t j = 0; j < config->sources[i].ignore.n; j++)
			config_path_index_add(&map->ignored, i, config->sources[i].ignore.v[j], i);
	}
}

static void add_dependency(struct pkgmap *map, size_t package, size_t dependency)
{
	if (dependency != package)
		add_index(&map->direct[package], dependency);
}

/* A used folder that is no package's own may hold packages: then all of them are meant. */
static void add_packages_below(struct pkgmap *map, size_t package, const char *folder)
{
	const struct config *config = map->config;

	for (size_t i = 0; i < config->n_packages; i++)
		for (size_t j = 0; j < config->packages[i].paths.n; j++)
			if (config->packages[i].source == config->packages[package].source && path_under(config->packages[i].paths.v[j], folder))
				add_dependency(map, package, i);
}

static void find_dependencies(struct pkgmap *map, size_t package)
{
	const struct config_package *p = &map->config->packages[package];

	for (size_t i = 0; i < p->uses.n; i++) {
		size_t owner = config_path_index_above(&map->owners, p->source, p->uses.v[i]);

		if (owner != CONFIG_PATH_NONE)
			add_dependency(map, package, owner);
		if (config_path_index_find(&map->owners, p->source, p->uses.v[i]) == CONFIG_PATH_NONE)
			add_packages_below(map, package, p->uses.v[i]);
	}
	/* A folder that two packages name belongs to the first; its changes concern the other through it. */
	for (size_t i = 0; i < p->paths.n; i++)
		add_dependency(map, package, config_path_index_find(&map->owners, p->source, p->paths.v[i]));
	for (size_t i = 0; i < map->config->n_packages; i++)
		if (map->config->packages[i].invalidates_all)
			add_dependency(map, package, i);
}

/* Walks from @package to all that it depends on; @walk has room for all packages, @seen is all false. */
static void walk_from(const struct pkgmap *map, size_t package, bool *seen, struct walk *walk)
{
	walk->n = 0;
	walk->order[walk->n++] = package;
	walk->from[package] = PKGMAP_NONE;
	seen[package] = true;
	for (size_t i = 0; i < walk->n; i++) {
		const struct indices *direct = &map->direct[walk->order[i]];

		for (size_t j = 0; j < direct->n; j++) {
			if (seen[direct->v[j]])
				continue;
			seen[direct->v[j]] = true;
			walk->from[direct->v[j]] = walk->order[i];
			walk->order[walk->n++] = direct->v[j];
		}
	}
}

struct ranked {
	struct pkgmap_input input;
	size_t rank; /* the lowest one says through whom it came */
};

static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	int r;

	if (x->input.source != y->input.source)
		return x->input.source < y->input.source ? -1 : 1;
	r = strcmp(x->input.path, y->input.path);
	if (r != 0)
		return r;
	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

struct ranking {
	struct ranked *v;
	size_t n, cap;
};

static void add_input(struct ranking *ranking, size_t source, const char *path, size_t through)
{
	grow_array(&ranking->v, &ranking->cap, ranking->n, sizeof(*ranking->v));
	ranking->v[ranking->n] = (struct ranked){ .rank = ranking->n };
	ranking->v[ranking->n].input = (struct pkgmap_input){ .source = source, .path = path, .through = through };
	ranking->n++;
}

static void add_inputs(struct ranking *ranking, size_t source, const struct strvec *paths, size_t through)
{
	for (size_t i = 0; i < paths->n; i++)
		add_input(ranking, source, paths->v[i], through);
}

/* All `paths` come before all `uses`: a folder is best explained by the package that it belongs to. */
static void collect_inputs(const struct pkgmap *map, const struct walk *walk, struct pkgmap_inputs *ret)
{
	const struct config_package *packages = map->config->packages;
	struct ranking ranking = { 0 };

	for (size_t i = 0; i < walk->n; i++)
		add_inputs(&ranking, packages[walk->order[i]].source, &packages[walk->order[i]].paths, walk->order[i]);
	for (size_t i = 0; i < walk->n; i++)
		add_inputs(&ranking, packages[walk->order[i]].source, &packages[walk->order[i]].uses, walk->order[i]);
	for (size_t i = 0; i < walk->n; i++)
		for (size_t j = 0; j < map->n_edges; j++)
			if (map->edges[j].package == walk->order[i])
				add_input(&ranking, map->edges[j].source, map->edges[j].path, walk->order[i]);
	if (ranking.n > 0)
		qsort(ranking.v, ranking.n, sizeof(*ranking.v), compare_ranked);
	ret->v = xcalloc(ranking.n, sizeof(*ret->v));
	ret->n = 0;
	for (size_t i = 0; i < ranking.n; i++) {
		const struct pkgmap_input *input = &ranking.v[i].input, *last = ret->n > 0 ? &ret->v[ret->n - 1] : NULL;

		if (!last || last->source != input->source || strcmp(last->path, input->path) != 0)
			ret->v[ret->n++] = *input;
	}
	free(ranking.v);
}

static void add_edges(struct pkgmap *map, const struct pkgmap_edge *edges, size_t n)
{
	map->edges = xcalloc(n, sizeof(*map->edges));
	for (size_t i = 0; i < n; i++) {
		if (edges[i].dependency != PKGMAP_NONE)
			add_dependency(map, edges[i].package, edges[i].dependency);
		else
			map->edges[map->n_edges++] = (struct edge){ edges[i].package, edges[i].source, xstrdup(edges[i].path) };
	}
}

struct pkgmap *pkgmap_new(const struct config *config)
{
	return pkgmap_new_with(config, NULL, 0);
}

struct pkgmap *pkgmap_new_with(const struct config *config, const struct pkgmap_edge *edges, size_t n_edges)
{
	struct pkgmap *map = xcalloc(1, sizeof(*map));
	size_t n = config->n_packages;
	struct walk walk = { .order = xcalloc(n, sizeof(size_t)), .from = xcalloc(n, sizeof(size_t)) };

	map->config = config;
	map->direct = xcalloc(n, sizeof(*map->direct));
	map->reach = xcalloc(n * n, sizeof(*map->reach));
	map->inputs = xcalloc(n, sizeof(*map->inputs));
	index_paths(map);
	for (size_t i = 0; i < n; i++)
		find_dependencies(map, i);
	add_edges(map, edges, n_edges);
	for (size_t i = 0; i < n; i++) {
		walk_from(map, i, map->reach + i * n, &walk);
		collect_inputs(map, &walk, &map->inputs[i]);
	}
	free(walk.order);
	free(walk.from);
	return map;
}

void pkgmap_free(struct pkgmap *map)
{
	if (!map)
		return;
	for (size_t i = 0; i < map->config->n_packages; i++) {
		free(map->direct[i].v);
		free(map->inputs[i].v);
	}
	for (size_t i = 0; i < map->n_edges; i++)
		free(map->edges[i].path);
	free(map->edges);
	free(map->direct);
	free(map->inputs);
	free(map->reach);
	config_path_index_clear(&map->owners);
	config_path_index_clear(&map->assets);
	config_path_index_clear(&map->shared);
	config_path_index_clear(&map->ignored);
	free(map);
}

void pkgmap_freep(struct pkgmap **map)
{
	pkgmap_free(*map);
	*map = NULL;
}

size_t pkgmap_owner(const struct pkgmap *map, size_t source, const char *path)
{
	return config_path_index_above(&map->owners, source, path);
}

size_t pkgmap_asset(const struct pkgmap *map, size_t source, const char *path)
{
	return config_path_index_find(&map->assets, source, path);
}

bool pkgmap_is_shared(const struct pkgmap *map, size_t source, const char *path)
{
	return config_path_index_above(&map->shared, source, path) != CONFIG_PATH_NONE;
}

bool pkgmap_is_ignored(const struct pkgmap *map, size_t source, const char *path)
{
	return config_path_index_above(&map->ignored, source, path) != CONFIG_PATH_NONE;
}

const struct pkgmap_inputs *pkgmap_inputs(const struct pkgmap *map, size_t package)
{
	return &map->inputs[package];
}

bool pkgmap_concerns(const struct pkgmap *map, size_t package, size_t source)
{
	const struct pkgmap_inputs *inputs = pkgmap_inputs(map, package);

	if (map->config->packages[package].source == source)
		return true;
	for (size_t i = 0; i < inputs->n; i++)
		if (inputs->v[i].source == source)
			return true;
	return false;
}

bool pkgmap_depends(const struct pkgmap *map, size_t package, size_t dependency)
{
	return map->reach[package * map->config->n_packages + dependency];
}

char *pkgmap_way(const struct pkgmap *map, size_t package, size_t dependency)
{
	size_t n = map->config->n_packages;
	struct walk walk = { 0 };
	struct str way = { 0 };
	bool *seen;

	if (package == dependency || !pkgmap_depends(map, package, dependency))
		return xstrdup("");
	walk.order = xcalloc(n, sizeof(size_t));
	walk.from = xcalloc(n, sizeof(size_t));
	seen = xcalloc(n, sizeof(*seen));
	walk_from(map, package, seen, &walk);
	for (size_t i = dependency; i != PKGMAP_NONE; i = walk.from[i]) {
		if (way.len > 0)
			str_add(&way, " > ");
		str_add(&way, map->config->packages[i].name);
	}
	free(walk.order);
	free(walk.from);
	free(seen);
	return str_take(&way);
}
