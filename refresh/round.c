#include "refresh/round.h"

#include <errno.h>

void refresh_round_clear(struct refresh_round *round)
{
	for (size_t i = 0; round->staged && i < round->plan.n_steps; i++)
		refresh_staged_clear(&round->staged[i]);
	for (size_t i = 0; i < round->n_files; i++) {
		free(round->files[i].owner);
		image_put_clear(&round->files[i].put);
	}
	free(round->staged);
	free(round->files);
	free(round->is_put);
	free(round->edited);
	free(round->first_failure);
	strvec_clear(&round->extra_env);
	strvec_clear(&round->machines);
	refresh_plan_clear(&round->plan);
	watcher_look_free(round->look);
}

void refresh_round_send(const struct refresh_round *round, struct refresh_event event)
{
	event.run = round->id;
	round->args->on_event(round->args->data, &event);
}

/* `inject` has no look: what it puts belongs to no package. */
const char *refresh_round_owner(const struct refresh_round *round, size_t step)
{
	return round->look ? round->look->subjects[round->plan.steps[step].subject].name : "file";
}

void refresh_round_fail(struct refresh_round *round, size_t i, const char *why)
{
	round->n_failed++;
	round->staged[i].ok = false;
	if (!round->first_failure)
		round->first_failure = xasprintf("%s: %s", round->plan.steps[i].name, why);
}

int refresh_round_interrupted(const struct refresh_round *round, struct err *err)
{
	return cancel_requested(round->session->cancel) ? err_set(err, -ECANCELED, "interrupted!") : 0;
}
