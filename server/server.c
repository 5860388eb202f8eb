/* One caller is one struct: a pipe, what came in so far, and how far the talk has got. All writing goes through give(), which is where a slow reader
 * is found out; all leaving goes through leave(). */
#include "server/server.h"

#include "base/clock.h"
#include "config/config.h"
#include "journal/state.h"
#include "server/socket.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum stage {
	STAGE_ASKED_NOTHING, /* greeted */
	STAGE_FOLLOWS,       /* its wish is with the watch */
	STAGE_ENDED,         /* has its end line; what is left is to be read by it */
	STAGE_LEFT           /* closing */
};

struct server_peer {
	uv_pipe_t pipe;
	struct server *server;
	struct server_peer *next;
	enum stage stage;
	bool is_lost;     /* follows, but cannot be told anything any more: on_gone() is due */
	int64_t since_ms; /* when the stage began */
	struct server_credentials peer;
	struct str in; /* owned: the wish so far */
};

struct server {
	uv_pipe_t pipe;
	uv_timer_t timer;
	unsigned int n_handles; /* open ones of the two */
	struct server_socket socket;
	const struct config *config; /* borrowed */
	char digest[HASH_HEX_SIZE];
	struct server_hooks hooks;
	struct server_peer *clients; /* owned until each has closed */
	size_t n_clients;
	bool closing;
	char buffer[4096]; /* what is being read, for a moment */
};

static void note(struct server *server, const char *format, ...) PRINTF(2, 3);
static void note(struct server *server, const char *format, ...)
{
	char text[ERR_TEXT_SIZE];
	va_list args;

	if (!server->hooks.on_note || server->closing)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	server->hooks.on_note(server->hooks.data, text);
}

/* -- leaving ----------------------------------------------------------------------------------------------------------------------------------- */

static void free_if_done(struct server *server)
{
	if (server->n_handles == 0 && server->n_clients == 0)
		free(server);
}

static void on_client_closed(uv_handle_t *handle)
{
	struct server_peer *client = handle->data;
	struct server *server = client->server;
	struct server_peer **link = &server->clients;

	if (client->is_lost && !server->closing)
		server->hooks.on_gone(server->hooks.data, client);
	while (*link != client)
		link = &(*link)->next;
	*link = client->next;
	server->n_clients--;
	if (server->n_clients == 0 && !server->closing)
		uv_timer_stop(&server->timer);
	str_clear(&client->in);
	free(client);
	free_if_done(server);
}

/* The watch learns of it when the handle has closed: from the loop, never from within a call of its own. */
static void leave(struct server_peer *client)
{
	if (client->stage == STAGE_LEFT)
		return;
	client->is_lost = client->stage == STAGE_FOLLOWS;
	client->stage = STAGE_LEFT;
	uv_close((uv_handle_t *)&client->pipe, on_client_closed);
}

/* -- writing ----------------------------------------------------------------------------------------------------------------------------------- */

struct write {
	uv_write_t request;
	char bytes[];
};

static void on_written(uv_write_t *request, int status)
{
	struct server_peer *client = request->handle->data;

	free(request);
	if (client->stage == STAGE_LEFT)
		return;
	if (status < 0 || (client->stage == STAGE_ENDED && server_backlog(client) == 0))
		leave(client);
}

/* What the kernel does not take at once is kept. */
static int keep(struct server_peer *client, const char *bytes, size_t n)
{
	struct write *write = xrealloc(NULL, sizeof(*write) + n);
	uv_buf_t buf = uv_buf_init(write->bytes, (unsigned int)n);
	int r;

	memcpy(write->bytes, bytes, n);
	r = uv_write(&write->request, (uv_stream_t *)&client->pipe, &buf, 1, on_written);
	if (r < 0)
		free(write);
	return r;
}

static void give(struct server_peer *client, const struct str *line)
{
	uv_buf_t buf = uv_buf_init(line->buf, (unsigned int)line->len);
	size_t kept = server_backlog(client);
	int r;

	if (client->stage == STAGE_LEFT)
		return;
	if (kept + line->len > SERVER_BACKLOG) {
		note(client->server, "process %d has asked, but does not read what it is told: it is left alone now", (int)client->peer.pid);
		leave(client);
		return;
	}
	r = kept > 0 ? UV_EAGAIN : uv_try_write((uv_stream_t *)&client->pipe, &buf, 1);
	if (r == UV_EAGAIN)
		r = 0;
	if (r >= 0 && (size_t)r < line->len)
		r = keep(client, line->buf + r, line->len - (size_t)r);
	if (r < 0)
		leave(client);
}

