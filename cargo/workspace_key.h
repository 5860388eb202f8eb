/* cargo/workspace_key - a digest of all that cargo resolves a workspace from, so that it is asked again when one of these changed.
 *
 * Content: the manifests, Cargo.lock and cargo's configuration; which programs lie in src/bin; which crates a glob among the members takes in.
 * Also:    cargo's and rustc's identity (size and time), the toolchain, the features and the environment of [build]. */
#ifndef REINJECT_CARGO_WORKSPACE_KEY_H
#define REINJECT_CARGO_WORKSPACE_KEY_H

#include "base/hash.h"
#include "config/config.h"

/** @root: the workspace's folder; @manifests: of the crates that are known, sorted. True when none of the files has changed since @since (milliseconds
 * since 1970; 0: whenever), so that the key belongs to what cargo has read. */
bool cargo_workspace_key(const struct config *config, size_t source, const char *root, const struct strvec *manifests, int64_t since,
			 char ret[HASH_HEX_SIZE]);

#endif
