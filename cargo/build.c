/* A child's output becomes a struct cargo_build line by line while it runs. What counts is what this very run says: an old file in the target
 * folder proves nothing. */
#include "cargo/build.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/sudo.h"
#include "cargo/message.h"

enum {
	TICK_MS = 100,
	SHELL_FOUND_NOT = 127, /* what a shell ends with that lacks the program it is to run, */
	SHELL_KILLED = 137,    /* and where that was killed, as the system does when it is out of memory */
};

#define JSON_TARGET_SPEC "-Zjson-target-spec"

/* One child and what it said. */
struct run {
	const struct config_package *package;
	const struct cargo_command *command;
	const struct cargo_build_hooks *hooks;
	struct cargo_build build;
	struct str complaint; /* the first 'error: ' line of stderr, without that word */
	size_t n_errors;      /* errors that rustc showed */
	size_t n_machine;     /* those of them that the machine is to blame for */
	size_t n_seen;        /* artefact messages about this package, a library's among them */
	bool compiled;        /* one of those was not fresh */
	bool may_repeat;      /* the refusal below is ours to answer, nobody needs to see it */
	bool wants_json_target_spec;
};

static void run_clear(struct run *run)
{
	cargo_build_clear(&run->build);
	str_clear(&run->complaint);
}

void cargo_build_clear(struct cargo_build *build)
{
	for (size_t i = 0; i < build->n_artifacts; i++) {
		free(build->artifacts[i].bin);
		free(build->artifacts[i].path);
	}
	free(build->artifacts);
	free(build->failure);
	strvec_clear(&build->locations);
	*build = (struct cargo_build){ 0 };
}

static void progress(const struct run *run, const char *line)
{
	if (run->hooks->on_progress)
		run->hooks->on_progress(run->hooks->data, line);
}

static const struct cargo_artifact *find_artifact(const struct cargo_build *build, const char *bin)
{
	for (size_t i = 0; i < build->n_artifacts; i++)
		if (str_eq(build->artifacts[i].bin, bin))
			return &build->artifacts[i];
	return NULL;
}

static void add_artifact(struct cargo_build *build, const char *bin, const char *path, bool fresh)
{
	struct cargo_artifact *all = xrealloc(build->artifacts, (build->n_artifacts + 1) * sizeof(*all));

	all[build->n_artifacts++] = (struct cargo_artifact){ .bin = xstrdup(bin), .path = xstrdup(path), .fresh = fresh };
	build->artifacts = all;
}

static void take_artifact(struct run *run, const struct cargo_message *message)
{
	if (!cargo_message_is_about(message, run->package, run->command->cwd))
		return;
	run->n_seen++;
	run->compiled = run->compiled || !message->fresh;
	if (!message->is_bin || !message->executable || !message->target || find_artifact(&run->build, message->target))
		return;
	if (strvec_has(&run->package->bins, message->target))
		add_artifact(&run->build, message->target, message->executable, message->fresh);
}

static void take_diagnostic(struct run *run, const struct cargo_message *message)
{
	CLEANUP_FREE char *location = cargo_message_location(message, run->command->cwd);

	if (message->is_error)
		run->n_errors++;
	if (message->is_machine)
		run->n_machine++;
	if (location && !strvec_has(&run->build.locations, location))
		strvec_add(&run->build.locations, location);
	if (message->rendered && run->hooks->on_diagnostic)
		run->hooks->on_diagnostic(run->hooks->data, message->rendered);
}

static void on_stdout(void *data, const char *line, size_t n)
{
	CLEANUP(cargo_message_clear) struct cargo_message message = { 0 };
	struct run *run = data;

	if (cargo_message_parse(line, n, &message) < 0)
		progress(run, line);
	else if (message.kind == CARGO_MESSAGE_ARTIFACT)
		take_artifact(run, &message);
	else if (message.kind == CARGO_MESSAGE_DIAGNOSTIC)
		take_diagnostic(run, &message);
}

/* @line without ANSI colours, which cargo writes even to a pipe when CARGO_TERM_COLOR=always. */
static void note_complaint(struct run *run, const char *line)
{
	CLEANUP(str_clear) struct str plain = { 0 };

	if (run->complaint.len > 0)
		return;
	str_add_without_ansi(&plain, line);
	if (str_starts(str_text(&plain), "error: "))
		str_add(&run->complaint, str_text(&plain) + strlen("error: "));
}

