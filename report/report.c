#include "report/report.h"

#include "base/clock.h"
#include "journal/boots.h"
#include "journal/nights.h"
#include "report/html.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LAST_LINES = 20, TAIL = 16 << 10, MAX_BOOTS = 200, MAX_NIGHTS = 60 };

/* From the journal's rows to what the page shows. */

void report_clear(struct report *report)
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
	for (size_t i = 0; i < report->n_numbers; i++)
		free(report->numbers[i].name);
	for (size_t i = 0; i < report->n_nights; i++) {
		free(report->nights[i].result);
		free(report->nights[i].summary);
	}
	for (size_t i = 0; i < report->n_held; i++) {
		free(report->held[i].name);
		free(report->held[i].commits);
		free(report->held[i].line);
		free(report->held[i].log);
	}
	free(report->nights);
	free(report->held);
	free(report->numbers);
	free(report->runs);
	free(report->steps);
	free(report->boots);
	free(report->spaces);
	free(report->project);
	free(report->image);
	free(report->state);
	*report = (struct report){ 0 };
}

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

const char *report_result(enum journal_result result)
{
	return result == JOURNAL_PENDING ? "running" : journal_result_name(result);
}

const char *report_verdict(const struct report_boot *boot)
{
	if (str_eq(boot->result, "up"))
		return "ok";
	if (str_eq(boot->result, "pending"))
		return "running";
	return str_eq(boot->result, "cancelled") ? "cancelled" : "failed";
}

/* What cargo called fresh took no time worth a bar; what was interrupted says nothing of the package. */
bool report_is_build(const struct report_step *step)
{
	return str_eq(step->kind, "build") && step->subject && !str_eq(step->detail, "fresh") &&
	       (step->result == JOURNAL_OK || step->result == JOURNAL_FAILED);
}

static int compare_numbers(const void *a, const void *b)
{
	int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;

	return first < second ? -1 : first > second;
}

int64_t report_median(int64_t *numbers, size_t n)
{
	qsort(numbers, n, sizeof(*numbers), compare_numbers);
	return n > 0 ? numbers[(n - 1) / 2] : 0;
}

