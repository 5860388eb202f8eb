#include "oracle/truth.h"

#include "oracle/manifest.h"

/* All manifests and the lock, as they stand there. */
struct graph {
	const struct world *world;
	struct manifest manifests[WORLD_CRATES];
	bool readable[WORLD_CRATES];
	struct lockfile lock;
	size_t in_lock[WORLD_CRATES]; /* each crate's place there */
	bool all_readable;
	bool settled;
	bool without_optional; /* for find_inputs() */
};

static void graph_clear(struct graph *graph)
{
	for (size_t i = 0; i < WORLD_CRATES; i++)
		manifest_clear(&graph->manifests[i]);
	lockfile_clear(&graph->lock);
}

/* -- do manifests and lock agree? --------------------------------------------------------------------------------------------------------------- */

/* The package of the lock that dependency @dep of @from means; the number of packages when it is not there. */
static size_t find_dep(const struct graph *graph, const struct lock_package *from, const struct manifest_dep *dep)
{
	for (size_t i = 0; i < from->refs.n; i++) {
		const struct lock_package *to = &graph->lock.packages[from->to[i]];

		if (dep->crate < WORLD_CRATES ? !to->source && str_eq(to->name, graph->world->crates[dep->crate].name)
					      : str_eq(to->name, dep->package) && lockfile_major(to) == dep->major)
			return from->to[i];
	}
	return graph->lock.n;
}

static bool agrees(const struct graph *graph, size_t crate)
{
	const struct manifest *m = &graph->manifests[crate];
	const struct lock_package *p = &graph->lock.packages[graph->in_lock[crate]];
	CLEANUP_FREE bool *used = xcalloc(graph->lock.n, sizeof(*used));
	size_t n = 0;

	for (size_t i = 0; i < m->n_deps; i++) {
		size_t to = find_dep(graph, p, &m->deps[i]);

		if (to == graph->lock.n)
			return false;
		n += !used[to];
		used[to] = true;
	}
	return n == p->refs.n;
}

/* cargo keeps no package that nobody needs, and no two that one would do for. */
static bool is_tidy(const struct graph *graph)
{
	const struct lockfile *lock = &graph->lock;

	for (size_t i = 0; i < lock->n; i++) {
		bool needed = !lock->packages[i].source;

		for (size_t j = 0; j < lock->n; j++) {
			const struct lock_package *other = &lock->packages[j];

			for (size_t k = 0; k < other->refs.n; k++)
				needed = needed || other->to[k] == i;
			if (j != i && str_eq(other->name, lock->packages[i].name) && lockfile_major(other) == lockfile_major(&lock->packages[i]))
				return false;
		}
		if (!needed)
			return false;
	}
	return true;
}

static void read_graph(struct graph *graph, bool doubted)
{
	graph->settled = true;
	for (size_t i = 0; i < WORLD_CRATES; i++) {
		graph->readable[i] = manifest_read(graph->world, i, &graph->manifests[i]);
		graph->settled = graph->settled && graph->readable[i];
	}
	graph->all_readable = graph->settled;
	graph->settled = lockfile_read(graph->world, &graph->lock) && graph->settled;
	for (size_t i = 0; i < WORLD_CRATES && graph->settled; i++) {
		graph->in_lock[i] = lockfile_find(&graph->lock, graph->world->crates[i].name, false);
		graph->settled = graph->in_lock[i] < graph->lock.n;
	}
	for (size_t i = 0; i < WORLD_CRATES && graph->settled; i++)
		graph->settled = agrees(graph, i);
	graph->settled = graph->settled && is_tidy(graph);
	/* What cargo itself refuses is not settled, whatever was understood here: merges and stashes mix manifests and locks in ways without number. */
	if (graph->settled && doubted)
		graph->settled = world_cargo(graph->world, "metadata", "--offline", "--locked", "--quiet", "--format-version=1", NULL) == 0;
}

/* -- what a package is made of -------------------------------------------------------------------------------------------------------------------- */

static bool is_built(const struct manifest_dep *dep)
{
	return dep->kind != MANIFEST_DEV && (!dep->optional || dep->active);
}

struct marks {
	const struct graph *graph;
	bool crates[WORLD_CRATES];
	bool *packages; /* of the lock; owned */
};

static void mark_crate(struct marks *marks, size_t crate);

/* On through the registry, where [patch] leads back to folders. */
static void mark_package(struct marks *marks, size_t package)
{
	const struct graph *graph = marks->graph;
	const struct lock_package *p = &graph->lock.packages[package];

	if (!p->source) {
		mark_crate(marks, world_crate_named(graph->world, p->name));
		return;
	}
	if (marks->packages[package])
		return;
	marks->packages[package] = true;
	for (size_t i = 0; i < p->refs.n; i++)
		mark_package(marks, p->to[i]);
}

