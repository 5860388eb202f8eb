/* From the plan to staged files: every package is built and stripped, one after the other, every asset copied. */
#include "refresh/round.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/fs.h"

#include <errno.h>

static void fill_environment(struct refresh_round *round)
{
	CLEANUP_FREE char *names = refresh_round_packages(round, false);

	strvec_addf(&round->extra_env, "REINJECT_RUN=%lld", (long long)round->id);
	strvec_addf(&round->extra_env, "REINJECT_RESULT=%s", journal_result_name(JOURNAL_PENDING));
	strvec_addf(&round->extra_env, "REINJECT_IMAGE=%s", round->session->config->image.path);
	strvec_addf(&round->extra_env, "REINJECT_PACKAGES=%s", names);
	strvec_addf(&round->extra_env, "REINJECT_COMMIT=%s", round->look->n_sources ? round->look->sources[0].head : "");
}

static void tell_build(struct refresh_round *round, size_t i)
{
	const struct refresh_staged *staged = &round->staged[i];

	refresh_round_send(round, (struct refresh_event){
					  .type = REFRESH_EVENT_BUILD,
					  .subject = round->plan.steps[i].name,
					  .result = !staged->ok     ? "failed"
						    : staged->fresh ? "fresh"
								    : "ok",
					  .text = staged->failure,
					  .ms = staged->ms,
				  });
}

static int stage_step(struct refresh_round *round, size_t i, size_t position, struct err *err)
{
	const struct refresh_step *step = &round->plan.steps[i];
	const struct watcher_subject *subject = &round->look->subjects[step->subject];
	const struct config *config = round->session->config;
	struct refresh_stage_args args = {
		.session = round->session,
		.prepare = round->prepare,
		.run = round->id,
		.extra_env = &round->extra_env,
		.planned = subject,
		.on_event = round->args->on_event,
		.data = round->args->data,
	};
	int r;

	if (step->is_asset) {
		r = refresh_stage_asset(&args, step, &config->assets[subject->index], &round->staged[i], err);
	} else {
		refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_BUILDING,
								  .subject = step->name,
								  .text = step->why,
								  .position = position,
								  .of = round->plan.n_builds });
		r = refresh_stage_package(&args, step, &config->packages[subject->index], &round->staged[i], err);
	}
	if (r < 0)
		return err_wrap(err, r, "%s", step->name);
	if (round->staged[i].ended_us > 0)
		round->after_us = round->staged[i].ended_us;
	if (!step->is_asset)
		tell_build(round, i);
	if (!round->staged[i].ok)
		refresh_round_fail(round, i, round->staged[i].failure);
	return 0;
}

/* -- packages that others are built from without cargo knowing it ------------------------------------------------------------------------------ */

static bool is_step(const struct refresh_round *round, size_t subject)
{
	for (size_t i = 0; i < round->plan.n_steps; i++)
		if (round->plan.steps[i].subject == subject)
			return true;
	return false;
}

static bool comes_before(const struct refresh_round *round, size_t first, size_t second)
{
	const struct refresh_step *a = &round->plan.steps[first], *b = &round->plan.steps[second];

	return !a->is_asset && !b->is_asset &&
	       watcher_is_before(round->session->watcher, round->look->subjects[a->subject].index, round->look->subjects[b->subject].index);
}

static void fail_with(struct refresh_round *round, size_t i, const char *name, bool rejected)
{
	round->staged[i] = (struct refresh_staged){
		.step = &round->plan.steps[i],
		.rejected = rejected,
		.failure = xasprintf("not built, because %s failed, which it is built from", name),
	};
	tell_build(round, i);
	refresh_round_fail(round, i, round->staged[i].failure);
}

