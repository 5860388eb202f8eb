/* refresh/run - carries a plan out: cargo and the image side by side, then put, verify, swap, with a journal row before and after each effect.
 *
 * There is one run in the program; the verbs differ in the plan they hand over. refresh_run() looks, plans and runs; refresh_inject() puts one file
 * by the same transaction.
 * Timing:   while cargo builds, a second thread copies and mounts the shadow, so that after cargo's exit only strip, put, verify and swap are left.
 * Failure:  a package that does not build or has no place to go is reported and leaves the others alone (result 'failed', exit status 1); anything
 *           that concerns the image stops the run with the image as it was.
 * Edits:    sources are looked at again after the builds; a package whose fingerprint moved meanwhile is put but not recorded, so that the next look
 *           finds it stale: an edit during a build is never lost.
 * Threads:  the caller's thread, plus one for the image; events come on the caller's. */
#ifndef REINJECT_REFRESH_RUN_H
#define REINJECT_REFRESH_RUN_H

#include "refresh/event.h"
#include "refresh/session.h"

struct refresh_args {
	const char *verb; /* for the journal */
	struct refresh_request request;
	struct watcher_look **look; /* the look to plan on, taken over; NULL, or NULL in it: refresh_run() looks itself */
	refresh_event_fn *on_event;
	void *data;
};

enum refresh_result { REFRESH_OK, REFRESH_RUN_FAILED, REFRESH_NOTHING };

/** One round. Returns 0 with @ret (also when packages failed), or -errno when the run as a whole could not be done; DONE was sent in both cases once a
 * run had begun. */
int refresh_run(struct refresh_session *session, const struct refresh_args *args, enum refresh_result *ret, struct err *err) MUST_CHECK;

/** What failed before a run could begin stands in the journal, too, as a run of @verb that took @ms and failed with @failure's sentence. */
int refresh_run_refused(const struct config *config, const char *verb, int64_t ms, const struct err *failure, int64_t *ret_run,
			struct err *err) MUST_CHECK;

/** Puts host file @file at @dest inside the image. */
int refresh_inject(struct refresh_session *session, const char *file, const char *dest, const struct refresh_args *args,
		   enum refresh_result *ret, struct err *err) MUST_CHECK;

/** Looks and plans without doing anything: sends CHANGE and PLAN (run 0), and fills @ret for more to be said about it. */
int refresh_preview(struct refresh_session *session, const struct refresh_args *args, struct watcher_look **ret_look, struct refresh_plan *ret,
		    struct err *err) MUST_CHECK;

#endif
