/* watcher/session - one libfswatch session on a thread of its own: started, known to be ready, stopped for certain.
 *
 * Sequence: watcher_session_start() returns when a file written into @sentinel, the last of the roots, has come back as an event: all the roots are
 *           watched then. watcher_session_stop() joins the thread.
 * Facts:    docs/facts/libraries.md, 'libfswatch'; each line of it is a line here. Latency 0.1 is only the limit of its select(): what stops the
 *           session wakes it through the sentinel, so that a stop takes a millisecond and not 100.
 * Callback: on the library's thread, with text that dies on return. It must not wait for the thread that stops the session.
 * Folders:  the library tells whether something is a folder in another event than what happened to it, and never after a move; so we ask the file
 *           system, once for each thing that came to be.
 * Dead:     when the monitor ends by itself (an exception in it), @on_end is called, and the session is to be stopped like any other. The library then
 *           refuses to give back its memory; we close its descriptor.
 * Threads:  start and stop from one thread. */
#ifndef REINJECT_WATCHER_SESSION_H
#define REINJECT_WATCHER_SESSION_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct watcher_session_event {
	const char *path; /* '' with an overflow */
	bool overflow;
	bool came;   /* made, or moved here: the folder it may be has to be asked for */
	bool gone;   /* removed, or moved away */
};

struct watcher_session_spec {
	const struct strvec *roots;    /* absolute, existing folders; borrowed until the start has returned, as all here */
	const struct strvec *excludes; /* folders not entered; NULL: none */
	bool recursive;
	const char *sentinel; /* absolute; made when it is absent */
	uint32_t ready_ms;    /* the limit for being ready */
	void (*on_event)(void *data, const struct watcher_session_event *event);
	void (*on_batch)(void *data); /* after the events that came together */
	void (*on_end)(void *data);   /* the monitor has ended by itself */
	void *data;                   /* for all three */
};

struct watcher_session;

/** -ETIMEDOUT when it was not ready in time, and what the library says as -errno; nothing is left running then. */
int watcher_session_start(const struct watcher_session_spec *spec, struct watcher_session **ret, struct err *err) MUST_CHECK;
/** Stops it and frees it; takes NULL. No callback runs afterwards. */
void watcher_session_stop(struct watcher_session *session);

/** Its inotify descriptor, owned by the library; -1 where there is none. */
int watcher_session_fd(const struct watcher_session *session);

#endif
