/* A night: each step below is one of the others' with its own limits, in an order that leaves the image good at every point where it may end. */
#include "night/night.h"

#include "base/clock.h"
#include "base/fs.h"
#include "image/check.h"
#include "image/good.h"
#include "boot/machine.h"
#include "refresh/isolate.h"
#include "refresh/notify.h"
#include "report/report.h"
#include "refresh/restore.h"

#include <errno.h>
#include <string.h>

struct night {
	const struct config *config;
	const struct night_args *args;
	struct refresh_isolate *isolate; /* owned; outlives the session */
	struct refresh_session *session; /* owned */
	int64_t run;                     /* tonight's, 0 before it */
	bool swapped;
	uint32_t boots;
};

static void night_clear(struct night *night)
{
	refresh_session_free(night->session);
	refresh_isolate_free(night->isolate);
}

static void say(const struct night *night, enum refresh_event_type type, const char *text, const char *hint)
{
	struct refresh_event event = { .type = type, .text = text, .hint = hint };

	night->args->on_event(night->args->data, &event);
}

/* -- what is committed --------------------------------------------------------------------------------------------------------------------------- */

static void on_run_event(void *data, const struct refresh_event *event)
{
	struct night *night = data;

	if (event->run > 0)
		night->run = event->run;
	night->swapped = night->swapped || event->type == REFRESH_EVENT_SWAP;
	night->args->on_event(night->args->data, event);
}

static void say_replaced(const struct night *night)
{
	CLEANUP_FREE char *text = NULL;
	struct err err = ERR_INIT;

	if (refresh_isolate_tell(night->isolate, night->session, &text, &err) < 0)
		say(night, REFRESH_EVENT_WARNING, err.message, err.hint);
	else if (text)
		say(night, REFRESH_EVENT_NOTE, text, NULL);
}

static int refresh_head(struct night *night, enum refresh_result *ret, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec notes = { 0 };
	struct refresh_args args = { .verb = "nightly", .on_event = on_run_event, .data = night };
	int r = refresh_isolate_open(night->config, night->args->cancel, &night->isolate, &night->session, &notes, err);

	for (size_t i = 0; i < notes.n; i++)
		say(night, REFRESH_EVENT_NOTE, notes.v[i], NULL);
	if (r >= 0)
		r = refresh_run(night->session, &args, ret, err);
	if (r >= 0)
		say_replaced(night);
	return r;
}

/* -- whether it boots ---------------------------------------------------------------------------------------------------------------------------- */

enum boots { BOOTS_UP, BOOTS_BAD, BOOTS_FLAKY, BOOTS_SPENT, BOOTS_HOST };

static int boot_once(struct night *night, struct boot_verdict *ret, struct err *err)
{
	struct boot_args args = { .config = night->config, .stop = true, .unattended = true, .cancel = night->args->cancel };
	int r = boot_run(&args, ret, err);
	struct refresh_event event = {
		.type = REFRESH_EVENT_BOOT, .run = ret->run, .result = boot_result_name(ret->result), .ms = ret->ms, .boot = ret
	};

	night->boots++;
	if (r < 0)
		return r;
	night->args->on_event(night->args->data, &event);
	for (size_t i = 0; i < ret->notes.n; i++)
		say(night, REFRESH_EVENT_WARNING, ret->notes.v[i], NULL);
	return 0;
}

/* A verdict can be believed when it comes again: the same result, at the same line. */
static int boot(struct night *night, enum boots *ret, struct err *err)
{
	uint32_t attempts = (uint32_t)config_get_uint(night->config, "nightly", "attempts", 3);
	uint32_t most = (uint32_t)config_get_uint(night->config, "nightly", "max_boots", 40);
	CLEANUP_FREE char *first = NULL;

	for (uint32_t i = 0; i < attempts; i++) {
		CLEANUP(boot_verdict_clear) struct boot_verdict verdict = { 0 };
		CLEANUP_FREE char *line = NULL;
		int r;

		if (night->boots >= most) {
			*ret = BOOTS_SPENT;
			return 0;
		}
		r = boot_once(night, &verdict, err);
		if (r < 0)
			return r;
		*ret = verdict.result == BOOT_UP ? BOOTS_UP : verdict.never_started ? BOOTS_HOST : BOOTS_BAD;
		if (*ret != BOOTS_BAD)
			return 0;
		line = xasprintf("%s: %s", boot_result_name(verdict.result), verdict.failure_line ? verdict.failure_line : "");
		if (first && strcmp(first, line) != 0) {
			*ret = BOOTS_FLAKY;
			return 0;
		}
		if (!first)
			first = TAKE_PTR(line);
	}
	return 0;
}

