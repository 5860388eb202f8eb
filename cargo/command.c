#include "cargo/command.h"

#include "base/proc.h"
#include "cargo/cache.h"

#include <errno.h>
#include <string.h>

#define ENCODED          "CARGO_ENCODED_RUSTFLAGS="
#define FLAG_SEPARATOR   "\x1f"
#define MESSAGE_FORMAT   "--message-format=json-diagnostic-rendered-ansi"
#define JSON_TARGET_SPEC "-Zjson-target-spec"

/* `key =` with nothing behind it means the same as no key. */
static bool is_set(const char *value)
{
	return value && *value;
}

static void add_relibc_flags(const char *relibc, struct strvec *ret)
{
	strvec_add(ret, "-Crelocation-model=static");
	strvec_addf(ret, "-Clink-arg=-L%s", relibc);
	strvec_addf(ret, "-Clink-arg=%s/crt0.o", relibc);
	strvec_addf(ret, "-Clink-arg=%s/crt0_rust.o", relibc);
	strvec_addf(ret, "-Clink-arg=%s/crti.o", relibc);
	strvec_addf(ret, "-Clink-arg=%s/crtn.o", relibc);
	strvec_add(ret, "-Clink-arg=-lunwind_stubs");
	strvec_add(ret, "-Clink-arg=-z");
	strvec_add(ret, "-Clink-arg=muldefs");
}

void cargo_command_flags(const struct config_build *build, struct strvec *ret)
{
	if (is_set(build->codegen_backend))
		strvec_addf(ret, "-Zcodegen-backend=%s", build->codegen_backend);
	if (is_set(build->relibc))
		add_relibc_flags(build->relibc, ret);
	strvec_copy(ret, &build->rustflags);
}

static void add_environment(const struct config_build *build, struct strvec *ret)
{
	CLEANUP(strvec_clear) struct strvec flags = { 0 };

	cargo_command_flags(build, &flags);
	if (flags.n > 0) {
		CLEANUP_FREE char *encoded = strvec_join(&flags, FLAG_SEPARATOR);

		proc_environment_set(ret, "CARGO_ENCODED_RUSTFLAGS", encoded);
	}
	if (cargo_cache_is_used(build))
		cargo_cache_environment(build, ret);
}

static void add_profile(const char *profile, struct strvec *ret)
{
	if (!is_set(profile) || str_eq(profile, "release")) {
		strvec_add(ret, "--release");
	} else if (!str_eq(profile, "dev") && !str_eq(profile, "debug")) {
		strvec_add(ret, "--profile");
		strvec_add(ret, profile);
	}
}

static void add_build_std(const struct config_build *build, struct strvec *ret)
{
	if (is_set(build->build_std)) {
		strvec_add(ret, "-Z");
		strvec_addf(ret, "build-std=%s", build->build_std);
	}
	if (is_set(build->build_std_features))
		strvec_addf(ret, "-Zbuild-std-features=%s", build->build_std_features);
}

static void add_target_dir(const struct config_build *build, struct strvec *ret)
{
	if (is_set(build->target_dir)) {
		strvec_add(ret, "--target-dir");
		strvec_add(ret, build->target_dir);
	}
}

static void add_selection(const struct config_build *build, const char *package, struct strvec *ret)
{
	strvec_add(ret, "-p");
	strvec_add(ret, package);
	if (build->features.n > 0) {
		strvec_add(ret, "--features");
		strvec_take(ret, strvec_join(&build->features, ","));
	}
	strvec_copy(ret, &build->cargo_args);
	add_target_dir(build, ret);
}

/* Which cargo, what it is to do, and for which folder of its target folder. */
static void add_verb(const struct config_build *build, const char *verb, struct strvec *ret)
{
	strvec_add(ret, "cargo");
	if (is_set(build->toolchain))
		strvec_addf(ret, "+%s", build->toolchain);
	strvec_add(ret, verb);
	if (is_set(build->target)) {
		strvec_add(ret, "--target");
		strvec_add(ret, build->target);
	}
	add_profile(build->profile, ret);
}

static void add_cargo_words(const struct config_build *build, const char *package, struct strvec *ret)
{
	add_verb(build, "build", ret);
	add_build_std(build, ret);
	add_selection(build, package, ret);
	strvec_add(ret, MESSAGE_FORMAT);
}

/* What every command starts from: the source's folder, and the variables of [build]. */
static int begin_command(const struct config *config, const struct config_package *package, struct cargo_command *ret, struct err *err)
{
	if (package->source >= config->n_sources)
		return err_class_set(err, ERR_USAGE, -EINVAL, "package '%s' has no source", package->name);
	ret->cwd = xstrdup(config->sources[package->source].path);
	strvec_copy(&ret->env_set, &config->build.env);
	return 0;
}

