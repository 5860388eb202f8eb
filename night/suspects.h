/* night/suspects - which changes move as one when the culprit is searched for.
 *
 * Packages and assets that a commit since the last good image concerns together belong together: a protocol that is changed on both sides, a crate that
 * several are built from. Merges bring nothing of their own. What the initfs has can be parted only as long as its folder, bootstrap and packer are as they
 * were. Where it is not known of which commits the good image was made, each stands for itself.
 * Order:    by the first commit that concerns them, the oldest first; before them those that no commit concerns.
 * Threads:  one. Ownership: night_suspects_clear(). */
#ifndef REINJECT_NIGHT_SUSPECTS_H
#define REINJECT_NIGHT_SUSPECTS_H

#include "refresh/changes.h"

struct night_suspect {
	struct strvec subjects; /* 'package netd', 'asset init.rc', 'initfs', 'file' */
	struct strvec commits;  /* '1a2b3c4d what it says', the oldest first */
};

struct night_suspects {
	struct night_suspect *v;
	size_t n, cap;
	bool since_known;
};

/** @config: the isolated one, whose sources have commits. */
int night_suspects_find(const struct config *config, const struct refresh_changes *changes, struct cancel *cancel, struct night_suspects *ret,
			struct err *err) MUST_CHECK;
void night_suspects_clear(struct night_suspects *suspects);

#endif