static void on_cargo_stderr(void *data, const char *line, size_t n)
{
	struct run *run = data;

	(void)n;
	if (run->may_repeat && strstr(line, JSON_TARGET_SPEC)) {
		run->wants_json_target_spec = true;
		return;
	}
	note_complaint(run, line);
	progress(run, line);
}

static void on_custom_line(void *data, const char *line, size_t n)
{
	(void)n;
	progress(data, line);
}

static void on_tick(void *data)
{
	struct run *run = data;

	run->hooks->on_tick(run->hooks->data);
}

static void on_start(void *data, pid_t pid)
{
	struct run *run = data;

	if (run->hooks->on_start)
		run->hooks->on_start(run->hooks->data, pid);
}

static int run_child(struct run *run, proc_line_fn *out, proc_line_fn *errors, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec env = { 0 };
	struct proc_spec spec = {
		.argv = run->command->argv.v,
		.cwd = run->command->cwd,
		.on_stdout = out,
		.on_stderr = errors,
		.on_tick = run->hooks->on_tick ? on_tick : NULL,
		.on_start = on_start,
		.data = run,
		.tick_ms = TICK_MS,
		.cancel = run->hooks->cancel,
	};

	cargo_command_environment(run->command, &env);
	spec.env = env.v;
	sudo_drop(run->command->cwd, &env, &spec);
	return proc_run(&spec, &run->build.result, err);
}

static bool succeeded(const struct proc_result *result)
{
	return !result->signalled && result->status == 0;
}

static char *describe_exit(const struct run *run)
{
	CLEANUP_FREE char *how = proc_describe(&run->build.result);

	return xasprintf("%s %s", fs_basename(run->command->argv.v[0]), how);
}

static bool found_fresh(const struct run *run)
{
	for (size_t i = 0; i < run->build.n_artifacts; i++)
		if (!run->build.artifacts[i].fresh)
			return false;
	/* A library has no artefact of ours, but cargo says the same of it. */
	return run->build.n_artifacts > 0 || (run->n_seen > 0 && !run->compiled);
}

static void settle_cargo(struct run *run)
{
	struct cargo_build *build = &run->build;

	build->fresh = found_fresh(run);
	if (!succeeded(&build->result)) {
		CLEANUP_FREE char *how = describe_exit(run);
		bool explained = run->n_errors > 0 || run->complaint.len == 0;

		build->rejected = run->n_errors > run->n_machine && !build->result.signalled;

		build->failure = explained ? xstrdup(how) : xasprintf("%s: %s", how, str_text(&run->complaint));
		return;
	}
	for (size_t i = 0; i < run->package->bins.n; i++) {
		if (!find_artifact(build, run->package->bins.v[i])) {
			build->failure = xasprintf("cargo named no binary \"%s\"", run->package->bins.v[i]);
			build->rejected = true;
			return;
		}
	}
	build->ok = true;
}

static int no_cargo(const struct cargo_command *command, struct err *err)
{
	err_class_set(err, ERR_ENVIRONMENT, -ENOENT, "cannot run '%s', which is not on PATH", command->argv.v[0]);
	err_hint(err, "install Rust's cargo (https://rustup.rs, or Debian's package cargo-web), or put it on PATH");
	return -ENOENT;
}

/* A PATH that [build] env.PATH gives is the child's to look in. */
int cargo_build_check(const struct cargo_command *command, struct err *err)
{
	CLEANUP_FREE char *found = fs_find_program(command->argv.v[0]);

	for (size_t i = 0; i < command->env_set.n; i++)
		if (str_starts(command->env_set.v[i], "PATH="))
			return 0;
	return found ? 0 : no_cargo(command, err);
}

static int run_cargo_once(struct run *run, struct err *err)
{
	int r = run_child(run, on_stdout, on_cargo_stderr, err);

	if (r == -ENOENT && fs_is_dir(run->command->cwd))
		return no_cargo(run->command, err);
	if (r < 0)
		return r;
	settle_cargo(run);
	return 0;
}

