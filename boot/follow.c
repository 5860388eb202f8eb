/* The loop of a boot: what wakes it, what a line of the console means, and when there is nothing more to wait for. */
#include "boot/internal.h"

#include "base/clock.h"
#include "base/fs.h"
#include "image/machines.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

enum {
	TICK_MS = 20,       /* how often is looked at what gives no event: a socket that is not there yet, a file */
	TELL_MS = 100,      /* on_tick */
	DRAIN_MS = 1000,    /* how long last words are read, should a console have no end */
	SESSION_TICKS = 5,  /* asking tmux costs a process */
	GRACE_MS = 2000,    /* from the program's end to its machine's console, and from a console's end to the program's */
	TAIL_LINES = 20,
	MAX_GROUPS = 10,
};

/* -- the verdict ------------------------------------------------------------------------------------------------------------------------------ */

static void enter(struct boot_machine *machine, enum boot_phase phase, int64_t limit_ms)
{
	machine->phase = phase;
	machine->phase_ms = clock_ms();
	machine->deadline_ms = machine->phase_ms + limit_ms;
}

static void PRINTF(4, 5) decide(struct boot_machine *machine, enum boot_result result, const char *line, const char *reason, ...)
{
	struct boot_verdict *verdict = machine->verdict;
	CLEANUP(str_clear) struct str text = { 0 };
	va_list args;
	char *said = NULL;

	if (machine->decided)
		return;
	va_start(args, reason);
	if (reason && vasprintf(&said, reason, args) >= 0)
		verdict->reason = said;
	va_end(args);
	machine->decided = true;
	verdict->result = result;
	verdict->failure_line = line ? xstrdup(line) : NULL;
	if (result != BOOT_UP || verdict->ms == 0)
		verdict->ms = clock_ms() - machine->started_ms;
	enter(machine, BOOT_OVER, 0);
}

static void be_up(struct boot_machine *machine)
{
	decide(machine, BOOT_UP, NULL, NULL);
	if (!machine->args->follow || !boot_lives(machine))
		return;
	enter(machine, BOOT_FOLLOWING, 0);
	if (machine->args->hooks.on_verdict)
		machine->args->hooks.on_verdict(machine->args->hooks.data, machine->verdict);
}

struct boot_line {
	const char *text;
	uint64_t number;
	bool complete;
};

/* -- checks ----------------------------------------------------------------------------------------------------------------------------------- */

static struct boot_setup_check *check_of(struct boot_machine *machine)
{
	return &machine->setup.checks[machine->check];
}

static int send_lines(struct boot_machine *machine, const struct strvec *lines, struct err *err)
{
	CLEANUP(str_clear) struct str text = { 0 };

	for (size_t i = 0; i < lines->n; i++)
		str_printf(&text, "%s\n", lines->v[i]);
	return text.len > 0 ? boot_console_send(machine->console, text.buf, text.len, err) : 0;
}

static void end_check(struct boot_machine *machine, const char *line, const char *why);

/* What stands on the line that is being filled was there before the question. */
static void begin_check(struct boot_machine *machine)
{
	struct err err = ERR_INIT;

	if (machine->check == machine->setup.n_checks) {
		be_up(machine);
		return;
	}
	enter(machine, BOOT_CHECKING, check_of(machine)->timeout_ms);
	machine->check_ms = clock_ms();
	machine->echo = 0;
	if (check_of(machine)->lines.n == 0)
		return;
	machine->seen = machine->lines.number;
	machine->skip = machine->lines.line.len;
	if (send_lines(machine, &check_of(machine)->lines, &err) < 0)
		end_check(machine, NULL, err.message);
}

static void end_check(struct boot_machine *machine, const char *line, const char *why)
{
	struct boot_check *check = &machine->verdict->checks[machine->check];

	check->ms = clock_ms() - machine->check_ms;
	check->line = line ? xstrdup(line) : NULL;
	check->result = why ? BOOT_CHECK_FAILED : BOOT_CHECK_OK;
	if (why && check->required) {
		decide(machine, BOOT_FAILED, NULL, "check '%s': %s", check->name, why);
		return;
	}
	machine->check++;
	begin_check(machine);
}

