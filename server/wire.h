/* server/wire - what is said on the socket between a running watch and those that ask it: one JSON object a line.
 *
 * The watch begins with a greeting, the other says one wish, and from then on only the watch speaks, until its end line:
 *     watch  {"reinject":1,"pid":4711,"config":"/home/u/os/reinject.ini","image":"/home/u/os/disk.img","digest":"..."}
 *     asking {"reinject":1,"wish":"build","packages":["netd"]}
 *     watch  {"event":"plan","run":12,"plan":{...}} ... {"alive":true} ... {"event":"done","run":12,"result":"ok","ms":812}
 *     watch  {"end":0}    or    {"end":75,"code":-16,"class":75,"message":"image ... is in use","hint":"..."}
 * `status` has {"reply":{...}} before its end.
 * Events:   whole enough for the asking process to hand them to its own refresh_event_fn and to print what a run of its own would have printed.
 *           server/wire_event.c has one table of the fields and one of the types: a new field or type of refresh/event is a row there. Not on the
 *           wire is what only the run itself needs: plan.states, step.fingerprint, and step.subject, which is REFRESH_NO_STEP on arrival.
 * Version:  a number in the greeting and in the wish. Another number is refused with a sentence by whoever sees it first; keys that are not known
 *           are passed over. It goes up when a type or result of event comes in that an older program would have to know.
 * Limits:   a line has at most SERVER_WIRE_MAX bytes, a wish SERVER_WIRE_MAX_WISH. Long texts are cut with a mark; a plan that is too long goes
 *           without its whys and places; what is too long even so is -EMSGSIZE.
 * Trust:    a line is a stranger's until every value's type and range was checked, whoever is said to have sent it. What comes out of a read is
 *           complete for its type (cli/ui may use it without asking), numbers are in range, results are those of refresh/event, an index points into
 *           its array. A wish says no more than the same command line could say.
 * Ownership: what is read is borrowed from the struct server_line, which owns all of it. */
#ifndef REINJECT_SERVER_WIRE_H
#define REINJECT_SERVER_WIRE_H

#include "base/err.h"
#include "base/hash.h"
#include "refresh/event.h"

#include <jansson.h>
#include <sys/types.h>

enum { SERVER_WIRE_VERSION = 1 };

#define SERVER_WIRE_MAX      ((size_t)1 << 20)
#define SERVER_WIRE_MAX_WISH ((size_t)1 << 16)

/** Who speaks, and what it serves. */
struct server_greeting {
	pid_t pid;
	const char *config; /* the file's path */
	const char *image;  /* its path, or NULL */
	const char *digest; /* server_wire_digest() of its configuration */
};

enum server_wish_kind {
	SERVER_WISH_REFRESH, /* all that is stale, or packages */
	SERVER_WISH_BUILD,   /* packages, dest */
	SERVER_WISH_STATUS,  /* a reply at once */
	SERVER_WISH_PAUSE,
	SERVER_WISH_RESUME,
	SERVER_WISH_WAIT, /* the end comes when the watch is at rest */
};

struct server_wish {
	enum server_wish_kind kind;
	bool retry;             /* REFRESH */
	uint32_t wait_s;        /* REFRESH, BUILD: how long to wait for another run that holds the image */
	struct strvec packages; /* owned */
	char *dest;             /* BUILD: owned; NULL: the configured places */
};
void server_wish_clear(struct server_wish *wish);

enum server_watch_state { SERVER_WATCH_IDLE, SERVER_WATCH_BUILDING, SERVER_WATCH_PAUSED, SERVER_WATCH_WAITING };

/** The reply to STATUS. */
struct server_watch_status {
	pid_t pid;
	enum server_watch_state state;
	const char *doing; /* a phrase, or NULL */
	int64_t run;       /* the one that goes on; 0: none */
	int64_t since_ms;  /* so long it has been in this state */
};

enum server_line_type { SERVER_LINE_GREETING, SERVER_LINE_EVENT, SERVER_LINE_ALIVE, SERVER_LINE_REPLY, SERVER_LINE_END };

/** A line of the watch's, read. */
struct server_line {
	enum server_line_type type;
	struct server_greeting greeting;
	struct refresh_event event; /* its plan is &this->plan, its activations likewise */
	struct refresh_plan plan;
	struct refresh_activations activations;
	json_t *reply;      /* borrowed from root */
	int status;         /* END: the exit status */
	struct err err;     /* END: why, class 0 when nothing is said */
	json_t *root;       /* owned */
	struct strvec keep; /* owned: texts that came as hex */
};
void server_line_clear(struct server_line *line);

/** The digest of every effective value of @config: two processes with the same one want the same. */
void server_wire_digest(const struct config *config, char ret[HASH_HEX_SIZE]);

/** These add one line to @to. -EMSGSIZE: too long, and nothing was added. */
int server_wire_add_greeting(struct str *to, const struct server_greeting *greeting) MUST_CHECK;
int server_wire_add_wish(struct str *to, const struct server_wish *wish) MUST_CHECK;
int server_wire_add_event(struct str *to, const struct refresh_event *event) MUST_CHECK;
int server_wire_add_alive(struct str *to) MUST_CHECK;
/** Takes @reply over. */
int server_wire_add_reply(struct str *to, json_t *reply) MUST_CHECK;
/** @err: NULL or nothing set when the status says it all. */
int server_wire_add_end(struct str *to, int status, const struct err *err) MUST_CHECK;

/** Reads a line of the watch's, without its newline. -EPROTO for what is none; -EPROTONOSUPPORT (class ERR_ENVIRONMENT) for the greeting of another
 * version. @ret starts zeroed and is cleared by the caller in every case. */
int server_wire_read(const char *line, size_t n, struct server_line *ret, struct err *err) MUST_CHECK;

/** Reads a wish, likewise. */
int server_wire_read_wish(const char *line, size_t n, struct server_wish *ret, struct err *err) MUST_CHECK;

/** 'idle', 'building', 'paused', 'waiting'. */
const char *server_watch_state_name(enum server_watch_state state);

/** The reply to STATUS, and back; what is read borrows from @line. */
json_t *server_wire_status(const struct server_watch_status *status);
int server_wire_read_status(struct server_line *line, struct server_watch_status *ret, struct err *err) MUST_CHECK;

/* -- between wire.c, wire_event.c and wire_plan.c only ------------------------------------------------------------------------------------------ */

/** Bytes of a text. JSON makes six of one at worst: with these, any event but a plan fits a line. */
enum { SERVER_WIRE_SHORT = 8 << 10, SERVER_WIRE_LONG = 128 << 10 };

/** Reads the event that line->root is. */
int server_wire_read_event(struct server_line *line) MUST_CHECK;

/** @brief: without what nobody prints. */
json_t *server_wire_plan(const struct refresh_plan *plan, bool brief);
int server_wire_read_plan(struct server_line *line, const json_t *object) MUST_CHECK;
json_t *server_wire_activations(const struct refresh_activations *activations);
int server_wire_read_activations(struct server_line *line, const json_t *array) MUST_CHECK;

#endif
