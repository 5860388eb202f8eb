#include "night/internal.h"

#include <string.h>

/* From boots, each of which may be a whim, to a verdict that can be believed. */

struct failures {
	struct strvec lines; /* owned: of each failed boot of this image */
	bool all_dead;
};

void night_proof_clear(struct night_proof *proof)
{
	free(proof->line);
	free(proof->log);
	strvec_clear(&proof->last_lines);
	*proof = (struct night_proof){ 0 };
}

static int boot_once(struct night *night, const char *image, struct boot_verdict *ret, struct err *err)
{
	struct boot_args args = {
		.config = night->config, .image = image, .stop = true, .unattended = true, .cancel = night->session->cancel
	};
	int r = boot_run(&args, ret, err);
	struct refresh_event event = { .type = REFRESH_EVENT_BOOT, .boot = ret };

	night->summary->boots++;
	if (r < 0)
		return r;
	event.run = ret->run;
	event.result = boot_result_name(ret->result);
	event.ms = ret->ms;
	night->args->on_event(night->args->data, &event);
	for (size_t i = 0; i < ret->notes.n; i++)
		night_say(night, REFRESH_EVENT_WARNING, ret->notes.v[i], NULL);
	return 0;
}

static void take_failure(const struct boot_verdict *verdict, struct failures *failures, struct night_proof *ret)
{
	CLEANUP_FREE char *line = xasprintf("%s: %s", boot_result_name(verdict->result), verdict->failure_line ? verdict->failure_line : "");

	strvec_add(&failures->lines, line);
	failures->all_dead = failures->all_dead && verdict->never_started;
	night_proof_clear(ret);
	ret->line = xstrdup(verdict->failure_line ? verdict->failure_line : verdict->reason ? verdict->reason : boot_result_name(verdict->result));
	ret->log = verdict->log ? xstrdup(verdict->log) : NULL;
	strvec_copy(&ret->last_lines, &verdict->last_lines);
}

static bool is_one_line(const struct failures *failures)
{
	for (size_t i = 1; i < failures->lines.n; i++)
		if (strcmp(failures->lines.v[i], failures->lines.v[0]) != 0)
			return false;
	return true;
}

/* An image that came up as well is no proof against one that stopped at the same line. */
static enum night_verdict judge(const struct night *night, const struct failures *failures)
{
	if (failures->all_dead)
		return NIGHT_DEAD;
	return is_one_line(failures) && !strvec_has(&night->seen, failures->lines.v[0]) ? NIGHT_DOWN : NIGHT_UNCERTAIN;
}

static const char *verdict_text(enum night_verdict verdict)
{
	static const char *const texts[] = {
		[NIGHT_UP] = "boots",
		[NIGHT_DOWN] = "does not boot",
		[NIGHT_DEAD] = "no machine came to life",
		[NIGHT_UNCERTAIN] = "does not boot each time, or not for the same reason",
		[NIGHT_TOO_MANY] = "max_boots are spent",
	};

	return texts[verdict];
}

static int boot_until_sure(struct night *night, const char *image, struct failures *failures, struct night_proof *ret, struct err *err)
{
	uint32_t attempts = (uint32_t)config_get_uint(night->config, "nightly", "attempts", 3);
	uint32_t most = (uint32_t)config_get_uint(night->config, "nightly", "max_boots", 40);

	while (failures->lines.n < attempts && is_one_line(failures)) {
		CLEANUP(boot_verdict_clear) struct boot_verdict verdict = { 0 };
		int r = 0;

		if (night->summary->boots >= most) {
			ret->verdict = NIGHT_TOO_MANY;
			return 0;
		}
		r = boot_once(night, image, &verdict, err);
		if (r < 0)
			return r;
		if (verdict.result == BOOT_UP) {
			strvec_copy(&night->seen, &failures->lines);
			ret->verdict = NIGHT_UP;
			return 0;
		}
		take_failure(&verdict, failures, ret);
	}
	ret->verdict = judge(night, failures);
	return 0;
}

int night_prove(struct night *night, const char *image, const char *name, struct night_proof *ret, struct err *err)
{
	struct failures failures = { .all_dead = true };
	int r;

	night->summary->trials++;
	r = boot_until_sure(night, image, &failures, ret, err);
	strvec_clear(&failures.lines);
	if (r >= 0)
		night_sayf(night, REFRESH_EVENT_NOTE, "trial %u: %s: %s%s%s", night->summary->trials, name, verdict_text(ret->verdict),
			   ret->verdict != NIGHT_UP && ret->line ? ": " : "", ret->verdict != NIGHT_UP && ret->line ? ret->line : "");
	return r;
}

bool night_verdict_decides(enum night_verdict verdict, enum night_verdict whole)
{
	return verdict == NIGHT_UP || verdict == NIGHT_DOWN || (verdict == NIGHT_DEAD && whole == NIGHT_DEAD);
}

enum night_result night_result_of(enum night_verdict verdict)
{
	switch (verdict) {
	case NIGHT_DEAD:
		return NIGHT_HOST;
	case NIGHT_UNCERTAIN:
		return NIGHT_FLAKY;
	case NIGHT_TOO_MANY:
		return NIGHT_SPENT;
	default:
		return NIGHT_BAD;
	}
}
