/* night/bisect - which run keeps the image from booting: found by booting the image as it was after others of them, made beside the image.
 *
 * Runs:     those that changed the image after the good one, up to the bad one. By default good is the run that made IMAGE.good, or else the last one whose
 *           image a boot has found up, and bad is the last one.
 * Trials:   the image as run N left it is the image of now with each file that a later run changed as it was then (journal/blobs). First the bad end and
 *           the good one are booted, since all else rests on them; then by halving (night/search), and the run that is found is booted afresh before it is named.
 * Image:    only read. The lock is held all the time; a kill leaves what image_recover() puts right.
 * Pruned:   a run whose replaced contents are not kept any more ([journal] keep_runs) cannot be made again: -ENOENT, which says from where on it can.
 * Threads:  one. */
#ifndef REINJECT_NIGHT_BISECT_H
#define REINJECT_NIGHT_BISECT_H

#include "refresh/run.h"

struct night_bisect_args {
	int64_t good, bad; /* runs; 0: the defaults */
	struct cancel *cancel;
	refresh_event_fn *on_event;
	void *data;
};

enum night_bisect_result {
	NIGHT_BISECT_FOUND,
	NIGHT_BISECT_BOOTS, /* the bad one boots: there is nothing to find */
	NIGHT_BISECT_HOST,  /* the good one does not boot either */
	NIGHT_BISECT_FLAKY, /* not each time, or not for the same reason */
	NIGHT_BISECT_SPENT, /* [nightly] max_boots or timeout_s */
};

struct night_bisect {
	enum night_bisect_result result;
	int64_t good, bad;  /* the runs it was between */
	int64_t run;        /* FOUND: the run; */
	char *verb, *packages, *commits; /* of it, as the journal's; may be NULL; owned */
	char *line;         /* of the console, that decided; owned */
	char *log;          /* owned */
	uint32_t boots, trials;
};
/** Frees what night_bisect_run() has filled in. */
void night_bisect_clear(struct night_bisect *bisect);

/** @session: opened for change. -EINVAL or -ENOENT, class ERR_USAGE, for runs that are none of this image or in the wrong order. */
int night_bisect_run(struct refresh_session *session, const struct night_bisect_args *args, struct night_bisect *ret, struct err *err) MUST_CHECK;

#endif
