/* From a look to a run: what is to be done about it, the image's lock, and the run itself. */
#include "refresh/isolate.h"
#include "refresh/notify.h"
#include "refresh/shared.h"
#include "server/watch_internal.h"

#include "base/clock.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

/* -- the plan ---------------------------------------------------------------------------------------------------------------------------------- */

static bool is_anything(const struct refresh_plan *plan)
{
	return plan->n_steps > 0 || plan->n_removals > 0 || plan->unchecked;
}

/* Equal for plans that would do the same again. */
static void identify(const struct watcher_look *look, const struct refresh_plan *plan, char ret[HASH_HEX_SIZE])
{
	CLEANUP(hash_freep) struct hash *hash = hash_new();

	for (size_t i = 0; i < plan->n_steps; i++) {
		hash_field(hash, "step", plan->steps[i].name);
		hash_field(hash, "fingerprint", look->subjects[plan->steps[i].subject].fingerprint);
	}
	for (size_t i = 0; i < plan->n_removals; i++)
		hash_field(hash, "removal", plan->removals[i].path);
	hash_end(hash, ret);
}

/* The same plan for the same image: what came of it would come again. */
static void sign(const struct server_watch *watch, const char *plan_id, char ret[HASH_HEX_SIZE])
{
	const struct image_identity *image = &watch->session->identity;
	CLEANUP(hash_freep) struct hash *hash = hash_new();

	hash_field(hash, "plan", plan_id);
	hash_add(hash, &image->ino, sizeof(image->ino));
	hash_add(hash, &image->mtime_ns, sizeof(image->mtime_ns));
	hash_add(hash, &image->generation, sizeof(image->generation));
	hash_end(hash, ret);
}

static struct refresh_request make_request(const struct server_watch *watch)
{
	return (struct refresh_request){
		.within = watch->args.packages,
		.retry = watch->asked,
		.direct = watch->direct,
		.waiting = &watch->waiting,
		.hold_over = watch->asked ? 0 : (uint32_t)config_get_uint(watch->config, "watch", "hold_over", 0),
	};
}

static int make_plan(struct server_watch *watch, const struct watcher_look *look, const struct refresh_request *request,
		     struct refresh_plan *ret, struct err *err)
{
	CLEANUP(refresh_records_clear) struct refresh_records records = { 0 };
	struct journal_image now;
	int r;

	refresh_session_see_image(watch->session);
	now = refresh_journal_image(&watch->session->identity);
	r = refresh_records_load(watch->session->journal, watch->config->image.path, &now, &records, err);
	if (r < 0)
		return r;
	refresh_shared_compare(watch->session, &records);
	return refresh_plan_make(watch->config, look, &records, request, ret, err);
}

/* What was changed and is in the image, or was tried, is nobody's concern any more. */
static void forget_direct(struct server_watch *watch, const struct refresh_plan *plan)
{
	for (size_t i = 0; i < watch->n_subjects; i++)
		if (plan->states[i] != REFRESH_STALE)
			watch->direct[i] = false;
}

static void say_waiting(struct server_watch *watch, const struct refresh_plan *plan)
{
	CLEANUP_FREE char *names = strvec_join(&plan->waiting, " "), *before = strvec_join(&watch->waiting, " ");
	CLEANUP_FREE char *text = NULL;

	if (str_eq(names, before))
		return;
	strvec_clear(&watch->waiting);
	strvec_copy(&watch->waiting, &plan->waiting);
	if (plan->waiting.n == 0)
		return;
	text = xasprintf("held back, since more than hold_over are stale; until asked for (key r, or `reinject refresh`): %s", names);
	server_watch_say(watch, REFRESH_EVENT_NOTE, text, NULL);
}

/* -- the round --------------------------------------------------------------------------------------------------------------------------------- */

static void on_round_event(void *data, const struct refresh_event *event)
{
	struct server_watch *watch = data;

	switch (event->type) {
	case REFRESH_EVENT_SWAP:
		watch->swapped = true;
		break;
	case REFRESH_EVENT_PLAN:
		watch->swapped = false;
		watch->status.run = event->run;
		server_watch_remember_building(watch, event->plan);
		break;
	case REFRESH_EVENT_DONE:
		watch->last_run = event->run;
		watch->result = journal_result_parse(event->result);
		break;
	case REFRESH_EVENT_BUILDING:
		server_watch_enter(watch, SERVER_WATCH_BUILDING, event->subject);
		break;
	case REFRESH_EVENT_BUILD:
		if (str_eq(event->result, "failed"))
			strvec_add(&watch->told, event->subject);
		break;
	case REFRESH_EVENT_TICK:
		uv_run(&watch->loop, UV_RUN_NOWAIT);
		server_watch_check_round(watch);
		break;
	default:
		break;
	}
	server_watch_send(watch, *event);
	if (watch->on_served)
		watch->on_served(watch, event);
}

static void say_notes(struct server_watch *watch, const struct strvec *notes)
{
	for (size_t i = 0; i < notes->n; i++)
		server_watch_say(watch, REFRESH_EVENT_NOTE, notes->v[i], NULL);
}