/* Once the line is whole, nothing but them: where it stood when they were sent, alone, or behind a shell's sign. 'root:~#' is no echo of 'root'. */
static bool is_echo(const struct boot_machine *machine, const struct boot_line *line, const char *at, size_t n)
{
	const char *rest = at + n;

	if (!line->complete || rest[strspn(rest, " ")] != '\0')
		return false;
	if (line->number == machine->seen && at == line->text + machine->skip)
		return true;
	while (at > line->text && at[-1] == ' ')
		at--;
	return at == line->text || strchr("#$>%", at[-1]);
}

/* What is behind the echo of the lines that were sent, as far as they have come back on this line. */
static const char *skip_echo(struct boot_machine *machine, const struct boot_line *line, const char *text)
{
	const struct strvec *sent = &check_of(machine)->lines;

	while (machine->echo < sent->n) {
		const char *words = sent->v[machine->echo], *at = *words ? strstr(text, words) : NULL;

		if (*words && (!at || !is_echo(machine, line, at, strlen(words))))
			break;
		machine->echo++;
		if (at) {
			text = at + strlen(words);
			machine->seen = line->number;
			machine->skip = (size_t)(text - line->text);
		}
	}
	return text;
}

/* True for a line so far that ends amid the echo of what was sent: its end has yet to come. */
static bool is_amid_echo(struct boot_machine *machine, const char *text)
{
	const struct strvec *sent = &check_of(machine)->lines;
	const char *words = machine->echo < sent->n ? sent->v[machine->echo] : "";

	for (size_t n = strlen(words); n > 0; n--) {
		size_t have = strlen(text);

		if (have >= n && strncmp(text + have - n, words, n) == 0)
			return true;
	}
	return false;
}

static void judge_check(struct boot_machine *machine, const struct boot_line *line)
{
	const char *text = line->text;

	if (line->number == machine->seen && machine->skip > 0)
		text += machine->skip < strlen(text) ? machine->skip : strlen(text);
	text = skip_echo(machine, line, text);
	if (!line->complete && is_amid_echo(machine, text))
		return;
	if (boot_matches(&check_of(machine)->expect, text))
		end_check(machine, text, NULL);
}

/* -- lines ------------------------------------------------------------------------------------------------------------------------------------ */

static void add_number(struct boot_verdict *verdict, const char *name, double value)
{
	for (size_t i = 0; i < verdict->n_numbers; i++) {
		if (strcmp(verdict->numbers[i].name, name) == 0) {
			verdict->numbers[i].value = value;
			return;
		}
	}
	grow_array(&verdict->numbers, &verdict->numbers_cap, verdict->n_numbers, sizeof(*verdict->numbers));
	verdict->numbers[verdict->n_numbers++] = (struct boot_number){ xstrdup(name), value };
}

/* What was matched around the number: 'boot took 3.5 s' is 'boot took s'. Blanks at both ends and two in a row go. */
static char *number_name(const char *match, size_t n, size_t from, size_t to)
{
	CLEANUP(str_clear) struct str name = { 0 };

	for (size_t i = 0; i < n; i++) {
		bool blank = match[i] == ' ' || match[i] == '\t';

		if ((i >= from && i < to) || (blank && (name.len == 0 || name.buf[name.len - 1] == ' ')))
			continue;
		str_add_c(&name, blank ? ' ' : match[i]);
	}
	while (name.len > 0 && strchr(" =:", name.buf[name.len - 1]))
		name.buf[--name.len] = '\0';
	return name.len > 0 ? str_take(&name) : xstrdup("record");
}

/* The number is the last group that is one; without groups, the first in the match. */
static void record_numbers(struct boot_machine *machine, const char *line)
{
	const struct boot_pattern *record = &machine->setup.record;
	regmatch_t groups[MAX_GROUPS];
	const char *at = line;

	while (record->text && *at && regexec(&record->regex, at, MAX_GROUPS, groups, at == line ? 0 : REG_NOTBOL) == 0) {
		size_t n = (size_t)(groups[0].rm_eo - groups[0].rm_so);
		const char *match = at + groups[0].rm_so, *number = NULL;
		char *end = NULL;
		double value = 0;

		for (size_t i = 1; i < MAX_GROUPS; i++)
			if (groups[i].rm_so >= 0 && groups[i].rm_eo > groups[i].rm_so && strchr("0123456789.-+", at[groups[i].rm_so]))
				number = at + groups[i].rm_so;
		if (!number && record->regex.re_nsub == 0)
			number = match + strcspn(match, "0123456789");
		if (number && number < match + n)
			value = strtod(number, &end);
		if (number && end && end > number && end <= match + n) {
			CLEANUP_FREE char *name = number_name(match, n, (size_t)(number - match), (size_t)(end - match));

			add_number(machine->verdict, name, value);
		}
		/* One that matches nothing at the line's end has seen all of it. */
		if (n == 0 && *match == '\0')
			break;
		at = match + (n > 0 ? n : 1);
	}
}

