#include "cli/boots.h"

#include "base/log.h"

/* More is in the log. */
enum { SHOWN_LINES = 8 };

static json_t *checks_json(const struct boot_verdict *verdict)
{
	json_t *array = json_array();

	for (size_t i = 0; i < verdict->n_checks; i++) {
		const struct boot_check *check = &verdict->checks[i];

		json_array_append_new(array, json_pack("{s:o, s:s, s:b, s:o, s:I}", "name", cli_json_string(check->name), "result",
						       boot_check_result_name(check->result), "required", (int)check->required, "line",
						       cli_json_string(check->line), "ms", (json_int_t)check->ms));
	}
	return array;
}

static json_t *numbers_json(const struct boot_verdict *verdict)
{
	json_t *object = json_object();

	for (size_t i = 0; i < verdict->n_numbers; i++) {
		json_t *name = cli_json_string(verdict->numbers[i].name);

		json_object_set_new_nocheck(object, json_string_value(name), json_real(verdict->numbers[i].value));
		json_decref(name);
	}
	return object;
}

json_t *cli_boot_json(const struct boot_verdict *verdict)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "event", "boot", "result", boot_result_name(verdict->result),
			 "ms", (json_int_t)verdict->ms, "boot", (json_int_t)verdict->id, "run",
			 verdict->run > 0 ? json_integer(verdict->run) : json_null(), "error", cli_json_string(verdict->reason), "line",
			 cli_json_string(verdict->failure_line), "log", cli_json_string(verdict->log), "checks", checks_json(verdict), "numbers",
			 numbers_json(verdict), "running", (int)verdict->running);
}

static void tell_checks(const struct boot_verdict *verdict)
{
	for (size_t i = 0; i < verdict->n_checks; i++) {
		const struct boot_check *check = &verdict->checks[i];

		if (check->result == BOOT_CHECK_OK)
			log_info("  check %s: %s", check->name, check->line);
		else if (check->result == BOOT_CHECK_FAILED)
			log_warning("check %s failed%s", check->name, check->required ? "" : " (only reported)");
		else
			log_info("  check %s: skipped", check->name);
	}
}

void cli_boot_tell(const struct boot_verdict *verdict)
{
	CLEANUP_FREE char *text = boot_say(verdict);
	size_t n = verdict->last_lines.n;

	if (verdict->result == BOOT_UP)
		log_info("boot %lld: %s", (long long)verdict->id, text);
	else
		log_error("boot %lld: %s", (long long)verdict->id, text);
	tell_checks(verdict);
	for (size_t i = 0; i < verdict->n_numbers; i++)
		log_info("  %s: %g", verdict->numbers[i].name, verdict->numbers[i].value);
	if (verdict->result == BOOT_UP)
		return;
	for (size_t i = n > SHOWN_LINES ? n - SHOWN_LINES : 0; i < n; i++)
		log_info("  | %s", verdict->last_lines.v[i]);
	log_info("  the console's log: %s", verdict->log);
}
