/* The cache belongs to cargo's children; all that a run does about it is to ask before and after. */
#include "refresh/cache.h"

#include "journal/cache.h"

#include <stdio.h>

/* The source of the plan's first package that cargo builds; NULL when cargo is not run, or not through a cache. */
static const char *cached_folder(const struct refresh_round *round)
{
	const struct config *config = round->session->config;

	if (!cargo_cache_is_used(&config->build))
		return NULL;
	for (size_t i = 0; i < round->plan.n_steps; i++) {
		const struct refresh_step *step = &round->plan.steps[i];
		const struct config_package *package;

		if (step->is_asset)
			continue;
		package = &config->packages[round->look->subjects[step->subject].index];
		if (package->command.n == 0)
			return config->sources[package->source].path;
	}
	return NULL;
}

int refresh_cache_check(const struct refresh_round *round, struct err *err)
{
	return cached_folder(round) ? cargo_cache_require(&round->session->config->build, err) : 0;
}

void refresh_cache_begin(const struct refresh_round *round, struct refresh_cache *ret)
{
	const char *folder = cached_folder(round);

	ret->is_counted = folder && cargo_cache_count(&round->session->config->build, folder, round->session->cancel, &ret->before, NULL) == 0;
}

void refresh_cache_end(const struct refresh_round *round, const struct refresh_cache *cache)
{
	struct cargo_cache_counts counts;
	struct journal_cache row;

	if (!cache->is_counted ||
	    cargo_cache_count(&round->session->config->build, cached_folder(round), round->session->cancel, &counts, NULL) < 0)
		return;
	counts = cargo_cache_between(&cache->before, &counts);
	row = (struct journal_cache){ .hits = counts.hits, .misses = counts.misses, .errors = counts.errors };
	snprintf(row.store, sizeof(row.store), "%s", counts.store);
	(void)!journal_cache_add(round->session->journal, round->id, &row, NULL);
}
