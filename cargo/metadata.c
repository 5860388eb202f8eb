/* Cargo's graph is one of package IDs, most of them in a registry. What we keep is the graph of the packages in folders; a way between two of them that
 * leads through a registry's package ([patch] makes such ways) becomes one edge. */
#include "cargo/metadata.h"

#include "base/fs.h"
#include "base/proc.h"
#include "base/sudo.h"
#include "cargo/features.h"
#include "cargo/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 60000, NO_CRATE = -1 };

/* -- run -------------------------------------------------------------------------------------------------------------------------------------- */

struct output {
	struct str json;
	struct str words; /* cargo's first error, a line */
};

static void output_clear(struct output *output)
{
	str_clear(&output->json);
	str_clear(&output->words);
}

static void on_stdout(void *data, const char *line, size_t n)
{
	struct output *output = data;

	str_add_n(&output->json, line, n);
	str_add_c(&output->json, '\n');
}

static void on_stderr(void *data, const char *line, size_t n)
{
	struct output *output = data;

	if (output->words.len == 0 && str_starts(line, "error: "))
		str_add_n(&output->words, line + strlen("error: "), n - strlen("error: "));
}

static void make_words(const struct config *config, bool no_deps, struct strvec *ret)
{
	const struct config_build *build = &config->build;

	strvec_add(ret, "cargo");
	if (build->toolchain && *build->toolchain)
		strvec_addf(ret, "+%s", build->toolchain);
	strvec_add(ret, "metadata");
	strvec_add(ret, "--format-version=1");
	strvec_add(ret, "--offline");
	strvec_add(ret, "--locked");
	if (no_deps)
		strvec_add(ret, "--no-deps");
	else
		cargo_features_words(build, ret);
}

static void make_environment(const struct config *config, struct strvec *ret)
{
	proc_environment(ret);
	for (size_t i = 0; i < config->build.env.n; i++) {
		const char *said = config->build.env.v[i];
		CLEANUP_FREE char *name = xstrndup(said, strcspn(said, "="));

		proc_environment_set(ret, name, said + strcspn(said, "=") + 1);
	}
	/* Its words are for us, not for a terminal. */
	proc_environment_set(ret, "CARGO_TERM_COLOR", "never");
}

static int parse(const struct output *output, json_t **ret, struct err *err)
{
	json_error_t error;

	*ret = json_loadb(str_text(&output->json), output->json.len, 0, &error);
	return *ret ? 0 : err_class_set(err, ERR_FAILED, -EBADMSG, "cargo metadata printed no JSON: %s", error.text);
}

int cargo_metadata_run(const struct config *config, size_t source, bool no_deps, struct cancel *cancel, json_t **ret, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec words = { 0 }, env = { 0 };
	CLEANUP(output_clear) struct output output = { 0 };
	CLEANUP_FREE char *end = NULL;
	struct proc_spec spec = { .cwd = config->sources[source].path, .on_stdout = on_stdout, .on_stderr = on_stderr, .data = &output };
	struct proc_result result;
	int r;

	make_words(config, no_deps, &words);
	make_environment(config, &env);
	spec.argv = words.v;
	spec.env = env.v;
	spec.timeout_ms = TIMEOUT_MS;
	spec.cancel = cancel;
	sudo_drop(spec.cwd, &env, &spec);
	r = proc_run(&spec, &result, err);
	if (r < 0)
		return r;
	if (!result.signalled && result.status == 0)
		return parse(&output, ret, err);
	end = proc_describe(&result);
	return err_class_set(err, ERR_FAILED, -EIO, "cargo metadata %s%s%s", end, output.words.len > 0 ? ": " : "", str_text(&output.words));
}

/* -- crates ----------------------------------------------------------------------------------------------------------------------------------- */

size_t cargo_metadata_crate(struct cargo_workspace *workspace, const char *name, const char *dir)
{
	CLEANUP_FREE char *real = realpath(dir, NULL);
	size_t n = workspace->n_crates;

	for (size_t i = 0; i < n; i++)
		if (str_eq(workspace->crates[i].dir, real ? real : dir) && str_eq(workspace->crates[i].name, name))
			return i;
	grow_array(&workspace->crates, &workspace->cap, n, sizeof(*workspace->crates));
	workspace->crates[n].name = xstrdup(name);
	workspace->crates[n].dir = real ? TAKE_PTR(real) : xstrdup(dir);
	workspace->n_crates++;
	return n;
}

void cargo_metadata_depend(struct cargo_workspace *workspace, size_t crate, size_t dependency)
{
	struct cargo_crate *c = &workspace->crates[crate];

	if (crate == dependency)
		return;
	for (size_t i = 0; i < c->n_deps; i++)
		if (c->deps[i] == dependency)
			return;
	grow_array(&c->deps, &c->cap, c->n_deps, sizeof(*c->deps));
	c->deps[c->n_deps++] = dependency;
}