static int run_cargo(struct run *run, struct err *err)
{
	CLEANUP(cargo_command_clear) struct cargo_command allowed = { 0 };
	const struct cargo_command *command = run->command;
	int r;

	run->may_repeat = !strvec_has(&command->argv, JSON_TARGET_SPEC);
	r = run_cargo_once(run, err);
	if (r < 0 || run->build.ok || !run->wants_json_target_spec)
		return r;
	allowed.cwd = xstrdup(command->cwd);
	strvec_copy(&allowed.argv, &command->argv);
	strvec_copy(&allowed.env_set, &command->env_set);
	cargo_command_allow_json_target(&allowed);
	run_clear(run);
	*run = (struct run){ .package = run->package, .command = &allowed, .hooks = run->hooks, .build.json_target_spec = true };
	r = run_cargo_once(run, err);
	run->command = command;
	return r;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size && fs_mtime_same(a, b);
}

static void settle_custom(struct run *run, const char *artifact, const struct stat *before)
{
	const struct strvec *bins = &run->package->bins;
	struct cargo_build *build = &run->build;
	struct stat after;

	build->rejected = !build->result.signalled && build->result.status != SHELL_FOUND_NOT && build->result.status != SHELL_KILLED;
	if (!succeeded(&build->result)) {
		build->failure = describe_exit(run);
		return;
	}
	if (stat(artifact, &after) < 0 || !S_ISREG(after.st_mode)) {
		build->failure = xasprintf("%s made no file '%s'", fs_basename(run->command->argv.v[0]), artifact);
		return;
	}
	build->ok = true;
	build->rejected = false;
	build->fresh = before && same_file(before, &after);
	add_artifact(build, bins->n > 0 ? bins->v[0] : fs_basename(artifact), artifact, build->fresh);
}

static int run_custom(struct run *run, struct err *err)
{
	CLEANUP_FREE char *artifact = NULL;
	struct err why = ERR_INIT;
	struct stat before;
	bool was_there;
	int r;

	if (!run->package->artifact)
		return err_class_set(err, ERR_USAGE, -EINVAL, "package '%s' has a command and no artifact", run->package->name);
	artifact = fs_absolute(run->command->cwd, run->package->artifact);
	was_there = stat(artifact, &before) == 0;
	r = run_child(run, on_custom_line, on_custom_line, &why);
	if (r == -ECANCELED) {
		if (err)
			*err = why;
		return r;
	}
	/* A program that cannot be started is this package's failure: the others must go on. */
	if (r < 0)
		run->build.failure = xstrdup(why.message);
	else
		settle_custom(run, artifact, was_there ? &before : NULL);
	return 0;
}

int cargo_build_run(const struct config *config, const struct config_package *package, const struct cargo_command *command,
		    const struct cargo_build_hooks *hooks, struct cargo_build *ret, struct err *err)
{
	static const struct cargo_build_hooks no_hooks;
	CLEANUP(run_clear) struct run run = { .package = package, .command = command, .hooks = hooks ? hooks : &no_hooks };
	int r;

	(void)config;
	r = package->command.n > 0 ? run_custom(&run, err) : run_cargo(&run, err);
	if (r < 0)
		return r;
	*ret = run.build;
	run.build = (struct cargo_build){ 0 };
	return 0;
}

static void complain(void *data, const char *line, size_t n)
{
	struct str *words = data;

	(void)n;
	if (str_starts(line, "error"))
		str_add(words, line);
}

static int run_clean(const struct cargo_command *command, struct cancel *cancel, struct str *ret_words, struct proc_result *ret, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec env = { 0 };
	struct proc_spec spec = { .argv = command->argv.v, .cwd = command->cwd, .on_stderr = complain, .data = ret_words, .cancel = cancel };

	cargo_command_environment(command, &env);
	spec.env = env.v;
	sudo_drop(command->cwd, &env, &spec);
	str_reset(ret_words);
	return proc_run(&spec, ret, err);
}

int cargo_build_clean(const struct config *config, const struct config_package *package, const struct strvec *names, struct cancel *cancel,
		      struct err *err)
{
	CLEANUP(cargo_command_clear) struct cargo_command command = { 0 };
	CLEANUP(str_clear) struct str words = { 0 };
	struct proc_result result;
	int r = cargo_command_clean_init(config, package, names, &command, err);

	if (r < 0)
		return r;
	r = run_clean(&command, cancel, &words, &result, err);
	/* As a build is: a cargo of today wants it for a target that is a file. */
	if (r == 0 && !succeeded(&result) && strstr(str_text(&words), JSON_TARGET_SPEC)) {
		cargo_command_allow_json_target(&command);
		r = run_clean(&command, cancel, &words, &result, err);
	}
	if (r < 0 || succeeded(&result))
		return r;
	return err_set(err, -EIO, "cargo clean failed: %s!", str_text(&words));
}
