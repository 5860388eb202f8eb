/* refresh/plan - what is to be done about a look: plain data, decided without any I/O, so that `-n` can print exactly what a run would do.
 *
 * Sequence: refresh_records_load() reads the journal once; refresh_plan_make() compares a look with it; refresh_plan_clear().
 * States:   a package is fresh (the image holds this fingerprint), stale, failed or held (this very fingerprint was tried and rejected: left alone
 *           until it changes, is named, or --retry), nowhere (no destination in the image: neither stale nor built), or missing.
 * Ownership: a plan borrows names from the config and the look, which must outlive it. */
#ifndef REINJECT_REFRESH_PLAN_H
#define REINJECT_REFRESH_PLAN_H

#include "journal/journal.h"
#include "watcher/look.h"

#include <stdbool.h>
#include <stddef.h>

/** One remembered verdict: what became of @fingerprint of @subject. */
struct refresh_record {
	char *subject;
	char *fingerprint;
	char *state; /* 'fresh', 'failed', 'held' */
	int64_t run;
};

struct refresh_records {
	struct refresh_record *v; /* sorted by subject */
	size_t n, cap;
	bool image_unknown; /* the image is not the one that the journal left: 'fresh' proves nothing */
};

/** Reads what the journal says of @image; @now is the image's identity as it is. A NULL journal has no records. */
int refresh_records_load(struct journal *journal, const char *image, const struct journal_image *now, struct refresh_records *ret,
			 struct err *err) MUST_CHECK;
void refresh_records_clear(struct refresh_records *records);

enum refresh_state { REFRESH_FRESH, REFRESH_STALE, REFRESH_FAILED, REFRESH_HELD, REFRESH_NOWHERE, REFRESH_MISSING };

struct refresh_request {
	const struct strvec *packages; /* only these, whatever their state; NULL or empty: all that is stale */
	const char *dest;              /* a one-off destination for them, or NULL: then no fingerprint is stored */
	bool retry;                    /* failed and held ones too */
};

/** One thing to do: build a package and put its binaries, or put an asset. */
struct refresh_step {
	size_t subject;   /* index into look->subjects */
	const char *name; /* the package's or asset's */
	bool is_asset;
	bool is_file;        /* neither package nor asset: `inject` */
	bool one_off;        /* its fingerprint is not stored */
	char *why;           /* a phrase */
	struct strvec dests; /* inside the image */
};

struct refresh_plan {
	struct refresh_step *steps; /* packages first, then assets, both by name */
	size_t n_steps, cap;
	size_t n_builds;                   /* how many of them are packages */
	enum refresh_state *states;        /* one for each of look->subjects */
	struct strvec stale, failed, held; /* names of the packages in these states, whether they are acted on or not */
	size_t n_nowhere;
	size_t n_elsewhere; /* packages with destinations outside the image's files (initfs:, share:) that this version does not serve */
	bool first_time;    /* the journal knows nothing of this image */
};

/** Decides. -ENOENT, class ERR_USAGE, for a package that the configuration does not have or that has nowhere to go. */
int refresh_plan_make(const struct config *config, const struct watcher_look *look, const struct refresh_records *records,
		      const struct refresh_request *request, struct refresh_plan *ret, struct err *err) MUST_CHECK;
void refresh_plan_clear(struct refresh_plan *plan);

#endif
