/* refresh/client - the other end of the watch's socket: hands a wish over, follows, and ends as the watch says.
 *
 * Sequence: refresh_client_connect(), refresh_client_serves(), one refresh_client_ask() or refresh_client_status(), refresh_client_free().
 * No watch: -ENOENT, also for the socket of a dead one. The caller goes on alone then.
 * Waiting:  blocks, and never without end: a watch says something each second, so @silence_ms without a word means that it hangs; one that dies is
 *           noticed at once.
 * Cancel:   ends the asking only. A wish that the watch has not begun is withdrawn by our leaving; a run that has begun goes on, and the error says
 *           so: the watch would do it anyway.
 * Result:   exit status, sentence, hint, class and code are those of the watch, so that the caller's exit status is what it would be alone.
 * Threads:  one for each client. */
#ifndef REINJECT_REFRESH_CLIENT_H
#define REINJECT_REFRESH_CLIENT_H

#include "base/cancel.h"
#include "refresh/wire.h"

enum { REFRESH_CLIENT_ANSWER_MS = 10000, REFRESH_CLIENT_SILENCE_MS = 60000 };

struct refresh_client_args {
	const char *state;           /* the state folder */
	const struct cancel *cancel; /* may be NULL */
	uint32_t answer_ms;          /* limit for the watch to greet; 0: REFRESH_CLIENT_ANSWER_MS */
	uint32_t silence_ms;         /* limit between two lines; 0: REFRESH_CLIENT_SILENCE_MS */
};

struct refresh_client;

/** Calls the watch and hears its greeting. @ret_pid (may be NULL): who listens there, also when it does not answer (-ETIMEDOUT); 0: nobody.
 * -ENOENT: no watch runs; -EPERM: a socket that is not to be trusted; -EPROTONOSUPPORT: another version; -ECANCELED. */
int refresh_client_connect(const struct refresh_client_args *args, struct refresh_client **ret, pid_t *ret_pid, struct err *err) MUST_CHECK;
void refresh_client_free(struct refresh_client *client);
void refresh_client_freep(struct refresh_client **client); /* for CLEANUP */

/** What the watch serves; owned by @client. */
const struct refresh_greeting *refresh_client_greeting(const struct refresh_client *client);

/** True when the watch has the same configuration file and the same image as @config; with @exact, also the same value of each key (`-o`, or an INI that
 * was edited and not read again, make others). */
bool refresh_client_serves(const struct refresh_client *client, const struct config *config, bool exact);

/** Says @wish and follows: @on_event (may be NULL) for each event. Returns 0 with the exit status in @ret_status, which no error explains more than
 * the events have; or the watch's own error; -ECANCELED; -ECONNRESET when the watch ended before its last word, or hung up; -ETIMEDOUT when it fell silent. */
int refresh_client_ask(struct refresh_client *client, const struct refresh_wish *wish, refresh_event_fn *on_event, void *data, int *ret_status,
		       struct err *err) MUST_CHECK;

/** Asks how it is; @ret borrows from @client. */
int refresh_client_status(struct refresh_client *client, struct refresh_watch_status *ret, struct err *err) MUST_CHECK;

#endif
