/* cargo/toolchain - which rustc a build will use, found by looking at files: starting rustup would cost more than a whole look may.
 *
 * Order:    [build] toolchain; RUSTUP_TOOLCHAIN; going up from each source, rustup's own override for that folder, then its rust-toolchain or
 *           rust-toolchain.toml; rustup's default; rustc on PATH. A PATH without rustup's proxies means that rustc and nothing else, unless a
 *           toolchain is named.
 * Names:    a toolchain is installed as NAME or NAME-HOST; 'nightly' is not 'nightly-2026-01-02-HOST'.
 * Format:   rustup's settings.toml (version 12) and 'The toolchain file' of the rustup book, read for the few keys needed. */
#ifndef REINJECT_CARGO_TOOLCHAIN_H
#define REINJECT_CARGO_TOOLCHAIN_H

#include "config/config.h"

/** Adds the paths of every rustc that may be meant, links resolved, sorted, each once; nothing when there is none. */
void cargo_toolchain_find(const struct config *config, struct strvec *ret);

/** The folder that @variable names for a build, else @folder in the home of whoever builds; NULL without one. The caller frees it. */
char *cargo_toolchain_home(const struct config *config, const char *variable, const char *folder) MUST_CHECK;

#endif
