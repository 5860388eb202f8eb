/* refresh/plan - what is to be done about a look: plain data, decided without any I/O, so that `-n` can print exactly what a run would do.
 *
 * Sequence: refresh_records_load() (refresh/records) reads the journal once; refresh_shared_compare() looks into the share; refresh_plan_make()
 *           compares a look with it; refresh_plan_clear().
 * States:   a package is fresh (the image holds this fingerprint, and the share what it was given of it), stale, failed or held (this very fingerprint
 *           was tried and rejected: left alone until it changes, is named, or --retry), nowhere (no destination in the image: neither stale nor built),
 *           or missing.
 * Removals: a file in the image that is ours and that nobody wants there any more (refresh/gone). Only a plan for all that is stale has them.
 * Ownership: a plan borrows names from the config and the look, which must outlive it. */
#ifndef REINJECT_REFRESH_PLAN_H
#define REINJECT_REFRESH_PLAN_H

#include "refresh/records.h"
#include "watcher/look.h"

#include <stdbool.h>
#include <stddef.h>

enum refresh_state { REFRESH_FRESH, REFRESH_STALE, REFRESH_FAILED, REFRESH_HELD, REFRESH_NOWHERE, REFRESH_MISSING };

struct refresh_request {
	const struct strvec *packages; /* only these, whatever their state; NULL or empty: all that is stale */
	const char *dest;              /* a one-off destination for them, or NULL: then no fingerprint is stored */
	bool retry;                    /* failed and held ones too */
	bool initfs;                   /* the initfs is packed also when none of its members has changed */
	const struct strvec *within;   /* of all that is stale only these packages, and no removals; NULL or empty: all (watch PKG...) */
	const bool *direct;            /* as look->subjects: changed themselves, not through others; with hold_over */
	uint32_t hold_over;            /* with more stale packages than this, only the direct ones and assets; 0: off */
	const struct strvec *waiting;  /* what it left for later before, and goes on doing until it is asked for; NULL: nothing */
};

/** One thing to do: build a package and put its binaries, or put an asset. */
struct refresh_step {
	size_t subject;   /* index into look->subjects */
	const char *name; /* the package's or asset's */
	bool is_asset;
	bool is_file;        /* neither package nor asset: `inject` */
	bool one_off;        /* its fingerprint is not stored */
	char *why;           /* a phrase */
	struct strvec dests; /* inside the image, or 'initfs:/...' */
	struct strvec shares; /* 'share:/...', on the host (refresh/share); with these alone the image is not needed */
	struct strvec share_copies; /* the same of `copy`: paths of the first binary alone */
	bool copies_image;          /* a `copy` of it lies in the image or the initfs */
};

#define REFRESH_NO_STEP SIZE_MAX

/** A file of ours in the image whose package or asset is gone, or goes elsewhere now. */
struct refresh_removal {
	char *path;
	char *owner;      /* 'package NAME', 'asset NAME' */
	char *hash;       /* it is removed only with this content */
	char *why;        /* a phrase */
	size_t after;     /* number of the step that must be in the image first, or REFRESH_NO_STEP */
	bool owner_gone;  /* its owner is to be forgotten with it */
};

struct refresh_plan {
	struct refresh_step *steps; /* packages first, by name but behind what they are built from (n_before); then assets, by name */
	size_t n_steps, cap;
	size_t n_builds;                   /* how many of them are packages */
	struct refresh_removal *removals;  /* owned; by path */
	size_t n_removals, cap_removals;
	struct strvec wanted;              /* with removals: every place in the image that somebody wants a file at */
	enum refresh_state *states;        /* one for each of look->subjects */
	struct strvec waiting;             /* names of packages that hold_over leaves for later */
	struct strvec stale, failed, held; /* names of the packages in these states, whether they are acted on or not */
	size_t n_nowhere;                  /* packages and assets that have something to put and no destination at all; libraries have nothing */
	size_t n_elsewhere; /* packages and assets with destinations that are not served: share:, and initfs: without [initfs] */
	bool initfs;        /* pack the initfs in any case */
	bool first_time;    /* the journal knows nothing of this image */
	bool unchecked;     /* the image was written by somebody else, and 'fresh' is only what the journal says */
};

/** Who owns the packed initfs in the image, and what is known of how it was packed. */
#define REFRESH_INITFS_OWNER "initfs"

/** True for a destination, or a file of ours, that is a member of the initfs: 'initfs:/bin'. */
static inline bool refresh_is_in_initfs(const char *path)
{
	return str_starts(path, "initfs:");
}

/** Decides. -ENOENT, class ERR_USAGE, for a package that the configuration does not have or that has nowhere to go. */
int refresh_plan_make(const struct config *config, const struct watcher_look *look, const struct refresh_records *records,
		      const struct refresh_request *request, struct refresh_plan *ret, struct err *err) MUST_CHECK;
void refresh_plan_clear(struct refresh_plan *plan);

#endif
