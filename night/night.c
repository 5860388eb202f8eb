#include "night/internal.h"

#include "base/clock.h"
#include "base/fs.h"
#include "boot/machine.h"
#include "image/check.h"
#include "image/good.h"
#include "journal/nights.h"
#include "refresh/changes.h"
#include "refresh/compact.h"
#include "refresh/restore.h"
#include "refresh/space.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#define NO_BOOT "[nightly] boot = no, or nothing in [boot]"

/* Each step below is one of the others' with its own limits, in an order that leaves the image good at every point where the night may end. */

static void night_clear(struct night *night)
{
	refresh_session_free(night->session);
	refresh_isolate_free(night->isolate);
	deadline_stop(&night->deadline);
	strvec_clear(&night->seen);
}

void night_say(const struct night *night, enum refresh_event_type type, const char *text, const char *hint)
{
	struct refresh_event event = { .type = type, .text = text, .hint = hint };

	night->args->on_event(night->args->data, &event);
}

void night_sayf(const struct night *night, enum refresh_event_type type, const char *format, ...)
{
	CLEANUP(str_clear) struct str text = { 0 };
	va_list args;

	va_start(args, format);
	str_vprintf(&text, format, args);
	va_end(args);
	night_say(night, type, str_text(&text), NULL);
}

/* -- what is committed --------------------------------------------------------------------------------------------------------------------------- */

static void on_run_event(void *data, const struct refresh_event *event)
{
	struct night *night = data;

	if (event->run > 0)
		night->summary->run = event->run;
	night->swapped = night->swapped || event->type == REFRESH_EVENT_SWAP;
	night->args->on_event(night->args->data, event);
}

static int begin(struct night *night, bool *ret_unproved, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec notes = { 0 };
	struct night_summary *summary = night->summary;
	int r = refresh_isolate_open(night->config, &night->deadline.cancel, &night->isolate, &night->session, &notes, err);

	for (size_t i = 0; i < notes.n; i++)
		night_say(night, REFRESH_EVENT_NOTE, notes.v[i], NULL);
	return r < 0 ? r : journal_night_begin(night->session->journal, night->config->image.path, &summary->id, ret_unproved, err);
}

static int refresh_head(struct night *night, struct err *err)
{
	struct refresh_args args = { .verb = "nightly", .on_event = on_run_event, .data = night };
	enum refresh_result result = REFRESH_NOTHING;
	int r = refresh_run(night->session, &args, &result, err);

	if (r >= 0)
		refresh_isolate_say(night->isolate, night->session, night->args->on_event, night->args->data);
	night->summary->result = result == REFRESH_NOTHING ? NIGHT_NOTHING : result == REFRESH_OK ? NIGHT_GOOD : NIGHT_FAILED;
	return r;
}

/* Who says nothing of booting has no machine: the default of [nightly] boot asks for none. */
static bool wants_boot(const struct night *night)
{
	const struct config *config = night->config;

	return config_get_uint(config, "nightly", "boot", 1) != 0 &&
	       (config_is_said(config, "boot", NULL) || config_is_said(config, "nightly", "boot"));
}

static int refuse_live(struct err *err)
{
	err_class_set(err, ERR_USAGE, -ENOTSUP,
		      "[image] mode = live: an image that stays mounted cannot be checked, booted or taken back by a night");
	err_hint(err, "unmount it and let the night work on a copy: reinject image unmount; reinject -o image.mode=shadow nightly");
	return -ENOTSUP;
}

/* Before the image is touched: what cannot be proved would be in it, and nobody could say whether it is any good. */
static int check_able(const struct night *night, struct err *err)
{
	if (night->config->image.mode == CONFIG_IMAGE_LIVE)
		return refuse_live(err);
	return wants_boot(night) ? boot_check(&(struct boot_args){ .config = night->config }, err) : 0;
}

static bool has_good(const struct night *night)
{
	CLEANUP_FREE char *good = NULL;

	return image_good_path(night->config->image.path, &good, NULL) >= 0 && fs_exists(good);
}

/* With nothing new: the image that a night without an end has left may be one that nobody has proved. */
static bool is_proved(const struct night *night)
{
	CLEANUP_FREE char *good = NULL;

	return image_good_path(night->config->image.path, &good, NULL) >= 0 && image_identity_is_of(good, &night->session->identity);
}

/* -- what becomes of a bad image ----------------------------------------------------------------------------------------------------------------- */

/* Back and forth: the image that was is kept as IMAGE.prev, whatever is configured. */
static int restore(struct night *night, bool good, struct err *err)
{
	struct refresh_args args = { .verb = REFRESH_RESTORE_VERB, .on_event = night->args->on_event, .data = night->args->data };
	enum refresh_result result = REFRESH_NOTHING;
	struct refresh_restore_what what = { .good = good, .no_hold = true };
	int r = refresh_restore(night->session, &what, &args, &result, err);

	if (r >= 0)
		night->is_good_back = good;
	return r;
}

