/* oracle/verdict - the program's looks, held against the truth.
 *
 * For each subject all pairs (value, fingerprint) that were ever seen while settled are kept: values and fingerprints must pair off one to one. So a look
 * is compared with every one before it: a change is never missed, and a state that comes back, by a revert or a checkout, has its old fingerprint. */
#ifndef REINJECT_TESTS_ORACLE_VERDICT_H
#define REINJECT_TESTS_ORACLE_VERDICT_H

#include "oracle/truth.h"

#include "watcher/look.h"

struct verdict_pair {
	uint64_t value, fingerprint;
	size_t step;
};

struct verdict_pairs {
	struct verdict_pair *v; /* owned */
	size_t n, cap;
};

struct verdict {
	const struct world *world;
	const struct config *config;
	struct verdict_pairs pairs[WORLD_SUBJECTS];
	size_t missed, in_vain, unequal,
		unsaid;                      /* faults: the last two between two watchers, and in what is said of a graph that is not known */
	size_t n_stale, n_back, n_unsettled; /* what came to pass */
	size_t step;
	const char *change; /* borrowed */
};

/** Number of the subject as the truth has it. */
size_t verdict_subject(const struct verdict *verdict, const struct watcher_subject *subject);

/** Holds @now and its @truth against what was; @last and @before are those of the step before. */
void verdict_give(struct verdict *verdict, const struct watcher_look *last, const struct truth *before, const struct watcher_look *now,
		  const struct truth *truth);

/** Two watchers must see the same. */
void verdict_compare(struct verdict *verdict, const struct watcher_look *now, const struct watcher_look *other, const char *who);

size_t verdict_faults(const struct verdict *verdict);
void verdict_clear(struct verdict *verdict);

#endif
