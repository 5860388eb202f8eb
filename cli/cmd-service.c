#include "base/fs.h"
#include "base/log.h"
#include "base/proc.h"
#include "cli/json.h"
#include "cli/print.h"
#include "cli/verbs.h"
#include "hooks/program.h"
#include "hooks/service.h"
#include "journal/state.h"
#include "night/night.h"
#include "refresh/notify.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* systemctl waits for READY=1. */
enum { MANAGER_LIMIT_MS = 330000, DEFAULT_HOUR = 2, DEFAULT_MINUTE = 30 };

static const struct cli_option options[] = {
	{ "time", 0, "HH:MM", "nightly: when (02:30, or what is installed)" },
	{ "print", 0, NULL, "install: show the files, and install nothing" },
	{ "system", 0, "systemd|launchd", "whose files; this system's own without it" },
	{ NULL, 0, NULL, NULL },
};

struct serving {
	struct cli_context *ctx;
	struct hooks_service service;
	struct strvec environment;
	char *program, *dir; /* owned */
	struct str said;     /* by the service manager's tool */
};

static void serving_clear(struct serving *serving)
{
	strvec_clear(&serving->environment);
	free(serving->program);
	free(serving->dir);
	str_clear(&serving->said);
}

/* -- what is asked for ------------------------------------------------------------------------------------------------------------------------- */

static int parse_kind(const struct cli_context *ctx, enum hooks_service_kind *ret, struct err *err)
{
	const char *word = ctx->args->positional.v[1];

	*ret = strcmp(word, "nightly") == 0 ? HOOKS_SERVICE_NIGHTLY : HOOKS_SERVICE_WATCH;
	if (strcmp(word, hooks_service_kind_name(*ret)) != 0)
		return cli_usage_error(ctx->args->verb, err, "there is no service '%s': it is watch or nightly", word);
	if (*ret == HOOKS_SERVICE_WATCH && cli_args_has(ctx->args, "time"))
		return cli_usage_error(ctx->args->verb, err, "option '--time' is for nightly: a watch always runs");
	return 0;
}

static enum hooks_service_system wanted_system(const struct cli_context *ctx)
{
	const char *name = cli_args_value(ctx->args, "system");

	if (name)
		return strcmp(name, "launchd") == 0 ? HOOKS_SERVICE_LAUNCHD : HOOKS_SERVICE_SYSTEMD;
#ifdef __APPLE__
	return HOOKS_SERVICE_LAUNCHD;
#else
	return HOOKS_SERVICE_SYSTEMD;
#endif
}

static int parse_time(const struct cli_context *ctx, struct hooks_service *service, struct err *err)
{
	const char *text = cli_args_value(ctx->args, "time");
	int n = 0;

	if (!text)
		return 0;
	if (strspn(text, "0123456789:") != strlen(text) || sscanf(text, "%2u:%2u%n", &service->hour, &service->minute, &n) != 2 || text[n] ||
	    service->hour > 23 || service->minute > 59)
		return cli_usage_error(ctx->args->verb, err, "option '--time' takes a time of day such as 02:30, not '%s'", text);
	return 0;
}

