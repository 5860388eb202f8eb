/* Saying why a package is stale: the first dirty file that it is built from, by which package it comes in, and how many more there are. */
#include "watcher/internal.h"

#include <string.h>

/* The dirty files of a package, in the order in which they explain it. */
struct reasons {
	struct strvec files; /* each once */
	char *first;         /* owned; the first with its way */
};

static void reasons_clear(struct reasons *reasons)
{
	strvec_clear(&reasons->files);
	free(reasons->first);
}

static void add_reasons(struct reasons *reasons, const struct watcher *watcher, const struct watcher_path *watched, size_t package,
			size_t through)
{
	for (size_t i = 0; i < watched->dirty.n; i++) {
		const char *file = watched->dirty.v[i];
		bool inner = false;
		size_t owner;

		for (size_t j = 0; j < watched->without.n && !inner; j++)
			inner = path_under(file, watched->without.v[j]);
		if (inner)
			continue;
		strvec_add(&reasons->files, file);
		if (reasons->first)
			continue;
		owner = through == PKGMAP_NONE ? PKGMAP_NONE : pkgmap_owner(watcher->map, watched->source, file);
		owner = owner == PKGMAP_NONE ? through : owner;
		if (owner == PKGMAP_NONE || owner == package)
			reasons->first = xstrdup(file);
		else
			reasons->first = xasprintf("%s, through %s", file, watcher->config->packages[owner].name);
	}
}

static void add_input_reasons(struct reasons *reasons, const struct watcher *watcher, size_t package, bool own)
{
	const struct pkgmap_inputs *inputs = pkgmap_inputs(watcher->map, package);
	const struct config_package *p = &watcher->config->packages[package];

	for (size_t i = 0; i < inputs->n; i++) {
		bool is_own = inputs->v[i].source == p->source && strvec_has(&p->paths, inputs->v[i].path);

		if (is_own == own)
			add_reasons(reasons, watcher, watcher_internal_find(watcher, inputs->v[i].source, inputs->v[i].path), package,
				    inputs->v[i].through);
	}
}

static char *say_why(struct reasons *reasons)
{
	if (!reasons->first)
		return NULL;
	strvec_sort_unique(&reasons->files);
	if (reasons->files.n == 1)
		return TAKE_PTR(reasons->first);
	return xasprintf("%s and %zu more", reasons->first, reasons->files.n - 1);
}

char *watcher_internal_package_why(const struct watcher *watcher, size_t package)
{
	CLEANUP(reasons_clear) struct reasons reasons = { 0 };
	const struct config *config = watcher->config;

	add_input_reasons(&reasons, watcher, package, true);
	add_input_reasons(&reasons, watcher, package, false);
	for (size_t i = 0; i < config->n_sources; i++)
		for (size_t j = 0; pkgmap_concerns(watcher->map, package, i) && j < config->sources[i].shared.n; j++)
			add_reasons(&reasons, watcher, watcher_internal_find(watcher, i, config->sources[i].shared.v[j]), package, PKGMAP_NONE);
	if (config->packages[package].command.n == 0)
		add_reasons(&reasons, watcher, watcher_internal_find(watcher, config->packages[package].source, WATCHER_LOCK_FILE), package,
			    PKGMAP_NONE);
	return say_why(&reasons);
}