/* All that a package is read with. */
struct reading {
	const json_t *root;
	const struct config_build *build;
	struct cargo_workspace *workspace;
};

static void read_bins(const struct reading *reading, const json_t *package, struct cargo_crate *ret)
{
	const struct cargo_features features = { .package = package, .root = reading->root, .build = reading->build };

	strvec_clear(&ret->bins);
	strvec_clear(&ret->bins_off);
	cargo_features_bins(&features, &ret->bins, &ret->bins_off);
}

/* The crate of a package that lies in a folder; NO_CRATE for a registry's; -EBADMSG. */
static int read_package(const struct reading *reading, const json_t *package, ssize_t *ret, struct err *err)
{
	const json_t *members = json_object_get(reading->root, "workspace_members");
	struct cargo_workspace *workspace = reading->workspace;
	const char *name = cargo_json_text(package, "name"), *manifest = cargo_json_text(package, "manifest_path"),
		   *id = cargo_json_text(package, "id");
	CLEANUP_FREE char *dir = NULL;

	*ret = NO_CRATE;
	if (!name || !manifest || !id)
		return err_class_set(err, ERR_FAILED, -EBADMSG, "cargo metadata names a package without id, name or manifest_path");
	if (cargo_json_text(package, "source"))
		return 0;
	dir = fs_dirname(manifest);
	*ret = (ssize_t)cargo_metadata_crate(workspace, name, dir);
	for (size_t i = 0; i < json_array_size(members); i++)
		if (str_eq(json_string_value(json_array_get(members, i)), id))
			workspace->crates[*ret].member = true;
	read_bins(reading, package, &workspace->crates[*ret]);
	return 0;
}

static int read_root(const json_t *root, struct cargo_workspace *workspace, struct err *err)
{
	const char *path = cargo_json_text(root, "workspace_root");

	if (!path || !json_is_array(json_object_get(root, "packages")) || !json_is_array(json_object_get(root, "workspace_members")))
		return err_class_set(err, ERR_FAILED, -EBADMSG, "cargo metadata has no packages, workspace_members or workspace_root");
	free(workspace->root);
	workspace->root = realpath(path, NULL);
	if (!workspace->root)
		workspace->root = xstrdup(path);
	return 0;
}

/* -- the resolved graph ----------------------------------------------------------------------------------------------------------------------- */

struct node {
	const char *name, *version; /* borrowed */
	ssize_t crate;              /* or NO_CRATE */
	const json_t *deps;         /* borrowed; resolve.nodes[].deps */
};

struct graph {
	struct node *nodes; /* owned; one for each package */
	size_t n;
	json_t *ids; /* owned; package ID to index */
};

static void graph_clear(struct graph *graph)
{
	free(graph->nodes);
	json_decref(graph->ids);
}

static int read_nodes(const struct reading *reading, struct graph *graph, struct err *err)
{
	const json_t *packages = json_object_get(reading->root, "packages");
	const json_t *nodes = json_object_get(json_object_get(reading->root, "resolve"), "nodes");

	graph->n = json_array_size(packages);
	graph->nodes = xcalloc(graph->n, sizeof(*graph->nodes));
	graph->ids = json_object();
	for (size_t i = 0; i < graph->n; i++) {
		const json_t *package = json_array_get(packages, i);
		int r = read_package(reading, package, &graph->nodes[i].crate, err);

		if (r < 0)
			return r;
		graph->nodes[i].name = cargo_json_text(package, "name");
		graph->nodes[i].version = cargo_json_text(package, "version");
		json_object_set_new(graph->ids, cargo_json_text(package, "id"), json_integer((json_int_t)i));
	}
	if (!json_is_array(nodes))
		return err_class_set(err, ERR_FAILED, -EBADMSG, "cargo metadata has no resolved graph");
	for (size_t i = 0; i < json_array_size(nodes); i++) {
		const json_t *node = json_array_get(nodes, i),
			     *index = json_object_get(graph->ids, cargo_json_text(node, "id") ? cargo_json_text(node, "id") : "");

		if (!json_is_integer(index))
			return err_class_set(err, ERR_FAILED, -EBADMSG, "cargo metadata resolves a package that it does not list");
		graph->nodes[json_integer_value(index)].deps = json_object_get(node, "deps");
	}
	return 0;
}

/* A cargo before 1.41 does not say of what kind an edge is: then it counts. */
static bool is_for_tests_only(const json_t *dep)
{
	const json_t *kinds = json_object_get(dep, "dep_kinds");

	for (size_t i = 0; i < json_array_size(kinds); i++)
		if (!str_eq(cargo_json_text(json_array_get(kinds, i), "kind"), "dev"))
			return false;
	return json_array_size(kinds) > 0;
}