/* Somebody else has the image: said once, tried again soon. */
static void be_busy(struct server_watch *watch, const struct err *err)
{
	if (!watch->busy_said)
		server_watch_say(watch, REFRESH_EVENT_WARNING, err->message, "what is stale goes into the image when it is free again");
	watch->busy_said = true;
	watch->busy_ms = clock_ms();
	server_watch_enter(watch, SERVER_WATCH_WAITING, "the image");
}

static int lock_image(struct server_watch *watch, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec notes = { 0 };
	int r = refresh_session_lock(watch->session, 0, &notes, err);

	say_notes(watch, &notes);
	return r;
}

/* A signal that came meanwhile is not wiped out with the restart. */
static void renew_cancel(struct server_watch *watch)
{
	watch->restarting = false;
	cancel_renew(&watch->round_cancel);
	cancel_chain(watch->args.cancel, &watch->round_cancel);
}

static void turn_loop(void *data)
{
	struct server_watch *watch = data;

	uv_run(&watch->loop, UV_RUN_NOWAIT);
}

static void tell_command(void *data, const struct refresh_event *event)
{
	server_watch_send(data, *event);
}

/* on_success after what changed the image, on_failure after what failed; nothing for a round that found nothing to do or was given up. */
static void run_command(struct server_watch *watch)
{
	struct refresh_notify notify = {
		.session = watch->session,
		.section = "watch",
		.key = watch->result == JOURNAL_OK ? "on_success" : "on_failure",
		.run = watch->last_run,
		.on_event = tell_command,
		.on_tick = turn_loop,
		.data = watch,
	};
	struct err err = ERR_INIT;

	if (watch->last_run == 0 || (watch->result != JOURNAL_OK && watch->result != JOURNAL_FAILED))
		return;
	if (refresh_notify_run(&notify, &err) < 0)
		server_watch_say(watch, REFRESH_EVENT_WARNING, err.message, err.hint);
}

/* Who asks is served from the work tree, whatever the trigger is. */
static bool is_isolated(const struct server_watch *watch)
{
	return server_watch_waits_for_commits(watch) && !watch->serving && config_get_uint(watch->config, "hooks", "isolate", 0) != 0;
}

/* By a session of its own, whose sources are the commits; it takes the image's lock. What that has done to journal and image is new to ours. */
static int run_isolated(struct server_watch *watch, struct refresh_args *args, enum refresh_result *ret, struct err *err)
{
	CLEANUP(refresh_isolate_freep) struct refresh_isolate *isolate = NULL;
	CLEANUP(refresh_session_freep) struct refresh_session *session = NULL;
	CLEANUP(strvec_clear) struct strvec notes = { 0 };
	int r = refresh_isolate_open(watch->config, &watch->round_cancel, &isolate, &session, &notes, err);

	say_notes(watch, &notes);
	args->look = NULL;
	if (r >= 0)
		r = refresh_run(session, args, ret, err);
	if (r >= 0)
		refresh_isolate_say(isolate, session, tell_command, watch);
	refresh_session_see_image(watch->session);
	return r < 0 ? r : refresh_session_read_inputs(watch->session, err);
}

static int run_locked(struct server_watch *watch, const char *verb, const struct refresh_request *request, struct watcher_look **look,
		      enum refresh_result *ret, struct err *err)
{
	struct refresh_args args = { .verb = verb, .request = *request, .look = look, .on_event = on_round_event, .data = watch };
	int r;

	watch->running = true;
	watch->last_run = 0;
	server_watch_remember_planned(watch, *look);
	server_watch_enter(watch, SERVER_WATCH_BUILDING, NULL);
	r = is_isolated(watch) ? run_isolated(watch, &args, ret, err) : refresh_run(watch->session, &args, ret, err);
	watch->status.run = 0;
	refresh_session_unlock(watch->session);
	run_command(watch);
	watch->running = false;
	server_watch_enter(watch, watch->paused ? SERVER_WATCH_PAUSED : SERVER_WATCH_IDLE, NULL);
	return r;
}

int server_watch_run_request(struct server_watch *watch, const char *verb, const struct refresh_request *request, struct watcher_look **look,
			     enum refresh_result *ret, struct err *err)
{
	int r = is_isolated(watch) ? 0 : lock_image(watch, err);

	watch->locked_out = r == -EBUSY;
	if (r < 0)
		return r;
	watch->swapped = false;
	r = run_locked(watch, verb, request, look, ret, err);
	if (watch->swapped && !watch->stopping && str_eq(config_get(watch->config, "boot", "when"), "after-inject"))
		server_watch_boot(watch);
	if (!watch->restarting || watch->stopping)
		return r;
	renew_cancel(watch);
	return r == -ECANCELED ? -EAGAIN : r;
}

static int act(struct server_watch *watch, struct watcher_look **look, const struct refresh_request *request, struct err *err)
{
	enum refresh_result result = REFRESH_NOTHING;
	int r = server_watch_run_request(watch, "watch", request, look, &result, err);

	if (r == -EBUSY) {
		be_busy(watch, err);
		return r;
	}
	watch->busy_said = false;
	/* What changed meanwhile is seen by a look, after each round. */
	watcher_debounce_ask(&watch->debounce);
	return r;
}

