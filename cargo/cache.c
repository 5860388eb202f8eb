/* Everything that is known of sccache stands in this file, so that another cache would be one more. */
#include "cargo/cache.h"

#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/proc.h"
#include "base/sudo.h"
#include "cargo/command.h"

#define PROGRAM "sccache"

/* Some variable whose name sccache takes into its key, and that nothing else reads. */
#define BACKEND "CARGO_REINJECT_BACKEND"

enum { ANSWER_LIMIT_MS = 5000 };

bool cargo_cache_is_used(const struct config_build *build)
{
	return str_eq(build->cache, PROGRAM);
}

static const char *variable(const struct config_build *build, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = build->env.n; i-- > 0;)
		if (strncmp(build->env.v[i], name, n) == 0 && build->env.v[i][n] == '=')
			return build->env.v[i] + n + 1;
	return NULL;
}

static const char *name_of(const struct config_build *build)
{
	const char *wrapper = variable(build, "RUSTC_WRAPPER");

	return wrapper && *wrapper ? wrapper : PROGRAM;
}

void cargo_cache_environment(const struct config_build *build, struct strvec *env)
{
	char digest[HASH_HEX_SIZE];

	proc_environment_set(env, "RUSTC_WRAPPER", name_of(build));
	/* The tree's own .cargo/config.toml may turn it on, and sccache refuses incremental builds. */
	proc_environment_set(env, "CARGO_INCREMENTAL", "0");
	/* What is not there is cargo's to say. */
	if (build->codegen_backend && *build->codegen_backend && hash_file(build->codegen_backend, digest, NULL) == 0)
		proc_environment_set(env, BACKEND, digest);
}

char *cargo_cache_program(const struct config_build *build)
{
	return fs_find_program_on(name_of(build), variable(build, "PATH"));
}

int cargo_cache_require(const struct config_build *build, struct err *err)
{
	CLEANUP_FREE char *program = cargo_cache_program(build);

	if (program)
		return 0;
	err_class_set(err, ERR_ENVIRONMENT, -ENOENT, "[build] cache = sccache, but there is no program '%s' on PATH", name_of(build));
	err_hint(err, "`cargo install sccache --locked` builds it (Debian's package is sccache); `cache = none` in [build] does without");
	return -ENOENT;
}

/* -- its counts ---------------------------------------------------------------------------------------------------------------------------- */

static uint64_t number(const json_t *stats, const char *name)
{
	json_int_t value = json_integer_value(json_object_get(stats, name));

	return value > 0 ? (uint64_t)value : 0;
}

/* Counted for each language apart: {"counts": {"Rust": 3}}. */
static uint64_t sum(const json_t *stats, const char *name)
{
	json_t *counts = json_object_get(json_object_get(stats, name), "counts"), *value;
	uint64_t total = 0;
	const char *language;

	json_object_foreach(counts, language, value) total += json_integer_value(value) > 0 ? (uint64_t)json_integer_value(value) : 0;
	return total;
}

/* 'redis, name: ..., prefix: /', 'Local disk: "/home/..."': the kind alone, as what follows may be long or nobody's business. */
static void take_store(const char *location, char ret[CARGO_CACHE_STORE_SIZE])
{
	size_t n;

	if (!location)
		return;
	if (str_starts(location, "Local "))
		location += strlen("Local ");
	n = strspn(location, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
	snprintf(ret, CARGO_CACHE_STORE_SIZE, "%.*s", (int)n, location);
}

int cargo_cache_parse(const char *text, size_t n, struct cargo_cache_counts *ret, struct err *err)
{
	struct cargo_cache_counts counts = { 0 };
	json_t *object = json_loadb(text, n, 0, NULL);
	json_t *stats = json_object_get(object, "stats");
	int r = 0;

	if (json_is_object(stats)) {
		counts.hits = sum(stats, "cache_hits");
		counts.misses = sum(stats, "cache_misses");
		counts.errors = sum(stats, "cache_errors") + number(stats, "cache_read_errors") + number(stats, "cache_write_errors");
		take_store(json_string_value(json_object_get(object, "cache_location")), counts.store);
		*ret = counts;
	} else {
		r = err_set(err, -EBADMSG, "sccache's counts are not what it should print!");
	}
	json_decref(object);
	return r;
}

static void take_line(void *data, const char *line, size_t n)
{
	str_add_n(data, line, n);
}

int cargo_cache_count(const struct config_build *build, const char *folder, struct cancel *cancel, struct cargo_cache_counts *ret,
		      struct err *err)
{
	CLEANUP_FREE char *program = cargo_cache_program(build);
	CLEANUP(strvec_clear) struct strvec env = { 0 };
	CLEANUP(str_clear) struct str out = { 0 };
	const struct cargo_command words = { .env_set = build->env };
	char *argv[] = { program, "--show-stats", "--stats-format=json", NULL };
	struct proc_spec spec = {
		.argv = argv, .cwd = folder, .on_stdout = take_line, .data = &out, .cancel = cancel, .timeout_ms = ANSWER_LIMIT_MS
	};
	struct proc_result result;
	int r;

	if (!program)
		return cargo_cache_require(build, err);
	/* The same variables as in the build, which may name another server. */
	cargo_command_environment(&words, &env);
	spec.env = env.v;
	sudo_drop(folder, &env, &spec);
	r = proc_run(&spec, &result, err);
	return r < 0 ? r : cargo_cache_parse(str_text(&out), out.len, ret, err);
}

struct cargo_cache_counts cargo_cache_between(const struct cargo_cache_counts *before, const struct cargo_cache_counts *after)
{
	struct cargo_cache_counts counts = *after;

	if (after->hits < before->hits || after->misses < before->misses || after->errors < before->errors)
		return counts;
	counts.hits -= before->hits;
	counts.misses -= before->misses;
	counts.errors -= before->errors;
	return counts;
}
