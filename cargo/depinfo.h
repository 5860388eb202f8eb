/* cargo/depinfo - the files that a binary was compiled from, as cargo writes them beside it.
 *
 * Format: BINARY.d, a rule as make reads it: '/path/to/binary: /path/to/a.rs /path/with\\ blank/b.rs'. cargo lists every file of every local package
 * in it, what was `include!`d and what build scripts name; nothing of the registry's crates. Relative paths are relative to the workspace.
 * Source: the Cargo Book, 'Build cache', section 'Dep-info files'. */
#ifndef REINJECT_CARGO_DEPINFO_H
#define REINJECT_CARGO_DEPINFO_H

#include "base/err.h"
#include "base/str.h"

/** Adds the inputs of @binary to @ret, absolute (relative ones against @workspace), unsorted. -ENOENT without a .d file; -EBADMSG when it is no
 * rule. */
int cargo_depinfo_read(const char *binary, const char *workspace, struct strvec *ret, struct err *err) MUST_CHECK;

#endif
