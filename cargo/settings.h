/* cargo/settings - cargo's own configuration files that a build of a source reads from outside of it.
 *
 * Why:      a profile, a linker, [env] or [patch] in one of them changes what a build makes, and none of them lies in a folder that git is asked about.
 * Where:    '.cargo/config.toml' and '.cargo/config' of every folder above the source, up to '/', and both names in cargo's home (CARGO_HOME as [build] env
 *           or the environment has it, else ~/.cargo). The source's own are among its `shared` files.
 * Names:    those of the work tree, also while a commit is built beside it: equal files give equal names and values.
 * Not read: what such a file includes in its turn, and the environment variables that say the same.
 * Costs:    two stats for each folder, and the content of the few files that are there.
 * Format:   The Cargo Book, 'Configuration', hierarchical structure. */
#ifndef REINJECT_CARGO_SETTINGS_H
#define REINJECT_CARGO_SETTINGS_H

#include "base/hash.h"
#include "config/config.h"

struct cargo_setting {
	char *path;                /* owned; where it is read */
	char *name;                /* owned; what it is called in the work tree */
	char value[HASH_HEX_SIZE]; /* of its content, or 'unreadable' */
};

struct cargo_settings {
	struct cargo_setting *v; /* owned; the nearest first, cargo's home last */
	size_t n, cap;
};

/** Fills @ret with the files that are there for config->sources[@source]; none is common. */
void cargo_settings_read(const struct config *config, size_t source, struct cargo_settings *ret);
void cargo_settings_clear(struct cargo_settings *settings);

#endif
