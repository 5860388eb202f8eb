/* [boot] and [check *] as a boot needs them: words expanded, patterns compiled, the environment of the program. */
#include "boot/internal.h"

#include "config/schema.h"
#include "config/template.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum { MS = 1000 };

static int compile(struct boot_pattern *pattern, const char *text, const char *what, struct err *err)
{
	int code;

	if (!text || !*text)
		return 0;
	code = regcomp(&pattern->regex, text, REG_EXTENDED);
	if (code != 0)
		return err_class_set(err, ERR_USAGE, -EINVAL, "%s: '%s' is no regular expression", what, text);
	pattern->text = xstrdup(text);
	return 0;
}

static void pattern_clear(struct boot_pattern *pattern)
{
	if (pattern->text)
		regfree(&pattern->regex);
	free(pattern->text);
}

bool boot_matches(const struct boot_pattern *pattern, const char *line)
{
	return pattern->text && regexec(&pattern->regex, line, 0, NULL, 0) == 0;
}

/* -- checks ---------------------------------------------------------------------------------------------------------------------------------- */

/* The two characters \n end a line. An empty one is a press of the return key. */
static void split_lines(const char *text, struct strvec *ret)
{
	const char *end;

	while ((end = strstr(text, "\\n"))) {
		strvec_add_n(ret, text, (size_t)(end - text));
		text = end + 2;
	}
	strvec_add(ret, text);
}

struct check_reader {
	struct boot_setup *setup;
	struct err *err;
	int r;
};

static void read_check(void *data, const char *section, const char *key, const char *value, const char *origin)
{
	struct check_reader *reader = data;
	struct boot_setup *setup = reader->setup;
	struct boot_setup_check *check;
	uint64_t seconds;

	(void)origin;
	if (!str_starts(section, "check ") || reader->r < 0)
		return;
	section += strlen("check ");
	if (setup->n_checks == 0 || strcmp(setup->checks[setup->n_checks - 1].name, section) != 0) {
		grow_array(&setup->checks, &setup->checks_cap, setup->n_checks, sizeof(*setup->checks));
		setup->checks[setup->n_checks++].name = xstrdup(section);
	}
	check = &setup->checks[setup->n_checks - 1];
	if (strcmp(key, "send") == 0)
		split_lines(value, &check->lines);
	else if (strcmp(key, "expect") == 0)
		reader->r = compile(&check->expect, value, "[check] expect", reader->err);
	else if (strcmp(key, "required") == 0)
		(void)!schema_parse_bool(value, &check->required);
	else if (strcmp(key, "timeout_s") == 0 && schema_parse_uint(value, &seconds) == 0)
		check->timeout_ms = (int64_t)seconds * MS * setup->scale;
}

static int read_checks(const struct config *config, struct boot_setup *setup, struct err *err)
{
	struct check_reader reader = { .setup = setup, .err = err };

	config_each_value(config, read_check, &reader);
	for (size_t i = 0; reader.r == 0 && i < setup->n_checks; i++) {
		if (!setup->checks[i].expect.text)
			reader.r = err_class_set(err, ERR_USAGE, -EINVAL, "[check %s] says nothing to expect", setup->checks[i].name);
		else if (setup->checks[i].lines.n > 0 && str_starts(setup->console, "file:"))
			reader.r = err_class_set(err, ERR_USAGE, -EINVAL, "[check %s] send: a console that is a file takes no lines",
						 setup->checks[i].name);
	}
	return reader.r;
}

/* -- the program ------------------------------------------------------------------------------------------------------------------------------ */

/* Where the sockets go when the user's environment says nothing: beside the logs, where nobody else writes. */
static void add_socket_dir(const struct config *config, struct strvec *variables)
{
	if (!getenv("SOCKET_DIR"))
		strvec_addf(variables, "SOCKET_DIR=%s/boots", config->state);
}

static int expand(const struct config *config, const char *key, const struct strvec *variables, char **ret, struct err *err)
{
	const char *text = config_get(config, "boot", key);
	int r = text && *text ? template_expand(text, variables, NULL, ret, err) : 0;

	return r < 0 ? err_wrap(err, r, "[boot] %s", key) : 0;
}

static int add_words(const struct config *config, const char *key, const struct strvec *variables, struct strvec *argv, struct err *err)
{
	const char *text = config_get(config, "boot", key);
	CLEANUP(strvec_clear) struct strvec words = { 0 };
	int r = text && *text ? schema_split_command(text, &words, err) : 0;

	if (r >= 0)
		r = template_expand_all(&words, variables, NULL, argv, err);
	return r < 0 ? err_wrap(err, r, "[boot] %s", key) : 0;
}

