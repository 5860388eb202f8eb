/* The order of a run is the order of the functions here: look, plan, build beside prepare, put, swap, record. */
#include "refresh/round.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/fs.h"
#include "refresh/prepare.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* -- look and plan ------------------------------------------------------------------------------------------------------------------------ */

/* What the journal believes of an image that somebody else has written is only a guess; a run that looks at a part of it must not make it true. */
static int doubt_records(struct refresh_session *session, const struct refresh_records *records, struct err *err)
{
	if (!session->lock || !records->image_unknown || records->n == 0)
		return 0;
	return journal_fingerprints_doubt(session->journal, session->config->image.path, err);
}

static int look_and_plan(struct refresh_session *session, const struct refresh_request *request, struct watcher_look **ret_look,
			 struct refresh_plan *ret_plan, struct err *err)
{
	CLEANUP(refresh_records_clear) struct refresh_records records = { 0 };
	CLEANUP(watcher_look_freep) struct watcher_look *look = NULL;
	struct journal_image now = refresh_journal_image(&session->identity);
	int r = refresh_records_load(session->journal, session->config->image.path, &now, &records, err);

	if (r < 0)
		return r;
	r = doubt_records(session, &records, err);
	if (r < 0)
		return r;
	r = refresh_session_look(session, &look, err);
	if (r < 0)
		return r;
	r = refresh_plan_make(session->config, look, &records, request, ret_plan, err);
	if (r < 0)
		return r;
	*ret_look = TAKE_PTR(look);
	return 0;
}

int refresh_preview(struct refresh_session *session, const struct refresh_args *args, struct watcher_look **ret_look, struct refresh_plan *ret,
		    struct err *err)
{
	struct refresh_round round = { .session = session, .args = args };
	int r = look_and_plan(session, &args->request, ret_look, ret, err);

	if (r < 0)
		return r;
	refresh_round_send(&round, (struct refresh_event){ .type = REFRESH_EVENT_CHANGE, .plan = ret });
	refresh_round_send(&round, (struct refresh_event){ .type = REFRESH_EVENT_PLAN, .plan = ret });
	return 0;
}

/* -- the run's row ------------------------------------------------------------------------------------------------------------------------- */

static char *join_names(const struct refresh_round *round, bool only_put)
{
	struct strvec names = { 0 };
	char *text;

	for (size_t i = 0; i < round->plan.n_steps; i++)
		if (!only_put || round->is_put[i])
			strvec_add(&names, round->plan.steps[i].name);
	text = strvec_join(&names, " ");
	strvec_clear(&names);
	return text;
}

static int begin_run(struct refresh_round *round, struct err *err)
{
	CLEANUP_FREE char *commits = round->look ? refresh_session_commits(round->session, round->look) : xstrdup("");
	int r = FAULT("journal-run-begin");

	if (r < 0)
		return err_set(err, r, "cannot begin a run");
	if (!round->staged)
		round->staged = xcalloc(round->plan.n_steps, sizeof(*round->staged));
	round->is_put = xcalloc(round->plan.n_steps, sizeof(*round->is_put));
	round->edited = xcalloc(round->plan.n_steps, sizeof(*round->edited));
	return journal_run_begin(round->session->journal, round->args->verb, round->session->config->image.path, commits, &round->id, err);
}

static void fill_environment(struct refresh_round *round)
{
	CLEANUP_FREE char *names = join_names(round, false);

	strvec_addf(&round->extra_env, "REINJECT_RUN=%lld", (long long)round->id);
	strvec_addf(&round->extra_env, "REINJECT_RESULT=%s", journal_result_name(JOURNAL_PENDING));
	strvec_addf(&round->extra_env, "REINJECT_IMAGE=%s", round->session->config->image.path);
	strvec_addf(&round->extra_env, "REINJECT_PACKAGES=%s", names);
	strvec_addf(&round->extra_env, "REINJECT_COMMIT=%s", round->look->n_sources ? round->look->sources[0].head : "");
}

/* -- build --------------------------------------------------------------------------------------------------------------------------------- */

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
		.run = round->id,
		.extra_env = &round->extra_env,
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