/* One that failed or was held in an earlier run, and that step @i is built from without cargo knowing it; NULL when there is none. */
static const char *find_rejected_before(const struct refresh_round *round, size_t i)
{
	const struct refresh_step *step = &round->plan.steps[i];

	for (size_t s = 0; !step->is_asset && s < round->look->n_subjects; s++) {
		const struct watcher_subject *subject = &round->look->subjects[s];
		bool rejected = round->plan.states[s] == REFRESH_FAILED || round->plan.states[s] == REFRESH_HELD;

		if (rejected && !subject->is_asset && !is_step(round, s) &&
		    watcher_is_before(round->session->watcher, subject->index, round->look->subjects[step->subject].index))
			return round->session->config->packages[subject->index].name;
	}
	return NULL;
}

/* Built from what stood there before, it would be taken for one that was built from the present sources. True when step @i was failed for that. */
static bool fail_with_earlier(struct refresh_round *round, size_t i)
{
	const char *name = find_rejected_before(round, i);

	if (name) {
		fail_with(round, i, name, true);
		return true;
	}
	for (size_t earlier = 0; earlier < i; earlier++) {
		if (round->staged[earlier].ok || !comes_before(round, earlier, i))
			continue;
		fail_with(round, i, round->plan.steps[earlier].name, round->staged[earlier].rejected);
		return true;
	}
	return false;
}

/* What step @i has just made counts for those that are built from it (crt0.o of a libc, say): they are looked at as they are now. A change of somebody
 * else's that this look finds is in their build, too: it has not begun. */
static int look_again(struct refresh_round *round, size_t i, struct err *err)
{
	CLEANUP(watcher_look_freep) struct watcher_look *now = NULL;
	bool any = false;
	int r;

	for (size_t later = i + 1; round->staged[i].ok && later < round->plan.n_steps && !any; later++)
		any = comes_before(round, i, later);
	if (!any)
		return 0;
	r = refresh_session_look(round->session, &now, err);
	for (size_t later = i + 1; r == 0 && later < round->plan.n_steps; later++) {
		struct watcher_subject *planned = &round->look->subjects[round->plan.steps[later].subject];
		struct watcher_subject *fresh = &now->subjects[round->plan.steps[later].subject], swap = *planned;

		if (!comes_before(round, i, later))
			continue;
		*planned = *fresh;
		*fresh = swap;
	}
	return r;
}

/* STATE/locations: errors and warnings of this run's builds, for editors. Its loss is not worth a failed run. */
static void write_locations(const struct refresh_round *round)
{
	CLEANUP_FREE char *path = xasprintf("%s/locations", round->session->config->state);
	CLEANUP(str_clear) struct str text = { 0 };

	if (round->plan.n_builds == 0)
		return;
	for (size_t i = 0; i < round->plan.n_steps; i++)
		for (size_t l = 0; l < round->staged[i].locations.n; l++) {
			CLEANUP_FREE char *location = config_home_path(round->session->config, round->staged[i].locations.v[l]);

			str_printf(&text, "%s\n", location);
		}
	if (fs_write_atomic(path, str_text(&text), text.len, 0644, NULL) == 0)
		refresh_stage_give(round->session, path);
}

int refresh_make_all(struct refresh_round *round, struct err *err)
{
	int r = refresh_stage_reset(round->session, err);

	fill_environment(round);
	for (size_t i = 0; r >= 0 && i < round->plan.n_steps; i++) {
		/* Why it failed is finish's to say. */
		if (round->prepare && refresh_prepare_failed(round->prepare))
			return 0;
		r = refresh_round_interrupted(round, err);
		if (r < 0 || fail_with_earlier(round, i))
			continue;
		r = stage_step(round, i, i + 1, err);
		if (r >= 0)
			r = look_again(round, i, err);
	}
	write_locations(round);
	if (round->after_us == 0)
		round->after_us = clock_us();
	if (r >= 0)
		r = FAULT("build-done") < 0 ? err_set(err, -EIO, "the builds are done, and a test wants no more") : 0;
	return r;
}

bool refresh_make_any(const struct refresh_round *round)
{
	for (size_t i = 0; i < round->plan.n_steps; i++)
		if (round->staged[i].ok)
			return true;
	return false;
}