static void fill_environment(const struct config *config, const char *image, const struct strvec *variables, struct boot_setup *setup)
{
	const char *share = config_get(config, "share", "path");

	proc_environment(&setup->env);
	proc_environment_set(&setup->env, "RAW_IMG", image);
	proc_environment_set(&setup->env, "REINJECT_IMAGE", image);
	for (size_t i = 0; i < variables->n; i++)
		strvec_add(&setup->env, variables->v[i]);
	if (str_starts(setup->console, "socket:"))
		proc_environment_set(&setup->env, "SOCK", setup->console + strlen("socket:"));
	if (setup->monitor)
		proc_environment_set(&setup->env, "MONSOCK", setup->monitor);
	if (share && *share)
		proc_environment_set(&setup->env, "SHARE", share);
}

static int read_stop(const struct config *config, const struct strvec *variables, struct boot_setup *setup, struct err *err)
{
	CLEANUP_FREE char *stop = NULL;
	int r = expand(config, "stop", variables, &stop, err);

	if (r < 0 || !stop)
		return r;
	if (!str_starts(stop, "monitor:") || !stop[strlen("monitor:")]) {
		err_class_set(err, ERR_USAGE, -EINVAL, "[boot] stop: '%s' is no way to stop a machine", stop);
		err_hint(err, "expected monitor:PATH, the socket of QEMU's monitor");
		return -EINVAL;
	}
	setup->monitor = xstrdup(stop + strlen("monitor:"));
	return 0;
}

static int read_program(const struct boot_args *args, const char *image, struct boot_setup *setup, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec variables = { 0 };
	int r;

	add_socket_dir(args->config, &variables);
	r = add_words(args->config, "command", &variables, &setup->argv, err);
	if (r >= 0)
		r = add_words(args->config, "args", &variables, &setup->argv, err);
	if (r >= 0 && setup->argv.n == 0)
		r = err_class_set(err, ERR_USAGE, -EINVAL, "[boot] command is empty");
	if (r >= 0)
		r = expand(args->config, "console", &variables, &setup->console, err);
	if (r >= 0)
		r = read_stop(args->config, &variables, setup, err);
	if (r >= 0)
		fill_environment(args->config, image, &variables, setup);
	return r;
}

/* -- the rest --------------------------------------------------------------------------------------------------------------------------------- */

static int read_patterns(const struct config *config, struct boot_setup *setup, struct err *err)
{
	int r = compile(&setup->ready, config_get(config, "boot", "ready"), "[boot] ready", err);

	if (r >= 0)
		r = compile(&setup->failure, config_get(config, "boot", "failure"), "[boot] failure", err);
	if (r >= 0)
		r = compile(&setup->record, config_get(config, "boot", "record"), "[boot] record", err);
	if (r < 0 || setup->ready.text || setup->exit_ok >= 0)
		return r;
	err_class_set(err, ERR_USAGE, -EINVAL, "'%s': [boot] does not say how a boot that is up is known", config->file);
	err_hint(err, "add `ready = PATTERN` (such as 'redox login:'), or `exit_ok = STATUS` for a guest that ends by itself");
	return -EINVAL;
}

int boot_setup_load(const struct boot_args *args, const char *image, struct boot_setup *ret, struct err *err)
{
	const struct config *config = args->config;
	int r;

	ret->scale = (int64_t)config_get_uint(config, "boot", "timeout_scale", 1);
	ret->timeout_ms = args->timeout_s > 0 ? args->timeout_s : (int64_t)config_get_uint(config, "boot", "timeout_s", 60);
	ret->timeout_ms *= MS * ret->scale;
	ret->exit_ok = (int)config_get_uint(config, "boot", "exit_ok", (uint64_t)-1);
	ret->exit_failed = (int)config_get_uint(config, "boot", "exit_failed", (uint64_t)-1);
	r = read_program(args, image, ret, err);
	if (r >= 0)
		r = read_patterns(config, ret, err);
	return r < 0 ? r : read_checks(config, ret, err);
}

void boot_setup_clear(struct boot_setup *setup)
{
	strvec_clear(&setup->argv);
	strvec_clear(&setup->env);
	free(setup->console);
	free(setup->monitor);
	pattern_clear(&setup->ready);
	pattern_clear(&setup->failure);
	pattern_clear(&setup->record);
	for (size_t i = 0; i < setup->n_checks; i++) {
		free(setup->checks[i].name);
		strvec_clear(&setup->checks[i].lines);
		pattern_clear(&setup->checks[i].expect);
	}
	free(setup->checks);
	*setup = (struct boot_setup){ 0 };
}
