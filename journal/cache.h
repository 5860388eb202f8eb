/* journal/cache - what the compiler cache had of a run's builds: the table `cache`.
 *
 * Threads: as the journal's. */
#ifndef REINJECT_JOURNAL_CACHE_H
#define REINJECT_JOURNAL_CACHE_H

#include "journal/journal.h"

struct journal_cache {
	uint64_t hits, misses; /* of compilations that can be cached: libraries, as programs are linked each time */
	uint64_t errors;
	char store[16]; /* 'redis', 'disk' */
};

/** What the compiler cache did for @run; in the place of what was said of it before. */
int journal_cache_add(struct journal *journal, int64_t run, const struct journal_cache *cache, struct err *err) MUST_CHECK;

/** Returns 1 with @ret filled, 0 when @run was built without a cache, or nothing was built. */
int journal_cache_get(struct journal *journal, int64_t run, struct journal_cache *ret, struct err *err) MUST_CHECK;

#endif