/* -- what becomes of a bad image ----------------------------------------------------------------------------------------------------------------- */

static int restore(struct night *night, bool good, struct err *err)
{
	struct refresh_args args = { .verb = REFRESH_RESTORE_VERB, .on_event = night->args->on_event, .data = night->args->data };
	enum refresh_result result = REFRESH_NOTHING;

	return refresh_restore(night->session, good, &args, &result, err);
}

static bool has_good(const struct night *night)
{
	CLEANUP_FREE char *good = NULL;

	return image_good_path(night->config->image.path, &good, NULL) >= 0 && fs_exists(good);
}

/* The control: an image that has booted before must boot now, or the fault is not tonight's packages'. */
static int boot_good(struct night *night, enum night_result *ret, struct err *err)
{
	enum boots boots = BOOTS_UP;
	int r = boot(night, &boots, err);

	if (r < 0)
		return r;
	if (boots == BOOTS_UP) {
		*ret = NIGHT_BAD;
		say(night, REFRESH_EVENT_NOTE, "the last image that has booted is back, and boots; what was new is held until it changes or is built by name",
		    NULL);
		return 0;
	}
	*ret = NIGHT_HOST;
	say(night, REFRESH_EVENT_WARNING,
	    "the last image that has booted does not boot either: it is the host or the guest, and no package; tonight's image is put back",
	    "`reinject boot` shows the console");
	return restore(night, false, err);
}

static int take_back(struct night *night, enum night_result *ret, struct err *err)
{
	int r;

	*ret = NIGHT_BAD;
	if (str_eq(config_get(night->config, "nightly", "on_boot_failure"), "keep"))
		return 0;
	if (!has_good(night)) {
		say(night, REFRESH_EVENT_WARNING, "no image has booted before that could be put back: tonight's stays",
		    "`reinject rollback --image` takes the one before it");
		return 0;
	}
	r = restore(night, true, err);
	return r < 0 ? r : boot_good(night, ret, err);
}

/* -- the night ----------------------------------------------------------------------------------------------------------------------------------- */

static bool wants_boot(const struct night *night)
{
	return config_get_uint(night->config, "nightly", "boot", 1) != 0 && config_get(night->config, "boot", "command");
}

static int check(struct night *night, enum night_result *ret, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec facts = { 0 };
	int r = image_check_run(&night->config->image, NULL, true, night->args->cancel, &facts, err);

	if (r != -EUCLEAN)
		return r;
	say(night, REFRESH_EVENT_WARNING, err->message, err->hint);
	return take_back(night, ret, err);
}

/* Neither good nor bad. */
static const char *doubt(enum boots boots)
{
	switch (boots) {
	case BOOTS_HOST:
		return "no machine came to life: it is the host, and nothing is known of the image";
	case BOOTS_SPENT:
		return "max_boots are spent before the verdict is certain: no package is blamed, and tonight's image stays";
	default:
		return "the boots failed for other reasons each time: no package is blamed, and tonight's image stays";
	}
}

static int prove(struct night *night, enum night_result *ret, struct err *err)
{
	enum boots boots = BOOTS_UP;
	int r = check(night, ret, err);

	if (r < 0 || *ret == NIGHT_BAD || *ret == NIGHT_HOST || !wants_boot(night))
		return r;
	r = boot(night, &boots, err);
	if (r < 0 || boots == BOOTS_UP)
		return r;
	if (boots == BOOTS_BAD)
		return take_back(night, ret, err);
	*ret = boots == BOOTS_HOST ? NIGHT_HOST : NIGHT_FLAKY;
	say(night, REFRESH_EVENT_WARNING, doubt(boots), "`reinject boot` shows the console");
	return 0;
}

