/* refresh/activate - what a change that is in the image still needs before it runs: nothing, some lines in the running guest, a reboot.
 *
 * Said, not guessed: `[package X] activate` decides, and what is not said means reboot. An asset needs what the package that owns its file needs (a
 * driver's config.toml is read when that driver starts), a reboot when none does. A file of `inject` belongs to nobody, and nothing is said of it.
 * Pure:      no I/O; the caller names what was really written. Several lines are written with \n between them in the configuration.
 * Ownership: refresh_activations_clear(); zeroed is empty. */
#ifndef REINJECT_REFRESH_ACTIVATE_H
#define REINJECT_REFRESH_ACTIVATE_H

#include "config/config.h"
#include "config/pkgmap.h"

enum refresh_need { REFRESH_NEED_REBOOT, REFRESH_NEED_CONSOLE, REFRESH_NEED_NONE };
/** 'reboot', 'console', 'none'. */
const char *refresh_activate_need_name(enum refresh_need need);

struct refresh_activation {
	char *package; /* NULL for an asset that no package owns */
	char *asset;   /* NULL unless it is such a one */
	enum refresh_need need;
	struct strvec lines; /* for the guest's console */
};

struct refresh_activations {
	struct refresh_activation *v; /* in the order of adding, each name once */
	size_t n, cap;
};

/** Adds what @owner, of whom something was written, needs: 'package NAME', 'asset NAME'; anything else, and what the configuration does not know, adds
 * nothing. */
void refresh_activate_add(struct refresh_activations *activations, const struct config *config, const struct pkgmap *map, const char *owner);

/** Adds sentences to @ret, one for each need: 'needs a reboot: a, b', 'in the running guest: LINE; LINE (c)', 'nothing else: d'. */
void refresh_activate_describe(const struct refresh_activations *activations, struct strvec *ret);

void refresh_activations_clear(struct refresh_activations *activations);

#endif
