#include "refresh/report.h"

#include "base/clock.h"
#include "refresh/report_html.h"

#include <string.h>

/* From the journal's rows to what the page shows. */

void refresh_report_clear(struct refresh_report *report)
{
	for (size_t i = 0; i < report->n_runs; i++) {
		free(report->runs[i].verb);
		free(report->runs[i].error);
		free(report->runs[i].packages);
		free(report->runs[i].commits);
	}
	for (size_t i = 0; i < report->n_steps; i++) {
		free(report->steps[i].kind);
		free(report->steps[i].subject);
		free(report->steps[i].detail);
	}
	for (size_t i = 0; i < report->n_boots; i++) {
		free(report->boots[i].result);
		free(report->boots[i].reason);
		free(report->boots[i].line);
		free(report->boots[i].log);
		strvec_clear(&report->boots[i].last_lines);
	}
	free(report->runs);
	free(report->steps);
	free(report->boots);
	free(report->spaces);
	free(report->project);
	free(report->image);
	free(report->state);
	*report = (struct refresh_report){ 0 };
}

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

const char *refresh_report_result(enum journal_result result)
{
	return result == JOURNAL_PENDING ? "running" : journal_result_name(result);
}

const char *refresh_report_verdict(const struct refresh_report_boot *boot)
{
	if (str_eq(boot->result, "up"))
		return "ok";
	if (str_eq(boot->result, "pending"))
		return "running";
	return str_eq(boot->result, "cancelled") ? "cancelled" : "failed";
}

/* What cargo called fresh took no time worth a bar; what was interrupted says nothing of the package. */
bool refresh_report_is_build(const struct refresh_report_step *step)
{
	return str_eq(step->kind, "build") && step->subject && !str_eq(step->detail, "fresh") &&
	       (step->result == JOURNAL_OK || step->result == JOURNAL_FAILED);
}

static int add_run(void *data, const struct journal_run *run)
{
	struct refresh_report *report = data;

	grow_array(&report->runs, &report->runs_cap, report->n_runs, sizeof(*report->runs));
	report->runs[report->n_runs++] = (struct refresh_report_run){
		.id = run->id,
		.started = run->started,
		.ms = run->ms,
		.result = run->result,
		.verb = xstrdup(run->verb),
		.error = copy(run->error),
		.packages = copy(run->packages),
		.commits = copy(run->commits),
	};
	return 0;
}

struct collecting {
	struct refresh_report *report;
	int64_t run;
};

static int add_step(void *data, const struct journal_step *step)
{
	struct collecting *collecting = data;
	struct refresh_report *report = collecting->report;

	if (strcmp(step->kind, "build") != 0 && step->result != JOURNAL_FAILED)
		return 0;
	grow_array(&report->steps, &report->steps_cap, report->n_steps, sizeof(*report->steps));
	report->steps[report->n_steps++] = (struct refresh_report_step){
		.run = collecting->run,
		.ms = step->ms,
		.result = step->result,
		.kind = xstrdup(step->kind),
		.subject = copy(step->subject),
		.detail = copy(step->detail),
	};
	return 0;
}

/* Only of the runs that are shown. */
static int add_space(void *data, const struct journal_space *space)
{
	struct refresh_report *report = data;

	if (report->n_runs == 0 || space->run < report->runs[report->n_runs - 1].id)
		return 0;
	grow_array(&report->spaces, &report->spaces_cap, report->n_spaces, sizeof(*report->spaces));
	report->spaces[report->n_spaces++] = *space;
	return 0;
}

int refresh_report_collect(const struct config *config, struct journal *journal, unsigned int limit, struct refresh_report *ret, struct err *err)
{
	CLEANUP(refresh_report_clear)
	struct refresh_report report = {
		.now = clock_wall_ms(),
		.project = xstrdup(config->dir),
		.image = copy(config->image.path),
		.state = xstrdup(config->state),
	};
	int r = journal ? journal_runs(journal, config->image.path, 0, limit, add_run, &report, err) : 0;

	for (size_t i = report.n_runs; journal && r == 0 && i > 0; i--) {
		struct collecting collecting = { .report = &report, .run = report.runs[i - 1].id };

		r = journal_steps(journal, collecting.run, add_step, &collecting, err);
	}
	if (journal && r == 0 && config->image.path)
		r = journal_spaces(journal, config->image.path, add_space, &report, err);
	if (r < 0)
		return r;
	*ret = report;
	report = (struct refresh_report){ 0 };
	return 0;
}