static void keep_tail(struct boot_machine *machine, const char *line)
{
	struct strvec *tail = &machine->tail;

	if (tail->n == TAIL_LINES) {
		free(tail->v[0]);
		memmove(&tail->v[0], &tail->v[1], (tail->n - 1) * sizeof(*tail->v));
		tail->v[--tail->n] = NULL;
	}
	strvec_add(tail, line);
}

static void judge(struct boot_machine *machine, const struct boot_line *boot_line)
{
	const char *line = boot_line->text;

	if (machine->phase != BOOT_BOOTING && machine->phase != BOOT_CHECKING)
		return;
	if (boot_matches(&machine->setup.failure, line)) {
		decide(machine, BOOT_FAILED, line, "the console says: %s", line);
	} else if (machine->phase == BOOT_CHECKING) {
		judge_check(machine, boot_line);
	} else if (boot_matches(&machine->setup.ready, line)) {
		machine->verdict->ms = clock_ms() - machine->started_ms;
		begin_check(machine);
	}
}

static void on_line(void *data, const char *line, uint64_t number, bool complete)
{
	struct boot_machine *machine = data;

	machine->said_anything = true;
	judge(machine, &(struct boot_line){ line, number, complete });
	if (!complete)
		return;
	record_numbers(machine, line);
	keep_tail(machine, line);
	if (machine->args->hooks.on_line)
		machine->args->hooks.on_line(machine->args->hooks.data, line);
}

/* -- the console ------------------------------------------------------------------------------------------------------------------------------ */

static void end_console(struct boot_machine *machine)
{
	if (machine->console_ended)
		return;
	machine->console_ended = true;
	machine->console_ended_ms = clock_ms();
	if (machine->polls_console)
		uv_poll_stop(&machine->readable);
	boot_lines_end(&machine->lines);
}

/* 1 when something came. A log that cannot be written costs the log, not the boot. */
static int read_console(struct boot_machine *machine)
{
	CLEANUP(str_clear) struct str bytes = { 0 };
	int r = machine->console_ended ? 0 : boot_console_read(machine->console, &bytes);

	if (bytes.len > 0) {
		(void)!fs_write_all(machine->log, bytes.buf, bytes.len);
		if (machine->args->hooks.on_bytes)
			machine->args->hooks.on_bytes(machine->args->hooks.data, bytes.buf, bytes.len);
		boot_lines_feed(&machine->lines, bytes.buf, bytes.len);
	}
	if (r == -EPIPE)
		end_console(machine);
	return bytes.len > 0;
}

/* All there is, but no longer than @limit_ms: who writes faster than we read must not keep the loop from its limits and from a Ctrl-C. */
static void read_for(struct boot_machine *machine, int64_t limit_ms)
{
	int64_t end_ms = clock_ms() + limit_ms;

	while (read_console(machine) > 0 && clock_ms() < end_ms)
		;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	(void)read_console(poll->data);
}

static void open_console(struct boot_machine *machine)
{
	struct err err = ERR_INIT;
	int r, fd;

	if (machine->console_ended || boot_console_is_open(machine->console))
		return;
	if (boot_console_kind(machine->console) == BOOT_CONSOLE_TMUX && machine->ticks % SESSION_TICKS != 0)
		return;
	r = boot_console_open(machine->console, &err);
	if (r < 0)
		decide(machine, BOOT_FAILED, NULL, "%s", err.message);
	fd = r == 1 ? boot_console_fd(machine->console) : -1;
	if (fd < 0 || uv_poll_init(proc_loop(machine->program), &machine->readable, fd) < 0)
		return;
	machine->polls_console = true;
	machine->readable.data = machine;
	uv_poll_start(&machine->readable, UV_READABLE, on_readable);
}

/* -- the end ---------------------------------------------------------------------------------------------------------------------------------- */

static bool has_image_open(const struct boot_machine *machine)
{
	CLEANUP(image_machines_clear) struct image_machines machines = { 0 };

	image_machines_find(&machines);
	for (size_t i = 0; i < machines.n; i++)
		if (machines.v[i].dev == machine->dev && machines.v[i].ino == machine->ino)
			return true;
	return false;
}

