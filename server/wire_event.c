/* An event as JSON and back. Two tables say all: what fields there are, and what a reader of each type relies on. */
#include "server/wire.h"

#include "server/codec.h"

#include <errno.h>
#include <stddef.h>

enum { SHORT_TEXT = SERVER_WIRE_SHORT, LONG_TEXT = SERVER_WIRE_LONG };

enum kind { KIND_TEXT, KIND_LONG_TEXT, KIND_INT64, KIND_UINT64, KIND_SIZE, KIND_BOOL };

struct field {
	const char *key;
	enum kind kind;
	size_t offset; /* in struct refresh_event */
};

#define FIELD(key, kind, member)                                                                                                                \
	{                                                                                                                                       \
		key, kind, offsetof(struct refresh_event, member)                                                                               \
	}

static const struct field fields[] = {
	FIELD("run", KIND_INT64, run),          FIELD("subject", KIND_TEXT, subject), FIELD("result", KIND_TEXT, result),
	FIELD("text", KIND_LONG_TEXT, text),    FIELD("hint", KIND_TEXT, hint),       FIELD("path", KIND_TEXT, path),
	FIELD("bytes", KIND_UINT64, bytes),     FIELD("ms", KIND_INT64, ms),          FIELD("is_whole_run", KIND_BOOL, is_whole_run),
	FIELD("position", KIND_SIZE, position), FIELD("of", KIND_SIZE, of),
};

enum { NEEDS_PLAN = 1, NEEDS_SUBJECT = 2, NEEDS_TEXT = 4, NEEDS_PATH = 8, NEEDS_OWNER = 16 /* a subject 'package NAME' or 'asset NAME' */ };

struct shape {
	const char *name;
	unsigned int needs;
	const char *results[5]; /* those that there are; none: it has no result */
};

static const struct shape shapes[] = {
	[REFRESH_EVENT_CHANGE] = { "change", NEEDS_PLAN, { NULL } },
	[REFRESH_EVENT_PLAN] = { "plan", NEEDS_PLAN, { NULL } },
	[REFRESH_EVENT_BUILDING] = { "building", NEEDS_SUBJECT | NEEDS_TEXT, { NULL } },
	[REFRESH_EVENT_TICK] = { "tick", 0, { NULL } },
	[REFRESH_EVENT_PROGRESS] = { "progress", NEEDS_TEXT, { NULL } },
	[REFRESH_EVENT_DIAGNOSTIC] = { "diagnostic", NEEDS_TEXT, { NULL } },
	[REFRESH_EVENT_BUILD] = { "build", NEEDS_SUBJECT, { "ok", "fresh", "failed", NULL } },
	[REFRESH_EVENT_PUT] = { "put", NEEDS_PATH, { "written", "identical", NULL } },
	[REFRESH_EVENT_REMOVE] = { "remove", NEEDS_PATH, { "removed", "absent", "kept", NULL } },
	[REFRESH_EVENT_SWAP] = { "swap", NEEDS_PATH, { NULL } },
	[REFRESH_EVENT_ADOPT] = { "adopt", NEEDS_OWNER, { "adopted", "absent", NULL } },
	[REFRESH_EVENT_READY] = { "ready", NEEDS_TEXT, { NULL } },
	[REFRESH_EVENT_STATE] = { "state", 0, { "idle", "building", "paused", "waiting", NULL } },
	[REFRESH_EVENT_NOTE] = { "note", NEEDS_TEXT, { NULL } },
	[REFRESH_EVENT_WARNING] = { "warning", NEEDS_TEXT, { NULL } },
	[REFRESH_EVENT_DONE] = { "done", 0, { "ok", "failed", "cancelled", "nothing", NULL } },
};

/* -- the event --------------------------------------------------------------------------------------------------------------------------------- */

static json_t *number_value(uint64_t number)
{
	return number > 0 ? json_integer((json_int_t)(number > INT64_MAX ? INT64_MAX : number)) : NULL;
}

/* NULL: it says nothing, and is left out. */
static json_t *field_value(const struct refresh_event *event, const struct field *field)
{
	const void *p = (const char *)event + field->offset;

	switch (field->kind) {
	case KIND_TEXT:
	case KIND_LONG_TEXT:
		return *(const char *const *)p ? server_codec_text(*(const char *const *)p, field->kind == KIND_TEXT ? SHORT_TEXT : LONG_TEXT)
					       : NULL;
	case KIND_INT64:
		return *(const int64_t *)p ? json_integer(*(const int64_t *)p) : NULL;
	case KIND_UINT64:
		return number_value(*(const uint64_t *)p);
	case KIND_SIZE:
		return number_value(*(const size_t *)p);
	case KIND_BOOL:
		return *(const bool *)p ? json_true() : NULL;
	}
	return NULL;
}

