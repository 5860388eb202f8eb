/* Cargo leaves a program out without a word, so it must be known before whether one is to be waited for. */
#include "cargo/features.h"

#include "base/fs.h"
#include "cargo/json.h"

#include <stdlib.h>
#include <string.h>

#define FEATURES     "--features="
#define ALL          "--all-features"
#define NO_DEFAULT   "--no-default-features"
#define FIRST_SHARED "2021" /* the edition that came with resolver 2, which gives what is asked for to whichever package is built */

/* -- what is asked for ------------------------------------------------------------------------------------------------------------------------- */

/* The list in @word, one of cargo_args; @next: the word after it, which is used when that is where the list stands. NULL: another word. */
static const char *list_in(const char *word, const char *next)
{
	if (str_starts(word, FEATURES))
		return word + strlen(FEATURES);
	if (str_eq(word, "--features") || str_eq(word, "-F"))
		return next;
	if (str_starts(word, "-F"))
		return word + strlen(word[2] == '=' ? "-F=" : "-F");
	return NULL;
}

void cargo_features_words(const struct config_build *build, struct strvec *ret)
{
	const struct strvec *args = &build->cargo_args;

	if (build->features.n > 0) {
		CLEANUP_FREE char *list = strvec_join(&build->features, ",");

		strvec_addf(ret, FEATURES "%s", list);
	}
	for (size_t i = 0; i < args->n; i++) {
		const char *next = i + 1 < args->n ? args->v[i + 1] : NULL, *list = list_in(args->v[i], next);

		if (list)
			strvec_addf(ret, FEATURES "%s", list);
		else if (str_eq(args->v[i], ALL) || str_eq(args->v[i], NO_DEFAULT))
			strvec_add(ret, args->v[i]);
	}
}

/* -- what the package's own table makes of it -------------------------------------------------------------------------------------------------- */

struct own {
	const char *name;
	const json_t *table; /* packages[].features */
	struct strvec on;    /* features of its own, and 'DEP/FEATURE' */
};

static void own_clear(struct own *own)
{
	strvec_clear(&own->on);
}

/* 'a', 'PKG/a', 'dep:a', 'dep/a' (which turns the optional dependency on, by the feature of its name), 'dep?/a' (which does not). */
static void turn_on(struct own *own, const char *value)
{
	const char *slash = strchr(value, '/');
	CLEANUP_FREE char *before = slash ? xstrndup(value, (size_t)(slash - value)) : NULL;

	if (str_eq(before, own->name))
		value = slash + 1;
	else if (before && json_object_get(own->table, before) && !strvec_has(&own->on, before))
		strvec_add(&own->on, before);
	if (!strvec_has(&own->on, value))
		strvec_add(&own->on, value);
}

static void turn_on_list(struct own *own, const char *list)
{
	static const char separators[] = ", \t";

	for (list += strspn(list, separators); *list; list += strspn(list, separators)) {
		size_t n = strcspn(list, separators);
		CLEANUP_FREE char *value = xstrndup(list, n);

		turn_on(own, value);
		list += n;
	}
}

static void turn_on_asked(struct own *own, const struct strvec *words)
{
	for (size_t i = 0; i < words->n; i++)
		if (str_starts(words->v[i], FEATURES))
			turn_on_list(own, words->v[i] + strlen(FEATURES));
	if (!strvec_has(words, NO_DEFAULT))
		turn_on(own, "default");
	if (strvec_has(words, ALL))
		for (void *at = json_object_iter((json_t *)own->table); at; at = json_object_iter_next((json_t *)own->table, at))
			turn_on(own, json_object_iter_key(at));
}

static void follow_table(struct own *own)
{
	for (size_t i = 0; i < own->on.n; i++) {
		const json_t *values = json_object_get(own->table, own->on.v[i]);

		for (size_t j = 0; j < json_array_size(values); j++)
			if (json_is_string(json_array_get(values, j)))
				turn_on(own, json_string_value(json_array_get(values, j)));
	}
}

/* -- what cargo resolved ----------------------------------------------------------------------------------------------------------------------- */

static const json_t *find_node(const json_t *root, const char *id)
{
	const json_t *nodes = json_object_get(json_object_get(root, "resolve"), "nodes");

	for (size_t i = 0; i < json_array_size(nodes); i++)
		if (str_eq(cargo_json_text(json_array_get(nodes, i), "id"), id))
			return json_array_get(nodes, i);
	return NULL;
}