static void mark_crate(struct marks *marks, size_t crate)
{
	const struct graph *graph = marks->graph;
	const struct manifest *m = &graph->manifests[crate];
	const struct world_crate *c = &graph->world->crates[crate];

	assert_true(crate < WORLD_CRATES);
	if (marks->crates[crate])
		return;
	marks->crates[crate] = true;
	for (size_t i = 0; i < c->n_uses; i++)
		mark_crate(marks, c->uses[i]);
	mark_crate(marks, WORLD_EVERYBODYS);
	for (size_t i = 0; i < m->n_deps; i++) {
		if (!is_built(&m->deps[i]) || (graph->without_optional && m->deps[i].optional))
			continue;
		if (m->deps[i].crate < WORLD_CRATES)
			mark_crate(marks, m->deps[i].crate);
		else if (graph->settled)
			mark_package(marks, find_dep(graph, &graph->lock.packages[graph->in_lock[crate]], &m->deps[i]));
	}
}

static void find_inputs(const struct graph *graph, bool inputs[WORLD_PACKAGES][WORLD_FOLDERS])
{
	for (size_t i = 0; i < WORLD_PACKAGES; i++) {
		struct marks marks = { .graph = graph, .packages = xcalloc(graph->lock.n, sizeof(bool)) };

		mark_crate(&marks, i);
		for (size_t j = 0; j < WORLD_CRATES; j++)
			for (size_t k = 0; marks.crates[j] && k < graph->world->crates[j].n_folders; k++)
				inputs[i][graph->world->crates[j].folders[k]] = true;
		free(marks.packages);
	}
}

/* What was declared through the crates that were held: their own manifests may add. */
static void add_declared(const struct graph *graph, const struct truth *held, bool declared[WORLD_PACKAGES][WORLD_FOLDERS])
{
	bool grown = true;

	find_inputs(graph, declared);
	for (size_t i = 0; i < WORLD_PACKAGES; i++)
		for (size_t k = 0; k < graph->world->n_folders; k++)
			declared[i][k] = declared[i][k] || held->inputs[i][k];
	while (grown) {
		grown = false;
		for (size_t i = 0; i < WORLD_PACKAGES; i++)
			for (size_t j = 0; j < WORLD_PACKAGES; j++)
				for (size_t k = 0; i != j && declared[i][j] && k < graph->world->n_folders; k++)
					if (declared[j][k] && !declared[i][k])
						grown = declared[i][k] = true;
	}
}

/* -- the lock's closure ---------------------------------------------------------------------------------------------------------------------------- */

/* An edge that only the tests of a crate need. */
static bool is_for_tests(const struct graph *graph, const struct lock_package *from, size_t to)
{
	size_t crate = from->source ? WORLD_CRATES : world_crate_named(graph->world, from->name);
	bool tests = false;

	for (size_t i = 0; crate < WORLD_CRATES && i < graph->manifests[crate].n_deps; i++) {
		const struct manifest_dep *dep = &graph->manifests[crate].deps[i];

		if (find_dep(graph, from, dep) != to)
			continue;
		/* An optional dependency is there for whoever turns it on. */
		if (dep->kind != MANIFEST_DEV)
			return false;
		tests = true;
	}
	return tests;
}

static void mark_closure(const struct graph *graph, size_t package, bool *seen)
{
	const struct lock_package *p = &graph->lock.packages[package];

	if (seen[package])
		return;
	seen[package] = true;
	for (size_t i = 0; i < p->refs.n; i++)
		if (!is_for_tests(graph, p, p->to[i]))
			mark_closure(graph, p->to[i], seen);
}

static uint64_t add_text(uint64_t hash, const char *text)
{
	return tree_hash(hash, text ? text : "-", text ? strlen(text) + 1 : 1);
}

/* The sum does not care for an order. */
static uint64_t hash_closure(const struct graph *graph, size_t crate)
{
	CLEANUP_FREE bool *seen = xcalloc(graph->lock.n, sizeof(*seen));
	uint64_t sum = 0;

	mark_closure(graph, graph->in_lock[crate], seen);
	for (size_t i = 0; i < graph->lock.n; i++) {
		const struct lock_package *p = &graph->lock.packages[i];

		if (seen[i])
			sum += add_text(add_text(add_text(add_text(TREE_HASH_START, p->name), p->version), p->source), p->checksum);
	}
	return sum;
}

/* -- contents --------------------------------------------------------------------------------------------------------------------------------- */

static bool is_in_another(const struct world *world, size_t folder, const char *path)
{
	for (size_t i = 0; world->folders[folder].is_own && i < world->n_folders; i++)
		if (i != folder && world->folders[i].is_own && path_under(path, world->folders[i].path) &&
		    path_under(world->folders[i].path, world->folders[folder].path))
			return true;
	return false;
}

