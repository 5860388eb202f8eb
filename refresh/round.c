#include "refresh/initfs.h"

#include "base/clock.h"
#include "base/fault.h"

#include <errno.h>
#include <string.h>

void refresh_round_clear(struct refresh_round *round)
{
	image_txn_abort(round->txn);
	refresh_initfs_free(round->initfs);
	refresh_prepare_freep(&round->prepare);
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
	free(round->commits);
	for (size_t i = 0; i < round->n_verdicts; i++) {
		free(round->verdicts[i].subject);
		free(round->verdicts[i].fingerprint);
		free(round->verdicts[i].state);
	}
	free(round->verdicts);
	strvec_clear(&round->subjects);
	strvec_clear(&round->extra_env);
	strvec_clear(&round->expected);
	strvec_clear(&round->machines);
	refresh_shared_clear(&round->shared);
	refresh_plan_clear(&round->plan);
	watcher_look_free(round->look);
}

void refresh_round_send(const struct refresh_round *round, struct refresh_event event)
{
	event.run = round->id;
	round->args->on_event(round->args->data, &event);
}

void refresh_round_add_file(struct refresh_round *round, const char *owner, const struct image_put *put)
{
	grow_array(&round->files, &round->cap_files, round->n_files, sizeof(*round->files));
	round->files[round->n_files++] = (struct refresh_put_file){ .owner = xstrdup(owner), .put = *put };
}

/* What `inject` puts belongs to no package; a one-off lies where the configuration does not say that anything lies, and is not to be taken for gone. */
const char *refresh_round_owner(const struct refresh_round *round, size_t step)
{
	if (!round->look || round->plan.steps[step].one_off)
		return "file";
	return round->look->subjects[round->plan.steps[step].subject].name;
}

void refresh_round_note_failure(struct refresh_round *round, const char *name, const char *why)
{
	round->n_failed++;
	if (!round->first_failure)
		round->first_failure = xasprintf("%s: %s", name, why);
}

void refresh_round_fail(struct refresh_round *round, size_t i, const char *why)
{
	round->staged[i].ok = false;
	refresh_round_note_failure(round, round->plan.steps[i].name, why);
}

void refresh_round_add_verdict(struct refresh_round *round, const char *subject, const char *fingerprint, const char *state)
{
	grow_array(&round->verdicts, &round->cap_verdicts, round->n_verdicts, sizeof(*round->verdicts));
	round->verdicts[round->n_verdicts++] =
		(struct refresh_record){ .subject = xstrdup(subject), .fingerprint = xstrdup(fingerprint), .state = xstrdup(state) };
}

void refresh_round_tell_held(const struct refresh_round *round)
{
	CLEANUP(strvec_clear) struct strvec names = { 0 };
	CLEANUP_FREE char *list = NULL, *text = NULL;

	for (size_t i = 0; i < round->n_verdicts; i++)
		if (strcmp(round->verdicts[i].state, "held") == 0)
			strvec_add(&names, strchr(round->verdicts[i].subject, ' ') + 1);
	if (names.n == 0)
		return;
	list = strvec_join(&names, " ");
	text = xasprintf("held, as their sources are now, until they change or are asked for: %s", list);
	refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_NOTE, .text = text });
}

int refresh_round_interrupted(const struct refresh_round *round, struct err *err)
{
	return cancel_requested(round->session->cancel) ? err_set(err, -ECANCELED, "interrupted!") : 0;
}

char *refresh_round_packages(const struct refresh_round *round, bool only_put)
{
	struct strvec names = { 0 };
	char *text;

	for (size_t i = 0; i < round->plan.n_steps; i++)
		if (!round->plan.steps[i].is_asset && (!only_put || round->is_put[i]))
			strvec_add(&names, round->plan.steps[i].name);
	for (size_t i = 0; i < round->subjects.n; i++)
		if (str_starts(round->subjects.v[i], "package "))
			strvec_add(&names, round->subjects.v[i] + strlen("package "));
	text = strvec_join(&names, " ");
	strvec_clear(&names);
	return text;
}

static int begin(struct refresh_round *round, struct err *err)
{
	CLEANUP_FREE char *commits = round->look ? refresh_session_commits(round->session, round->look) : xstrdup(round->commits ? round->commits : "");
	int r = FAULT("journal-run-begin");

	if (r < 0)
		return err_set(err, r, "cannot begin a run");
	if (!round->staged)
		round->staged = xcalloc(round->plan.n_steps, sizeof(*round->staged));
	round->is_put = xcalloc(round->plan.n_steps, sizeof(*round->is_put));
	round->edited = xcalloc(round->plan.n_steps, sizeof(*round->edited));
	return journal_run_begin(round->session->journal, round->args->verb, round->session->config->image.path, commits, &round->id, err);
}

static enum journal_result result_of(const struct refresh_round *round, int r)
{
	if (r == -ECANCELED)
		return JOURNAL_CANCELLED;
	if (r < 0 || round->n_failed > 0)
		return JOURNAL_FAILED;
	for (size_t i = 0; i < round->n_files; i++)
		if (round->files[i].put.result == IMAGE_PUT_WRITTEN || round->files[i].put.result == IMAGE_PUT_REMOVED)
			return JOURNAL_OK;
	return round->subjects.n > 0 || round->is_whole || round->n_shared > 0 ? JOURNAL_OK : JOURNAL_NOTHING;
}

/* Its own failure to be journaled must not hide why the run failed. */
static int end(struct refresh_round *round, int r, struct err *err)
{
	enum journal_result result = result_of(round, r);
	CLEANUP_FREE char *names = refresh_round_packages(round, true);
	const char *error = r < 0 && err ? err->message : round->first_failure;
	int64_t ms = clock_ms() - round->started_ms;
	struct err failure = ERR_INIT;
	int e = journal_run_end(round->session->journal, round->id, result, names, error, ms, &failure);

	if (e < 0 && r >= 0) {
		r = e;
		result = JOURNAL_FAILED;
		error = failure.message;
		if (err)
			*err = failure;
	}
	refresh_round_send(
		round,
		(struct refresh_event){
			.type = REFRESH_EVENT_DONE, .result = journal_result_name(result), .text = error, .ms = ms, .is_whole_run = r < 0 });
	return r;
}

static enum refresh_result outcome(const struct refresh_round *round)
{
	switch (result_of(round, 0)) {
	case JOURNAL_OK:
		return REFRESH_OK;
	case JOURNAL_NOTHING:
		return REFRESH_NOTHING;
	default:
		return REFRESH_RUN_FAILED;
	}
}

int refresh_round_carry_out(struct refresh_round *round, refresh_round_fn *work, void *data, enum refresh_result *ret, struct err *err)
{
	/* The journal wants the sentence even where the caller does not. */
	struct err own = ERR_INIT;
	int r;

	if (!err)
		err = &own;
	r = begin(round, err);
	if (r >= 0)
		r = end(round, work(round, data, err), err);
	if (r < 0)
		return r;
	*ret = outcome(round);
	return 0;
}
