#include "hooks/service_text.h"

#include <string.h>

/* The texts of systemd's units. What each line is for stands in docs/facts/git-hooks.md ('Unattended jobs'). */

/* A word as a unit reads it: quoted; '%' would be replaced, and '$' in a command's arguments, though not in its program. */
static void add_word(struct str *text, const char *word, bool is_argument)
{
	str_add_c(text, '"');
	for (; *word; word++) {
		if (*word == '"' || *word == '\\')
			str_add_c(text, '\\');
		else if (*word == '%' || (*word == '$' && is_argument))
			str_add_c(text, *word);
		str_add_c(text, *word);
	}
	str_add_c(text, '"');
}

/* What is not quoted runs to the line's end; a blank there would be lost, and a backslash would join the next line. */
static void add_rest(struct str *text, const char *key, const char *value)
{
	size_t n = strlen(value);

	if (n == 0 || value[n - 1] == ' ' || value[n - 1] == '\\')
		return;
	str_add(text, key);
	for (; *value; value++) {
		if (*value == '%')
			str_add_c(text, '%');
		str_add_c(text, *value);
	}
	str_add_c(text, '\n');
}

static void add_head(struct str *text, const struct hooks_service *service, const char *what)
{
	CLEANUP_FREE char *description = xasprintf("reinject %s for %s", what, service->config);

	str_printf(text, "# Written by `reinject service install %s`, and taken away by `uninstall`. Edits: systemctl --user edit UNIT\n# ",
		   hooks_service_kind_name(service->kind));
	hooks_service_add_mark(text, service);
	str_add(text, "\n[Unit]\n");
	add_rest(text, "Description=", description);
}

static void add_command(struct str *text, const struct hooks_service *service, const char *words)
{
	str_add(text, "ExecStart=");
	add_word(text, service->program, false);
	str_add(text, " -c ");
	add_word(text, service->config, true);
	str_printf(text, " %s\n", words);
	for (size_t i = 0; i < service->environment->n; i++) {
		str_add(text, "Environment=");
		add_word(text, service->environment->v[i], false);
		str_add_c(text, '\n');
	}
	str_add(text, "UnsetEnvironment=GIT_DIR GIT_INDEX_FILE GIT_WORK_TREE\n");
}

static void add_file(struct hooks_service_files *files, const char *name, const char *suffix, struct str *text)
{
	files->v[files->n].name = xasprintf("%s%s", name, suffix);
	files->v[files->n].text = hooks_service_seal(text);
	files->n++;
}

/* Exit 2 and 3 are for a person to mend; 75: a watch runs already. */
static void add_watch(const struct hooks_service *service, const char *name, struct hooks_service_files *files)
{
	CLEANUP(str_clear) struct str text = { 0 };

	add_head(&text, service, "watch");
	add_rest(&text, "ConditionPathExists=", service->config);
	str_printf(&text,
		   "StartLimitIntervalSec=10min\nStartLimitBurst=5\nOnFailure=%s-failed.service\n\n"
		   "[Service]\nType=notify\nNotifyAccess=main\n",
		   name);
	add_command(&text, service, "watch");
	str_add(&text, "Restart=on-failure\nRestartSec=5s\nRestartPreventExitStatus=2 3\nSuccessExitStatus=75 130\n"
		       "WatchdogSec=5min\nTimeoutStartSec=5min\nTimeoutStopSec=90s\nKillMode=mixed\n\n"
		       "[Install]\nWantedBy=default.target\n");
	add_file(files, name, ".service", &text);
}

static void add_timer(const struct hooks_service *service, const char *name, struct hooks_service_files *files)
{
	CLEANUP(str_clear) struct str text = { 0 };

	add_head(&text, service, "nightly, when");
	str_printf(&text,
		   "\n[Timer]\nOnCalendar=*-*-* %02u:%02u:00\nPersistent=true\nRandomizedDelaySec=10min\nFixedRandomDelay=true\n\n"
		   "[Install]\nWantedBy=timers.target\n",
		   service->hour, service->minute);
	add_file(files, name, ".timer", &text);
}

/* What a night that has reached its own limit still has to do: put the good image back, report, run on_failure. */
enum { NIGHT_END_S = 3600 };

/* No RuntimeMaxSec=, which does nothing for oneshot. */
static void add_nightly(const struct hooks_service *service, const char *name, struct hooks_service_files *files)
{
	CLEANUP(str_clear) struct str text = { 0 };

	add_head(&text, service, "nightly");
	add_rest(&text, "ConditionPathExists=", service->config);
	str_printf(&text, "OnFailure=%s-failed.service\n\n[Service]\nType=oneshot\n", name);
	add_command(&text, service, "nightly");
	str_printf(&text, "SuccessExitStatus=75\nNice=19\nIOSchedulingClass=idle\nKillMode=mixed\nTimeoutStartSec=%llu\nTimeoutStopSec=5min\n",
		   (unsigned long long)service->limit_s + NIGHT_END_S);
	add_file(files, name, ".service", &text);
}

/* For what cannot tell itself any more: killed, timed out, given up. */
static void add_failed(const struct hooks_service *service, const char *name, struct hooks_service_files *files)
{
	CLEANUP_FREE char *what = xasprintf("%s has failed,", hooks_service_kind_name(service->kind));
	CLEANUP_FREE char *words = xasprintf("service failed %s", hooks_service_kind_name(service->kind));
	CLEANUP(str_clear) struct str text = { 0 };

	add_head(&text, service, what);
	str_add(&text, "\n[Service]\nType=oneshot\n");
	add_command(&text, service, words);
	str_add(&text, "TimeoutStartSec=5min\n");
	add_file(files, name, "-failed.service", &text);
}

int hooks_service_systemd(const struct hooks_service *service, struct hooks_service_files *ret, struct err *err)
{
	CLEANUP(str_clear) struct str name = { 0 };

	(void)err; /* what no unit can hold does not come here */
	str_printf(&name, "reinject-%s-", hooks_service_kind_name(service->kind));
	hooks_service_add_project(&name, service);
	if (service->kind == HOOKS_SERVICE_NIGHTLY) {
		add_timer(service, name.buf, ret);
		add_nightly(service, name.buf, ret);
	} else {
		add_watch(service, name.buf, ret);
	}
	add_failed(service, name.buf, ret);
	return 0;
}
