#include "cli/runs.h"

#include "cli/json.h"

#include <string.h>

static json_t *words(const char *text)
{
	json_t *array = json_array();

	while (text && *text) {
		size_t n = strcspn(text, " ");

		if (n > 0)
			json_array_append_new(array, json_stringn(text, n));
		text += n;
		text += strspn(text, " ");
	}
	return array;
}

/* 'base=1234...' in the journal; the IDs alone here. */
static json_t *commit_ids(const char *text)
{
	json_t *array = json_array();

	while (text && *text) {
		size_t n = strcspn(text, " ");
		const char *equals = memchr(text, '=', n);

		if (equals && equals + 1 < text + n)
			json_array_append_new(array, json_stringn(equals + 1, (size_t)(text + n - equals - 1)));
		text += n;
		text += strspn(text, " ");
	}
	return array;
}

json_t *cli_run_json(const struct journal_run *run)
{
	return json_pack("{s:I, s:s, s:o, s:I, s:s, s:o, s:o, s:o, s:o}", "run", (json_int_t)run->id, "verb", run->verb, "started",
			 cli_json_time(run->started), "ms", (json_int_t)run->ms, "result", journal_result_name(run->result), "packages",
			 words(run->packages), "commits", commit_ids(run->commits), "error", cli_json_string(run->error), "image",
			 cli_json_string(run->image));
}
