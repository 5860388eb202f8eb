/* watcher/session - one libfswatch session on a thread of its own: started, known to be ready, stopped for certain.
 *
 * Sequence: watcher_session_start() returns when a file written into @sentinel, the last of the roots, has come back as an event: all the roots are
 *           watched then. watcher_session_end() returns when the monitor has ended, within a millisecond or two; its thread goes on to close the
 *           descriptor, for which the kernel takes up to 30 ms. watcher_session_free() joins it.
 * Facts:    docs/facts/libraries.md, 'libfswatch'; each line of it is a line here. The latency is only the limit of its select(): what ends the
 *           session wakes it through the sentinel, so that it need not be short, and an idle session costs 0.01 % of a processor.
 * Callback: on the library's thread, with text that dies on return. It must not wait for the thread that ends the session.
 * Folders:  the library tells whether something is a folder in another event than what happened to it, and never after a move; so we ask the file
 *           system, once for each thing that came to be.
 * Dead:     when the monitor ends by itself (an exception in it), @on_end is called, and the session is to be freed like any other. The library then
 *           refuses to give back its memory; we close its descriptor.
 * Threads:  start, end and free from one thread. */
#ifndef REINJECT_WATCHER_SESSION_H
#define REINJECT_WATCHER_SESSION_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct watcher_session_event {
	const char *path; /* '' with an overflow */
	bool overflow;
	bool came; /* made, or moved here: the folder it may be has to be asked for */
	bool gone; /* removed, or moved away */
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
/** No callback for events runs afterwards; its watches are given back soon. Takes NULL. */
void watcher_session_end(struct watcher_session *session);
/** Ends it if need be, waits until nothing of it is left, and frees it; takes NULL. */
void watcher_session_free(struct watcher_session *session);

/** Its inotify descriptor, owned by the library; -1 where there is none. */
int watcher_session_fd(const struct watcher_session *session);

#endif
