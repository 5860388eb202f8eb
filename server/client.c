/* poll(2) on two descriptors, the socket and the cancel; a loop of libuv's would be more than this needs. */
#include "server/client.h"

#include "base/clock.h"
#include "config/config.h"
#include "server/socket.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* For a look whether anybody is there. */
enum { STILL_LIMIT_MS = 200 };

struct server_client {
	int fd;
	char *state; /* owned: the state folder */
	const struct cancel *cancel;
	uint32_t silence_ms;
	struct server_credentials peer;
	struct server_line greeting;  /* owned */
	struct server_line reply;     /* owned: the last one */
	struct str in;                /* what came in */
	size_t start, scanned;        /* of in: where the next line begins, and up to where it has no end */
	int64_t run;                  /* that was told of; 0: none */
	bool begun;                   /* the watch has begun with our wish */
};

void server_client_free(struct server_client *client)
{
	if (!client)
		return;
	cleanup_close(&client->fd);
	server_line_clear(&client->greeting);
	server_line_clear(&client->reply);
	str_clear(&client->in);
	free(client->state);
	free(client);
}

void server_client_freep(struct server_client **client)
{
	server_client_free(*client);
}

/* -- lines ------------------------------------------------------------------------------------------------------------------------------------- */

/* 1: readable; -ETIMEDOUT, -ECANCELED. */
static int wait_readable(const struct server_client *client, int64_t deadline_ms)
{
	struct pollfd fds[] = { { .fd = client->fd, .events = POLLIN }, { .fd = cancel_fd(client->cancel), .events = POLLIN } };
	int64_t left = deadline_ms - clock_ms();
	int r;

	if (cancel_requested(client->cancel))
		return -ECANCELED;
	r = poll(fds, N_ELEMENTS(fds), left > 0 ? (int)left : 0);
	if (r < 0 && errno != EINTR)
		return -errno;
	if (cancel_requested(client->cancel))
		return -ECANCELED;
	if (fds[0].revents)
		return 1;
	return clock_ms() >= deadline_ms ? -ETIMEDOUT : 0;
}

static int receive(struct server_client *client)
{
	char bytes[16384];
	ssize_t n = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n == 0)
		return -ECONNRESET;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	str_add_n(&client->in, bytes, (size_t)n);
	return 0;
}

/* The room of the lines that were taken is used again. */
static void drop_taken(struct server_client *client)
{
	size_t n = client->in.len - client->start;

	if (client->start == 0)
		return;
	memmove(client->in.buf, client->in.buf + client->start, n + 1);
	client->in.len = n;
	client->scanned -= client->start;
	client->start = 0;
}

/* True when there is a whole line, which is valid until the next call. */
static bool take_line(struct server_client *client, const char **ret, size_t *ret_n)
{
	const char *newline = NULL;

	if (client->in.len > client->scanned)
		newline = memchr(client->in.buf + client->scanned, '\n', client->in.len - client->scanned);
	client->scanned = newline ? (size_t)(newline - client->in.buf) + 1 : client->in.len;
	if (!newline) {
		drop_taken(client);
		return false;
	}
	*ret = client->in.buf + client->start;
	*ret_n = (size_t)(newline - *ret);
	client->start = client->scanned;
	return true;
}

/* The next line of the watch's, read; at most @limit_ms from now. */
static int next_line(struct server_client *client, uint32_t limit_ms, struct server_line *ret, struct err *err)
{
	int64_t deadline_ms = clock_ms() + limit_ms;
	const char *line;
	size_t n;

	if (cancel_requested(client->cancel))
		return -ECANCELED;
	while (!take_line(client, &line, &n)) {
		int r;

		if (client->in.len >= SERVER_WIRE_MAX)
			return err_set(err, -EPROTO, "the watch (process %d) says a line without an end!", (int)client->peer.pid);
		r = wait_readable(client, deadline_ms);
		if (r > 0)
			r = receive(client);
		if (r < 0)
			return r;
	}
	return server_wire_read(line, n, ret, err);
}

/* -- connecting -------------------------------------------------------------------------------------------------------------------------------- */

