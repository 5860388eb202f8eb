/* refresh/server - the watch's end of the socket: takes wishes, hands them to the watch's loop, and tells the followers what goes on.
 *
 * Sequence: refresh_server_open() on the watch's uv loop; then hooks->on_request() for each wish, as often as the loop runs (also with
 *           UV_RUN_NOWAIT amid a build). The watch answers when it likes: any number of refresh_server_send(), at most one
 *           refresh_server_reply(), and refresh_server_end(), once. refresh_server_close() at last, then the loop until it is empty.
 * Clients:  a struct refresh_server_client is the watch's to name from on_request() until it calls refresh_server_end() for it or on_gone() has
 *           returned, whichever comes first; both never happen to one client. on_gone() is only ever called from the loop, not from within
 *           refresh_server_send(), so a watch may walk over its followers without care.
 * Gone:     the other process ended or was interrupted. A wish that waits is withdrawn; a run that has begun is not stopped by a follower that
 *           leaves: whoever has asked for it, it brings the image up to date.
 * Slow:     a follower that does not read holds nobody up: what it has not taken is kept up to REFRESH_SERVER_BACKLOG bytes, then it is dropped, with a
 *           note. Ticks are not kept at all.
 * Alive:    from its wish to its end, each follower gets a line at least each second as long as the loop turns, so that it can tell a long build
 *           from a watch that hangs. Without followers nothing wakes the loop.
 * Trust:    see refresh/socket and refresh/wire. A caller that says nothing for REFRESH_SERVER_PATIENCE_MS, something else than one wish, or
 *           comes as number REFRESH_SERVER_MAX + 1, is told so and shown the door.
 * Threads:  the loop's only. SIGPIPE is ignored by whoever owns the process (base/cancel). */
#ifndef REINJECT_REFRESH_SERVER_H
#define REINJECT_REFRESH_SERVER_H

#include "refresh/wire.h"

#include <uv.h>

enum {
	REFRESH_SERVER_BACKLOG = 2 << 20, /* two lines of the longest kind */
	REFRESH_SERVER_MAX = 400,         /* callers at once */
	REFRESH_SERVER_ALIVE_MS = 1000,
	REFRESH_SERVER_PATIENCE_MS = 5000, /* for a wish */
	REFRESH_SERVER_LINGER_MS = 60000,  /* for the last lines to be read */
};

struct refresh_server;
struct refresh_server_client;

struct refresh_server_hooks {
	/* @wish dies on return: what is needed later is copied. */
	void (*on_request)(void *data, struct refresh_server_client *client, const struct refresh_wish *wish);
	void (*on_gone)(void *data, struct refresh_server_client *client);
	void (*on_note)(void *data, const char *text); /* a sentence for the watch's own terminal; may be NULL */
	void *data;
};

/** Listens for @config's state folder, which is made if need be. -EBUSY (class ERR_BUSY) when another watch runs. @config is borrowed until
 * refresh_server_set_config(); @hooks is copied. */
int refresh_server_open(uv_loop_t *loop, const struct config *config, const struct refresh_server_hooks *hooks, struct refresh_server **ret,
			struct err *err) MUST_CHECK;

/** From now on greets with @config, which was loaded anew; its state folder is the same. */
void refresh_server_set_config(struct refresh_server *server, const struct config *config);

/** True when it can be found for @state: it listens there, and its files are still there. */
bool refresh_server_serves(const struct refresh_server *server, const char *state);

/** Ends all that still wait or follow with @err (NULL: 'the watch ended'), removes the socket, and closes. The memory goes when the loop has run once
 * more; hooks are not called any more. Takes NULL. */
void refresh_server_close(struct refresh_server *server, const struct err *err);

/** Tells @client. Never blocks and never fails: a client that is gone by now is told to on_gone(). */
void refresh_server_send(struct refresh_server_client *client, const struct refresh_event *event);

/** Answers STATUS and the like; takes @object over. */
void refresh_server_reply(struct refresh_server_client *client, json_t *object);

/** The last word: the exit status that the asking process shall have, and why (NULL or nothing set: the events have said it). */
void refresh_server_end(struct refresh_server_client *client, int status, const struct err *err);

/** Who asks. */
pid_t refresh_server_client_pid(const struct refresh_server_client *client);

/** How many callers there are, and how many bytes are kept for @client; for tests and for who wants to know. */
size_t refresh_server_count(const struct refresh_server *server);
size_t refresh_server_backlog(const struct refresh_server_client *client);

#endif
