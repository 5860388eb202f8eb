#include "night/internal.h"

#include "base/clock.h"
#include "base/fs.h"
#include "journal/nights.h"
#include "refresh/notify.h"
#include "report/report.h"

#include <errno.h>
#include <string.h>

/* What is left of a night in the morning: a sentence, a record, a row, a page, and somebody who was told. */

static const char *const result_names[] = {
	[NIGHT_NOTHING] = "nothing", [NIGHT_GOOD] = "good",   [NIGHT_FAILED] = "failed", [NIGHT_CULPRITS] = "culprits",
	[NIGHT_BAD] = "bad",         [NIGHT_FLAKY] = "flaky", [NIGHT_SPENT] = "spent",   [NIGHT_HOST] = "host",
};

const char *night_result_name(enum night_result result)
{
	return result_names[result];
}

void night_summary_drop_culprits(struct night_summary *summary)
{
	for (size_t i = 0; i < summary->n_culprits; i++) {
		strvec_clear(&summary->culprits[i].subjects);
		strvec_clear(&summary->culprits[i].commits);
		strvec_clear(&summary->culprits[i].last_lines);
		free(summary->culprits[i].line);
		free(summary->culprits[i].log);
	}
	summary->n_culprits = 0;
}

void night_summary_clear(struct night_summary *summary)
{
	night_summary_drop_culprits(summary);
	free(summary->culprits);
	free(summary->text);
	strvec_clear(&summary->kept);
	strvec_clear(&summary->held);
	*summary = (struct night_summary){ 0 };
}

char *night_commits(const struct night *night)
{
	const struct config *config = night->session->config;
	struct str text = { 0 };

	for (size_t i = 0; i < config->n_sources; i++)
		str_printf(&text, "%s%s=%s", i ? " " : "", config->sources[i].name, config->sources[i].commit);
	return str_take(&text);
}

static const char *short_name(const char *subject)
{
	const char *blank = strchr(subject, ' ');

	return blank ? blank + 1 : subject;
}

static void add_names(const struct strvec *subjects, struct strvec *ret)
{
	for (size_t i = 0; i < subjects->n; i++)
		strvec_add(ret, short_name(subjects->v[i]));
}

char *night_names(const struct strvec *subjects)
{
	CLEANUP(strvec_clear) struct strvec names = { 0 };

	add_names(subjects, &names);
	return strvec_join(&names, " ");
}

/* -- for a program -------------------------------------------------------------------------------------------------------------------------------- */

/* Bytes that are no text, as a console may say them, come out escaped. */
static json_t *text_json(const char *text)
{
	CLEANUP_FREE char *visible = NULL;
	json_t *string = text ? json_string(text) : json_null();

	if (string)
		return string;
	visible = str_visible(text);
	return json_string(visible);
}

static json_t *texts(const struct strvec *vec)
{
	json_t *array = json_array();

	for (size_t i = 0; i < vec->n; i++)
		json_array_append_new(array, text_json(vec->v[i]));
	return array;
}

static json_t *names_json(const struct strvec *subjects)
{
	CLEANUP(strvec_clear) struct strvec names = { 0 };

	add_names(subjects, &names);
	return texts(&names);
}

static json_t *culprits_json(const struct night_summary *summary)
{
	json_t *array = json_array();

	for (size_t i = 0; i < summary->n_culprits; i++) {
		const struct night_culprit *culprit = &summary->culprits[i];

		json_array_append_new(array, json_pack("{s:o, s:o, s:o, s:o, s:o}", "packages", names_json(&culprit->subjects), "commits",
						       texts(&culprit->commits), "line", text_json(culprit->line), "log", text_json(culprit->log),
						       "last_lines", texts(&culprit->last_lines)));
	}
	return array;
}

static json_t *run_json(int64_t run)
{
	return run > 0 ? json_integer(run) : json_null();
}