static int add_event(struct str *to, const struct refresh_event *event, bool brief)
{
	json_t *object = json_pack("{s:s}", "event", shapes[event->type].name);

	for (size_t i = 0; i < N_ELEMENTS(fields); i++) {
		json_t *value = field_value(event, &fields[i]);

		if (value)
			json_object_set_new(object, fields[i].key, value);
	}
	if (event->plan)
		json_object_set_new(object, "plan", server_wire_plan(event->plan, brief));
	if (event->activations)
		json_object_set_new(object, "activations", server_wire_activations(event->activations));
	return server_codec_add_line(to, object, SERVER_WIRE_MAX);
}

int server_wire_add_event(struct str *to, const struct refresh_event *event)
{
	int r;

	if ((size_t)event->type >= N_ELEMENTS(shapes) || !shapes[event->type].name)
		return -EINVAL;
	r = add_event(to, event, false);
	return r == -EMSGSIZE && event->plan ? add_event(to, event, true) : r;
}

static int read_field(struct server_line *line, const struct field *field)
{
	const json_t *value = json_object_get(line->root, field->key);
	void *p = (char *)&line->event + field->offset;
	int64_t number = 0;
	int r = 0;

	switch (field->kind) {
	case KIND_TEXT:
	case KIND_LONG_TEXT:
		return server_codec_read_text(value, field->kind == KIND_TEXT ? SHORT_TEXT : LONG_TEXT, &line->keep, p);
	case KIND_INT64:
		return server_codec_read_int(value, INT64_MIN, INT64_MAX, p);
	case KIND_UINT64:
		r = server_codec_read_int(value, 0, INT64_MAX, &number);
		*(uint64_t *)p = (uint64_t)number;
		return r;
	case KIND_SIZE:
		r = server_codec_read_int(value, 0, INT32_MAX, &number);
		*(size_t *)p = (size_t)number;
		return r;
	case KIND_BOOL:
		return server_codec_read_bool(value, p);
	}
	return -EPROTO;
}

/* The reader gets the table's own text, so that it may compare as it likes. */
static int check_result(struct refresh_event *event, const struct shape *shape)
{
	if (!shape->results[0])
		return event->result ? -EPROTO : 0;
	for (size_t i = 0; shape->results[i]; i++) {
		if (!str_eq(event->result, shape->results[i]))
			continue;
		event->result = shape->results[i];
		return 0;
	}
	return -EPROTO;
}

static bool is_complete(const struct refresh_event *event, unsigned int needs)
{
	const char *subject = event->subject ? event->subject : "";

	if ((needs & NEEDS_OWNER) && !str_starts(subject, "package ") && !str_starts(subject, "asset "))
		return false;
	return !((needs & NEEDS_PLAN) && !event->plan) && !((needs & NEEDS_SUBJECT) && !event->subject) &&
	       !((needs & NEEDS_TEXT) && !event->text) && !((needs & NEEDS_PATH) && !event->path);
}

static int read_type(const json_t *value, enum refresh_event_type *ret)
{
	for (size_t i = 0; i < N_ELEMENTS(shapes); i++) {
		if (!shapes[i].name || !str_eq(json_string_value(value), shapes[i].name))
			continue;
		*ret = (enum refresh_event_type)i;
		return 0;
	}
	return -EPROTO;
}

int server_wire_read_event(struct server_line *line)
{
	const json_t *plan = json_object_get(line->root, "plan"), *activations = json_object_get(line->root, "activations");
	int r = read_type(json_object_get(line->root, "event"), &line->event.type);

	for (size_t i = 0; r == 0 && i < N_ELEMENTS(fields); i++)
		r = read_field(line, &fields[i]);
	if (r == 0 && plan) {
		line->event.plan = &line->plan;
		r = server_wire_read_plan(line, plan);
	}
	if (r == 0 && activations) {
		line->event.activations = &line->activations;
		r = server_wire_read_activations(line, activations);
	}
	if (r == 0)
		r = check_result(&line->event, &shapes[line->event.type]);
	return r == 0 && !is_complete(&line->event, shapes[line->event.type].needs) ? -EPROTO : r;
}
