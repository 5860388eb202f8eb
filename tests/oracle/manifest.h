/* oracle/manifest - the Cargo.toml and the Cargo.lock of the made workspace, read and written without cargo.
 *
 * Only what this generator writes is understood: anything else makes a file broken, which is an answer. */
#ifndef REINJECT_TESTS_ORACLE_MANIFEST_H
#define REINJECT_TESTS_ORACLE_MANIFEST_H

#include "oracle/world.h"

enum manifest_kind { MANIFEST_NORMAL, MANIFEST_BUILD, MANIFEST_DEV, MANIFEST_KINDS };

struct manifest_dep {
	enum manifest_kind kind;
	size_t crate;  /* by path; WORLD_CRATES: of the registry */
	char *package; /* owned */
	unsigned int major;
	bool optional;
	bool active; /* as read: the default features turn it on */
};

struct manifest {
	struct manifest_dep *deps; /* owned; sorted */
	size_t n_deps, cap;
	bool active;       /* to be written: the default features turn the optional dependencies on */
	unsigned int note; /* a comment */
};

/** False when crate number @crate has no manifest or one that is broken. */
bool manifest_read(const struct world *world, size_t crate, struct manifest *ret);
void manifest_write(const struct world *world, size_t crate, const struct manifest *manifest);
void manifest_clear(struct manifest *manifest);

/** Adds the dependency, once. */
void manifest_add(struct manifest *manifest, struct manifest_dep dep);
void manifest_drop(struct manifest *manifest, size_t i);

struct lock_package {
	char *name, *version, *source, *checksum; /* owned; the last two may be NULL */
	struct strvec refs;
	size_t *to; /* owned; as refs */
};

struct lockfile {
	struct lock_package *packages; /* owned */
	size_t n, cap;
};

bool lockfile_read(const struct world *world, struct lockfile *ret);
void lockfile_clear(struct lockfile *lock);

/** Index of the package; the number of them when there is none. @registry: one of the registry. */
size_t lockfile_find(const struct lockfile *lock, const char *name, bool registry);
unsigned int lockfile_major(const struct lock_package *package);

#endif