static void tell_too_long(struct str *line, const struct refresh_event *event)
{
	CLEANUP_FREE char *text = xasprintf("something that the watch did is too long to be told (an event of type %d)", (int)event->type);

	(void)!server_wire_add_event(line, &(struct refresh_event){ .type = REFRESH_EVENT_WARNING, .text = text });
}

void server_send(struct server_peer *client, const struct refresh_event *event)
{
	CLEANUP(str_clear) struct str line = { 0 };

	if (client->stage != STAGE_FOLLOWS || (event->type == REFRESH_EVENT_TICK && server_backlog(client) > 0))
		return;
	if (server_wire_add_event(&line, event) < 0)
		tell_too_long(&line, event);
	give(client, &line);
}

void server_reply(struct server_peer *client, json_t *object)
{
	CLEANUP(str_clear) struct str line = { 0 };

	if (server_wire_add_reply(&line, object) == 0 && client->stage == STAGE_FOLLOWS)
		give(client, &line);
}

static void end(struct server_peer *client, int status, const struct err *err)
{
	CLEANUP(str_clear) struct str line = { 0 };

	if (client->stage == STAGE_LEFT || client->stage == STAGE_ENDED)
		return;
	client->stage = STAGE_ENDED;
	client->since_ms = clock_ms();
	if (server_wire_add_end(&line, status == 0 && err && err->class ? ERR_FAILED : status, err) == 0)
		give(client, &line);
	if (server_backlog(client) == 0)
		leave(client);
}

/* One that is lost already, and whose on_gone() was still to come, is the watch's no longer. */
void server_end(struct server_peer *client, int status, const struct err *err)
{
	client->is_lost = false;
	end(client, status, err);
}

/* -- reading ----------------------------------------------------------------------------------------------------------------------------------- */

static void refuse(struct server_peer *client, const struct err *err)
{
	note(client->server, "process %d was refused on the socket: %s", (int)client->peer.pid, err->message);
	end(client, err_exit_status(err, err->code), err);
}

static void take_wish(struct server_peer *client, size_t n)
{
	CLEANUP(server_wish_clear) struct server_wish wish = { 0 };
	struct err err = ERR_INIT;

	if (server_wire_read_wish(client->in.buf, n, &wish, &err) < 0) {
		refuse(client, &err);
		return;
	}
	client->stage = STAGE_FOLLOWS;
	client->since_ms = clock_ms();
	str_clear(&client->in);
	client->server->hooks.on_request(client->server->hooks.data, client, &wish);
}

/* Whoever has said its wish has nothing more to say. */
static void take_bytes(struct server_peer *client, const char *bytes, size_t n)
{
	const char *newline = memchr(bytes, '\n', n);
	struct err err = ERR_INIT;

	if (client->stage != STAGE_ASKED_NOTHING) {
		leave(client);
		return;
	}
	if (client->in.len + n > SERVER_WIRE_MAX_WISH) {
		err_set(&err, -E2BIG, "more came in than a wish!");
		refuse(client, &err);
		return;
	}
	str_add_n(&client->in, bytes, n);
	if (newline)
		take_wish(client, client->in.len - 1);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct server_peer *client = handle->data;

	(void)suggested;
	*ret = uv_buf_init(client->server->buffer, sizeof(client->server->buffer));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct server_peer *client = stream->data;

	if (n < 0)
		leave(client);
	else if (n > 0)
		take_bytes(client, buf->base, (size_t)n);
}

/* -- arriving ---------------------------------------------------------------------------------------------------------------------------------- */

static void tell_alive(struct server_peer *client)
{
	CLEANUP(str_clear) struct str line = { 0 };

	if (server_backlog(client) == 0 && server_wire_add_alive(&line) == 0)
		give(client, &line);
}

/* One that says nothing, or does not read its end, is not waited for without limit. */
static void on_timer(uv_timer_t *timer)
{
	struct server *server = timer->data;

	for (struct server_peer *client = server->clients; client; client = client->next) {
		int64_t ms = clock_ms() - client->since_ms;

		if (client->stage == STAGE_FOLLOWS)
			tell_alive(client);
		else if (ms > (client->stage == STAGE_ENDED ? SERVER_LINGER_MS : SERVER_PATIENCE_MS))
			leave(client);
	}
}

static void greet(struct server_peer *client)
{
	const struct server *server = client->server;
	struct server_greeting greeting = {
		.pid = getpid(), .config = server->config->file, .image = server->config->image.path, .digest = server->digest
	};
	CLEANUP(str_clear) struct str line = { 0 };

	if (server_wire_add_greeting(&line, &greeting) == 0)
		give(client, &line);
}

