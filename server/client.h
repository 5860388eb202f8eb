/* server/client - the other end of the watch's socket: hands a wish over, follows, and ends as the watch says.
 *
 * Sequence: server_client_connect(), server_client_serves(), one server_client_ask() or server_client_status(), server_client_free().
 * No watch: -ENOENT, also for the socket of a dead one. The caller goes on alone then.
 * Waiting:  blocks, and never without end: a watch says something each second, so @silence_ms without a word means that it hangs; one that dies is
 *           noticed at once.
 * Cancel:   ends the asking only. A wish that the watch has not begun is withdrawn by our leaving; a run that has begun goes on, and the error says
 *           so: the watch would do it anyway.
 * Result:   exit status, sentence, hint, class and code are those of the watch, so that the caller's exit status is what it would be alone.
 * Threads:  one for each client. */
#ifndef REINJECT_SERVER_CLIENT_H
#define REINJECT_SERVER_CLIENT_H

#include "base/cancel.h"
#include "server/wire.h"

enum { SERVER_CLIENT_ANSWER_MS = 10000, SERVER_CLIENT_SILENCE_MS = 60000 };

struct server_client_args {
	const char *state;           /* the state folder */
	const struct cancel *cancel; /* may be NULL */
	uint32_t answer_ms;          /* limit for the watch to greet; 0: SERVER_CLIENT_ANSWER_MS */
	uint32_t silence_ms;         /* limit between two lines; 0: SERVER_CLIENT_SILENCE_MS */
};

struct server_client;

/** Calls the watch and hears its greeting. @ret_pid (may be NULL): who listens there, also when it does not answer (-ETIMEDOUT); 0: nobody.
 * -ENOENT: no watch runs; -EPERM: a socket that is not to be trusted; -EPROTONOSUPPORT: another version; -ECANCELED. */
int server_client_connect(const struct server_client_args *args, struct server_client **ret, pid_t *ret_pid, struct err *err) MUST_CHECK;
void server_client_free(struct server_client *client);
void server_client_freep(struct server_client **client); /* for CLEANUP */

/** What the watch serves; owned by @client. */
const struct server_greeting *server_client_greeting(const struct server_client *client);

/** True when the watch has the same configuration file and the same image as @config; with @exact, also the same value of each key (`-o`, or an INI that
 * was edited and not read again, make others). */
bool server_client_serves(const struct server_client *client, const struct config *config, bool exact);

/** Says @wish and follows: @on_event (may be NULL) for each event. Returns 0 with the exit status in @ret_status, which no error explains more than
 * the events have; or the watch's own error; -ECANCELED; -ECONNRESET when the watch ended before its last word, or hung up; -ETIMEDOUT when it fell silent. */
int server_client_ask(struct server_client *client, const struct server_wish *wish, refresh_event_fn *on_event, void *data, int *ret_status,
		      struct err *err) MUST_CHECK;

/** Asks how it is; @ret borrows from @client. */
int server_client_status(struct server_client *client, struct server_watch_status *ret, struct err *err) MUST_CHECK;

#endif
