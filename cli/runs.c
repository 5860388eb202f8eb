#include "cli/runs.h"

#include "cli/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

json_t *cli_run_words_json(const char *words)
{
	CLEANUP(strvec_clear) struct strvec list = { 0 };

	for (; words && *words; words += strcspn(words, " "), words += strspn(words, " "))
		strvec_add_n(&list, words, strcspn(words, " "));
	return cli_json_strings(&list);
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
			 cli_run_words_json(run->packages), "commits", commit_ids(run->commits), "error", cli_json_string(run->error), "image",
			 cli_json_string(run->image));
}

int64_t cli_run_number(const char *word)
{
	long long number;
	char *end;

	errno = 0;
	number = strtoll(word, &end, 10);
	return *word >= '0' && *word <= '9' && !*end && !errno ? number : 0;
}

int cli_run_operand(const struct cli_verb *verb, const char *word, int64_t *ret, struct err *err)
{
	int64_t number = cli_run_number(word);

	if (number < 1)
		return cli_usage_error(verb, err, "'%s' is no run's number", word);
	*ret = number;
	return 0;
}