/* The package at the end of edge @dep; NULL when cargo does not list it. */
static const struct node *node_of(const struct graph *graph, const json_t *dep)
{
	const char *id = cargo_json_text(dep, "pkg");
	const json_t *index = id ? json_object_get(graph->ids, id) : NULL;

	return json_is_integer(index) ? &graph->nodes[json_integer_value(index)] : NULL;
}

/* Walks from crate @start through the registry's packages to the next crates on every way. */
static void read_edges(const struct graph *graph, const struct node *start, struct cargo_workspace *workspace)
{
	CLEANUP_FREE bool *seen = xcalloc(graph->n, sizeof(*seen));
	CLEANUP_FREE const struct node **queue = xcalloc(graph->n, sizeof(*queue));
	size_t n = 0;

	queue[n++] = start;
	seen[start - graph->nodes] = true;
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < json_array_size(queue[i]->deps); j++) {
			const json_t *dep = json_array_get(queue[i]->deps, j);
			const struct node *to = node_of(graph, dep);

			if (!to || seen[to - graph->nodes] || is_for_tests_only(dep))
				continue;
			seen[to - graph->nodes] = true;
			if (to->crate != NO_CRATE)
				cargo_metadata_depend(workspace, (size_t)start->crate, (size_t)to->crate);
			else
				queue[n++] = to;
		}
	}
}

static void read_dev_only(const struct graph *graph, const struct node *node, struct strvec *ret)
{
	CLEANUP(strvec_clear) struct strvec needed = { 0 }, tests = { 0 };

	for (size_t i = 0; i < json_array_size(node->deps); i++) {
		const json_t *dep = json_array_get(node->deps, i);
		const struct node *to = node_of(graph, dep);

		if (!to || !to->version)
			continue;
		strvec_add(is_for_tests_only(dep) ? &tests : &needed, to->name);
		if (is_for_tests_only(dep))
			strvec_addf(ret, "%s %s", to->name, to->version);
	}
	for (size_t i = 0; i < tests.n; i++)
		if (!strvec_has(&needed, tests.v[i]))
			strvec_add(ret, tests.v[i]);
	strvec_sort_unique(ret);
}

int cargo_metadata_resolved(const struct config *config, const json_t *root, struct cargo_workspace *ret, struct err *err)
{
	const struct reading reading = { .root = root, .build = &config->build, .workspace = ret };
	CLEANUP(graph_clear) struct graph graph = { 0 };
	int r = read_root(root, ret, err);

	if (r == 0)
		r = read_nodes(&reading, &graph, err);
	for (size_t i = 0; r == 0 && i < graph.n; i++) {
		if (graph.nodes[i].crate == NO_CRATE)
			continue;
		read_edges(&graph, &graph.nodes[i], ret);
		read_dev_only(&graph, &graph.nodes[i], &ret->crates[graph.nodes[i].crate].dev_only);
	}
	return r;
}

/* -- what manifests declare ------------------------------------------------------------------------------------------------------------------- */

static void declare_dependencies(const json_t *package, size_t crate, bool optional, struct cargo_workspace *workspace)
{
	const json_t *dependencies = json_object_get(package, "dependencies");
	CLEANUP(strvec_clear) struct strvec needed = { 0 }, tests = { 0 };

	for (size_t i = 0; i < json_array_size(dependencies); i++) {
		const json_t *dependency = json_array_get(dependencies, i);
		const char *name = cargo_json_text(dependency, "name"), *path = cargo_json_text(dependency, "path");
		bool dev = str_eq(cargo_json_text(dependency, "kind"), "dev");

		if (!name)
			continue;
		strvec_add(dev ? &tests : &needed, name);
		if (!path || dev || (json_is_true(json_object_get(dependency, "optional")) && !optional))
			continue;
		cargo_metadata_depend(workspace, crate, cargo_metadata_crate(workspace, name, path));
	}
	strvec_clear(&workspace->crates[crate].dev_only);
	for (size_t i = 0; i < tests.n; i++)
		if (!strvec_has(&needed, tests.v[i]))
			strvec_add(&workspace->crates[crate].dev_only, tests.v[i]);
	strvec_sort_unique(&workspace->crates[crate].dev_only);
}

int cargo_metadata_declared(const struct config *config, const json_t *root, bool optional, struct cargo_workspace *workspace, struct err *err)
{
	const struct reading reading = { .root = root, .build = &config->build, .workspace = workspace };
	const json_t *packages = json_object_get(root, "packages");
	int r = read_root(root, workspace, err);

	for (size_t i = 0; r == 0 && i < json_array_size(packages); i++) {
		ssize_t crate;

		r = read_package(&reading, json_array_get(packages, i), &crate, err);
		if (r == 0 && crate != NO_CRATE)
			declare_dependencies(json_array_get(packages, i), (size_t)crate, optional, workspace);
	}
	return r;
}