/* STATE/locations: errors and warnings of this run's builds, for editors. Its loss is not worth a failed run. */
static void write_locations(const struct refresh_round *round)
{
	CLEANUP_FREE char *path = xasprintf("%s/locations", round->session->config->state);
	CLEANUP(str_clear) struct str text = { 0 };

	if (round->plan.n_builds == 0)
		return;
	for (size_t i = 0; i < round->plan.n_steps; i++)
		for (size_t l = 0; l < round->staged[i].locations.n; l++)
			str_printf(&text, "%s\n", round->staged[i].locations.v[l]);
	(void)!fs_write_atomic(path, str_text(&text), text.len, 0644, NULL);
}

static int stage_all(struct refresh_round *round, const struct refresh_prepare *prepare, struct err *err)
{
	size_t position = 0;
	int r = refresh_stage_reset(round->session, err);

	for (size_t i = 0; r >= 0 && i < round->plan.n_steps; i++) {
		/* Why it failed is finish's to say. */
		if (prepare && refresh_prepare_failed(prepare))
			return 0;
		r = refresh_round_interrupted(round, err);
		if (r >= 0)
			r = stage_step(round, i, ++position, err);
	}
	write_locations(round);
	if (round->after_us == 0)
		round->after_us = clock_us();
	if (r >= 0)
		r = FAULT("build-done") < 0 ? err_set(err, -EIO, "the builds are done, and a test wants no more") : 0;
	return r;
}

static bool anything_staged(const struct refresh_round *round)
{
	for (size_t i = 0; i < round->plan.n_steps; i++)
		if (round->staged[i].ok)
			return true;
	return false;
}

/* -- swap ------------------------------------------------------------------------------------------------------------------------------- */

static int swap(struct refresh_round *round, struct image_txn **txn, struct err *err)
{
	CLEANUP_FREE char *note = NULL;
	struct image_identity shadow;
	int64_t swapped_us = 0;
	int r = image_txn_seal(*txn, &shadow, err);

	if (r < 0)
		return r;
	r = refresh_record_swap(round, &shadow, err);
	if (r < 0)
		return r;
	r = refresh_round_interrupted(round, err);
	if (r < 0)
		return r;
	r = image_txn_commit(txn, &swapped_us, &note, err);
	if (r < 0)
		return r;
	round->session->identity = shadow;
	refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_SWAP,
							  .path = round->session->config->image.path,
							  .ms = (swapped_us - round->after_us) / 1000 });
	for (size_t i = 0; i < round->machines.n; i++) {
		CLEANUP_FREE char *text = xasprintf("%s goes on with the image as it was: restart it to see the change", round->machines.v[i]);

		refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_NOTE, .text = text });
	}
	if (note)
		refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_WARNING, .text = note });
	return journal_swap_done(round->session->journal, round->id, err);
}

/* The image holds all of it already: the image is left alone, the shadow kept for the next time. */
static int leave_alone(struct refresh_round *round, struct image_txn **txn, struct err *err)
{
	image_txn_abort(TAKE_PTR(*txn));
	return refresh_record_identical(round, err);
}

/* -- the whole ------------------------------------------------------------------------------------------------------------------------------ */

/* A VM with snapshot=on may stay: it goes on with the old inode, which its user should hear after the swap. */
static void remember_machines(struct refresh_round *round, const struct image_holders *holders)
{
	for (size_t i = 0; i < holders->n; i++) {
		const struct image_holder *holder = &holders->v[i];

		if (holder->is_machine && holder->pid > 0)
			strvec_addf(&round->machines, "%s (process %d)", holder->program ? holder->program : "a VM", (int)holder->pid);
		else if (holder->is_machine)
			strvec_add(&round->machines, "a VM of another user");
	}
}