json_t *night_summary_json(const struct night_summary *summary)
{
	return json_pack("{s:s, s:s, s:o, s:I, s:o, s:o, s:I, s:I, s:I, s:b, s:o, s:o, s:o}", "event", "night", "result",
			 night_result_name(summary->result), "text", text_json(summary->text), "night", (json_int_t)summary->id, "run",
			 run_json(summary->run), "kept_run", run_json(summary->kept_run), "ms", (json_int_t)summary->ms, "boots",
			 (json_int_t)summary->boots, "trials", (json_int_t)summary->trials, "compacted", summary->compacted, "culprits",
			 culprits_json(summary), "kept", texts(&summary->kept), "held", texts(&summary->held));
}

/* -- for a person --------------------------------------------------------------------------------------------------------------------------------- */

static void add_culprits(const struct night_summary *summary, struct str *text)
{
	for (size_t i = 0; i < summary->n_culprits; i++) {
		CLEANUP_FREE char *names = night_names(&summary->culprits[i].subjects);

		str_printf(text, "%s%s", i ? ", " : "", names);
	}
}

static char *describe(const struct night_summary *summary)
{
	CLEANUP_FREE char *kept = strvec_join(&summary->kept, " "), *held = strvec_join(&summary->held, " ");
	struct str text = { 0 };

	switch (summary->result) {
	case NIGHT_NOTHING:
		str_add(&text, "nothing was stale");
		break;
	case NIGHT_GOOD:
		str_printf(&text, "tonight's image is whole%s", summary->boots > 0 ? " and boots" : "");
		break;
	case NIGHT_FAILED:
		str_printf(&text, "not everything was built; the image with what was is whole%s", summary->boots > 0 ? " and boots" : "");
		break;
	case NIGHT_CULPRITS:
		str_add(&text, "the image does not boot with ");
		add_culprits(summary, &text);
		str_printf(&text, ", and is without %s; kept: %s", summary->n_culprits > 1 ? "them" : "it", summary->kept.n > 0 ? kept : "nothing else was new");
		break;
	case NIGHT_BAD:
		str_add(&text, "tonight's image is no good, and nobody could be named");
		break;
	case NIGHT_FLAKY:
		str_add(&text, "it does not boot each time, or not for the same reason: no package is blamed, and nothing is held");
		break;
	case NIGHT_SPENT:
		str_add(&text, "max_boots or timeout_s came before a verdict on all of it");
		if (summary->n_culprits > 0)
			str_add(&text, "; named so far: ");
		add_culprits(summary, &text);
		break;
	case NIGHT_HOST:
		str_add(&text, "no machine comes to life, or the good image boots no more: it is the host or the guest, and no package");
		break;
	}
	if (summary->held.n > 0)
		str_printf(&text, "; held from before: %s", held);
	return str_take(&text);
}

/* -- what is held --------------------------------------------------------------------------------------------------------------------------------- */

static bool is_culprit(const struct night_summary *summary, const char *subject)
{
	for (size_t i = 0; i < summary->n_culprits; i++)
		if (strvec_has(&summary->culprits[i].subjects, subject))
			return true;
	return false;
}

int night_find_held(struct night *night, struct err *err)
{
	CLEANUP(watcher_look_freep) struct watcher_look *look = NULL;
	CLEANUP(refresh_records_clear) struct refresh_records records = { 0 };
	struct journal_image now = refresh_journal_image(&night->session->identity);
	int r = refresh_records_load(night->session->journal, night->config->image.path, &now, &records, err);
	bool any = false;

	for (size_t i = 0; r >= 0 && i < records.n; i++)
		any = any || str_eq(records.v[i].state, "held");
	if (r >= 0 && any)
		r = refresh_session_look(night->session, &look, err);
	for (size_t i = 0; r >= 0 && look && i < records.n; i++)
		for (size_t k = 0; str_eq(records.v[i].state, "held") && k < look->n_subjects; k++)
			if (str_eq(look->subjects[k].name, records.v[i].subject) && str_eq(look->subjects[k].fingerprint, records.v[i].fingerprint) &&
			    !is_culprit(night->summary, records.v[i].subject))
				strvec_add(&night->summary->held, short_name(records.v[i].subject));
	return r < 0 ? r : 0;
}