int cargo_command_init(const struct config *config, const struct config_package *package, const struct strvec *extra_env,
		       struct cargo_command *ret, struct err *err)
{
	struct cargo_command command = { 0 };
	int r = begin_command(config, package, &command, err);

	if (r < 0)
		return r;
	if (package->command.n > 0) {
		strvec_copy(&command.argv, &package->command);
		if (extra_env)
			strvec_copy(&command.env_set, extra_env);
	} else {
		add_cargo_words(&config->build, package->name, &command.argv);
		add_environment(&config->build, &command.env_set);
	}
	*ret = command;
	return 0;
}

int cargo_command_clean_init(const struct config *config, const struct config_package *package, const struct strvec *names,
			     struct cargo_command *ret, struct err *err)
{
	struct cargo_command command = { 0 };
	int r = begin_command(config, package, &command, err);

	if (r < 0)
		return r;
	add_verb(&config->build, "clean", &command.argv);
	for (size_t i = 0; i < names->n; i++) {
		strvec_add(&command.argv, "-p");
		strvec_add(&command.argv, names->v[i]);
	}
	add_target_dir(&config->build, &command.argv);
	*ret = command;
	return 0;
}

void cargo_command_environment(const struct cargo_command *command, struct strvec *ret)
{
	proc_environment(ret);
	for (size_t i = 0; i < command->env_set.n; i++) {
		const char *variable = command->env_set.v[i];
		size_t n = strcspn(variable, "=");
		CLEANUP_FREE char *name = xstrndup(variable, n);

		proc_environment_set(ret, name, variable[n] ? variable + n + 1 : "");
	}
}

void cargo_command_clear(struct cargo_command *command)
{
	strvec_clear(&command->argv);
	strvec_clear(&command->env_set);
	free(command->cwd);
	*command = (struct cargo_command){ 0 };
}

void cargo_command_allow_json_target(struct cargo_command *command)
{
	if (!strvec_has(&command->argv, JSON_TARGET_SPEC))
		strvec_add(&command->argv, JSON_TARGET_SPEC);
}

/* A raw 0x1f is an editing key of interactive shells, so it must not be in a text that is pasted: the shell's printf makes it. */
static void add_encoded_flags(struct str *text, const struct strvec *flags)
{
	str_add(text, ENCODED "\"$(printf '");
	for (size_t i = 0; i < flags->n; i++)
		str_add(text, i > 0 ? "\\037%s" : "%s");
	str_add_c(text, '\'');
	for (size_t i = 0; i < flags->n; i++) {
		str_add_c(text, ' ');
		str_add_shell_quoted(text, flags->v[i]);
	}
	str_add(text, ")\"");
}

static void split_flags(const char *encoded, struct strvec *ret)
{
	for (;;) {
		size_t n = strcspn(encoded, FLAG_SEPARATOR);

		strvec_add_n(ret, encoded, n);
		if (encoded[n] == '\0')
			return;
		encoded += n + 1;
	}
}

static void add_flags(struct str *text, const char *encoded)
{
	CLEANUP(strvec_clear) struct strvec flags = { 0 };
	CLEANUP_FREE char *joined = NULL;
	bool plain = true;

	split_flags(encoded, &flags);
	for (size_t i = 0; i < flags.n; i++)
		plain = plain && flags.v[i][0] != '\0' && !strpbrk(flags.v[i], " \t\n");
	if (!plain) {
		add_encoded_flags(text, &flags);
		return;
	}
	joined = strvec_join(&flags, " ");
	str_add(text, "RUSTFLAGS=");
	str_add_shell_quoted(text, joined);
}

static void add_variable(struct str *text, const char *variable)
{
	size_t n = strcspn(variable, "=");

	if (variable[n] == '\0')
		return;
	if (str_starts(variable, ENCODED)) {
		add_flags(text, variable + strlen(ENCODED));
	} else {
		str_add_n(text, variable, n + 1);
		str_add_shell_quoted(text, variable + n + 1);
	}
	str_add(text, " \\\n");
}

char *cargo_command_text(const struct cargo_command *command)
{
	struct str text = { 0 };

	str_add(&text, "cd ");
	str_add_shell_quoted(&text, command->cwd);
	str_add(&text, " &&\n");
	for (size_t i = 0; i < command->env_set.n; i++)
		add_variable(&text, command->env_set.v[i]);
	for (size_t i = 0; i < command->argv.n; i++) {
		if (i > 0)
			str_add_c(&text, ' ');
		str_add_shell_quoted(&text, command->argv.v[i]);
	}
	str_add_c(&text, '\n');
	return str_take(&text);
}
