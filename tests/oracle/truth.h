/* oracle/truth - what each package is made of, by looking at everything: the slow answer to which the program's is compared.
 *
 * Two states have equal values for a subject if and only if all its inputs are equal.
 * Settled:  manifests and Cargo.lock can be read and agree. Otherwise nobody can know the graph: then that of the last settled state is held (`inputs`,
 *           `locks`), `declared` adds what the readable manifests say now, and only bounds can be told:
 *           - a package must be named when a folder that it was and is made of has changed (`sure`);
 *           - it must not when nothing has changed in any folder that it was, is or may be made of. */
#ifndef REINJECT_TESTS_ORACLE_TRUTH_H
#define REINJECT_TESTS_ORACLE_TRUTH_H

#include "oracle/tree.h"

struct truth {
	bool settled;
	uint64_t folders[WORLD_FOLDERS];
	uint64_t shared;
	uint64_t registered;
	uint64_t locks[WORLD_PACKAGES];
	bool inputs[WORLD_PACKAGES][WORLD_FOLDERS];   /* held while unsettled */
	bool declared[WORLD_PACKAGES][WORLD_FOLDERS]; /* inputs, and what manifests say now */
	bool sure[WORLD_PACKAGES][WORLD_FOLDERS];     /* inputs, and those path dependencies that are told while only the lock is behind */
	uint64_t values[WORLD_SUBJECTS];              /* while settled; packages, then assets; of an asset always */
};

/** @before: the truth before, for what is held; NULL at first. @doubted: somebody says that cargo refuses this workspace; then cargo is asked. */
void truth_read(const struct world *world, const struct tree *tree, const struct truth *before, bool doubted, struct truth *ret);

enum truth_answer { TRUTH_MUST, TRUTH_MUST_NOT, TRUTH_OPEN };

/** Whether package number @package is stale in @now, when @before is what was built, and one of the two is not settled. */
enum truth_answer truth_bounds(const struct truth *before, const struct truth *now, size_t package);

#endif