/* A service manager's PATH knows no cargo: the service looks where the installer would. */
static void take_environment(struct serving *serving)
{
	static const char *const names[] = { "PATH", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN" };

	for (size_t i = 0; i < N_ELEMENTS(names); i++)
		if (getenv(names[i]))
			strvec_addf(&serving->environment, "%s=%s", names[i], getenv(names[i]));
}

static int prepare(struct serving *serving, struct err *err)
{
	struct hooks_service *service = &serving->service;
	int r = parse_kind(serving->ctx, &service->kind, err);

	service->system = wanted_system(serving->ctx);
	if (r == 0)
		r = hooks_program_own(&serving->program, err);
	if (r < 0)
		return r;
	take_environment(serving);
	service->program = serving->program;
	service->config = serving->ctx->config->file;
	service->state = serving->ctx->config->state;
	service->environment = &serving->environment;
	service->hour = DEFAULT_HOUR;
	service->minute = DEFAULT_MINUTE;
	service->limit_s = night_limit_s(serving->ctx->config);
	r = hooks_service_dir(service->system, &serving->dir, err);
	if (r == 0)
		r = hooks_service_recall(service, serving->dir, err);
	return r < 0 ? r : parse_time(serving->ctx, service, err);
}

/* -- the service manager ------------------------------------------------------------------------------------------------------------------------ */

static void keep_line(void *data, const char *line, size_t n)
{
	struct serving *serving = data;

	str_printf(&serving->said, "%s%.*s", serving->said.len > 0 ? "; " : "", (int)n, line);
}

/* 0 when it ended well; what it printed stands in serving->said. */
static int call(struct serving *serving, const char *const *words)
{
	struct proc_spec spec = {
		.argv = (char *const *)words,
		.on_stdout = keep_line,
		.on_stderr = keep_line,
		.data = serving,
		.timeout_ms = MANAGER_LIMIT_MS,
		.cancel = serving->ctx->cancel,
	};
	struct proc_result result;
	struct err err = ERR_INIT;
	int r;

	str_reset(&serving->said);
	r = proc_run(&spec, &result, &err);
	if (r < 0)
		str_add(&serving->said, err.message);
	if (r == 0 && (result.signalled || result.status != 0))
		r = -EIO;
	return r;
}

#define SYSTEMCTL(serving, ...) call(serving, (const char *const[]){ "systemctl", "--user", __VA_ARGS__, NULL })
#define LAUNCHCTL(serving, ...) call(serving, (const char *const[]){ "launchctl", __VA_ARGS__, NULL })

static int no_manager(const struct serving *serving, const char *commands, struct err *err)
{
	err_class_set(err, ERR_ENVIRONMENT, -ENOTCONN, "the files are in '%s', but no service manager of this user's answers here%s%s",
		      serving->dir, serving->said.len > 0 ? ": " : "", str_text(&serving->said));
	err_hint(err, "where one does, type: %s", commands);
	return -ENOTCONN;
}

static int not_started(const struct serving *serving, const char *look, struct err *err)
{
	err_set(err, -EIO, "the service manager could not start it%s%s!", serving->said.len > 0 ? ": " : "", str_text(&serving->said));
	err_hint(err, "what it said: %s", look);
	return -EIO;
}

static int start_systemd(struct serving *serving, const char *unit, bool changed, struct err *err)
{
	CLEANUP_FREE char *commands = xasprintf("systemctl --user daemon-reload && systemctl --user enable --now %s", unit);
	CLEANUP_FREE char *look = xasprintf("systemctl --user status %s", unit);

	if (SYSTEMCTL(serving, "daemon-reload") < 0)
		return no_manager(serving, commands, err);
	if (SYSTEMCTL(serving, "enable", unit) < 0 || SYSTEMCTL(serving, changed ? "restart" : "start", unit) < 0)
		return not_started(serving, look, err);
	return 0;
}

static int start_launchd(struct serving *serving, const char *unit, bool changed, struct err *err)
{
	CLEANUP_FREE char *domain = xasprintf("gui/%u", (unsigned int)getuid());
	CLEANUP_FREE char *path = xasprintf("%s/%s", serving->dir, unit);
	CLEANUP_FREE char *service = xasprintf("%s/%.*s", domain, (int)(strlen(unit) - strlen(".plist")), unit);
	CLEANUP_FREE char *commands = xasprintf("launchctl bootstrap %s %s", domain, path);
	CLEANUP_FREE char *look = xasprintf("launchctl print %s", service);

	if (LAUNCHCTL(serving, "print", service) == 0) {
		if (!changed)
			return 0;
		if (LAUNCHCTL(serving, "bootout", service) < 0)
			return not_started(serving, look, err);
	}
	return LAUNCHCTL(serving, "bootstrap", domain, path) < 0 ? no_manager(serving, commands, err) : 0;
}

/* Without a manager there is nothing that runs. */
static void stop(struct serving *serving, const char *unit)
{
	CLEANUP_FREE char *service = NULL;

	if (serving->service.system == HOOKS_SERVICE_SYSTEMD) {
		if (SYSTEMCTL(serving, "disable", "--now", unit) < 0)
			log_info("systemctl did not disable %s%s%s", unit, serving->said.len > 0 ? ": " : "", str_text(&serving->said));
		return;
	}
	service = xasprintf("gui/%u/%.*s", (unsigned int)getuid(), (int)(strlen(unit) - strlen(".plist")), unit);
	if (LAUNCHCTL(serving, "bootout", service) < 0)
		log_info("launchctl did not unload %s%s%s", unit, serving->said.len > 0 ? ": " : "", str_text(&serving->said));
}

/* -- install ------------------------------------------------------------------------------------------------------------------------------------ */

static void print_files(const struct serving *serving, const struct hooks_service_files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", serving->dir, files->v[i].name);

		if (serving->ctx->json)
			cli_json_print(json_pack("{s:o, s:o}", "path", cli_json_string(path), "text", cli_json_string(files->v[i].text)));
		else if (serving->service.system == HOOKS_SERVICE_SYSTEMD)
			printf("%s# %s\n%s", i > 0 ? "\n" : "", path, files->v[i].text);
		else
			fputs(files->v[i].text, stdout);
	}
}