static bool keeps_bad(const struct night *night)
{
	return str_eq(config_get(night->config, "nightly", "on_boot_failure"), "keep");
}

static int stay(const struct night *night)
{
	if (!keeps_bad(night))
		night_say(night, REFRESH_EVENT_WARNING, "no image has booted before that could be put back: tonight's stays",
			  "`reinject rollback --image` takes the one before it");
	return 0;
}

static int put_tonights_back(struct night *night, struct err *err)
{
	night->summary->result = NIGHT_HOST;
	night_say(night, REFRESH_EVENT_WARNING,
		  "the last image that has booted does not boot either: it is the host or the guest, and no package; tonight's image is put back",
		  "`reinject boot` shows the console");
	return restore(night, false, err);
}

static bool is_sure(const struct night_proof *proof)
{
	return proof->verdict == NIGHT_DOWN || proof->verdict == NIGHT_DEAD;
}

/* The control: an image that has booted before must boot now, or the fault is not tonight's packages'. */
static int control(struct night *night, struct refresh_changes *changes, const struct night_proof *proof, struct err *err)
{
	CLEANUP(night_proof_clear) struct night_proof good = { 0 };
	int r = night_prove(night, NULL, "the last good image", &good, err);

	if (r < 0)
		return r;
	if (good.verdict == NIGHT_TOO_MANY)
		night->summary->result = NIGHT_SPENT;
	else if (good.verdict != NIGHT_UP)
		return put_tonights_back(night, err);
	else if (is_sure(proof))
		return night_hunt(night, changes, proof, err);
	return 0;
}

static int take_back(struct night *night, const struct night_proof *proof, struct err *err)
{
	CLEANUP(refresh_changes_clear) struct refresh_changes changes = { 0 };
	CLEANUP_FREE char *good = NULL;
	int r;

	night->summary->result = night_result_of(proof->verdict);
	if (keeps_bad(night) || !has_good(night))
		return stay(night);
	r = image_good_path(night->config->image.path, &good, err);
	/* Their contents are read while the image is still there. */
	if (r >= 0 && is_sure(proof))
		r = refresh_changes_find(night->session, good, &changes, err);
	if (r >= 0)
		r = restore(night, true, err);
	if (r < 0 || proof->verdict == NIGHT_TOO_MANY)
		return r;
	return control(night, &changes, proof, err);
}

/* -- the proofs ----------------------------------------------------------------------------------------------------------------------------------- */

/* No package is at fault for blocks that cannot be read. */
static int take_back_damaged(struct night *night, struct err *err)
{
	CLEANUP(night_proof_clear) struct night_proof proof = { 0 };
	int r;

	night_say(night, REFRESH_EVENT_WARNING, err->message, err->hint);
	night->summary->result = NIGHT_BAD;
	if (keeps_bad(night) || !has_good(night))
		return stay(night);
	r = restore(night, true, err);
	if (r < 0 || !wants_boot(night))
		return r;
	r = night_prove(night, NULL, "the last good image", &proof, err);
	if (r >= 0 && proof.verdict != NIGHT_UP)
		night_say(night, REFRESH_EVENT_WARNING, "the last good image does not boot either, and stays", "`reinject boot` shows the console");
	return r;
}

/* 1: whole. */
static int check(struct night *night, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec facts = { 0 };
	int r = image_check_run(&night->config->image, NULL, true, night->session->cancel, &facts, err);

	if (r == -EUCLEAN)
		return take_back_damaged(night, err);
	return r < 0 ? r : 1;
}

static int compact(struct night *night, struct err *err)
{
	struct refresh_args args = { .verb = "compact", .on_event = night->args->on_event, .data = night->args->data };
	enum refresh_result result = REFRESH_NOTHING;
	struct err why = ERR_INIT;
	int r;

	if (!refresh_space_is_past(&night->config->image, refresh_space_leaked(night->session)))
		return 0;
	r = refresh_compact(night->session, &args, &result, &why);
	night->summary->compacted = r >= 0 && result == REFRESH_OK;
	if (r >= 0)
		return 0;
	/* A damaged image is for the deep check to judge; without its program there is no deep check either. */
	if (r == -ECANCELED)
		return err_set(err, r, "interrupted!");
	night_say(night, REFRESH_EVENT_WARNING, why.message, why.hint);
	return 0;
}

static int prove(struct night *night, struct err *err)
{
	CLEANUP(night_proof_clear) struct night_proof proof = { 0 };
	int r = compact(night, err);

	if (r >= 0)
		r = check(night, err);
	if (r <= 0)
		return r;
	if (!wants_boot(night)) {
		night_say(night, REFRESH_EVENT_NOTE, "not booted: " NO_BOOT, NULL);
		return 0;
	}
	r = night_prove(night, NULL, "tonight's image", &proof, err);
	return r < 0 || proof.verdict == NIGHT_UP ? r : take_back(night, &proof, err);
}

