/* refresh/compiled - what a build was really made of, and whether cargo's 'fresh' can be believed.
 *
 * cargo goes by timestamps: a file moved over another with an older time, or an object that only the linker sees, leaves it 'fresh' with the old binary.
 * The journal remembers for each artefact (digest of the binaries) the inputs that it came from (digest of the contents of all files in cargo's .d
 * files, and of the build settings). Fresh, but only ever seen with other inputs: then it has to be cleaned and built once more.
 * Ownership: refresh_compiled_clear(). */
#ifndef REINJECT_REFRESH_COMPILED_H
#define REINJECT_REFRESH_COMPILED_H

#include "cargo/build.h"
#include "refresh/session.h"

struct refresh_input {
	char *path; /* absolute */
	char value[HASH_HEX_SIZE];
};

struct refresh_compiled {
	char artifact[HASH_HEX_SIZE];  /* of all binaries */
	char inputs[HASH_HEX_SIZE];    /* of all that they were compiled from */
	struct refresh_input *outside; /* files among those that no tree ID covers */
	size_t n_outside, cap;
};

/** Reads binaries and .d files of @build, just made for @package, and fills in the artifacts' digests. -ENOENT when cargo wrote no .d file. */
int refresh_compiled_read(struct refresh_session *session, const struct config_package *package, struct cargo_build *build,
			  struct refresh_compiled *ret, struct err *err) MUST_CHECK;
void refresh_compiled_clear(struct refresh_compiled *compiled);

/** True when the journal knows this artefact, but not with these inputs. */
bool refresh_compiled_is_old(const struct refresh_session *session, const struct config_package *package,
			     const struct refresh_compiled *compiled);

/** Records that this artefact comes from these inputs; or, when they were not @steady, that it was seen and nobody can say of what: cargo is not to be
 * believed then when it calls it fresh. */
int refresh_compiled_store(const struct refresh_session *session, const struct config_package *package, const struct refresh_compiled *compiled,
			   bool steady, struct err *err) MUST_CHECK;

/** Whether what @planned is built from is now what it was then, but for the lock file and the inputs that a build brings to light. */
int refresh_compiled_is_planned(struct refresh_session *session, const struct watcher_subject *planned, bool *ret, struct err *err) MUST_CHECK;

/** Makes cargo forget @package and all that it is built from. */
int refresh_compiled_clean(struct refresh_session *session, const struct config_package *package, struct err *err) MUST_CHECK;

#endif