static int start_prepare(struct refresh_round *round, struct refresh_prepare **ret, struct err *err)
{
	CLEANUP(image_holders_clear) struct image_holders holders = { 0 };
	const char *image = round->session->config->image.path;
	int r = image_holders_find(image, &holders, err);

	/* Asked here as well as in the transaction, so that nobody waits for cargo to hear it. */
	if (r >= 0)
		r = image_holders_refuse(image, &holders, err);
	if (r < 0)
		return r;
	remember_machines(round, &holders);
	return refresh_prepare_early(&round->session->config->image) ? refresh_prepare_start(round->session, round->id, ret, err) : 0;
}

/* The plan rests on the image as it was when the session was opened; the transaction watches it from its copy on. */
static int still_the_same_image(const struct refresh_round *round, struct err *err)
{
	const struct config_image *image = &round->session->config->image;
	struct image_identity now;
	int r = image_identity_read(image->path, image->format, &now, err);

	if (r < 0 || image_identity_same(&now, &round->session->identity))
		return r;
	err_class_set(err, ERR_BUSY, -EBUSY, "image '%s' was written by somebody else during this run; nothing of ours was put into it",
		      image->path);
	err_hint(err, "let the other one finish, then run it again");
	return -EBUSY;
}

static int put_and_swap(struct refresh_round *round, struct refresh_prepare **prepare, struct err *err)
{
	CLEANUP(image_txn_abortp) struct image_txn *txn = NULL;
	int r = 0;

	if (!*prepare)
		r = refresh_prepare_start(round->session, round->id, prepare, err);
	if (r >= 0)
		r = refresh_prepare_finish(*prepare, &txn, err);
	if (r >= 0)
		r = still_the_same_image(round, err);
	if (r >= 0)
		r = refresh_put_all(round, txn, err);
	if (r < 0)
		return r;
	return image_txn_n_written(txn) > 0 ? swap(round, &txn, err) : leave_alone(round, &txn, err);
}

/* More than this at once surprises whoever changed one line. */
enum { MANY_BUILDS = 5 };

static void announce(const struct refresh_round *round)
{
	const struct refresh_plan *plan = &round->plan;
	CLEANUP_FREE char *many = xasprintf("the first refresh of this image builds all %zu packages", plan->n_builds);
	CLEANUP_FREE char *elsewhere = xasprintf(
		"%zu packages and assets have destinations in the initfs or the share, which this version does not serve: "
		"only their places in the image are brought up to date",
		plan->n_elsewhere);

	if (plan->n_steps > 0)
		refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_CHANGE, .plan = plan });
	refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_PLAN, .plan = plan });
	if (plan->first_time && plan->n_builds > MANY_BUILDS)
		refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_NOTE, .text = many });
	if (plan->n_steps > 0 && plan->n_elsewhere > 0)
		refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_NOTE, .text = elsewhere });
}

static int execute(struct refresh_round *round, struct err *err)
{
	CLEANUP(refresh_prepare_freep) struct refresh_prepare *prepare = NULL;
	int r;

	if (round->plan.n_steps == 0)
		return 0;
	fill_environment(round);
	r = start_prepare(round, &prepare, err);
	if (r >= 0)
		r = stage_all(round, prepare, err);
	if (r >= 0)
		r = refresh_record_edited(round, err);
	if (r >= 0)
		r = refresh_record_failed(round, err);
	if (r >= 0 && (anything_staged(round) || (prepare && refresh_prepare_failed(prepare))))
		r = put_and_swap(round, &prepare, err);
	return r;
}

static enum journal_result result_of(const struct refresh_round *round, int r)
{
	if (r == -ECANCELED)
		return JOURNAL_CANCELLED;
	if (r < 0 || round->n_failed > 0)
		return JOURNAL_FAILED;
	for (size_t i = 0; i < round->n_files; i++)
		if (round->files[i].put.result == IMAGE_PUT_WRITTEN)
			return JOURNAL_OK;
	return JOURNAL_NOTHING;
}

