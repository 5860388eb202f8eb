/* The order of a run is the order of the functions here: look, plan, build beside prepare, put, swap, record. */
#include "refresh/round.h"

#include "base/clock.h"

static int look_and_plan(struct refresh_session *session, const struct refresh_request *request, struct watcher_look **ret_look,
			 struct refresh_plan *ret_plan, struct err *err)
{
	CLEANUP(refresh_records_clear) struct refresh_records records = { 0 };
	CLEANUP(watcher_look_freep) struct watcher_look *look = NULL;
	struct journal_image now = refresh_journal_image(&session->identity);
	int r = refresh_records_load(session->journal, session->config->image.path, &now, &records, err);

	if (r < 0)
		return r;
	r = refresh_round_doubt(session, &records, err);
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

static void announce_plan(const struct refresh_round *round, const struct refresh_plan *plan)
{
	if (plan->n_steps > 0)
		refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_CHANGE, .plan = plan });
	refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_PLAN, .plan = plan });
}

int refresh_preview(struct refresh_session *session, const struct refresh_args *args, struct watcher_look **ret_look, struct refresh_plan *ret,
		    struct err *err)
{
	struct refresh_round round = { .session = session, .args = args };
	int r = look_and_plan(session, &args->request, ret_look, ret, err);

	if (r < 0)
		return r;
	announce_plan(&round, ret);
	return 0;
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

	announce_plan(round, plan);
	for (size_t i = 0; plan->n_steps > 0 && i < round->look->problems.n; i++)
		refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_NOTE, .text = round->look->problems.v[i] });
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
	r = refresh_swap_prepare(round, &prepare, err);
	if (r >= 0)
		r = refresh_make_all(round, prepare, err);
	if (r >= 0)
		r = refresh_record_edited(round, err);
	if (r >= 0)
		r = refresh_record_failed(round, err);
	if (r >= 0 && (refresh_make_any(round) || (prepare && refresh_prepare_failed(prepare))))
		r = refresh_swap_put(round, &prepare, err);
	return r;
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
	r = refresh_round_begin(&round, err);
	if (r < 0)
		return r;
	announce(&round);
	r = refresh_round_end(&round, execute(&round, err), err);
	if (r < 0)
		return r;
	*ret = refresh_round_result(&round);
	return 0;
}