/* Whose units end with his last session, unless he lingers. */
static void tell_lingering(void)
{
	const char *user = getenv("USER");
	CLEANUP_FREE char *path = user && *user && !strchr(user, '/') ? xasprintf("/var/lib/systemd/linger/%s", user) : NULL;

	if (!path || !fs_exists(path))
		log_info("it runs while you are logged in; to let it run without you: loginctl enable-linger");
}

static int refuse_sudo(struct err *err)
{
	if (getuid() != 0 || !getenv("SUDO_UID") || str_eq(getenv("SUDO_UID"), "0"))
		return 0;
	err_class_set(err, ERR_USAGE, -EPERM, "a service belongs to the user it runs for, and sudo makes that root");
	err_hint(err, "the same without sudo");
	return -EPERM;
}

static int install(struct serving *serving, struct err *err)
{
	CLEANUP(hooks_service_files_clear) struct hooks_service_files files = { 0 };
	struct hooks_service *service = &serving->service;
	size_t n = 0;
	int r = hooks_service_files(service, &files, err);

	if (r == 0 && cli_args_has(serving->ctx->args, "print")) {
		print_files(serving, &files);
		return 0;
	}
	if (r == 0)
		r = refuse_sudo(err);
	if (r == 0 && service->system == HOOKS_SERVICE_LAUNCHD)
		r = journal_state_prepare(service->state, err); /* for the log */
	if (r == 0)
		r = hooks_service_install(service, serving->dir, &n, err);
	if (r < 0)
		return r;
	if (cli_args_has(serving->ctx->args, "option"))
		log_warning("what -o says counts for this call alone: the service reads '%s'", service->config);
	log_info("%s: %zu %s written", serving->dir, n, n == 1 ? "file" : "files");
	if (service->system == HOOKS_SERVICE_LAUNCHD)
		return start_launchd(serving, files.unit, n > 0, err);
	r = start_systemd(serving, files.unit, n > 0, err);
	if (r == 0)
		tell_lingering();
	return r;
}

/* -- uninstall ---------------------------------------------------------------------------------------------------------------------------------- */

static int uninstall(struct serving *serving, struct err *err)
{
	CLEANUP(hooks_service_files_clear) struct hooks_service_files files = { 0 };
	CLEANUP_FREE char *path = NULL;
	enum hooks_service_state state;
	size_t n = 0;
	int r = refuse_sudo(err);

	if (r == 0)
		r = hooks_service_files(&serving->service, &files, err);
	if (r < 0)
		return r;
	path = xasprintf("%s/%s", serving->dir, files.unit);
	r = hooks_service_inspect(path, files.v[0].text, &state, NULL, err);
	if (r == 0 && (state == HOOKS_SERVICE_INSTALLED || state == HOOKS_SERVICE_OUTDATED))
		stop(serving, files.unit);
	if (r == 0)
		r = hooks_service_uninstall(&serving->service, serving->dir, &n, err);
	if (r < 0)
		return r;
	if (n == 0) {
		log_info("nothing to do: no such service is installed");
		return 0;
	}
	if (serving->service.system == HOOKS_SERVICE_SYSTEMD && SYSTEMCTL(serving, "daemon-reload") < 0)
		log_debug("systemctl daemon-reload: %s", str_text(&serving->said));
	log_info("%s: %zu %s removed", serving->dir, n, n == 1 ? "file" : "files");
	return 0;
}