static bool is_welcome(struct server_peer *client, struct err *err)
{
	const struct server *server = client->server;
	uv_os_fd_t fd;
	int r = uv_fileno((uv_handle_t *)&client->pipe, &fd);

	if (r == 0)
		r = server_socket_peer(fd, &client->peer);
	if (r < 0)
		err_set(err, r, "cannot tell who calls");
	else if (!server_socket_trusts(server->config->state, client->peer.uid))
		err_class_set(err, ERR_USAGE, -EPERM, "this watch takes no wishes from user %u", (unsigned int)client->peer.uid);
	else if (server->n_clients > SERVER_MAX)
		err_class_set(err, ERR_BUSY, -EBUSY, "%d processes ask this watch already", SERVER_MAX);
	return err->class == 0;
}

static void arrive(struct server_peer *client)
{
	struct err err = ERR_INIT;

	client->since_ms = clock_ms();
	if (!is_welcome(client, &err)) {
		refuse(client, &err);
		return;
	}
	greet(client);
	if (client->stage != STAGE_LEFT && uv_read_start((uv_stream_t *)&client->pipe, on_alloc, on_read) < 0)
		leave(client);
}

static void on_connection(uv_stream_t *stream, int status)
{
	struct server *server = stream->data;
	struct server_peer *client;

	if (status < 0 || server->closing)
		return;
	client = xcalloc(1, sizeof(*client));
	client->server = server;
	if (uv_pipe_init(stream->loop, &client->pipe, 0) < 0) {
		free(client);
		return;
	}
	client->pipe.data = client;
	client->next = server->clients;
	server->clients = client;
	if (server->n_clients++ == 0)
		uv_timer_start(&server->timer, on_timer, SERVER_ALIVE_MS, SERVER_ALIVE_MS);
	if (uv_accept(stream, (uv_stream_t *)&client->pipe) < 0)
		leave(client);
	else
		arrive(client);
}

/* -- the whole --------------------------------------------------------------------------------------------------------------------------------- */

static int listen_on(struct server *server)
{
	int r = uv_pipe_open(&server->pipe, server->socket.fd);

	if (r < 0)
		return r;
	server->socket.fd = -1;
	return uv_listen((uv_stream_t *)&server->pipe, SOMAXCONN, on_connection);
}

int server_open(uv_loop_t *loop, const struct config *config, const struct server_hooks *hooks, struct server **ret, struct err *err)
{
	CLEANUP(server_socket_clear) struct server_socket socket = { .fd = -1, .lock_fd = -1 };
	struct server *server;
	int r = journal_state_prepare(config->state, err);

	if (r >= 0)
		r = server_socket_bind(config->state, &socket, err);
	if (r < 0)
		return r;
	server = xcalloc(1, sizeof(*server));
	server->hooks = *hooks;
	server->socket = socket;
	socket = (struct server_socket){ .fd = -1, .lock_fd = -1 };
	server_set_config(server, config);
	/* These two cannot fail on a Unix. */
	(void)!uv_pipe_init(loop, &server->pipe, 0);
	(void)!uv_timer_init(loop, &server->timer);
	server->n_handles = 2;
	server->pipe.data = server->timer.data = server;
	r = listen_on(server);
	if (r < 0) {
		err_set(err, r, "cannot listen on '%s'", server->socket.path);
		server_close(server, NULL);
		return r;
	}
	*ret = server;
	return 0;
}

void server_set_config(struct server *server, const struct config *config)
{
	server->config = config;
	server_wire_digest(config, server->digest);
}

bool server_serves(const struct server *server, const char *state)
{
	return str_eq(server->config->state, state) && server_socket_is_there(state, &server->socket);
}

static void on_server_closed(uv_handle_t *handle)
{
	struct server *server = handle->data;

	server->n_handles--;
	free_if_done(server);
}

void server_close(struct server *server, const struct err *err)
{
	struct err ended = ERR_INIT;

	if (!server)
		return;
	err_class_set(&ended, ERR_FAILED, -ESHUTDOWN, "the watch (process %d) ended", (int)getpid());
	err_hint(&ended, "ask again: without a watch the work is done by the asking process");
	server->closing = true;
	for (struct server_peer *client = server->clients; client; client = client->next) {
		if (client->stage == STAGE_FOLLOWS)
			end(client, err ? err_exit_status(err, err->code) : ERR_FAILED, err ? err : &ended);
		leave(client);
	}
	/* The file first: whoever connects from now on finds that no watch runs. */
	server_socket_clear(&server->socket);
	uv_close((uv_handle_t *)&server->pipe, on_server_closed);
	uv_close((uv_handle_t *)&server->timer, on_server_closed);
}

pid_t server_peer_pid(const struct server_peer *client)
{
	return client->peer.pid;
}

size_t server_backlog(const struct server_peer *client)
{
	return uv_stream_get_write_queue_size((const uv_stream_t *)&client->pipe);
}
