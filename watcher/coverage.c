#include "watcher/coverage.h"

#include "base/fs.h"

#include <string.h>

/* The sentence, which is the same on all systems; the rest is the system's. */

void watcher_coverage_clear(struct watcher_coverage *coverage)
{
	strvec_clear(&coverage->trees);
	strvec_clear(&coverage->folders);
	strvec_clear(&coverage->blind);
	strvec_clear(&coverage->remote);
	*coverage = (struct watcher_coverage){ 0 };
}

/* A power of two with room for as much again: other programs grow too. */
static uint64_t wanted_limit(const struct watcher_coverage *coverage)
{
	uint64_t limit = 8192;

	while (limit < 2 * (coverage->limit + coverage->n_folders))
		limit *= 2;
	return limit;
}

bool watcher_coverage_sentence(const struct watcher_coverage *coverage, char **ret_sentence, char **ret_hint)
{
	if (coverage->n_watches >= coverage->n_folders)
		return false;
	*ret_sentence = xasprintf("%zu of %zu folders are watched: the system's limit of %llu watches for each user is reached, and the rest "
				  "is polled",
				  coverage->n_watches, coverage->n_folders, (unsigned long long)coverage->limit);
	*ret_hint = xasprintf("sudo sysctl fs.inotify.max_user_watches=%llu", (unsigned long long)wanted_limit(coverage));
	return true;
}