/* -- status ------------------------------------------------------------------------------------------------------------------------------------- */

/* 'active', 'inactive', 'failed'; NULL when nobody can say. */
static char *find_activity(struct serving *serving, const char *unit)
{
	CLEANUP_FREE char *service = NULL;

	if (serving->service.system == HOOKS_SERVICE_SYSTEMD) {
		(void)!SYSTEMCTL(serving, "is-active", unit);
		/* Its other words are excuses. */
		return serving->said.len > 0 && !strchr(serving->said.buf, ' ') ? xstrdup(serving->said.buf) : NULL;
	}
	service = xasprintf("gui/%u/%.*s", (unsigned int)getuid(), (int)(strlen(unit) - strlen(".plist")), unit);
	return LAUNCHCTL(serving, "print", service) == 0 ? xstrdup("active") : NULL;
}

static int tell_file(struct serving *serving, const struct hooks_service_file *file, json_t *array, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", serving->dir, file->name);
	enum hooks_service_state state;
	int r = hooks_service_inspect(path, file->text, &state, NULL, err);

	if (r < 0)
		return r;
	if (state != HOOKS_SERVICE_INSTALLED)
		serving->ctx->status = ERR_FAILED;
	if (!serving->ctx->json)
		cli_print_line("%-9s %s", hooks_service_state_name(state), path);
	json_array_append_new(array, json_pack("{s:o, s:s}", "path", cli_json_string(path), "state", hooks_service_state_name(state)));
	return 0;
}

/* Whether it runs only the manager can tell: without one, or without a session of the user's (sudo, cron, ssh in a container), it does not. */
static void tell_unknown(const struct serving *serving, const char *unit)
{
	bool is_systemd = serving->service.system == HOOKS_SERVICE_SYSTEMD;
	const char *said = str_text(&serving->said), *manager = is_systemd ? "systemd" : "launchd";
	int n = (int)strcspn(said, "\n");

	cli_print_line("%-9s %s: %s does not tell whether it runs%s%.*s%s", "unknown", unit, manager, n > 0 ? " (" : "", n, said, n > 0 ? ")" : "");
	cli_print_line("%-9s %s", "",
		       is_systemd ? "ask it as the user whose service it is, in that user's own session: systemctl --user status"
				  : "it is not loaded, or belongs to another user");
}

static int status(struct serving *serving, struct err *err)
{
	CLEANUP(hooks_service_files_clear) struct hooks_service_files files = { 0 };
	CLEANUP_FREE char *activity = NULL;
	const struct hooks_service *service = &serving->service;
	json_t *array = json_array();
	int r = hooks_service_files(service, &files, err);

	for (size_t i = 0; r == 0 && i < files.n; i++)
		r = tell_file(serving, &files.v[i], array, err);
	if (r == 0)
		activity = find_activity(serving, files.unit);
	if (r == 0 && serving->ctx->json)
		cli_json_print(json_pack("{s:s, s:o, s:o, s:O}", "service", hooks_service_kind_name(service->kind), "unit",
					 cli_json_string(files.unit), "active", cli_json_string(activity), "files", array));
	else if (r == 0 && activity)
		cli_print_line("%-9s %s", activity, files.unit);
	else if (r == 0)
		tell_unknown(serving, files.unit);
	if (r == 0 && !serving->ctx->json && service->kind == HOOKS_SERVICE_NIGHTLY)
		printf("%-9s at %02u:%02u\n", "", service->hour, service->minute);
	json_decref(array);
	return r;
}

