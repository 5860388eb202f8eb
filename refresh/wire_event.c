/* An event and its plan as JSON and back. Two tables say all: what fields there are, and what a reader of each type relies on. */
#include "refresh/wire.h"

#include "refresh/codec.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

/* JSON makes six bytes of one at worst: with these, any event but a plan fits a line. */
enum { SHORT_TEXT = 8 << 10, LONG_TEXT = 128 << 10 };

enum kind { KIND_TEXT, KIND_LONG_TEXT, KIND_INT64, KIND_UINT64, KIND_SIZE, KIND_BOOL };

struct field {
	const char *key;
	enum kind kind;
	size_t offset; /* in struct refresh_event */
};

#define FIELD(key, kind, member) { key, kind, offsetof(struct refresh_event, member) }

static const struct field fields[] = {
	FIELD("run", KIND_INT64, run),
	FIELD("subject", KIND_TEXT, subject),
	FIELD("result", KIND_TEXT, result),
	FIELD("text", KIND_LONG_TEXT, text),
	FIELD("hint", KIND_TEXT, hint),
	FIELD("path", KIND_TEXT, path),
	FIELD("bytes", KIND_UINT64, bytes),
	FIELD("ms", KIND_INT64, ms),
	FIELD("is_whole_run", KIND_BOOL, is_whole_run),
	FIELD("position", KIND_SIZE, position),
	FIELD("of", KIND_SIZE, of),
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

/* -- the plan ---------------------------------------------------------------------------------------------------------------------------------- */

static const char *const step_kinds[] = { "package", "asset", "file" };

static json_t *step_json(const struct refresh_step *step, bool brief)
{
	json_t *object = json_pack("{s:o, s:s}", "name", refresh_codec_text(step->name, SHORT_TEXT), "kind",
				   step_kinds[step->is_asset + (step->is_asset && step->is_file)]);

	if (step->one_off)
		json_object_set_new(object, "one_off", json_true());
	if (brief)
		return object;
	json_object_set_new(object, "why", refresh_codec_text(step->why, SHORT_TEXT));
	json_object_set_new(object, "dests", refresh_codec_strings(&step->dests));
	return object;
}

static json_t *removal_json(const struct refresh_removal *removal, bool brief)
{
	json_t *object = json_pack("{s:o, s:o, s:b}", "path", refresh_codec_text(removal->path, SHORT_TEXT), "owner",
				   refresh_codec_text(removal->owner, SHORT_TEXT), "owner_gone", removal->owner_gone);

	if (removal->after != REFRESH_NO_STEP)
		json_object_set_new(object, "after", json_integer((json_int_t)removal->after));
	if (brief)
		return object;
	json_object_set_new(object, "why", refresh_codec_text(removal->why, SHORT_TEXT));
	json_object_set_new(object, "hash", refresh_codec_text(removal->hash, SHORT_TEXT));
	return object;
}

/* @brief: without what nobody prints. */
static json_t *plan_json(const struct refresh_plan *plan, bool brief)
{
	json_t *steps = json_array(), *removals = json_array();

	for (size_t i = 0; i < plan->n_steps; i++)
		json_array_append_new(steps, step_json(&plan->steps[i], brief));
	for (size_t i = 0; i < plan->n_removals; i++)
		json_array_append_new(removals, removal_json(&plan->removals[i], brief));
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:b, s:b}", "steps", steps, "removals", removals, "waiting",
			 refresh_codec_strings(&plan->waiting), "stale", refresh_codec_strings(&plan->stale), "failed", refresh_codec_strings(&plan->failed), "held",
			 refresh_codec_strings(&plan->held), "builds", (json_int_t)plan->n_builds, "nowhere", (json_int_t)plan->n_nowhere,
			 "elsewhere", (json_int_t)plan->n_elsewhere, "first_time", plan->first_time, "unchecked", plan->unchecked);
}

/* As refresh_codec_read_text(), for what a struct owns. */
static int read_owned(const json_t *object, const char *key, char **ret)
{
	CLEANUP(strvec_clear) struct strvec keep = { 0 };
	const char *text;
	int r = refresh_codec_read_text(json_object_get(object, key), SHORT_TEXT, &keep, &text);

	if (r == 0 && text)
		*ret = xstrdup(text);
	return r;
}

static int read_kind(const json_t *value, struct refresh_step *step)
{
	for (size_t i = 0; i < N_ELEMENTS(step_kinds); i++) {
		if (!json_is_string(value) || strcmp(json_string_value(value), step_kinds[i]) != 0)
			continue;
		step->is_asset = i > 0;
		step->is_file = i > 1;
		return 0;
	}
	return -EPROTO;
}