/* Everything of a node of before 1.29, which does not say. */
static bool node_has(const json_t *node, const char *feature)
{
	const json_t *features = json_object_get(node, "features");

	for (size_t i = 0; i < json_array_size(features); i++)
		if (str_eq(json_string_value(json_array_get(features, i)), feature))
			return true;
	return !features;
}

/* @name as a manifest has it; in the graph it is a crate's, without dashes. */
static bool is_crate(const char *crate, const char *name, size_t n)
{
	if (!crate || strlen(crate) != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (crate[i] != (name[i] == '-' ? '_' : name[i]))
			return false;
	return true;
}

/* @wanted: 'DEP/FEATURE'. */
static bool dependency_has(const json_t *root, const json_t *node, const char *wanted)
{
	const json_t *deps = json_object_get(node, "deps");
	size_t n = strcspn(wanted, "/");

	for (size_t i = 0; i < json_array_size(deps); i++) {
		const json_t *dep = json_array_get(deps, i), *to = find_node(root, cargo_json_text(dep, "pkg"));

		if (is_crate(cargo_json_text(dep, "name"), wanted, n) && (!to || node_has(to, wanted + n + 1)))
			return true;
	}
	return false;
}

/* -- both -------------------------------------------------------------------------------------------------------------------------------------- */

static bool root_is_old(const json_t *root)
{
	const json_t *packages = json_object_get(root, "packages");
	const char *folder = cargo_json_text(root, "workspace_root");
	CLEANUP_FREE char *manifest = xasprintf("%s/Cargo.toml", folder ? folder : "");

	for (size_t i = 0; i < json_array_size(packages); i++) {
		const json_t *package = json_array_get(packages, i);
		const char *edition = cargo_json_text(package, "edition");

		if (str_eq(cargo_json_text(package, "manifest_path"), manifest))
			return !edition || strcmp(edition, FIRST_SHARED) < 0;
	}
	return false;
}

struct judging {
	const json_t *root, *node; /* node: NULL when the graph is not resolved */
	struct own own;
	bool by_node; /* the table does not tell, since nobody knows whether what is asked for is for this package */
};

static bool is_on(const struct judging *judging, const char *feature)
{
	if (strchr(feature, '/'))
		return !judging->node || strvec_has(&judging->own.on, feature) || dependency_has(judging->root, judging->node, feature);
	return (judging->by_node || strvec_has(&judging->own.on, feature)) && (!judging->node || node_has(judging->node, feature));
}

static void judge_program(const struct judging *judging, const char *name, const json_t *required, struct strvec *ret_bins,
			  struct strvec *ret_off)
{
	CLEANUP(strvec_clear) struct strvec off = { 0 };
	CLEANUP_FREE char *list = NULL;

	for (size_t i = 0; i < json_array_size(required); i++) {
		const char *feature = json_string_value(json_array_get(required, i));

		if (feature && !is_on(judging, feature))
			strvec_add(&off, feature);
	}
	if (off.n == 0) {
		strvec_add(ret_bins, name);
		return;
	}
	list = strvec_join(&off, " ");
	strvec_addf(ret_off, "%s: it needs %s", name, list);
}

void cargo_features_bins(const struct cargo_features *features, struct strvec *ret_bins, struct strvec *ret_off)
{
	const json_t *package = features->package, *targets = json_object_get(package, "targets");
	CLEANUP(strvec_clear) struct strvec words = { 0 };
	struct judging judging = {
		.root = features->root,
		.node = find_node(features->root, cargo_json_text(package, "id")),
		.own = { .name = cargo_json_text(package, "name"), .table = json_object_get(package, "features") },
	};

	cargo_features_words(features->build, &words);
	judging.by_node = words.n > 0 && root_is_old(features->root);
	turn_on_asked(&judging.own, &words);
	follow_table(&judging.own);
	for (size_t i = 0; i < json_array_size(targets); i++) {
		const json_t *target = json_array_get(targets, i);
		const char *name = cargo_json_text(target, "name");

		if (name && cargo_json_has_kind(target, "bin"))
			judge_program(&judging, name, json_object_get(target, "required-features"), ret_bins, ret_off);
	}
	own_clear(&judging.own);
	strvec_sort_unique(ret_bins);
	strvec_sort_unique(ret_off);
}