/* -- a service that has failed --------------------------------------------------------------------------------------------------------------------- */

static void on_event(void *data, const struct refresh_event *event)
{
	(void)data;
	log_info("%.*s", (int)strcspn(event->text, "\n"), event->text);
}

static int run_command(struct cli_context *ctx, const char *section, struct err *err)
{
	CLEANUP(refresh_session_freep) struct refresh_session *session = NULL;
	struct refresh_notify notify = { .section = section, .key = "on_failure", .result = "failed", .on_event = on_event };
	int64_t pending;
	int r = cli_open_session(ctx, true, &session, err);

	if (r < 0 || !session->journal)
		return r;
	notify.session = session;
	r = journal_last_run(session->journal, NULL, &notify.run, &pending, err);
	return r < 0 || notify.run == 0 ? r : refresh_notify_run(&notify, err);
}

/* What the unit of OnFailure= runs, with systemd's words on it in the environment. A nightly that ended by itself has told all of it. */
static int failed(struct serving *serving, struct err *err)
{
	const char *what = getenv("MONITOR_SERVICE_RESULT"), *how = getenv("MONITOR_EXIT_CODE"), *status = getenv("MONITOR_EXIT_STATUS");
	const char *kind = hooks_service_kind_name(serving->service.kind);

	if (serving->service.kind == HOOKS_SERVICE_NIGHTLY && str_eq(how, "exited") && str_eq(status, "1"))
		return 0;
	log_error("the %s service of '%s' has failed: %s (%s %s)", kind, serving->ctx->config->file, what ? what : "nobody knows how",
		  how ? how : "", status ? status : "");
	return run_command(serving->ctx, kind, err);
}

/* -- the verb -------------------------------------------------------------------------------------------------------------------------------------- */

static int run(struct cli_context *ctx, struct err *err)
{
	/* `failed` is what a unit starts: not a word for people. */
	static const struct {
		const char *name;
		int (*fn)(struct serving *serving, struct err *err);
	} words[] = { { "install", install }, { "uninstall", uninstall }, { "status", status }, { "failed", failed } };
	CLEANUP(serving_clear) struct serving serving = { .ctx = ctx };
	const char *word = ctx->args->positional.v[0];

	for (size_t i = 0; i < N_ELEMENTS(words); i++) {
		int r;

		if (strcmp(word, words[i].name) != 0)
			continue;
		r = prepare(&serving, err);
		return r < 0 ? r : words[i].fn(&serving, err);
	}
	return cli_unknown_word(ctx->args->verb, word, err);
}

extern const struct cli_verb cmd_service;
const struct cli_verb cmd_service = {
	.name = "service",
	.usage = "install | uninstall | status  watch | nightly  [--time HH:MM] [--print]",
	.summary = "let the system run it: systemd user units, or launchd agents",
	.description = "install    writes the units into ~/.config/systemd/user (the agent into ~/Library/LaunchAgents), enables and starts "
		       "them; --print\n"
		       "           shows them instead. A second install writes nothing; without --time the time stays what it is.\n"
		       "uninstall  stops it and takes the files away.\n"
		       "status     how each file stands, and whether it is active. Exit status: 0 all well; 1 something to mend.\n\n"
		       "watch   runs `reinject watch` for as long as you are logged in, and starts it again when it dies or hangs.\n"
		       "nightly runs `reinject nightly` once a day, at the least priority; a night that the machine has slept through is made "
		       "up for.\n\n"
		       "The PATH of the install is the service's, so that it finds your cargo: install again when that moves. A file that is "
		       "not ours, or\n"
		       "was edited, is neither overwritten nor removed; what you add in a drop-in (systemctl --user edit UNIT) stays. What a "
		       "service says is in\n"
		       "journalctl --user -u UNIT, with launchd in service-watch.log in the state folder. When it fails for good, [watch] or "
		       "[nightly]\n"
		       "on_failure is run. `loginctl enable-linger` lets it run while nobody is logged in.",
	.operands = "install|uninstall|status watch|nightly",
	.options = options,
	.min_args = 2,
	.max_args = 2,
	.run = run,
};