/* An error that has gone is worth a line: by a build, or because the edit was taken back. So is one that is back, without a build that would show it. */
static void say_errors(struct server_watch *watch, const struct refresh_plan *plan)
{
	CLEANUP(strvec_clear) struct strvec still = { 0 };

	for (size_t i = 0; i < watch->failed.n; i++) {
		const char *name = watch->failed.v[i];

		if (strvec_has(&plan->failed, name) || strvec_has(&plan->stale, name))
			strvec_add(&still, name);
		else
			server_watch_send(
				watch, (struct refresh_event){ .type = REFRESH_EVENT_NOTE, .subject = name, .text = SERVER_WATCH_ERROR_GONE });
	}
	for (size_t i = 0; i < plan->failed.n; i++) {
		const char *name = plan->failed.v[i];

		if (strvec_has(&still, name))
			continue;
		strvec_add(&still, name);
		if (!strvec_has(&watch->told, name))
			server_watch_send(watch, (struct refresh_event){
							 .type = REFRESH_EVENT_NOTE, .subject = name, .text = SERVER_WATCH_FAILED_BEFORE });
	}
	strvec_clear(&watch->told);
	strvec_clear(&watch->failed);
	strvec_copy(&watch->failed, &still);
}

static int say_nothing(struct server_watch *watch)
{
	if (watch->asked)
		server_watch_say(watch, REFRESH_EVENT_NOTE, "nothing is stale: the image is up to date", NULL);
	watch->asked = false;
	if (watch->status.state == SERVER_WATCH_WAITING && !watch->debounce.held)
		server_watch_enter(watch, SERVER_WATCH_IDLE, NULL);
	return 0;
}

static bool is_planned(const struct refresh_plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->n_steps; i++)
		if (!plan->steps[i].is_asset && str_eq(plan->steps[i].name, name))
			return true;
	return false;
}

/* What is built anyway is no doubt any more. */
static void drop_planned(struct server_watch *watch, const struct refresh_plan *plan)
{
	CLEANUP(strvec_clear) struct strvec all = watch->doubtful;

	watch->doubtful = (struct strvec){ 0 };
	for (size_t i = 0; i < all.n; i++)
		if (!is_planned(plan, all.v[i]))
			strvec_add(&watch->doubtful, all.v[i]);
}

/* There is nothing to be done but to build what is doubtful: cargo knows by its times what it has compiled. Leaves the names in @again. */
static int plan_doubtful(struct server_watch *watch, const struct watcher_look *look, struct refresh_request *request, struct strvec *again,
			 struct refresh_plan *plan, struct err *err)
{
	*again = watch->doubtful;
	watch->doubtful = (struct strvec){ 0 };
	request->packages = again;
	refresh_plan_clear(plan);
	return make_plan(watch, look, request, plan, err);
}

/* The image's state stands in the way: said, and tried again with all that was wanted now. */
static void put_off(struct server_watch *watch, const struct refresh_request *request, const struct strvec *again)
{
	watch->asked = watch->asked || request->retry;
	strvec_clear(&watch->heads);
	server_watch_doubt(watch, again);
}

static int begin(struct server_watch *watch, struct watcher_look **look, const struct refresh_request *request, struct err *err)
{
	if (watch->session->image_problem) {
		err_set(err, -EBUSY, "%s!", watch->session->image_problem);
		be_busy(watch, err);
		return -EBUSY;
	}
	watch->asked = false;
	watch->stuck[0] = '\0';
	return act(watch, look, request, err);
}

int server_watch_round(struct server_watch *watch, struct watcher_look *taken, struct err *err)
{
	CLEANUP(watcher_look_freep) struct watcher_look *look = taken;
	CLEANUP(refresh_plan_clear) struct refresh_plan plan = { 0 };
	CLEANUP(strvec_clear) struct strvec again = { 0 };
	struct refresh_request request = make_request(watch);
	char id[HASH_HEX_SIZE], signature[HASH_HEX_SIZE];
	int r = make_plan(watch, look, &request, &plan, err);

	if (r < 0)
		return r;
	forget_direct(watch, &plan);
	say_waiting(watch, &plan);
	say_errors(watch, &plan);
	identify(look, &plan, id);
	sign(watch, id, signature);
	watch->behind = is_anything(&plan) || watch->failed.n > 0;
	/* It did come right: the same again is another loss (in the share). */
	if (!is_anything(&plan))
		watch->stuck[0] = '\0';
	if (is_anything(&plan) && strcmp(signature, watch->stuck) != 0)
		drop_planned(watch, &plan);
	else if (watch->doubtful.n > 0)
		r = plan_doubtful(watch, look, &request, &again, &plan, err);
	else
		return say_nothing(watch);
	if (r < 0)
		return r;
	identify(look, &plan, id);
	r = begin(watch, &look, &request, err);
	if (r == -EBUSY || r == -EAGAIN) {
		put_off(watch, &request, &again);
		return 0;
	}
	sign(watch, id, watch->stuck);
	return r;
}
