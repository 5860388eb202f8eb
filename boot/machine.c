/* From the arguments to the journal: what must be there before a machine is started, and what becomes of the verdict. */
#include "boot/internal.h"

#include "base/clock.h"
#include "base/fs.h"
#include "boot/good.h"
#include "image/file.h"
#include "image/image.h"
#include "journal/boots.h"
#include "journal/state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEPT_LOGS = 200 }; /* the numbers stay in the journal */

static const char *const result_names[] = {
	[BOOT_UP] = "up",
	[BOOT_FAILED] = "failed",
	[BOOT_TIMEOUT] = "timeout",
};
static const char *const check_names[] = {
	[BOOT_CHECK_OK] = "ok",
	[BOOT_CHECK_FAILED] = "failed",
	[BOOT_CHECK_SKIPPED] = "skipped",
};

const char *boot_result_name(enum boot_result result)
{
	return result_names[result];
}

const char *boot_check_result_name(enum boot_check_result result)
{
	return check_names[result];
}

/* One boot, from its lock to its row. */
struct booting {
	const struct boot_args *args;
	struct journal *journal; /* owned */
	int lock;                /* owned */
	struct image_identity booted;
	struct boot_machine machine;
	struct boot_verdict verdict;
};

static void booting_clear(struct booting *booting)
{
	struct boot_machine *machine = &booting->machine;

	/* The program's loop first: it polls the console. */
	proc_free(machine->program);
	boot_console_free(machine->console);
	boot_setup_clear(&machine->setup);
	boot_lines_clear(&machine->lines);
	strvec_clear(&machine->tail);
	cleanup_close(&machine->log);
	free(machine->image);
	journal_free(booting->journal);
	cleanup_close(&booting->lock);
	boot_verdict_clear(&booting->verdict);
}

/* -- before ----------------------------------------------------------------------------------------------------------------------------------- */

static int find_image(struct booting *booting, struct err *err)
{
	const struct config *config = booting->args->config;
	const char *path = booting->args->image ? booting->args->image : config->image.path;
	int r;

	if (!path) {
		err_class_set(err, ERR_USAGE, -EINVAL, "'%s' names no image", config->file);
		err_hint(err, "add a section [image] with `path = ...`");
		return -EINVAL;
	}
	booting->machine.image = xstrdup(path);
	r = image_identity_read(path, config->image.format, config->image.block, &booting->booted, err);
	if (r < 0)
		return image_file_unusable(path, r, err);
	booting->machine.dev = booting->booted.dev;
	booting->machine.ino = booting->booted.ino;
	return 0;
}

