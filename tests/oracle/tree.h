/* oracle/tree - every file of the work tree that counts, with its mode and a hash over all its bytes: read anew each time, without git.
 *
 * Counts:   what `git add -A` would take: files and links, by their executable bit and content; CRLF as .gitattributes has it; no empty folder; what a
 *           .gitignore names only when the index has it (which is read by its own format).
 * Ignored:  the configuration's `ignore`, and target with cargo's mark. */
#ifndef REINJECT_TESTS_ORACLE_TREE_H
#define REINJECT_TESTS_ORACLE_TREE_H

#include "oracle/world.h"

enum tree_mode { TREE_PLAIN = 1, TREE_EXECUTABLE, TREE_LINK };

struct tree_file {
	char *path; /* owned; relative to the workspace */
	enum tree_mode mode;
	uint64_t content;
};

struct tree {
	struct tree_file *files; /* owned; sorted by path */
	size_t n, cap;
};

void tree_read(const struct world *world, struct tree *ret);
void tree_clear(struct tree *tree);

const struct tree_file *tree_find(const struct tree *tree, const char *path);

uint64_t tree_hash(uint64_t start, const void *bytes, size_t n);
#define TREE_HASH_START UINT64_C(0xcbf29ce484222325)

/** The hash of the bytes at @path (absolute), links followed; 0 for what is no file. */
uint64_t tree_hash_file(const char *path);

#endif