static int no_greeting(const struct server_client *client, int r, struct err *err)
{
	if (r == -ETIMEDOUT) {
		err_set(err, r, "the watch (process %d) does not answer!", (int)client->peer.pid);
		err_hint(err, "if it stays so, end it (kill %d) and start it again", (int)client->peer.pid);
	} else if (r == -ECANCELED) {
		err_set(err, r, "interrupted!");
	} else if (r == -ECONNRESET || r == -EPIPE) {
		/* It was just ending, or died: as if it had never been. */
		r = err_set(err, -ENOENT, "the watch (process %d) is gone!", (int)client->peer.pid);
	}
	return r;
}

/* Instead of a greeting a watch may say why it has none for us. */
static int hear_greeting(struct server_client *client, uint32_t limit_ms, struct err *err)
{
	struct server_line *line = &client->greeting;
	int r = next_line(client, limit_ms, line, err);

	if (r < 0)
		return no_greeting(client, r, err);
	if (line->type == SERVER_LINE_GREETING)
		return 0;
	if (line->type != SERVER_LINE_END || !line->err.class)
		return err_set(err, -EPROTO, "the watch (process %d) does not greet!", (int)client->peer.pid);
	if (err)
		*err = line->err;
	return line->err.code;
}

int server_client_connect(const struct server_client_args *args, struct server_client **ret, pid_t *ret_pid, struct err *err)
{
	CLEANUP(server_client_freep) struct server_client *client = xcalloc(1, sizeof(*client));
	uint32_t answer_ms = args->answer_ms ? args->answer_ms : SERVER_CLIENT_ANSWER_MS;
	int r;

	client->fd = -1;
	client->state = xstrdup(args->state);
	client->cancel = args->cancel;
	client->silence_ms = args->silence_ms ? args->silence_ms : SERVER_CLIENT_SILENCE_MS;
	r = server_socket_connect(args->state, answer_ms, &client->fd, &client->peer, err);
	if (ret_pid)
		*ret_pid = client->peer.pid;
	if (r >= 0)
		r = hear_greeting(client, answer_ms, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(client);
	return 0;
}

const struct server_greeting *server_client_greeting(const struct server_client *client)
{
	return &client->greeting.greeting;
}

bool server_client_serves(const struct server_client *client, const struct config *config, bool exact)
{
	const struct server_greeting *greeting = &client->greeting.greeting;
	char digest[HASH_HEX_SIZE];

	if (!str_eq(greeting->config, config->file) || !str_eq(greeting->image, config->image.path))
		return false;
	if (!exact)
		return true;
	server_wire_digest(config, digest);
	return str_eq(greeting->digest, digest);
}

/* -- asking ------------------------------------------------------------------------------------------------------------------------------------ */

/* A wish is smaller than the socket's buffer, so this does not wait for a watch that does not read. */
static int say(struct server_client *client, const struct server_wish *wish, struct err *err)
{
	CLEANUP(str_clear) struct str line = { 0 };
	size_t done = 0;
	int r = server_wire_add_wish(&line, wish);

	if (r < 0)
		return err_class_set(err, ERR_USAGE, r, "this is too much for one wish to the watch: name fewer packages");
	while (done < line.len) {
		ssize_t n = send(client->fd, line.buf + done, line.len - done, MSG_NOSIGNAL);

		/* Why it hung up may still be there to be read. */
		if (n < 0 && errno == EPIPE)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_set(err, -errno, "cannot speak to the watch (process %d)", (int)client->peer.pid);
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int interrupted(const struct server_client *client, struct err *err)
{
	if (!client->begun)
		return err_set(err, -ECANCELED, "interrupted: the wish to the watch (process %d) is withdrawn!", (int)client->peer.pid);
	if (client->run > 0)
		err_set(err, -ECANCELED, "interrupted, but the watch (process %d) goes on with run %lld!", (int)client->peer.pid,
			(long long)client->run);
	else
		err_set(err, -ECANCELED, "interrupted, but the watch (process %d) goes on!", (int)client->peer.pid);
	err_hint(err, "`reinject status` tells what it does");
	return -ECANCELED;
}

/* A watch that still takes calls has not died: it dropped us, because we did not read. One that dies may take a call, and lets it fall at once. */
static bool still_listens(const struct server_client *client)
{
	struct server_client_args args = { .state = client->state, .answer_ms = STILL_LIMIT_MS };
	CLEANUP(server_client_freep) struct server_client *again = NULL;
	pid_t pid = 0;
	int r = server_client_connect(&args, &again, &pid, NULL);

	return (r == 0 || r == -ETIMEDOUT) && pid == client->peer.pid;
}

static int lost(const struct server_client *client, int r, struct err *err)
{
	int pid = (int)client->peer.pid;

	if (r == -ECANCELED)
		return interrupted(client, err);
	if (r == -ETIMEDOUT) {
		err_set(err, r, "the watch (process %d) has said nothing for %u s: it hangs, or the machine does!", pid,
			client->silence_ms / 1000);
		err_hint(err, "if `reinject status` gets no answer either, end it (kill %d): the next start puts right what it leaves", pid);
	} else if (still_listens(client)) {
		r = err_set(err, -ECONNRESET, "the watch (process %d) hung up, and goes on: it was not read from for too long!", pid);
		err_hint(err, "`reinject status` tells what it does, `reinject log` what came of it");
	} else if (client->begun) {
		r = err_set(err, -ECONNRESET, "the watch (process %d) ended amid the run!", pid);
		err_hint(err, "the image is whole, old or new; `reinject refresh` puts right what was left and does the rest");
	} else {
		r = err_set(err, -ECONNRESET, "the watch (process %d) ended before it came to this!", pid);
		err_hint(err, "ask again: without a watch the work is done by the asking process");
	}
	return r;
}

/* The others come before the watch has made up its mind, or from a run before ours. */
static bool is_beginning(const struct refresh_event *event)
{
	switch (event->type) {
	case REFRESH_EVENT_TICK:
	case REFRESH_EVENT_NOTE:
	case REFRESH_EVENT_WARNING:
	case REFRESH_EVENT_PROGRESS:
	case REFRESH_EVENT_READY:
	case REFRESH_EVENT_STATE:
		return false;
	default:
		return true;
	}
}

static void take_event(struct server_client *client, const struct refresh_event *event)
{
	if (is_beginning(event))
		client->begun = true;
	if (event->run > 0)
		client->run = event->run;
}

static int take_end(const struct server_line *line, int *ret_status, struct err *err)
{
	*ret_status = line->status;
	if (line->err.class && err)
		*err = line->err;
	return line->err.code;
}

int server_client_ask(struct server_client *client, const struct server_wish *wish, refresh_event_fn *on_event, void *data, int *ret_status,
		      struct err *err)
{
	int r = say(client, wish, err);

	if (r < 0)
		return r;
	for (;;) {
		CLEANUP(server_line_clear) struct server_line line = { 0 };

		r = next_line(client, client->silence_ms, &line, err);
		if (r < 0)
			return r == -EPROTO || r == -EPROTONOSUPPORT ? r : lost(client, r, err);
		if (line.type == SERVER_LINE_END)
			return take_end(&line, ret_status, err);
		if (line.type == SERVER_LINE_EVENT) {
			take_event(client, &line.event);
			if (on_event)
				on_event(data, &line.event);
		} else if (line.type == SERVER_LINE_REPLY) {
			server_line_clear(&client->reply);
			client->reply = line;
			line = (struct server_line){ 0 };
		}
	}
}

int server_client_status(struct server_client *client, struct server_watch_status *ret, struct err *err)
{
	struct server_wish wish = { .kind = SERVER_WISH_STATUS };
	int status = 0;
	int r = server_client_ask(client, &wish, NULL, NULL, &status, err);

	if (r < 0)
		return r;
	if (!client->reply.reply)
		return err_set(err, -EPROTO, "the watch (process %d) says nothing about itself!", (int)client->peer.pid);
	return server_wire_read_status(&client->reply, ret, err);
}
