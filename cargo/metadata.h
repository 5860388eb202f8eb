/* cargo/metadata - `cargo metadata`, run and read; the part of cargo/workspace that knows its JSON. */
#ifndef REINJECT_CARGO_METADATA_H
#define REINJECT_CARGO_METADATA_H

#include "cargo/workspace.h"

struct json_t; /* jansson.h */

/** Runs `cargo [+TOOLCHAIN] metadata` in the source's folder, offline and locked, with the features that [build] asks for (cargo/features). @no_deps:
 * without resolving, from the manifests alone. -EIO with
 * cargo's own words when it refuses; -ENOENT without cargo; -EBADMSG; -ECANCELED. */
int cargo_metadata_run(const struct config *config, size_t source, bool no_deps, struct cancel *cancel, struct json_t **ret,
		       struct err *err) MUST_CHECK;

/** Fills @ret (zeroed before) with root and crates of the resolved graph. -EBADMSG for what is no metadata. */
int cargo_metadata_resolved(const struct config *config, const struct json_t *root, struct cargo_workspace *ret, struct err *err) MUST_CHECK;

/** Adds to @workspace the crates and path dependencies that the manifests declare; @optional: those behind a feature too. */
int cargo_metadata_declared(const struct config *config, const struct json_t *root, bool optional, struct cargo_workspace *workspace,
			    struct err *err) MUST_CHECK;

/** The crate in folder @dir, made when it is not there yet; its index. */
size_t cargo_metadata_crate(struct cargo_workspace *workspace, const char *name, const char *dir);
/** Adds the edge unless it is there. */
void cargo_metadata_depend(struct cargo_workspace *workspace, size_t crate, size_t dependency);

#endif
