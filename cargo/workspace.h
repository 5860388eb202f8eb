/* cargo/workspace - a source's workspace as cargo resolves it: its crates, what each is built from, and the closure of each in Cargo.lock.
 *
 * Sequence: cargo_workspace_load(), then plain data; cargo_workspace_clear().
 * Source:   `cargo metadata --offline --locked`, which takes 0.2 s. So the result is kept in STATE/cargo/SOURCE.json with a hash over the manifests that
 *           took part, Cargo.lock, cargo's own configuration there and above (cargo/settings), the toolchain, and what cargo takes in without being told
 *           (programs in src/bin, crates beside others, which a glob may mean); while that hash is the same, reading it back takes a millisecond or two.
 *           It is written only where the state folder exists.
 * Failing:  a manifest edited and the lock not yet: the last good result stays, with the path dependencies that the manifests have now. Without one,
 *           `cargo metadata --no-deps` and Cargo.lock say what they can. `state` tells, and `problem` is a sentence on what may be missing.
 * Edges:    normal and build dependencies between the crates that lie in folders (members, and path or [patch] dependencies outside), also where they
 *           lead through packages of a registry; no dev-dependencies.
 * Format:   The Cargo Book, `cargo metadata`, format version 1. */
#ifndef REINJECT_CARGO_WORKSPACE_H
#define REINJECT_CARGO_WORKSPACE_H

#include "base/cancel.h"
#include "base/hash.h"
#include "cargo/lock.h"
#include "config/config.h"

enum cargo_workspace_state {
	CARGO_WORKSPACE_UNKNOWN,   /* no crates: the source is no workspace, or cargo does not even read its manifests */
	CARGO_WORKSPACE_DECLARED,  /* what manifests and lock say, unresolved */
	CARGO_WORKSPACE_LAST_GOOD, /* of an earlier state of the manifests */
	CARGO_WORKSPACE_GOOD,
};

/** A package that lies in a folder, not in a registry or a git checkout of cargo's. */
struct cargo_crate {
	char *name;
	char *dir;   /* absolute, links resolved: its manifest's folder */
	bool member; /* of this workspace */
	struct strvec bins;     /* its programs, */
	struct strvec bins_off; /* and those that cargo leaves out: 'PROGRAM: it needs FEATURE ...' (cargo/features) */
	size_t *deps; /* owned; indices into cargo_workspace.crates */
	size_t n_deps, cap;
	struct strvec dev_only;      /* 'NAME VERSION', and 'NAME' where all versions are meant: edges of the lock that only its tests need */
	char closure[HASH_HEX_SIZE]; /* cargo_lock_closure(); '' when the lock does not know it */
};

struct cargo_workspace {
	enum cargo_workspace_state state;
	char *root; /* absolute: where Cargo.lock is */
	struct cargo_crate *crates;
	size_t n_crates, cap;
	char *problem; /* a sentence, unless the state is good; NULL also for a source without Cargo.toml */
};

/** Loads the workspace of config->sources[@source]. What cargo cannot tell is no error: see `state`. Only -ECANCELED is. */
int cargo_workspace_load(const struct config *config, size_t source, struct cancel *cancel, struct cargo_workspace *ret,
			 struct err *err) MUST_CHECK;
/** Gives back what cargo_workspace_load() has filled. */
void cargo_workspace_clear(struct cargo_workspace *workspace);

/** The member of this name, or NULL. */
const struct cargo_crate *cargo_workspace_find(const struct cargo_workspace *workspace, const char *name);

/** The edges of a lock that count in this workspace: all but those of its members' tests. @workspace must outlive the result. */
struct cargo_lock_edges cargo_workspace_edges(const struct cargo_workspace *workspace);

#endif