/* A machine in the background has been left by its program; one that has left its group too is found by the image. */
static bool is_in_background(const struct boot_machine *machine)
{
	return kill(-machine->group, 0) == 0 || has_image_open(machine);
}

/* A terminal that nobody has open hangs up: what the program left behind there is its machine. */
static bool is_held(int fd)
{
	struct pollfd p = { .fd = fd };

	return poll(&p, 1, 0) == 0 || !(p.revents & POLLHUP);
}

bool boot_lives(struct boot_machine *machine)
{
	if (!machine->program_ended)
		return true;
	switch (boot_console_kind(machine->console)) {
	case BOOT_CONSOLE_PTY:
		return is_held(boot_console_fd(machine->console));
	case BOOT_CONSOLE_FILE:
		return is_in_background(machine);
	default:
		return boot_console_is_open(machine->console) || (!machine->console_ended && is_in_background(machine));
	}
}

static bool may_leave(const struct boot_machine *machine)
{
	const struct proc_result *result = &machine->program_result;
	enum boot_console_kind kind = boot_console_kind(machine->console);

	if (kind == BOOT_CONSOLE_PTY)
		return false;
	/* `run-dev.sh -t` ends badly without a terminal to attach to; its session is there all the same. */
	if (kind == BOOT_CONSOLE_TMUX && boot_console_is_open(machine->console))
		return true;
	return !result->signalled && result->status == 0;
}

static void end_checks(struct boot_machine *machine, const char *why)
{
	while (machine->phase == BOOT_CHECKING)
		end_check(machine, NULL, why);
}

static void fail_by_end(struct boot_machine *machine, const char *what, const char *how)
{
	end_checks(machine, "the machine ended");
	if (machine->tail.n > 0)
		decide(machine, BOOT_FAILED, machine->tail.v[machine->tail.n - 1], "%s %s before it was up", what, how);
	else
		decide(machine, BOOT_FAILED, NULL, "%s %s before its console said anything", what, how);
}

/* What it wrote before its end may still be on its way to us. */
static void drain(struct boot_machine *machine)
{
	open_console(machine);
	read_for(machine, DRAIN_MS);
	if (boot_console_kind(machine->console) == BOOT_CONSOLE_PTY)
		end_console(machine);
}

static void take_program_end(struct boot_machine *machine)
{
	const struct proc_result *result = &machine->program_result;
	CLEANUP_FREE char *how = proc_describe(result), *what = xasprintf("'%s'", machine->setup.argv.v[0]);

	machine->program_ended = true;
	machine->program_ended_ms = clock_ms();
	drain(machine);
	if (machine->phase == BOOT_FOLLOWING && !may_leave(machine))
		enter(machine, BOOT_OVER, 0);
	if (machine->decided)
		return;
	if (!result->signalled && result->status == machine->setup.exit_failed)
		decide(machine, BOOT_FAILED, machine->tail.n > 0 ? machine->tail.v[machine->tail.n - 1] : NULL,
		       "the guest ended by itself and says that it failed (status %d)", result->status);
	else if (machine->phase == BOOT_BOOTING && !result->signalled && result->status == machine->setup.exit_ok &&
		 (result->status != 0 || !may_leave(machine)))
		be_up(machine);
	else if (!may_leave(machine))
		fail_by_end(machine, what, how);
}

/* The program has left its machine alone, or the console has ended: what can still come? */
static void look_for_end(struct boot_machine *machine)
{
	int64_t grace_ms = GRACE_MS * machine->setup.scale, now = clock_ms();
	bool over = false;

	if (machine->console_ended)
		over = machine->program_ended || now > machine->console_ended_ms + grace_ms;
	else if (machine->program_ended && !boot_lives(machine))
		over = now > machine->program_ended_ms + (boot_console_kind(machine->console) == BOOT_CONSOLE_FILE ? 0 : grace_ms);
	if (!over)
		return;
	if (machine->phase == BOOT_FOLLOWING) {
		enter(machine, BOOT_OVER, 0);
		return;
	}
	drain(machine);
	if (!machine->decided)
		fail_by_end(machine, "the machine", "ended");
}

/* -- time ------------------------------------------------------------------------------------------------------------------------------------- */