/* Its own failure to be journaled must not hide why the run failed. */
static int end_run(struct refresh_round *round, int r, struct err *err)
{
	enum journal_result result = result_of(round, r);
	CLEANUP_FREE char *names = join_names(round, true);
	const char *error = r < 0 && err ? err->message : round->first_failure;
	int64_t ms = clock_ms() - round->started_ms;
	struct err failure = ERR_INIT;
	int e = journal_run_end(round->session->journal, round->id, result, names, error, ms, &failure);

	refresh_round_send(
		round,
		(struct refresh_event){
			.type = REFRESH_EVENT_DONE, .result = journal_result_name(result), .text = error, .ms = ms, .is_whole_run = r < 0 });
	if (r < 0 || e >= 0)
		return r;
	if (err)
		*err = failure;
	return e;
}

static enum refresh_result refresh_result_of(const struct refresh_round *round)
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

int refresh_run(struct refresh_session *session, const struct refresh_args *args, enum refresh_result *ret, struct err *err)
{
	CLEANUP(refresh_round_clear) struct refresh_round round = { .session = session, .args = args, .started_ms = clock_ms() };
	struct err own = ERR_INIT;
	int r;

	if (!err)
		err = &own;
	r = look_and_plan(session, &args->request, &round.look, &round.plan, err);
	if (r < 0)
		return r;
	r = begin_run(&round, err);
	if (r < 0)
		return r;
	announce(&round);
	r = end_run(&round, execute(&round, err), err);
	if (r < 0)
		return r;
	*ret = refresh_result_of(&round);
	return 0;
}

/* -- inject ---------------------------------------------------------------------------------------------------------------------------------- */

static int stage_file(struct refresh_round *round, const char *file, const char *dest, struct err *err)
{
	struct refresh_step *step;
	struct refresh_staged *staged;
	struct stat st;

	if (stat(file, &st) < 0)
		return err_set(err, -errno, "cannot read '%s'", file);
	if (!S_ISREG(st.st_mode))
		return err_class_set(err, ERR_USAGE, -EINVAL, "'%s' is no regular file", file);
	grow_array(&round->plan.steps, &round->plan.cap, 1, sizeof(*round->plan.steps));
	step = &round->plan.steps[0];
	*step = (struct refresh_step){ .name = fs_basename(file), .is_asset = true, .one_off = true };
	strvec_add(&step->dests, dest);
	round->plan.n_steps = 1;
	round->staged = xcalloc(1, sizeof(*round->staged));
	staged = &round->staged[0];
	grow_array(&staged->files, &staged->cap, 1, sizeof(*staged->files));
	staged->files[0] = (struct refresh_staged_file){
		.name = xstrdup(step->name), .path = xstrdup(file), .size = (uint64_t)st.st_size, .mode = st.st_mode & 0777
	};
	staged->n_files = 1;
	staged->ok = true;
	return 0;
}

static int execute_inject(struct refresh_round *round, struct err *err)
{
	CLEANUP(refresh_prepare_freep) struct refresh_prepare *prepare = NULL;
	int r = start_prepare(round, &prepare, err);

	round->after_us = clock_us();
	return r < 0 ? r : put_and_swap(round, &prepare, err);
}

int refresh_inject(struct refresh_session *session, const char *file, const char *dest, const struct refresh_args *args,
		   enum refresh_result *ret, struct err *err)
{
	CLEANUP(refresh_round_clear) struct refresh_round round = { .session = session, .args = args, .started_ms = clock_ms() };
	CLEANUP(refresh_records_clear) struct refresh_records records = { 0 };
	struct journal_image now = refresh_journal_image(&session->identity);
	struct err own = ERR_INIT;
	int r;

	if (!err)
		err = &own;
	r = stage_file(&round, file, dest, err);
	if (r >= 0)
		r = refresh_records_load(session->journal, session->config->image.path, &now, &records, err);
	if (r >= 0)
		r = doubt_records(session, &records, err);
	if (r >= 0)
		r = begin_run(&round, err);
	if (r < 0)
		return r;
	refresh_round_send(&round, (struct refresh_event){ .type = REFRESH_EVENT_PLAN, .plan = &round.plan });
	r = end_run(&round, execute_inject(&round, err), err);
	if (r < 0)
		return r;
	*ret = refresh_result_of(&round);
	return 0;
}
