/* refresh/notify - a command of the user's after a run: [watch] on_success and on_failure, and whatever else ends in one.
 *
 * The command gets REINJECT_RUN, REINJECT_RESULT, REINJECT_PACKAGES, REINJECT_IMAGE and REINJECT_COMMIT in its environment (DESIGN.md section 10), and
 * runs without a shell in the configuration's folder. What it prints is told as DIAGNOSTIC lines. It has a minute. */
#ifndef REINJECT_REFRESH_NOTIFY_H
#define REINJECT_REFRESH_NOTIFY_H

#include "refresh/event.h"
#include "refresh/session.h"

struct refresh_notify {
	struct refresh_session *session;
	const char *section, *key;        /* of the configuration: 'watch', 'on_success' */
	int64_t run;                      /* the run it is about */
	const char *result;               /* REINJECT_RESULT, where it is another than the run's; NULL */
	refresh_event_fn *on_event;
	void (*on_tick)(void *data);      /* ten times a second while it runs; may be NULL */
	void *data;
};

/** Runs it and waits for its end; does nothing when the key says nothing. An error is for a warning: the run is what it is. */
int refresh_notify_run(const struct refresh_notify *notify, struct err *err) MUST_CHECK;

#endif