static int read_step(struct refresh_line *line, const json_t *object, struct refresh_step *step)
{
	int r = refresh_codec_read_text(json_object_get(object, "name"), SHORT_TEXT, &line->keep, &step->name);

	step->subject = REFRESH_NO_STEP;
	if (r == 0 && !step->name)
		r = -EPROTO;
	if (r == 0)
		r = read_kind(json_object_get(object, "kind"), step);
	if (r == 0)
		r = refresh_codec_read_bool(json_object_get(object, "one_off"), &step->one_off);
	if (r == 0)
		r = read_owned(object, "why", &step->why);
	return r < 0 ? r : refresh_codec_read_strings(json_object_get(object, "dests"), SHORT_TEXT, &step->dests);
}

static int read_after(const json_t *value, size_t n_steps, size_t *ret)
{
	int64_t number;
	int r = refresh_codec_read_int(value, 0, (int64_t)n_steps - 1, &number);

	*ret = value && !json_is_null(value) ? (size_t)number : REFRESH_NO_STEP;
	return r;
}

static int read_removal(const json_t *object, size_t n_steps, struct refresh_removal *removal)
{
	int r = read_owned(object, "path", &removal->path);

	if (r == 0)
		r = read_owned(object, "owner", &removal->owner);
	if (r == 0 && (!removal->path || !removal->owner))
		r = -EPROTO;
	if (r == 0)
		r = read_owned(object, "why", &removal->why);
	if (r == 0)
		r = read_owned(object, "hash", &removal->hash);
	if (r == 0)
		r = refresh_codec_read_bool(json_object_get(object, "owner_gone"), &removal->owner_gone);
	return r < 0 ? r : read_after(json_object_get(object, "after"), n_steps, &removal->after);
}

static int read_steps(struct refresh_line *line, const json_t *array)
{
	struct refresh_plan *plan = &line->plan;
	int r = json_is_array(array) ? 0 : -EPROTO;

	for (size_t i = 0; r == 0 && i < json_array_size(array); i++) {
		grow_array(&plan->steps, &plan->cap, plan->n_steps, sizeof(*plan->steps));
		r = read_step(line, json_array_get(array, i), &plan->steps[plan->n_steps++]);
	}
	return r;
}

static int read_removals(struct refresh_line *line, const json_t *array)
{
	struct refresh_plan *plan = &line->plan;
	int r = json_is_array(array) ? 0 : -EPROTO;

	for (size_t i = 0; r == 0 && i < json_array_size(array); i++) {
		grow_array(&plan->removals, &plan->cap_removals, plan->n_removals, sizeof(*plan->removals));
		r = read_removal(json_array_get(array, i), plan->n_steps, &plan->removals[plan->n_removals++]);
	}
	return r;
}

static int read_count(const json_t *object, const char *key, size_t max, size_t *ret)
{
	int64_t number;
	int r = refresh_codec_read_int(json_object_get(object, key), 0, (int64_t)max, &number);

	*ret = (size_t)number;
	return r;
}

static int read_plan(struct refresh_line *line, const json_t *object)
{
	struct refresh_plan *plan = &line->plan;
	int r = read_steps(line, json_object_get(object, "steps"));

	if (r == 0)
		r = read_removals(line, json_object_get(object, "removals"));
	if (r == 0)
		r = refresh_codec_read_strings(json_object_get(object, "waiting"), SHORT_TEXT, &plan->waiting);
	if (r == 0)
		r = refresh_codec_read_strings(json_object_get(object, "stale"), SHORT_TEXT, &plan->stale);
	if (r == 0)
		r = refresh_codec_read_strings(json_object_get(object, "failed"), SHORT_TEXT, &plan->failed);
	if (r == 0)
		r = refresh_codec_read_strings(json_object_get(object, "held"), SHORT_TEXT, &plan->held);
	if (r == 0)
		r = read_count(object, "builds", plan->n_steps, &plan->n_builds);
	if (r == 0)
		r = read_count(object, "nowhere", INT32_MAX, &plan->n_nowhere);
	if (r == 0)
		r = read_count(object, "elsewhere", INT32_MAX, &plan->n_elsewhere);
	if (r == 0)
		r = refresh_codec_read_bool(json_object_get(object, "first_time"), &plan->first_time);
	return r < 0 ? r : refresh_codec_read_bool(json_object_get(object, "unchecked"), &plan->unchecked);
}

/* -- what a swap needs ------------------------------------------------------------------------------------------------------------------------- */

