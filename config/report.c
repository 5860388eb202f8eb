#include "config/report.h"

#include <string.h>

static size_t file_index(struct config_report *report, const char *file)
{
	for (size_t i = 0; i < report->files.n; i++)
		if (strcmp(report->files.v[i], file) == 0)
			return i;
	strvec_add(&report->files, file);
	return report->files.n - 1;
}

void config_report_add(struct config_report *report, enum config_severity severity, const char *file, unsigned int line, const char *format, ...)
{
	struct config_note *note;
	char *text = NULL;
	va_list args;

	grow_array(&report->notes, &report->cap_notes, report->n_notes, sizeof(*report->notes));
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL; /* the place is told all the same */
	va_end(args);
	note = &report->notes[report->n_notes];
	*note = (struct config_note){ .severity = severity, .line = line, .number = report->n_notes, .text = text };
	note->file = file_index(report, file);
	report->n_notes++;
	if (severity == CONFIG_ERROR)
		report->n_errors++;
}

static int compare_notes(const void *a, const void *b)
{
	const struct config_note *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

void config_report_end(struct config_report *report, struct config_problems *problems)
{
	if (report->n_notes > 0)
		qsort(report->notes, report->n_notes, sizeof(*report->notes), compare_notes);
	for (size_t i = 0; i < report->n_notes; i++) {
		const struct config_note *note = &report->notes[i];
		struct strvec *to = note->severity == CONFIG_ERROR ? &problems->errors : &problems->warnings;
		const char *file = report->files.v[note->file];

		if (note->line > 0)
			strvec_addf(to, "%s:%u: %s", file, note->line, note->text ? note->text : "");
		else
			strvec_addf(to, "%s: %s", file, note->text ? note->text : "");
	}
}

void config_report_clear(struct config_report *report)
{
	for (size_t i = 0; i < report->n_notes; i++)
		free(report->notes[i].text);
	free(report->notes);
	strvec_clear(&report->files);
	*report = (struct config_report){ 0 };
}
