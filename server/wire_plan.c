/* What hangs on an event: the plan, and what a swap needs. Everything that the structs own is copied, the rest is borrowed from the line. */
#include "server/wire.h"

#include "server/codec.h"

#include <errno.h>
#include <string.h>

enum { SHORT_TEXT = SERVER_WIRE_SHORT };

/* -- the plan ---------------------------------------------------------------------------------------------------------------------------------- */

static const char *const step_kinds[] = { "package", "asset", "file" };

static json_t *step_json(const struct refresh_step *step, bool brief)
{
	json_t *object = json_pack("{s:o, s:s}", "name", server_codec_text(step->name, SHORT_TEXT), "kind",
				   step_kinds[step->is_asset + (step->is_asset && step->is_file)]);

	if (step->one_off)
		json_object_set_new(object, "one_off", json_true());
	if (brief)
		return object;
	json_object_set_new(object, "why", server_codec_text(step->why, SHORT_TEXT));
	json_object_set_new(object, "dests", server_codec_strings(&step->dests));
	return object;
}

static json_t *removal_json(const struct refresh_removal *removal, bool brief)
{
	json_t *object = json_pack("{s:o, s:o, s:b}", "path", server_codec_text(removal->path, SHORT_TEXT), "owner",
				   server_codec_text(removal->owner, SHORT_TEXT), "owner_gone", removal->owner_gone);

	if (removal->after != REFRESH_NO_STEP)
		json_object_set_new(object, "after", json_integer((json_int_t)removal->after));
	if (brief)
		return object;
	json_object_set_new(object, "why", server_codec_text(removal->why, SHORT_TEXT));
	json_object_set_new(object, "hash", server_codec_text(removal->hash, SHORT_TEXT));
	return object;
}

json_t *server_wire_plan(const struct refresh_plan *plan, bool brief)
{
	json_t *steps = json_array(), *removals = json_array();

	for (size_t i = 0; i < plan->n_steps; i++)
		json_array_append_new(steps, step_json(&plan->steps[i], brief));
	for (size_t i = 0; i < plan->n_removals; i++)
		json_array_append_new(removals, removal_json(&plan->removals[i], brief));
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:b, s:b}", "steps", steps, "removals", removals, "waiting",
			 server_codec_strings(&plan->waiting), "stale", server_codec_strings(&plan->stale), "failed",
			 server_codec_strings(&plan->failed), "held", server_codec_strings(&plan->held), "builds", (json_int_t)plan->n_builds,
			 "nowhere", (json_int_t)plan->n_nowhere, "elsewhere", (json_int_t)plan->n_elsewhere, "first_time", plan->first_time,
			 "unchecked", plan->unchecked);
}

/* As server_codec_read_text(), for what a struct owns. */
static int read_owned(const json_t *object, const char *key, char **ret)
{
	CLEANUP(strvec_clear) struct strvec keep = { 0 };
	const char *text;
	int r = server_codec_read_text(json_object_get(object, key), SHORT_TEXT, &keep, &text);

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

static int read_step(struct server_line *line, const json_t *object, struct refresh_step *step)
{
	int r = server_codec_read_text(json_object_get(object, "name"), SHORT_TEXT, &line->keep, &step->name);

	step->subject = REFRESH_NO_STEP;
	if (r == 0 && !step->name)
		r = -EPROTO;
	if (r == 0)
		r = read_kind(json_object_get(object, "kind"), step);
	if (r == 0)
		r = server_codec_read_bool(json_object_get(object, "one_off"), &step->one_off);
	if (r == 0)
		r = read_owned(object, "why", &step->why);
	return r < 0 ? r : server_codec_read_strings(json_object_get(object, "dests"), SHORT_TEXT, &step->dests);
}

static int read_after(const json_t *value, size_t n_steps, size_t *ret)
{
	int64_t number;
	int r = server_codec_read_int(value, 0, (int64_t)n_steps - 1, &number);

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
		r = server_codec_read_bool(json_object_get(object, "owner_gone"), &removal->owner_gone);
	return r < 0 ? r : read_after(json_object_get(object, "after"), n_steps, &removal->after);
}

static int read_steps(struct server_line *line, const json_t *array)
{
	struct refresh_plan *plan = &line->plan;
	int r = json_is_array(array) ? 0 : -EPROTO;

	for (size_t i = 0; r == 0 && i < json_array_size(array); i++) {
		grow_array(&plan->steps, &plan->cap, plan->n_steps, sizeof(*plan->steps));
		r = read_step(line, json_array_get(array, i), &plan->steps[plan->n_steps++]);
	}
	return r;
}

static int read_removals(struct server_line *line, const json_t *array)
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
	int r = server_codec_read_int(json_object_get(object, key), 0, (int64_t)max, &number);

	*ret = (size_t)number;
	return r;
}

int server_wire_read_plan(struct server_line *line, const json_t *object)
{
	struct refresh_plan *plan = &line->plan;
	int r = read_steps(line, json_object_get(object, "steps"));

	if (r == 0)
		r = read_removals(line, json_object_get(object, "removals"));
	if (r == 0)
		r = server_codec_read_strings(json_object_get(object, "waiting"), SHORT_TEXT, &plan->waiting);
	if (r == 0)
		r = server_codec_read_strings(json_object_get(object, "stale"), SHORT_TEXT, &plan->stale);
	if (r == 0)
		r = server_codec_read_strings(json_object_get(object, "failed"), SHORT_TEXT, &plan->failed);
	if (r == 0)
		r = server_codec_read_strings(json_object_get(object, "held"), SHORT_TEXT, &plan->held);
	if (r == 0)
		r = read_count(object, "builds", plan->n_steps, &plan->n_builds);
	if (r == 0)
		r = read_count(object, "nowhere", INT32_MAX, &plan->n_nowhere);
	if (r == 0)
		r = read_count(object, "elsewhere", INT32_MAX, &plan->n_elsewhere);
	if (r == 0)
		r = server_codec_read_bool(json_object_get(object, "first_time"), &plan->first_time);
	return r < 0 ? r : server_codec_read_bool(json_object_get(object, "unchecked"), &plan->unchecked);
}

/* -- what a swap needs ------------------------------------------------------------------------------------------------------------------------- */

json_t *server_wire_activations(const struct refresh_activations *activations)
{
	json_t *array = json_array();

	for (size_t i = 0; i < activations->n; i++) {
		const struct refresh_activation *one = &activations->v[i];

		json_array_append_new(array, json_pack("{s:o, s:o, s:s, s:o}", "package", server_codec_text(one->package, SHORT_TEXT), "asset",
						       server_codec_text(one->asset, SHORT_TEXT), "need", refresh_activate_need_name(one->need),
						       "lines", server_codec_strings(&one->lines)));
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
	return r < 0 ? r : server_codec_read_strings(json_object_get(object, "lines"), SHORT_TEXT, &one->lines);
}

int server_wire_read_activations(struct server_line *line, const json_t *array)
{
	struct refresh_activations *ret = &line->activations;
	int r = json_is_array(array) ? 0 : -EPROTO;

	for (size_t i = 0; r == 0 && i < json_array_size(array); i++) {
		grow_array(&ret->v, &ret->cap, ret->n, sizeof(*ret->v));
		r = read_activation(json_array_get(array, i), &ret->v[ret->n++]);
	}
	return r;
}
