#include "hooks/service_text.h"

#include <string.h>

/* The texts of launchd's agents: property lists, in XML. */

static void add_escaped(struct str *text, const char *value)
{
	for (; *value; value++) {
		if (*value == '&')
			str_add(text, "&amp;");
		else if (*value == '<')
			str_add(text, "&lt;");
		else if (*value == '>')
			str_add(text, "&gt;");
		else
			str_add_c(text, *value);
	}
}

static void add_string(struct str *text, const char *indent, const char *value)
{
	str_printf(text, "%s<string>", indent);
	add_escaped(text, value);
	str_add(text, "</string>\n");
}

static void add_key(struct str *text, const char *indent, const char *key)
{
	str_printf(text, "%s<key>", indent);
	add_escaped(text, key);
	str_add(text, "</key>\n");
}

static void add_environment(struct str *text, const struct strvec *environment)
{
	add_key(text, "\t", "EnvironmentVariables");
	str_add(text, "\t<dict>\n");
	for (size_t i = 0; i < environment->n; i++) {
		size_t n = strcspn(environment->v[i], "=");
		CLEANUP_FREE char *name = xstrndup(environment->v[i], n);

		add_key(text, "\t\t", name);
		add_string(text, "\t\t", environment->v[i] + n + (environment->v[i][n] == '='));
	}
	str_add(text, "\t</dict>\n");
}

static void add_arguments(struct str *text, const struct hooks_service *service)
{
	const char *const words[] = { service->program, "-c", service->config, hooks_service_kind_name(service->kind) };

	add_key(text, "\t", "ProgramArguments");
	str_add(text, "\t<array>\n");
	for (size_t i = 0; i < N_ELEMENTS(words); i++)
		add_string(text, "\t\t", words[i]);
	str_add(text, "\t</array>\n");
}

/* launchd has no journal: what is said goes to a file in the state folder. */
static void add_log(struct str *text, const struct hooks_service *service)
{
	CLEANUP_FREE char *log = xasprintf("%s/service-%s.log", service->state, hooks_service_kind_name(service->kind));

	add_key(text, "\t", "StandardOutPath");
	add_string(text, "\t", "/dev/null");
	add_key(text, "\t", "StandardErrorPath");
	add_string(text, "\t", log);
}

static void add_when(struct str *text, const struct hooks_service *service)
{
	if (service->kind == HOOKS_SERVICE_WATCH)
		str_add(text, "\t<key>RunAtLoad</key>\n\t<true/>\n\t<key>KeepAlive</key>\n\t<dict>\n\t\t<key>SuccessfulExit</key>\n\t\t<false/"
			      ">\n\t</dict>\n"
			      "\t<key>ThrottleInterval</key>\n\t<integer>60</integer>\n\t<key>ExitTimeOut</key>\n\t<integer>90</integer>\n");
	else
		str_printf(text,
			   "\t<key>StartCalendarInterval</key>\n\t<dict>\n\t\t<key>Hour</key>\n\t\t<integer>%u</integer>\n"
			   "\t\t<key>Minute</key>\n\t\t<integer>%u</integer>\n\t</dict>\n\t<key>LowPriorityIO</key>\n\t<true/>\n"
			   "\t<key>Nice</key>\n\t<integer>19</integer>\n\t<key>ProcessType</key>\n\t<string>Background</string>\n"
			   "\t<key>ExitTimeOut</key>\n\t<integer>300</integer>\n",
			   service->hour, service->minute);
}

int hooks_service_launchd(const struct hooks_service *service, struct hooks_service_files *ret, struct err *err)
{
	CLEANUP(str_clear) struct str label = { 0 }, text = { 0 };

	(void)err; /* as for systemd */
	str_printf(&label, "reinject.%s.", hooks_service_kind_name(service->kind));
	hooks_service_add_project(&label, service);
	str_add(&text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
		       "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<!-- ");
	hooks_service_add_mark(&text, service);
	str_add(&text, " -->\n<plist version=\"1.0\">\n<dict>\n");
	add_key(&text, "\t", "Label");
	add_string(&text, "\t", label.buf);
	add_arguments(&text, service);
	add_environment(&text, service->environment);
	add_when(&text, service);
	add_log(&text, service);
	str_add(&text, "</dict>\n</plist>\n");
	ret->v[0].name = xasprintf("%s.plist", label.buf);
	ret->v[0].text = hooks_service_seal(&text);
	ret->n = 1;
	return 0;
}