/* A night without its report is no worse. */
static void write_report(const struct night *night)
{
	CLEANUP(report_clear) struct report report = { 0 };
	CLEANUP(str_clear) struct str html = { 0 };
	CLEANUP_FREE char *path = fs_absolute(night->config->dir, config_get(night->config, "nightly", "report"));
	CLEANUP_FREE char *dir = fs_dirname(path);
	struct err err = ERR_INIT;
	int r = report_collect(night->config, night->session->journal, 0, &report, &err);

	if (r >= 0)
		r = fs_make_dirs(dir, 0755, &err);
	if (r >= 0) {
		report_render(&report, dir, &html);
		r = fs_write_for_owner(path, html.buf, html.len, 0644, &err);
	}
	if (r < 0)
		say(night, REFRESH_EVENT_WARNING, err.message, err.hint);
}

static void tell_failure(const struct night *night)
{
	struct refresh_notify notify = {
		.session = night->session,
		.section = "nightly",
		.key = "on_failure",
		.run = night->run,
		.result = "failed",
		.on_event = night->args->on_event,
		.data = night->args->data,
	};
	struct err err = ERR_INIT;

	if (refresh_notify_run(&notify, &err) < 0)
		say(night, REFRESH_EVENT_WARNING, err.message, err.hint);
}

/* Nobody saw it: what could not even begin is found in the journal, and told like the rest. */
static void record_refusal(struct night *night, int64_t started_ms, const struct err *failure)
{
	struct err err = ERR_INIT;

	if (refresh_run_refused(night->config, "nightly", clock_ms() - started_ms, failure, &night->run, &err) < 0)
		say(night, REFRESH_EVENT_WARNING, err.message, err.hint);
}

int night_run(const struct config *config, const struct night_args *args, enum night_result *ret, struct err *err)
{
	CLEANUP(night_clear) struct night night = { .config = config, .args = args };
	enum refresh_result result = REFRESH_NOTHING;
	int64_t started_ms = clock_ms();
	int r = refresh_head(&night, &result, err);

	*ret = result == REFRESH_NOTHING ? NIGHT_NOTHING : result == REFRESH_OK ? NIGHT_GOOD : NIGHT_FAILED;
	if (r >= 0 && night.swapped)
		r = prove(&night, ret, err);
	if (r == -ECANCELED || r == -EBUSY || (r >= 0 && *ret == NIGHT_NOTHING))
		return r;
	if (r < 0 && night.run == 0)
		record_refusal(&night, started_ms, err);
	if (!night.session)
		return r;
	write_report(&night);
	if (r < 0 || *ret != NIGHT_GOOD)
		tell_failure(&night);
	return r;
}

/* -- -n ------------------------------------------------------------------------------------------------------------------------------------------ */

static void say_rest(const struct night *night, const struct refresh_plan *plan)
{
	CLEANUP_FREE char *names = strvec_join(&plan->stale, " ");
	CLEANUP_FREE char *first = xasprintf("stale at HEAD: %s", plan->stale.n > 0 ? names : "assets alone");
	CLEANUP_FREE char *rest = xasprintf("then a deep check, %s, and the report in %s", wants_boot(night) ? "a boot" : "no boot ([boot] command)",
					    config_get(night->config, "nightly", "report"));

	if (plan->n_steps + plan->n_removals == 0) {
		say(night, REFRESH_EVENT_NOTE, "nothing is stale at HEAD: nothing would be built, checked or booted", NULL);
		return;
	}
	say(night, REFRESH_EVENT_NOTE, first, NULL);
	say(night, REFRESH_EVENT_NOTE, rest, NULL);
}

int night_preview(const struct config *config, const struct night_args *args, struct err *err)
{
	CLEANUP(night_clear) struct night night = { .config = config, .args = args };
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
