/* refresh/cache - a run's part with the compiler cache: is it there, and what did it have of what was built?
 *
 * Sequence: refresh_cache_check() before the run begins; refresh_cache_begin() before its first build, refresh_cache_end() after its last and after the
 *           swap, for which nobody waits then.
 * Counts:   for `show` alone: a cache that does not say them fails no run. */
#ifndef REINJECT_REFRESH_CACHE_H
#define REINJECT_REFRESH_CACHE_H

#include "cargo/cache.h"
#include "refresh/round.h"

struct refresh_cache {
	bool is_counted; /* the counts before are known */
	struct cargo_cache_counts before;
};

/** -ENOENT of class ERR_ENVIRONMENT when cargo would be run through a cache that is missing. */
int refresh_cache_check(const struct refresh_round *round, struct err *err) MUST_CHECK;

void refresh_cache_begin(const struct refresh_round *round, struct refresh_cache *ret);
void refresh_cache_end(const struct refresh_round *round, const struct refresh_cache *cache);

#endif
