/* server/server - the watch's end of the socket: takes wishes, hands them to the watch's loop, and tells the followers what goes on.
 *
 * Sequence: server_open() on the watch's uv loop; then hooks->on_request() for each wish, as often as the loop runs (also with
 *           UV_RUN_NOWAIT amid a build). The watch answers when it likes: any number of server_send(), at most one
 *           server_reply(), and server_end(), once. server_close() at last, then the loop until it is empty.
 * Clients:  a struct server_peer is the watch's to name from on_request() until it calls server_end() for it or on_gone() has
 *           returned, whichever comes first; both never happen to one client. on_gone() is only ever called from the loop, not from within
 *           server_send(), so a watch may walk over its followers without care.
 * Gone:     the other process ended or was interrupted. A wish that waits is withdrawn; a run that has begun is not stopped by a follower that
 *           leaves: whoever has asked for it, it brings the image up to date.
 * Slow:     a follower that does not read holds nobody up: what it has not taken is kept up to SERVER_BACKLOG bytes, then it is dropped, with a
 *           note. Ticks are not kept at all.
 * Alive:    from its wish to its end, each follower gets a line at least each second as long as the loop turns, so that it can tell a long build
 *           from a watch that hangs. Without followers nothing wakes the loop.
 * Trust:    see server/socket and server/wire. A caller that says nothing for SERVER_PATIENCE_MS, something else than one wish, or
 *           comes as number SERVER_MAX + 1, is told so and shown the door.
 * Threads:  the loop's only. SIGPIPE is ignored by whoever owns the process (base/cancel). */
#ifndef REINJECT_SERVER_SERVER_H
#define REINJECT_SERVER_SERVER_H

#include "server/wire.h"

#include <uv.h>

enum {
	SERVER_BACKLOG = 2 << 20, /* two lines of the longest kind */
	SERVER_MAX = 400,         /* callers at once */
	SERVER_ALIVE_MS = 1000,
	SERVER_PATIENCE_MS = 5000, /* for a wish */
	SERVER_LINGER_MS = 60000,  /* for the last lines to be read */
};

struct server;
struct server_peer;

struct server_hooks {
	/* @wish dies on return: what is needed later is copied. */
	void (*on_request)(void *data, struct server_peer *client, const struct server_wish *wish);
	void (*on_gone)(void *data, struct server_peer *client);
	void (*on_note)(void *data, const char *text); /* a sentence for the watch's own terminal; may be NULL */
	void *data;
};

/** Listens for @config's state folder, which is made if need be. -EBUSY (class ERR_BUSY) when another watch runs. @config is borrowed until
 * server_set_config(); @hooks is copied. */
int server_open(uv_loop_t *loop, const struct config *config, const struct server_hooks *hooks, struct server **ret, struct err *err) MUST_CHECK;

/** From now on greets with @config, which was loaded anew; its state folder is the same. */
void server_set_config(struct server *server, const struct config *config);

/** True when it can be found for @state: it listens there, and its files are still there. */
bool server_serves(const struct server *server, const char *state);

/** Ends all that still wait or follow with @err (NULL: 'the watch ended'), removes the socket, and closes. The memory goes when the loop has run once
 * more; hooks are not called any more. Takes NULL. */
void server_close(struct server *server, const struct err *err);

/** Tells @client. Never blocks and never fails: a client that is gone by now is told to on_gone(). */
void server_send(struct server_peer *client, const struct refresh_event *event);

/** Answers STATUS and the like; takes @object over. */
void server_reply(struct server_peer *client, json_t *object);

/** The last word: the exit status that the asking process shall have, and why (NULL or nothing set: the events have said it). */
void server_end(struct server_peer *client, int status, const struct err *err);

/** Who asks. */
pid_t server_peer_pid(const struct server_peer *client);

/** How many bytes are kept for @client. */
size_t server_backlog(const struct server_peer *client);

#endif