static void look_at_clock(struct boot_machine *machine)
{
	CLEANUP_FREE char *why = NULL;

	if (clock_ms() < machine->deadline_ms)
		return;
	if (machine->phase == BOOT_BOOTING) {
		decide(machine, BOOT_TIMEOUT, machine->tail.n > 0 ? machine->tail.v[machine->tail.n - 1] : NULL,
		       "no line matched '%s' within %lld s", machine->setup.ready.text ? machine->setup.ready.text : "",
		       (long long)machine->setup.timeout_ms / 1000);
	} else if (machine->phase == BOOT_CHECKING) {
		why = xasprintf("no line matched '%s' within %lld s", check_of(machine)->expect.text,
				(long long)check_of(machine)->timeout_ms / 1000);
		end_check(machine, NULL, why);
	}
}

static void tell(struct boot_machine *machine)
{
	const struct boot_hooks *hooks = &machine->args->hooks;
	CLEANUP_FREE char *doing = NULL;

	if (!hooks->on_tick || clock_ms() < machine->told_ms + TELL_MS || machine->phase == BOOT_FOLLOWING)
		return;
	machine->told_ms = clock_ms();
	doing = machine->phase == BOOT_CHECKING ? xasprintf("check %s", machine->verdict->checks[machine->check].name)
						: xstrdup(machine->phase == BOOT_STOPPING ? "ending" : "booting");
	hooks->on_tick(hooks->data, doing, clock_ms() - machine->started_ms);
}

static void on_tick(uv_timer_t *timer)
{
	struct boot_machine *machine = timer->data;

	machine->ticks++;
	open_console(machine);
	if (boot_console_is_open(machine->console) && boot_console_fd(machine->console) < 0)
		read_for(machine, TICK_MS);
	tell(machine);
	if (machine->phase == BOOT_STOPPING || machine->phase == BOOT_OVER)
		return;
	look_for_end(machine);
	look_at_clock(machine);
}

static void on_cancelled(uv_poll_t *poll, int status, int events)
{
	struct boot_machine *machine = poll->data;

	(void)status;
	(void)events;
	uv_poll_stop(poll);
	machine->is_cancelled = true;
	enter(machine, BOOT_OVER, 0);
}

static void on_typed(uv_poll_t *poll, int status, int events)
{
	struct boot_machine *machine = poll->data;
	char bytes[256];
	ssize_t n = status < 0 ? 0 : read(STDIN_FILENO, bytes, sizeof(bytes));

	(void)events;
	if (n <= 0)
		uv_poll_stop(poll);
	else
		(void)!boot_console_send(machine->console, bytes, (size_t)n, NULL); /* nobody is there to read it yet */
}

/* What cannot be polled, such as a standard input that is a file, is not heard; the boot has its limits without it. */
static void poll_fd(struct boot_machine *machine, uv_poll_t *poll, int fd, uv_poll_cb fn)
{
	poll->data = machine;
	if (uv_poll_init(proc_loop(machine->program), poll, fd) == 0)
		(void)!uv_poll_start(poll, UV_READABLE, fn);
}

/* -- the loop --------------------------------------------------------------------------------------------------------------------------------- */

static void turn(struct boot_machine *machine)
{
	uv_run(proc_loop(machine->program), UV_RUN_ONCE);
	if (!machine->program_ended && proc_has_ended(machine->program, &machine->program_result))
		take_program_end(machine);
}

int boot_follow(struct boot_machine *machine, struct err *err)
{
	machine->lines.on_line = on_line;
	machine->lines.data = machine;
	uv_timer_init(proc_loop(machine->program), &machine->tick);
	machine->tick.data = machine;
	uv_timer_start(&machine->tick, on_tick, 0, TICK_MS);
	if (machine->args->cancel)
		poll_fd(machine, &machine->cancelled, cancel_fd(machine->args->cancel), on_cancelled);
	if (machine->args->interactive)
		poll_fd(machine, &machine->typed, STDIN_FILENO, on_typed);
	enter(machine, BOOT_BOOTING, machine->setup.timeout_ms);
	while (machine->phase != BOOT_OVER)
		turn(machine);
	if (machine->is_cancelled && !(machine->decided && machine->args->follow))
		return err_class_set(err, ERR_INTERRUPTED, -ECANCELED, "interrupted");
	return 0;
}

bool boot_wait(struct boot_machine *machine, bool (*done)(struct boot_machine *machine), int64_t limit_ms)
{
	int64_t end = clock_ms() + limit_ms;

	machine->phase = BOOT_STOPPING;
	while (!done(machine) && clock_ms() < end)
		turn(machine);
	machine->phase = BOOT_OVER;
	return done(machine);
}
