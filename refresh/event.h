/* refresh/event - what a run tells while it goes on.
 *
 * refresh/run calls one function for everything that happens; cli/ turns it into a line for a person or a JSON line for a program (DESIGN.md
 * section 10). A run sends, in this order: CHANGE, PLAN, then BUILD, PUT and REMOVE (with PROGRESS, DIAGNOSTIC and NOTE among them), at most one
 * SWAP, one DONE.
 * Threads:   always called on the thread that called refresh_run().
 * Ownership: everything in an event dies on return. */
#ifndef REINJECT_REFRESH_EVENT_H
#define REINJECT_REFRESH_EVENT_H

#include "refresh/activate.h"
#include "boot/machine.h"
#include "refresh/plan.h"

#include <stdint.h>

enum refresh_event_type {
	REFRESH_EVENT_CHANGE,     /* plan */
	REFRESH_EVENT_PLAN,       /* run, plan */
	REFRESH_EVENT_BUILDING,   /* subject, text (why), position, of: a build begins */
	REFRESH_EVENT_TICK,       /* ten times a second or more while something runs or is waited for, for a live line */
	REFRESH_EVENT_PROGRESS,   /* text: a line of cargo's, or what is being done now */
	REFRESH_EVENT_DIAGNOSTIC, /* text: rendered by rustc, with colours */
	REFRESH_EVENT_BUILD,      /* subject, result (ok, fresh, failed), ms, text (why it failed) */
	REFRESH_EVENT_PUT,        /* path, result (written, identical), bytes */
	REFRESH_EVENT_REMOVE,     /* path, result (removed, absent, kept: not ours any more), bytes, text (why) */
	REFRESH_EVENT_SWAP,       /* path (the image), ms: after the last build's end, activations */
	REFRESH_EVENT_ADOPT,      /* subject ('package NAME', 'asset NAME'), result (adopted, absent), path (the file that is absent) */
	REFRESH_EVENT_READY,      /* watch: bytes: how many watches; text: what is watched */
	REFRESH_EVENT_STATE,      /* watch: result (idle, building, paused, waiting), subject: what is built or waited for, or NULL */
	REFRESH_EVENT_NOTE,       /* text: a sentence worth reading, such as what was recovered */
	REFRESH_EVENT_WARNING,    /* text */
	REFRESH_EVENT_DONE,       /* run, result (ok, failed, cancelled, nothing), text (the error or NULL), ms */
	/* Of a watch alone, never on the wire: */
	REFRESH_EVENT_BOOT, /* run, result (up, failed, timeout), ms, boot */
};

struct refresh_event {
	enum refresh_event_type type;
	int64_t run;
	const struct refresh_plan *plan;
	const char *subject; /* a package's or asset's name */
	const char *result;
	const char *text;
	const char *hint; /* with a text that is an error: what to do next */
	const char *path;
	uint64_t bytes;
	int64_t ms;
	const struct refresh_activations *activations; /* SWAP: what the change needs now */
	const struct boot_verdict *boot;               /* BOOT */
	bool is_whole_run;                             /* DONE: the error is refresh_run()'s own, and returned by it */
	size_t position, of;                           /* this is number position of so many builds */
};

typedef void refresh_event_fn(void *data, const struct refresh_event *event);

#endif
