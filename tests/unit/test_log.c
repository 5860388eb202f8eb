/* What is logged, as systemd's journal and as a person reads it; and what tells the two apart. */
#include "base/log.h"
#include "base/manager.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct caught {
	FILE *file;
	int before;
};

static struct caught catch_stderr(void)
{
	struct caught caught = { .file = tmpfile(), .before = dup(STDERR_FILENO) };

	assert_non_null(caught.file);
	assert_true(caught.before >= 0);
	assert_true(dup2(fileno(caught.file), STDERR_FILENO) >= 0);
	return caught;
}

static void release(struct caught *caught, char *text, size_t size)
{
	ssize_t n;

	assert_true(dup2(caught->before, STDERR_FILENO) >= 0);
	close(caught->before);
	n = pread(fileno(caught->file), text, size - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	fclose(caught->file);
}

static void one_line_for_each_and_its_level(void **state)
{
	struct caught caught = catch_stderr();
	struct err err = ERR_INIT;
	char text[512];

	(void)state;
	log_set_color(LOG_COLOR_NEVER);
	log_set_level(LOG_DEBUG);
	log_set_levels(true);
	log_set_times(true);
	log_error("no\nerror: room\n");
	log_warning("one");
	log_info("two\033[1m\xc2\x9b\tthree");
	log_debug("four");
	(void)err_set(&err, -1, "five!");
	err_hint(&err, "six\n<3>");
	log_err(&err);
	log_set_levels(false);
	log_set_times(false);
	log_info("<3>seven\neight");
	release(&caught, text, sizeof(text));
	assert_string_equal(text,
			    "<3>error: no\\x0aerror: room\\x0a\n<4>warning: one\n<6>two\\x1b[1m\\xc2\\x9b\tthree\n<7>four\n<3>error: five\n"
			    "<3>  six\\x0a<3>\n<3>seven\\x0aeight\n");
}

static void the_journal_is_told_by_its_stream(void **state)
{
	struct caught caught = catch_stderr();
	CLEANUP_FREE char *stream = NULL;
	bool unset, same, other;
	char text[8];
	struct stat st;

	(void)state;
	fstat(STDERR_FILENO, &st);
	stream = xasprintf("%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	unsetenv("JOURNAL_STREAM");
	unset = manager_reads_stderr();
	setenv("JOURNAL_STREAM", stream, 1);
	same = manager_reads_stderr();
	setenv("JOURNAL_STREAM", "8:1", 1);
	other = manager_reads_stderr();
	unsetenv("JOURNAL_STREAM");
	release(&caught, text, sizeof(text));
	assert_false(unset);
	assert_true(same);
	assert_false(other);
}

static void a_watchdog_for_another_process_is_not_ours(void **state)
{
	struct manager manager;
	char pid[24];

	(void)state;
	setenv("NOTIFY_SOCKET", "/nowhere/notify", 1);
	setenv("WATCHDOG_USEC", "3000000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	manager_open(&manager);
	assert_int_equal(manager.watchdog_ms, 0);
	assert_string_equal(manager.address, "/nowhere/notify");
	assert_null(getenv("NOTIFY_SOCKET"));
	manager_close(&manager);

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("NOTIFY_SOCKET", "@abstract", 1);
	setenv("WATCHDOG_USEC", "3000000", 1);
	setenv("WATCHDOG_PID", pid, 1);
	manager_open(&manager);
	assert_int_equal(manager.watchdog_ms, 3000);
	manager_close(&manager);

	setenv("NOTIFY_SOCKET", "relative", 1);
	setenv("WATCHDOG_USEC", "-5", 1);
	manager_open(&manager);
	assert_null(manager.address);
	assert_int_equal(manager.watchdog_ms, 0);
	manager_tell(&manager, "READY=1");
	manager_close(&manager);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_line_for_each_and_its_level),
		cmocka_unit_test(the_journal_is_told_by_its_stream),
		cmocka_unit_test(a_watchdog_for_another_process_is_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
