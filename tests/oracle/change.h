/* oracle/change - what a user does to the workspace between two looks: one change at a time, chosen by the world's random numbers.
 *
 * Kinds:    files (change_files.c), git (change_git.c), manifests and lock (change_cargo.c); each kind of change is a row in a table, with how often it
 *           comes. A change that finds nothing to work on says so and changes nothing, which is a step like any other.
 * Broken:   while manifests and lock do not agree only files are changed; then they are mended, as a user would before he commits. */
#ifndef REINJECT_TESTS_ORACLE_CHANGE_H
#define REINJECT_TESTS_ORACLE_CHANGE_H

#include "oracle/truth.h"

enum { CHANGE_MEMORY = 64 };

struct change_memory {
	char *path; /* owned */
	struct str bytes;
	mode_t mode;
};

struct changer {
	struct world *world;
	const struct tree *tree;                    /* as of the last look */
	bool settled;                               /* likewise */
	struct change_memory memory[CHANGE_MEMORY]; /* files as they were before an edit */
	size_t n_memory;
	size_t n_stashed;
	struct str said; /* what was done, for the report */
};

struct change_kind {
	const char *name;
	unsigned int weight;
	void (*make)(struct changer *changer);
};

extern const struct change_kind change_files[], change_git[], change_cargo[];
extern const size_t change_n_files, change_n_git, change_n_cargo;

/** Makes one change. Returns its kind's name. */
const char *change_make(struct changer *changer);
void change_clear(struct changer *changer);

/* -- for the tables ---- */

/** A file of the last look that is no manifest and nothing of git's or cargo's; NULL when there is none. */
const struct tree_file *change_pick(struct changer *changer);
/** Keeps what stands at @path, to be put back by a later change. */
void change_remember(struct changer *changer, const char *path);
char *change_full(const struct changer *changer, const char *path);
/** Brings manifests and lock together again. */
void change_mend(struct changer *changer);

#endif