static int add_run(void *data, const struct journal_run *run)
{
	struct report *report = data;

	grow_array(&report->runs, &report->runs_cap, report->n_runs, sizeof(*report->runs));
	report->runs[report->n_runs++] = (struct report_run){
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
	struct report *report;
	int64_t run;
};

static int add_step(void *data, const struct journal_step *step)
{
	struct collecting *collecting = data;
	struct report *report = collecting->report;

	if (strcmp(step->kind, "build") != 0 && step->result != JOURNAL_FAILED)
		return 0;
	grow_array(&report->steps, &report->steps_cap, report->n_steps, sizeof(*report->steps));
	report->steps[report->n_steps++] = (struct report_step){
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
	struct report *report = data;

	if (report->n_runs == 0 || space->run < report->runs[report->n_runs - 1].id)
		return 0;
	grow_array(&report->spaces, &report->spaces_cap, report->n_spaces, sizeof(*report->spaces));
	report->spaces[report->n_spaces++] = *space;
	return 0;
}

/* What the console said at the end; nothing when its log is gone. */
static void read_last_lines(const char *log, struct strvec *ret)
{
	CLEANUP(strvec_clear) struct strvec lines = { 0 };
	CLEANUP(str_clear) struct str plain = { 0 };
	CLEANUP_CLOSE int fd = open(log, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	CLEANUP_FREE char *text = xcalloc(TAIL + 1, 1);
	struct stat st;
	off_t from;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	from = st.st_size > TAIL ? st.st_size - TAIL : 0;
	n = pread(fd, text, TAIL, from);
	for (ssize_t i = 0; i < n; i++)
		text[i] = text[i] ? text[i] : ' ';
	str_add_without_ansi(&plain, text);
	for (const char *line = str_text(&plain); *line;) {
		size_t end = strcspn(line, "\r\n");

		if (end > 0)
			strvec_add_n(&lines, line, end);
		line += end + (line[end] != '\0');
	}
	for (size_t i = lines.n > LAST_LINES ? lines.n - LAST_LINES : 0; i < lines.n; i++)
		strvec_add(ret, lines.v[i]);
}

static int add_boot(void *data, const struct journal_boot *boot)
{
	struct report *report = data;
	struct report_boot *added;

	grow_array(&report->boots, &report->boots_cap, report->n_boots, sizeof(*report->boots));
	added = &report->boots[report->n_boots++];
	*added = (struct report_boot){
		.id = boot->id,
		.run = boot->run,
		.started = boot->started,
		.ms = boot->ms,
		.result = xstrdup(boot->result),
		.reason = copy(boot->reason),
		.line = copy(boot->line),
		.log = copy(boot->log),
	};
	if (boot->log && str_eq(report_verdict(added), "failed"))
		read_last_lines(boot->log, &added->last_lines);
	return 0;
}

struct numbering {
	struct report *report;
	int64_t boot;
};

static int add_number(void *data, const struct journal_boot_number *number)
{
	struct numbering *numbering = data;
	struct report *report = numbering->report;

	grow_array(&report->numbers, &report->numbers_cap, report->n_numbers, sizeof(*report->numbers));
	report->numbers[report->n_numbers++] = (struct report_number){
		.boot = numbering->boot,
		.value = number->value,
		.name = xstrdup(number->name),
	};
	return 0;
}

static int add_boots(struct report *report, struct journal *journal, struct err *err)
{
	int r = journal_boots(journal, NULL, MAX_BOOTS, add_boot, report, err);

	for (size_t i = report->n_boots; r == 0 && i > 0; i--) {
		struct numbering numbering = { .report = report, .boot = report->boots[i - 1].id };

		r = journal_boot_numbers(journal, numbering.boot, add_number, &numbering, err);
	}
	return r;
}

/* -- nights ---------------------------------------------------------------------------------------------------------------------------------------- */

static int add_night(void *data, const struct journal_night *night)
{
	struct report *report = data;

	grow_array(&report->nights, &report->nights_cap, report->n_nights, sizeof(*report->nights));
	report->nights[report->n_nights++] = (struct report_night){
		.id = night->id,
		.started = night->started,
		.ms = night->ms,
		.run = night->run,
		.boots = night->boots,
		.trials = night->trials,
		.result = xstrdup(night->result),
		.summary = copy(night->summary),
	};
	return 0;
}

struct holding {
	struct report *report;
	struct strvec fingerprints; /* owned; as report->held */
};

static int add_held(void *data, const struct journal_fingerprint *f)
{
	struct holding *holding = data;
	struct report *report = holding->report;
	const char *blank = strchr(f->subject, ' ');

	if (!str_eq(f->state, "held"))
		return 0;
	grow_array(&report->held, &report->held_cap, report->n_held, sizeof(*report->held));
	report->held[report->n_held++] = (struct report_held){ .name = xstrdup(blank ? blank + 1 : f->subject), .run = f->run };
	strvec_add(&holding->fingerprints, f->fingerprint);
	return 0;
}

/* The night that named it is the newest that did, for this very fingerprint. */
static int add_reason(void *data, const struct journal_culprit *culprit)
{
	struct holding *holding = data;

	for (size_t i = 0; i < holding->report->n_held; i++) {
		struct report_held *held = &holding->report->held[i];

		if (held->night > 0 || !str_eq(culprit->fingerprint, holding->fingerprints.v[i]))
			continue;
		held->night = culprit->night;
		held->commits = copy(culprit->commits);
		held->line = copy(culprit->line);
		held->log = copy(culprit->log);
	}
	return 0;
}

static void find_since(struct report *report)
{
	for (size_t i = 0; i < report->n_held; i++)
		for (size_t k = 0; k < report->n_runs; k++)
			if (report->runs[k].id == report->held[i].run)
				report->held[i].since = report->runs[k].started;
}

static int add_nights(struct report *report, struct journal *journal, struct err *err)
{
	struct holding holding = { .report = report };
	int r = journal_nights(journal, report->image, MAX_NIGHTS, add_night, report, err);

	if (r == 0)
		r = journal_fingerprints(journal, report->image, add_held, &holding, err);
	if (r == 0)
		r = journal_culprits(journal, report->image, add_reason, &holding, err);
	strvec_clear(&holding.fingerprints);
	find_since(report);
	return r;
}

int report_collect(const struct config *config, struct journal *journal, unsigned int limit, struct report *ret, struct err *err)
{
	CLEANUP(report_clear)
	struct report report = {
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
	if (journal && r == 0)
		r = add_boots(&report, journal, err);
	if (journal && r == 0 && config->image.path)
		r = add_nights(&report, journal, err);
	if (r < 0)
		return r;
	*ret = report;
	report = (struct report){ 0 };
	return 0;
}
