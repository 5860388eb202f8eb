/* cargo/cache - a compiler cache between cargo and rustc: sccache, with whatever store its own variables name.
 *
 * What it is: `[build] cache = sccache` makes cargo call rustc through sccache, which looks for what it would compile in a store that many checkouts and
 *           machines may share: redis, s3, its own servers. The store is configured by sccache's own SCCACHE_* variables, from our environment or from
 *           [build] env.*; there are no keys of ours for it.
 * Program:  'sccache' on the PATH of the build, or what [build] env.RUSTC_WRAPPER names.
 * Counts:   sccache's server counts for everybody who uses it. What a run found is the difference between its counts before and after; another build
 *           at the same time through the same server is counted, too.
 * Trust:    sccache knows a compilation by its words, its sources and the compiler, not by a backend library that a -Zcodegen-backend names. We hand the
 *           digest of that file on as a CARGO_* variable, which sccache takes into its key: else a new backend would get the old one's objects.
 * Errors:   -ENOENT of class ERR_ENVIRONMENT where it is missing; other -errno where it does not answer. Never logs. */
#ifndef REINJECT_CARGO_CACHE_H
#define REINJECT_CARGO_CACHE_H

#include "base/cancel.h"
#include "config/config.h"

#include <stdint.h>

enum { CARGO_CACHE_STORE_SIZE = 16 };

struct cargo_cache_counts {
	uint64_t hits, misses;
	uint64_t errors;                    /* of the store or the cache: the compiler ran, and nothing was kept */
	char store[CARGO_CACHE_STORE_SIZE]; /* 'redis', 's3', 'disk'; '' when it did not say */
};

/** True when [build] cache names one. */
bool cargo_cache_is_used(const struct config_build *build);

/** Sets in @env what makes cargo use it. */
void cargo_cache_environment(const struct config_build *build, struct strvec *env);

/** The absolute path of the program, NULL when it is missing. The caller frees it. */
char *cargo_cache_program(const struct config_build *build) MUST_CHECK;

/** 0 when the program is there; -ENOENT with the remedy. */
int cargo_cache_require(const struct config_build *build, struct err *err) MUST_CHECK;

/** What its server has counted since it was started; zeros when none runs, and none is started for this. @folder: whose owner runs the build. */
int cargo_cache_count(const struct config_build *build, const char *folder, struct cancel *cancel, struct cargo_cache_counts *ret,
		      struct err *err) MUST_CHECK;

/** What was counted between @before and @after: all of @after when the server was started anew in between. */
struct cargo_cache_counts cargo_cache_between(const struct cargo_cache_counts *before, const struct cargo_cache_counts *after);

/** Reads `sccache --show-stats --stats-format=json`. -EBADMSG for anything else. */
int cargo_cache_parse(const char *text, size_t n, struct cargo_cache_counts *ret, struct err *err) MUST_CHECK;

#endif