/* -- the end ---------------------------------------------------------------------------------------------------------------------------------------- */

static const char *fingerprint_now(struct night *night, const char *subject, struct refresh_records *records)
{
	for (size_t i = 0; i < records->n; i++)
		if (str_eq(records->v[i].subject, subject) && str_eq(records->v[i].state, "held") &&
		    (records->v[i].run == night->summary->kept_run || records->v[i].run == night->summary->run))
			return records->v[i].fingerprint;
	return NULL;
}

static size_t collect_culprits(struct night *night, struct refresh_records *records, struct strvec *commits, struct journal_culprit *ret)
{
	const struct night_summary *summary = night->summary;
	size_t n = 0;

	for (size_t i = 0; i < summary->n_culprits; i++) {
		const struct night_culprit *culprit = &summary->culprits[i];

		strvec_take(commits, strvec_join(&culprit->commits, "\n"));
		for (size_t k = 0; k < culprit->subjects.n; k++)
			ret[n++] = (struct journal_culprit){
				.night = summary->id,
				.subject = culprit->subjects.v[k],
				.fingerprint = fingerprint_now(night, culprit->subjects.v[k], records),
				.commits = commits->v[commits->n - 1],
				.line = culprit->line,
				.log = culprit->log,
			};
	}
	return n;
}

static int write_row(struct night *night, const char *result, const char *text, struct err *err)
{
	const struct night_summary *summary = night->summary;
	CLEANUP(refresh_records_clear) struct refresh_records records = { 0 };
	CLEANUP(strvec_clear) struct strvec commits = { 0 };
	struct journal_image now = refresh_journal_image(&night->session->identity);
	json_t *object = night_summary_json(summary);
	CLEANUP_FREE char *record = json_dumps(object, JSON_COMPACT);
	CLEANUP_FREE struct journal_culprit *culprits = NULL;
	struct journal_night row = {
		.id = summary->id,
		.ms = summary->ms,
		.result = result,
		.run = summary->run,
		.boots = summary->boots,
		.trials = summary->trials,
		.summary = text,
		.record = record,
	};
	size_t n = 1;
	int r = refresh_records_load(night->session->journal, night->config->image.path, &now, &records, err);

	json_decref(object);
	for (size_t i = 0; i < summary->n_culprits; i++)
		n += summary->culprits[i].subjects.n;
	culprits = xcalloc(n, sizeof(*culprits));
	n = r < 0 ? 0 : collect_culprits(night, &records, &commits, culprits);
	return r < 0 ? r : journal_night_end(night->session->journal, &row, culprits, n, err);
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
		night_say(night, REFRESH_EVENT_WARNING, err.message, err.hint);
}

static const char *row_result(const struct night *night, int r)
{
	if (r == -EBUSY)
		return "busy";
	return r < 0 ? "error" : night_result_name(night->summary->result);
}

static void tell_failure(const struct night *night)
{
	struct refresh_notify notify = {
		.session = night->session,
		.section = "nightly",
		.key = "on_failure",
		.run = night->summary->run,
		.result = "failed",
		.on_event = night->args->on_event,
		.data = night->args->data,
	};
	struct err err = ERR_INIT;

	if (refresh_notify_run(&notify, &err) < 0)
		night_say(night, REFRESH_EVENT_WARNING, err.message, err.hint);
}

void night_finish(struct night *night, int r, const struct err *failure)
{
	struct night_summary *summary = night->summary;
	struct err err = ERR_INIT;

	summary->ms = clock_ms() - night->started_ms;
	summary->text = describe(summary);
	if (!night->session)
		return;
	if (summary->id > 0 && write_row(night, row_result(night, r), r < 0 ? failure->message : summary->text, &err) < 0)
		night_say(night, REFRESH_EVENT_WARNING, err.message, err.hint);
	if (r == -EBUSY)
		return;
	write_report(night);
	if (r < 0 || (summary->result != NIGHT_GOOD && summary->result != NIGHT_NOTHING))
		tell_failure(night);
}