static json_t *activations_json(const struct refresh_activations *activations)
{
	json_t *array = json_array();

	for (size_t i = 0; i < activations->n; i++) {
		const struct refresh_activation *one = &activations->v[i];

		json_array_append_new(array, json_pack("{s:o, s:o, s:s, s:o}", "package", refresh_codec_text(one->package, SHORT_TEXT), "asset",
						       refresh_codec_text(one->asset, SHORT_TEXT), "need", refresh_activate_need_name(one->need),
						       "lines", refresh_codec_strings(&one->lines)));
	}
	return array;
}

static int read_need(const json_t *value, enum refresh_need *ret)
{
	for (enum refresh_need need = REFRESH_NEED_REBOOT; need <= REFRESH_NEED_NONE; need++) {
		if (!str_eq(json_string_value(value), refresh_activate_need_name(need)))
			continue;
		*ret = need;
		return 0;
	}
	return -EPROTO;
}

/* It is a package's or an asset's. */
static int read_activation(const json_t *object, struct refresh_activation *one)
{
	int r = read_owned(object, "package", &one->package);

	if (r == 0)
		r = read_owned(object, "asset", &one->asset);
	if (r == 0 && !one->package && !one->asset)
		r = -EPROTO;
	if (r == 0)
		r = read_need(json_object_get(object, "need"), &one->need);
	return r < 0 ? r : refresh_codec_read_strings(json_object_get(object, "lines"), SHORT_TEXT, &one->lines);
}

static int read_activations(const json_t *array, struct refresh_activations *ret)
{
	int r = json_is_array(array) ? 0 : -EPROTO;

	for (size_t i = 0; r == 0 && i < json_array_size(array); i++) {
		grow_array(&ret->v, &ret->cap, ret->n, sizeof(*ret->v));
		r = read_activation(json_array_get(array, i), &ret->v[ret->n++]);
	}
	return r;
}

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
		return *(const char *const *)p ? refresh_codec_text(*(const char *const *)p, field->kind == KIND_TEXT ? SHORT_TEXT : LONG_TEXT) :
						 NULL;
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
		json_object_set_new(object, "plan", plan_json(event->plan, brief));
	if (event->activations)
		json_object_set_new(object, "activations", activations_json(event->activations));
	return refresh_codec_add_line(to, object, REFRESH_WIRE_MAX);
}

int refresh_wire_add_event(struct str *to, const struct refresh_event *event)
{
	int r;

	if ((size_t)event->type >= N_ELEMENTS(shapes) || !shapes[event->type].name)
		return -EINVAL;
	r = add_event(to, event, false);
	return r == -EMSGSIZE && event->plan ? add_event(to, event, true) : r;
}

static int read_field(struct refresh_line *line, const struct field *field)
{
	const json_t *value = json_object_get(line->root, field->key);
	void *p = (char *)&line->event + field->offset;
	int64_t number = 0;
	int r = 0;

	switch (field->kind) {
	case KIND_TEXT:
	case KIND_LONG_TEXT:
		return refresh_codec_read_text(value, field->kind == KIND_TEXT ? SHORT_TEXT : LONG_TEXT, &line->keep, p);
	case KIND_INT64:
		return refresh_codec_read_int(value, INT64_MIN, INT64_MAX, p);
	case KIND_UINT64:
		r = refresh_codec_read_int(value, 0, INT64_MAX, &number);
		*(uint64_t *)p = (uint64_t)number;
		return r;
	case KIND_SIZE:
		r = refresh_codec_read_int(value, 0, INT32_MAX, &number);
		*(size_t *)p = (size_t)number;
		return r;
	case KIND_BOOL:
		return refresh_codec_read_bool(value, p);
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

int refresh_wire_read_event(struct refresh_line *line)
{
	const json_t *plan = json_object_get(line->root, "plan"), *activations = json_object_get(line->root, "activations");
	int r = read_type(json_object_get(line->root, "event"), &line->event.type);

	for (size_t i = 0; r == 0 && i < N_ELEMENTS(fields); i++)
		r = read_field(line, &fields[i]);
	if (r == 0 && plan) {
		line->event.plan = &line->plan;
		r = read_plan(line, plan);
	}
	if (r == 0 && activations) {
		line->event.activations = &line->activations;
		r = read_activations(activations, &line->activations);
	}
	if (r == 0)
		r = check_result(&line->event, &shapes[line->event.type]);
	return r == 0 && !is_complete(&line->event, shapes[line->event.type].needs) ? -EPROTO : r;
}