/* -- the night ----------------------------------------------------------------------------------------------------------------------------------- */

/* What has no verdict does not stay. What remains to be done has the limits of its own. */
static int run_out_of_time(struct night *night, struct err *err)
{
	night->summary->result = NIGHT_SPENT;
	night_say(night, REFRESH_EVENT_WARNING, "the night's limit is reached ([nightly] timeout_s)", NULL);
	if (!night->swapped || night->is_good_back || keeps_bad(night) || !has_good(night) || is_proved(night))
		return 0;
	return restore(night, true, err);
}

/* Nobody saw it: what could not even begin is found in the journal, and told like the rest. */
static void record_refusal(struct night *night, const struct err *failure)
{
	struct err err = ERR_INIT;

	if (refresh_run_refused(night->config, "nightly", clock_ms() - night->started_ms, failure, &night->summary->run, &err) < 0)
		night_say(night, REFRESH_EVENT_WARNING, err.message, err.hint);
}

static int carry_out(struct night *night, struct err *err)
{
	bool unproved = false;
	int r = begin(night, &unproved, err);

	if (r >= 0)
		r = check_able(night, err);
	if (r >= 0)
		r = refresh_head(night, err);
	if (r >= 0 && !night->swapped && unproved && !is_proved(night)) {
		night_say(night, REFRESH_EVENT_NOTE, "the last night did not come to its end: its image is proved now", NULL);
		if (night->summary->result == NIGHT_NOTHING)
			night->summary->result = NIGHT_GOOD;
		night->swapped = true;
	}
	if (r >= 0 && night->swapped)
		r = prove(night, err);
	/* What the deadline ends is behind us; it may be reached a moment from now. */
	if (night->session)
		night->session->cancel = night->args->cancel;
	if (r == -ECANCELED && deadline_is_over(&night->deadline) && night->session)
		r = run_out_of_time(night, err);
	return r < 0 ? r : night_find_held(night, err);
}

uint32_t night_limit_s(const struct config *config)
{
	return (uint32_t)config_get_uint(config, "nightly", "timeout_s", 28800);
}

int night_run(const struct config *config, const struct night_args *args, struct night_summary *ret, struct err *err)
{
	CLEANUP(night_clear) struct night night = { .config = config, .args = args, .summary = ret, .started_ms = clock_ms() };
	int r = deadline_start(&night.deadline, args->cancel, (int64_t)night_limit_s(config) * 1000, err);

	if (r >= 0)
		r = carry_out(&night, err);
	/* What was put and not proved is left for the next night to prove. */
	if (r == -ECANCELED || (r == -EBUSY && night.swapped))
		return r;
	if (r < 0 && r != -EBUSY && ret->run == 0)
		record_refusal(&night, err);
	night_finish(&night, r, err);
	return r;
}

/* -- -n ------------------------------------------------------------------------------------------------------------------------------------------ */

static void say_rest(const struct night *night, const struct refresh_plan *plan)
{
	CLEANUP_FREE char *names = strvec_join(&plan->stale, " ");
	struct err err = ERR_INIT;

	/* Then nothing would follow. */
	if (check_able(night, &err) < 0) {
		night_say(night, REFRESH_EVENT_WARNING, err.message, err.hint);
		return;
	}
	if (plan->n_steps + plan->n_removals == 0) {
		night_say(night, REFRESH_EVENT_NOTE, "nothing is stale at HEAD: nothing would be built, checked or booted", NULL);
		return;
	}
	night_sayf(night, REFRESH_EVENT_NOTE, "stale at HEAD: %s", plan->stale.n > 0 ? names : "assets alone");
	night_sayf(night, REFRESH_EVENT_NOTE, "then a deep check, %s, and the report in %s",
		   wants_boot(night) ? "a boot, and if that fails the search for the culprit" : "no boot (" NO_BOOT ")",
		   config_get(night->config, "nightly", "report"));
}

int night_preview(const struct config *config, const struct night_args *args, struct err *err)
{
	struct night_summary summary = { 0 };
	CLEANUP(night_clear) struct night night = { .config = config, .args = args, .summary = &summary };
	CLEANUP(watcher_look_freep) struct watcher_look *head = NULL, *look = NULL;
	CLEANUP(refresh_plan_clear) struct refresh_plan plan = { 0 };
	CLEANUP(strvec_clear) struct strvec revs = { 0 };
	struct refresh_session_args session_args = { .read_only = true };
	struct refresh_args refresh_args = { .look = &head, .on_event = args->on_event, .data = args->data };
	int r = refresh_session_open(config, &session_args, args->cancel, &night.session, NULL, err);

	strvec_add(&revs, "HEAD");
	if (r >= 0)
		r = refresh_session_look_at(night.session, &revs, &head, err);
	if (r >= 0)
		r = refresh_preview(night.session, &refresh_args, &look, &plan, err);
	if (r >= 0)
		say_rest(&night, &plan);
	return r;
}
