/* The order of a run is the order of the functions here: look, plan, build beside prepare, put, swap, record. */
#include "refresh/cache.h"
#include "refresh/explain.h"
#include "refresh/initfs.h"
#include "refresh/outside.h"
#include "refresh/prune.h"
#include "refresh/share.h"
#include "refresh/tools.h"

#include "base/clock.h"

/* As they were put last, they lie where they will be put again, unless the configuration says something else now. */
static void expect_files(struct refresh_round *round, const struct refresh_records *records)
{
	for (size_t i = 0; i < round->plan.n_steps; i++) {
		const char *owner = refresh_round_owner(round, i);

		for (size_t c = 0; c < records->n_contents; c++)
			if (str_eq(records->contents[c].owner, owner) && !refresh_is_in_initfs(records->contents[c].path))
				strvec_add(&round->expected, records->contents[c].path);
	}
}

static int look_and_plan(struct refresh_round *round, struct refresh_records *records, struct err *err)
{
	struct refresh_request request = round->args->request;
	int r = 0;

	/* Whoever names packages wants these alone. */
	if ((!request.packages || request.packages->n == 0) && (!request.within || request.within->n == 0))
		request.initfs = request.initfs || refresh_initfs_has_moved(round->session->config, records);
	if (round->args->look && *round->args->look)
		round->look = TAKE_PTR(*round->args->look);
	else
		r = refresh_session_look(round->session, &round->look, err);
	if (r < 0)
		return r;
	refresh_explain(round->session, records, round->look);
	refresh_shared_compare(round->session, records);
	r = refresh_plan_make(round->session->config, round->look, records, &request, &round->plan, err);
	if (r >= 0)
		expect_files(round, records);
	return r;
}

static void announce_plan(const struct refresh_round *round, const struct refresh_plan *plan)
{
	if (plan->n_steps > 0 || plan->n_removals > 0)
		refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_CHANGE, .plan = plan });
	refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_PLAN, .plan = plan });
}

int refresh_preview(struct refresh_session *session, const struct refresh_args *args, struct watcher_look **ret_look, struct refresh_plan *ret,
		    struct err *err)
{
	CLEANUP(refresh_round_clear) struct refresh_round round = { .session = session, .args = args };
	CLEANUP(refresh_records_clear) struct refresh_records records = { 0 };
	struct journal_image now = refresh_journal_image(&session->identity);
	int r = refresh_records_load(session->journal, session->config->image.path, &now, &records, err);

	if (r >= 0)
		r = look_and_plan(&round, &records, err);
	if (r < 0)
		return r;
	announce_plan(&round, &round.plan);
	if (round.plan.unchecked)
		refresh_round_send(&round, (struct refresh_event){ .type = REFRESH_EVENT_NOTE,
								   .text = "the image was changed by somebody else: what it holds is compared first, "
									   "which may add to this" });
	*ret_look = TAKE_PTR(round.look);
	*ret = round.plan;
	round.plan = (struct refresh_plan){ 0 };
	return 0;
}

/* More than this at once surprises whoever changed one line. */
enum { MANY_BUILDS = 5 };

static void announce(const struct refresh_round *round)
{
	const struct refresh_plan *plan = &round->plan;
	CLEANUP_FREE char *many = xasprintf("the first refresh of this image builds all %zu packages; where it holds them already, `reinject adopt` "
					"takes it as it is, without building", plan->n_builds);
	CLEANUP_FREE char *elsewhere = xasprintf(
		"%zu packages and assets have destinations in a share or an initfs that no section [share] or [initfs] describes: "
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

static bool is_anything(const struct refresh_plan *plan)
{
	return plan->n_steps > 0 || plan->n_removals > 0 || plan->initfs;
}

static bool needs_image_for(const struct refresh_step *step)
{
	return step->dests.n > 0 || step->copies_image || step->shares.n + step->share_copies.n == 0;
}

/* What goes into the share alone needs neither a copy of the image nor that nobody holds it. */
static bool needs_image(const struct refresh_plan *plan)
{
	bool needs = plan->n_removals > 0 || plan->initfs;

	for (size_t i = 0; i < plan->n_steps; i++)
		needs = needs || needs_image_for(&plan->steps[i]);
	return needs;
}

static int build_and_put(struct refresh_round *round, struct err *err)
{
	const struct refresh_plan *plan = &round->plan;
	bool any;
	int r = needs_image(plan) ? refresh_swap_prepare(round, err) : 0;

	if (r >= 0)
		r = refresh_make_all(round, err);
	if (r >= 0 && plan->n_steps > 0)
		r = refresh_record_edited(round, err);
	if (r >= 0)
		r = refresh_record_failed(round, err);
	if (r >= 0)
		r = refresh_record_sharing(round, err);
	if (r >= 0)
		r = refresh_share_put_all(round, err);
	if (r >= 0 && !needs_image(plan))
		return refresh_record_shared(round, err);
	any = refresh_make_any(round) || plan->n_removals > 0 || plan->initfs;
	if (r >= 0 && (any || (round->prepare && refresh_prepare_failed(round->prepare))))
		r = refresh_swap_put(round, err);
	return r;
}

static int execute(struct refresh_round *round, void *data, struct err *err)
{
	struct refresh_cache cache = { 0 };
	int r;

	(void)data;
	announce(round);
	if (!is_anything(&round->plan))
		return 0;
	refresh_cache_begin(round, &cache);
	r = build_and_put(round, err);
	refresh_cache_end(round, &cache);
	return r;
}

int refresh_run(struct refresh_session *session, const struct refresh_args *args, enum refresh_result *ret, struct err *err)
{
	CLEANUP(refresh_round_clear) struct refresh_round round = { .session = session, .args = args, .started_ms = clock_ms() };
	CLEANUP(refresh_records_clear) struct refresh_records records = { 0 };
	int r = refresh_outside_load(&round, &records, err);

	if (r >= 0)
		r = look_and_plan(&round, &records, err);
	if (r >= 0)
		r = refresh_tools_check(session->config, round.look, &round.plan, err);
	if (r >= 0)
		r = refresh_initfs_check(&round, err);
	if (r >= 0)
		r = refresh_cache_check(&round, err);
	if (r >= 0 && is_anything(&round.plan) && needs_image(&round.plan))
		r = refresh_swap_check(&round, err);
	if (r >= 0)
		r = refresh_round_carry_out(&round, execute, NULL, ret, err);
	if (r < 0)
		return r;
	/* After DONE: nobody waits for it. */
	if (*ret == REFRESH_OK)
		refresh_prune(&round);
	return 0;
}

int refresh_run_refused(const struct config *config, const char *verb, int64_t ms, const struct err *failure, int64_t *ret_run, struct err *err)
{
	CLEANUP(journal_freep) struct journal *journal = NULL;
	const char *image = config->image.path;
	int r = journal_open(config->state, false, &journal, err);

	if (r >= 0)
		r = journal_run_begin(journal, verb, image ? image : "", "", ret_run, err);
	return r < 0 ? r : journal_run_end(journal, *ret_run, JOURNAL_FAILED, NULL, failure->message, ms, err);
}