/* One boot at a time: two would meet at the console, and what is pending in the journal is of a dead one. */
static int take_lock(struct booting *booting, struct err *err)
{
	const char *state = booting->args->config->state;
	CLEANUP_FREE char *path = xasprintf("%s/boots/lock", state);
	int r = journal_open(state, false, &booting->journal, err);

	if (r >= 0)
		r = journal_state_make_dir(state, "boots", err);
	if (r < 0)
		return r;
	booting->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (booting->lock < 0)
		return err_set(err, -errno, "cannot open '%s'", path);
	(void)!journal_state_give(state, booting->lock, NULL); /* root's own is no worse for this boot */
	if (flock(booting->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return err_set(err, -errno, "cannot lock '%s'", path);
	return err_class_set(err, ERR_BUSY, -EBUSY, "another boot of '%s' is going on", booting->args->config->file);
}

/* What the run that made the image was about, for the program's environment. */
static int add_run(void *data, const struct journal_run *run)
{
	struct strvec *env = data;
	const char *equals = run->commits ? strchr(run->commits, '=') : NULL;
	CLEANUP_FREE char *id = xasprintf("%lld", (long long)run->id);
	CLEANUP_FREE char *commit = equals ? xstrndup(equals + 1, strcspn(equals + 1, " ")) : xstrdup("");

	proc_environment_set(env, "REINJECT_RUN", id);
	proc_environment_set(env, "REINJECT_RESULT", journal_result_name(run->result));
	proc_environment_set(env, "REINJECT_PACKAGES", run->packages ? run->packages : "");
	proc_environment_set(env, "REINJECT_COMMIT", commit);
	return 0;
}

static int find_run(struct booting *booting, struct err *err)
{
	const char *image = booting->args->config->image.path;
	int r = image ? journal_run_of_file(booting->journal, image, booting->booted.dev, booting->booted.ino, &booting->verdict.run, err) : 0;

	if (r < 0 || booting->verdict.run == 0)
		return r;
	return journal_runs(booting->journal, NULL, booting->verdict.run, 1, add_run, &booting->machine.setup.env, err);
}

/* Appended to by us and by the program, which may live longer than we. */
static int open_log(struct booting *booting, struct err *err)
{
	const char *state = booting->args->config->state;
	CLEANUP_FREE char *old = xasprintf("%s/boots/%lld.log", state, (long long)booting->verdict.id - KEPT_LOGS);

	(void)!unlink(old);
	booting->verdict.log = xasprintf("%s/boots/%lld.log", state, (long long)booting->verdict.id);
	booting->machine.log = open(booting->verdict.log, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (booting->machine.log < 0)
		return err_set(err, -errno, "cannot make '%s'", booting->verdict.log);
	(void)!journal_state_give(state, booting->machine.log, NULL);
	return 0;
}

/* The machine of an earlier boot of ours, as long as its processes live, is asked to make room. */
static int prepare_console(struct booting *booting, struct err *err)
{
	struct boot_machine *machine = &booting->machine;
	int r;

	if (booting->args->replaces > 0 && kill(-booting->args->replaces, 0) == 0)
		boot_end_other(machine, booting->args->replaces);
	r = boot_console_prepare(machine->console, err);
	/* Whoever is there now would be told to end when this boot's machine is. */
	return r < 0 ? r : boot_check_monitor(machine, err);
}

static int prepare(struct booting *booting, struct err *err)
{
	struct boot_machine *machine = &booting->machine;
	int r = find_image(booting, err);

	if (r >= 0)
		r = boot_setup_load(booting->args, machine->image, &machine->setup, err);
	if (r >= 0)
		r = boot_console_new(machine->setup.console, booting->args->config->dir, &machine->console, err);
	if (r >= 0)
		r = take_lock(booting, err);
	if (r >= 0)
		r = find_run(booting, err);
	if (r >= 0)
		r = prepare_console(booting, err);
	return r;
}

/* -- the machine ------------------------------------------------------------------------------------------------------------------------------ */

static int start_program(struct booting *booting, struct err *err)
{
	struct boot_machine *machine = &booting->machine;
	int stdio = boot_console_stdio(machine->console);
	struct proc_spec spec = {
		.argv = machine->setup.argv.v,
		.env = machine->setup.env.v,
		.cwd = booting->args->config->dir,
		.input_fd = stdio,
		.output_fd = stdio >= 0 ? stdio : machine->log,
	};
	int r;

	machine->started_ms = clock_ms();
	r = proc_start(&spec, &machine->program, err);
	if (r < 0) {
		if (err)
			err->class = ERR_ENVIRONMENT;
		err_hint(err, "[boot] command names the program that starts the virtual machine; it is run in '%s'", booting->args->config->dir);
		return r;
	}
	machine->group = booting->verdict.group = proc_pid(machine->program);
	boot_console_started(machine->console);
	return 0;
}

static void add_checks(struct booting *booting)
{
	struct boot_verdict *verdict = &booting->verdict;
	const struct boot_setup *setup = &booting->machine.setup;

	for (size_t i = 0; i < setup->n_checks; i++) {
		grow_array(&verdict->checks, &verdict->checks_cap, verdict->n_checks, sizeof(*verdict->checks));
		verdict->checks[verdict->n_checks++] = (struct boot_check){
			.name = xstrdup(setup->checks[i].name),
			.result = BOOT_CHECK_SKIPPED,
			.required = setup->checks[i].required,
		};
	}
}

static bool must_stop(const struct booting *booting)
{
	return booting->args->stop || booting->machine.is_cancelled || boot_console_kind(booting->machine.console) == BOOT_CONSOLE_PTY;
}

static int run_machine(struct booting *booting, struct err *err)
{
	struct boot_machine *machine = &booting->machine;
	int r = start_program(booting, err);

	if (r < 0)
		return r;
	add_checks(booting);
	r = boot_follow(machine, err);
	if (must_stop(booting))
		boot_stop(machine);
	booting->verdict.running = boot_lives(machine);
	if (!booting->verdict.running)
		boot_leave(machine);
	return r;
}

/* -- after ------------------------------------------------------------------------------------------------------------------------------------ */

static void take_word(void *data, const char *line, uint64_t number, bool complete)
{
	(void)number;
	if (complete)
		strvec_add(data, line);
}

/* A machine that never came to its console: what its program said is all there is. */
static void take_words_of_log(struct booting *booting)
{
	struct boot_lines lines = { .on_line = take_word, .data = &booting->verdict.last_lines };
	char bytes[4096];
	ssize_t n = pread(booting->machine.log, bytes, sizeof(bytes), 0);

	if (n > 0)
		boot_lines_feed(&lines, bytes, (size_t)n);
	boot_lines_end(&lines);
	boot_lines_clear(&lines);
}

static void add_words_to_reason(struct boot_verdict *verdict)
{
	char *reason;

	if (verdict->last_lines.n == 0 || !verdict->reason)
		return;
	reason = xasprintf("%s: %s", verdict->reason, verdict->last_lines.v[verdict->last_lines.n - 1]);
	free(verdict->reason);
	verdict->reason = reason;
}

static void take_last_lines(struct booting *booting)
{
	struct boot_machine *machine = &booting->machine;
	struct boot_verdict *verdict = &booting->verdict;

	if (machine->said_anything) {
		strvec_copy(&verdict->last_lines, &machine->tail);
		if (machine->lines.line.len > 0)
			strvec_add(&verdict->last_lines, machine->lines.line.buf);
		return;
	}
	verdict->never_started = verdict->result == BOOT_FAILED;
	take_words_of_log(booting);
	add_words_to_reason(verdict);
}

static void keep_good(struct booting *booting)
{
	const struct boot_args *args = booting->args;
	struct image_good_args good = {
		.path = booting->machine.image, .config = &args->config->image, .booted = &booting->booted, .cancel = args->cancel
	};
	struct err err = ERR_INIT;

	if (booting->verdict.result != BOOT_UP || (args->image && !args->keep_good))
		return;
	if (boot_good_keep(booting->journal, &good, &err) < 0)
		strvec_addf(&booting->verdict.notes, "the image that booted was not kept as '%s.good': %s", booting->machine.image, err.message);
}

static int write_row(struct booting *booting, const char *result, struct err *err)
{
	const struct boot_verdict *verdict = &booting->verdict;
	CLEANUP_FREE struct journal_boot_check *checks = xcalloc(verdict->n_checks + 1, sizeof(*checks));
	CLEANUP_FREE struct journal_boot_number *numbers = xcalloc(verdict->n_numbers + 1, sizeof(*numbers));
	struct journal_boot row = {
		.id = verdict->id,
		.ms = verdict->ms,
		.result = result,
		.reason = verdict->reason,
		.line = verdict->failure_line,
		.log = verdict->log,
		.checks = checks,
		.n_checks = verdict->n_checks,
		.numbers = numbers,
		.n_numbers = verdict->n_numbers,
	};

	for (size_t i = 0; i < verdict->n_checks; i++) {
		const struct boot_check *check = &verdict->checks[i];

		checks[i] = (struct journal_boot_check){ check->name, check_names[check->result], check->required, check->line, check->ms };
	}
	for (size_t i = 0; i < verdict->n_numbers; i++)
		numbers[i] = (struct journal_boot_number){ verdict->numbers[i].name, verdict->numbers[i].value };
	return journal_boot_end(booting->journal, &row, err);
}

/* @r: what became of it. */
static int end_boot(struct booting *booting, int r, struct err *err)
{
	if (r < 0) {
		booting->verdict.reason = booting->verdict.reason ? booting->verdict.reason : xstrdup(err ? err->message : "");
		(void)!write_row(booting, r == -ECANCELED ? "cancelled" : "failed", NULL); /* what went wrong first is what is told */
		return r;
	}
	take_last_lines(booting);
	keep_good(booting);
	return write_row(booting, result_names[booting->verdict.result], err);
}

int boot_run(const struct boot_args *args, struct boot_verdict *ret, struct err *err)
{
	CLEANUP(booting_clear) struct booting booting = { .args = args, .lock = -1, .machine = { .args = args, .log = -1 } };
	struct err why = ERR_INIT;
	int r;

	booting.machine.verdict = &booting.verdict;
	r = prepare(&booting, err);
	if (r >= 0)
		r = journal_boot_begin(booting.journal, booting.machine.image, booting.verdict.run, &booting.verdict.id, err);
	if (r < 0)
		return r;
	r = open_log(&booting, &why);
	if (r >= 0)
		r = run_machine(&booting, &why);
	r = end_boot(&booting, r, &why);
	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	*ret = booting.verdict;
	booting.verdict = (struct boot_verdict){ 0 };
	return 0;
}

int boot_check(const struct boot_args *args, struct err *err)
{
	const char *image = args->image ? args->image : args->config->image.path;
	CLEANUP(boot_setup_clear) struct boot_setup setup = { 0 };
	CLEANUP_FREE char *program = NULL;
	int r = boot_setup_load(args, image ? image : "", &setup, err);

	if (r < 0)
		return r;
	program = strchr(setup.argv.v[0], '/') ? fs_absolute(args->config->dir, setup.argv.v[0]) : fs_find_program(setup.argv.v[0]);
	if (program && access(program, X_OK) == 0)
		return 0;
	err_class_set(err, ERR_ENVIRONMENT, -ENOENT, "cannot run '%s', which starts the machine", setup.argv.v[0]);
	err_hint(err, "[boot] command names the program that starts the virtual machine; it is run in '%s'", args->config->dir);
	return -ENOENT;
}

void boot_verdict_clear(struct boot_verdict *verdict)
{
	free(verdict->reason);
	free(verdict->failure_line);
	strvec_clear(&verdict->last_lines);
	free(verdict->log);
	for (size_t i = 0; i < verdict->n_checks; i++) {
		free(verdict->checks[i].name);
		free(verdict->checks[i].line);
	}
	free(verdict->checks);
	for (size_t i = 0; i < verdict->n_numbers; i++)
		free(verdict->numbers[i].name);
	free(verdict->numbers);
	strvec_clear(&verdict->notes);
	*verdict = (struct boot_verdict){ 0 };
}

char *boot_say(const struct boot_verdict *verdict)
{
	double seconds = (double)verdict->ms / 1e3;

	if (verdict->result == BOOT_UP)
		return xasprintf("up after %.1f s", seconds);
	if (verdict->result == BOOT_TIMEOUT)
		return xasprintf("timed out after %.1f s: %s", seconds, verdict->reason);
	return xasprintf("failed after %.1f s: %s", seconds, verdict->reason);
}