static uint64_t hash_folder(const struct world *world, const struct tree *tree, const char *path, size_t folder)
{
	uint64_t hash = TREE_HASH_START;

	for (size_t i = 0; i < tree->n; i++) {
		const struct tree_file *file = &tree->files[i];

		if (!path_under(file->path, path) || (folder < WORLD_FOLDERS && is_in_another(world, folder, file->path)))
			continue;
		hash = add_text(hash, file->path);
		hash = tree_hash(hash, &file->mode, sizeof(file->mode));
		hash = tree_hash(hash, &file->content, sizeof(file->content));
	}
	return hash;
}

static uint64_t hash_ignored(const struct world *world, const char *path)
{
	CLEANUP_FREE char *full = xasprintf("%s/%s", world->git->repo, path);

	return tree_hash_file(full);
}

static uint64_t hash_shared(const struct world *world, const struct tree *tree)
{
	static const char *const shared[] = { "Cargo.toml", ".cargo", "tool.cfg", "local.conf" };
	uint64_t hash = TREE_HASH_START;

	for (size_t i = 0; i < N_ELEMENTS(shared); i++) {
		uint64_t part = hash_folder(world, tree, shared[i], WORLD_FOLDERS);

		if (part == TREE_HASH_START)
			part = hash_ignored(world, shared[i]);
		hash = tree_hash(hash, &part, sizeof(part));
	}
	return hash;
}

/* Its bytes as git has them; those that it leads to, or that git ignores, as they are. */
static uint64_t hash_asset(const struct world *world, const struct tree *tree, const char *path)
{
	const struct tree_file *file = tree_find(tree, path);

	return file && file->mode != TREE_LINK ? tree_hash(file->content, "git", 3) : hash_ignored(world, path);
}

static uint64_t package_value(const struct truth *truth, size_t package)
{
	uint64_t hash = tree_hash(truth->locks[package], &truth->shared, sizeof(truth->shared));

	for (size_t i = 0; i < WORLD_FOLDERS; i++) {
		if (!truth->inputs[package][i])
			continue;
		hash = tree_hash(hash, &i, sizeof(i));
		hash = tree_hash(hash, &truth->folders[i], sizeof(truth->folders[i]));
	}
	return package == WORLD_REGISTERED ? tree_hash(hash, &truth->registered, sizeof(truth->registered)) : hash;
}

void truth_read(const struct world *world, const struct tree *tree, const struct truth *before, bool doubted, struct truth *ret)
{
	CLEANUP(graph_clear) struct graph graph = { .world = world };

	*ret = (struct truth){ .shared = hash_shared(world, tree), .registered = tree_hash_file(world->registered) };
	for (size_t i = 0; i < world->n_folders; i++)
		ret->folders[i] = hash_folder(world, tree, world->folders[i].path, i);
	for (size_t i = 0; i < WORLD_ASSETS; i++)
		ret->values[WORLD_PACKAGES + i] = hash_asset(world, tree, world->assets[i]);
	read_graph(&graph, doubted);
	ret->settled = graph.settled;
	assert_true(before || graph.settled);
	if (!graph.settled) {
		memcpy(ret->inputs, before->inputs, sizeof(ret->inputs));
		memcpy(ret->locks, before->locks, sizeof(ret->locks));
		add_declared(&graph, ret, ret->declared);
		/* Of those cargo tells without a lock, while it can read all manifests. */
		graph.without_optional = true;
		if (graph.all_readable)
			add_declared(&graph, ret, ret->sure);
		else
			memcpy(ret->sure, ret->inputs, sizeof(ret->sure));
		return;
	}
	find_inputs(&graph, ret->inputs);
	memcpy(ret->declared, ret->inputs, sizeof(ret->declared));
	memcpy(ret->sure, ret->inputs, sizeof(ret->sure));
	for (size_t i = 0; i < WORLD_PACKAGES; i++) {
		ret->locks[i] = hash_closure(&graph, i);
		ret->values[i] = package_value(ret, i);
	}
}

enum truth_answer truth_bounds(const struct truth *before, const struct truth *now, size_t package)
{
	bool other_graph = before->locks[package] != now->locks[package];
	bool touched = before->shared != now->shared || (package == WORLD_REGISTERED && before->registered != now->registered);

	for (size_t i = 0; i < WORLD_FOLDERS; i++) {
		bool was = before->inputs[package][i], is = now->inputs[package][i];
		bool may_be = before->declared[package][i] || now->declared[package][i];

		if (before->folders[i] != now->folders[i]) {
			touched = touched || (before->sure[package][i] && now->sure[package][i]);
			other_graph = other_graph || may_be;
		}
		/* What only a manifest declares comes and goes with whether cargo can read the others. */
		other_graph = other_graph || was != is || before->declared[package][i] != was || now->declared[package][i] != is;
	}
	return touched ? TRUTH_MUST : other_graph ? TRUTH_OPEN : TRUTH_MUST_NOT;
}
