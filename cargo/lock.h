/* cargo/lock - Cargo.lock: what each package links, transitively, and whose closure differs between two of them.
 *
 * Format:   Cargo.lock as cargo writes it, versions 1 to 4 (cargo's src/cargo/core/resolver/encode.rs): a very regular part of TOML, one value a line.
 *           Whatever cargo does not write is refused, never guessed at: a merge conflict, an unknown key, an edge that leads nowhere.
 * Closure:  a workspace package (one without `source`) and all that can be reached from it, as (name, version, source, checksum). The lock does not tell
 *           an edge that only tests need from others; who knows (cargo/workspace) says so by a struct cargo_lock_edges.
 * Ownership: a struct cargo_lock owns its strings; cargo_lock_clear() leaves an empty one. Threads may share a finished one. */
#ifndef REINJECT_CARGO_LOCK_H
#define REINJECT_CARGO_LOCK_H

#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct cargo_lock_package {
	char *name;
	char *version;
	char *source;                 /* NULL: in the workspace, or a path dependency */
	char *checksum;               /* NULL: none */
	struct strvec dependencies;   /* as written */
	size_t *edges;                /* owned; indices into cargo_lock.packages, one for each dependency */
	char identity[HASH_HEX_SIZE]; /* of (name, version, source, checksum) */
};

struct cargo_lock {
	unsigned int version;                /* 1 where none is written */
	struct cargo_lock_package *packages; /* sorted by name, version, source */
	size_t n_packages, cap;
};

/** Reads @n bytes of @text. -EBADMSG with 'line N: ...' for what cargo would not write, -ENOTSUP for a version that we do not know. */
int cargo_lock_parse(const char *text, size_t n, struct cargo_lock *ret, struct err *err) MUST_CHECK;
void cargo_lock_clear(struct cargo_lock *lock);

/** Index of the first package of this name, or of the place where it would stand. */
size_t cargo_lock_find(const struct cargo_lock *lock, const char *name);

/** Says which edges lead to nothing in a binary. */
struct cargo_lock_edges {
	bool (*is_dropped)(void *data, const struct cargo_lock_package *from, const struct cargo_lock_package *to);
	void *data;
};

/** The digest of @name's closure, @name itself included; '' when the lock has no such workspace package. @edges may be NULL: all count. */
void cargo_lock_closure(const struct cargo_lock *lock, const char *name, const struct cargo_lock_edges *edges, char ret[HASH_HEX_SIZE]);

/** Adds the names of the workspace packages whose closures differ, sorted, each once. Either lock may be NULL: a file that was not there. */
void cargo_lock_compare(const struct cargo_lock *before, const struct cargo_lock *after, const struct cargo_lock_edges *edges,
			struct strvec *ret);

/** What differs in @name's closure: 'serde 1.0.1 -> 1.0.2 and 3 more'; '' when nothing does. The caller frees it. */
char *cargo_lock_difference(const struct cargo_lock *before, const struct cargo_lock *after, const char *name,
			    const struct cargo_lock_edges *edges) MUST_CHECK;

#endif
