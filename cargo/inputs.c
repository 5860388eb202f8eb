/* What cargo's own freshness check does not see, as one hash: the compiler's and the backend's identity, the objects that are linked in. */
#include "cargo/build.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "cargo/toolchain.h"

static void add_list(struct hash *hash, const char *name, const struct strvec *list)
{
	char count[24];

	snprintf(count, sizeof(count), "%zu", list->n);
	hash_field(hash, name, count);
	for (size_t i = 0; i < list->n; i++)
		hash_field(hash, name, list->v[i]);
}

/* Where the compiler cache is and how it is reached says nothing about what comes out of it. */
static void add_environment(struct hash *hash, const struct strvec *env)
{
	CLEANUP(strvec_clear) struct strvec counted = { 0 };

	for (size_t i = 0; i < env->n; i++)
		if (!str_starts(env->v[i], "SCCACHE_"))
			strvec_add(&counted, env->v[i]);
	add_list(hash, "env", &counted);
}

/* target_dir is left out: the same binaries come out of another folder, and a night builds in its own. So is the cache: what was built without it is as
 * good as what it gives, and turning it on is no reason to build everything. */
static void add_words(struct hash *hash, const struct config *config)
{
	const struct config_build *build = &config->build;
	CLEANUP_FREE char *target = build->target ? config_home_path(config, build->target) : NULL;

	hash_field(hash, "toolchain", build->toolchain);
	hash_field(hash, "target", target);
	hash_field(hash, "codegen_backend", build->codegen_backend);
	hash_field(hash, "relibc", build->relibc);
	hash_field(hash, "build_std", build->build_std);
	hash_field(hash, "build_std_features", build->build_std_features);
	add_list(hash, "rustflags", &build->rustflags);
	hash_field(hash, "profile", build->profile);
	add_list(hash, "features", &build->features);
	add_list(hash, "cargo_args", &build->cargo_args);
	add_environment(hash, &build->env);
	hash_field(hash, "strip", build->strip);
}

/* Programs and the backend library are large and replaced as a whole: path, size and time tell them apart. */
static void add_identity(struct hash *hash, const char *name, const char *path)
{
	CLEANUP_FREE char *what = NULL;
	struct stat st;

	if (stat(path, &st) == 0)
		what = xasprintf("%lld bytes of %lld.%09ld", (long long)st.st_size, (long long)fs_mtime(&st).tv_sec, fs_mtime(&st).tv_nsec);
	hash_field(hash, name, path);
	hash_field(hash, name, what ? what : "missing");
}

static const char *content_of(const char *path, char hex[HASH_HEX_SIZE])
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR ? "missing" : "unreadable";
	if (!S_ISREG(st.st_mode))
		return "no file";
	return hash_file(path, hex, NULL) < 0 ? "unreadable" : hex;
}

/* A word that the linker gets names a file when it is none of its options; some options carry one behind '=' or -T. */
static const char *file_in_word(const char *word)
{
	const char *value = strchr(word, '=');

	if (word[0] != '-')
		return word;
	if (str_starts(word, "-T"))
		return word + 2;
	return value ? value + 1 : "";
}

/* The words of `link-arg=WORD`, `link-args=WORD WORD`, and what -Wl, joins by commas. */
static void add_link_words(const char *option, struct strvec *ret)
{
	bool many = str_starts(option, "link-args=");
	CLEANUP_FREE char *copy = NULL;
	char *rest;

	if (!many && !str_starts(option, "link-arg="))
		return;
	rest = copy = xstrdup(strchr(option, '=') + 1);
	for (char *word = strsep(&rest, many ? " " : ""); word; word = strsep(&rest, many ? " " : "")) {
		const char *between = str_starts(word, "-Wl,") ? "," : "";

		for (char *part = strsep(&word, between); part; part = strsep(&word, between))
			if (*file_in_word(part))
				strvec_add(ret, file_in_word(part));
	}
}

/* -COPTION, -C OPTION, --codegen=OPTION, --codegen OPTION */
static void add_link_files(const struct config_build *build, struct strvec *ret)
{
	CLEANUP(strvec_clear) struct strvec flags = { 0 };

	cargo_command_flags(build, &flags);
	for (size_t i = 0; i < flags.n; i++) {
		const char *flag = flags.v[i];

		if ((str_eq(flag, "-C") || str_eq(flag, "--codegen")) && i + 1 < flags.n)
			add_link_words(flags.v[++i], ret);
		else if (str_starts(flag, "-C"))
			add_link_words(flag + strlen("-C"), ret);
		else if (str_starts(flag, "--codegen="))
			add_link_words(flag + strlen("--codegen="), ret);
	}
}

static void add_objects(const char *folder, struct strvec *ret)
{
	CLEANUP(cleanup_closedir) DIR *dir = opendir(folder);

	for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir))
		if (str_ends(entry->d_name, ".o") || str_ends(entry->d_name, ".a"))
			strvec_addf(ret, "%s/%s", folder, entry->d_name);
}

/* The names go in as written, so that the same tree in another place has the same hash; the linker runs in the workspace's folder. */
static void add_contents(struct hash *hash, const struct config *config, const struct strvec *files)
{
	char hex[HASH_HEX_SIZE];

	for (size_t i = 0; i < files->n; i++) {
		const char *file = files->v[i];
		CLEANUP_FREE char *name = config_home_path(config, file);

		hash_field(hash, "file", name);
		for (size_t source = 0; source < config->n_sources; source++) {
			CLEANUP_FREE char *path = fs_absolute(config->sources[source].path, file);

			hash_field(hash, "content", content_of(path, hex));
			if (file[0] == '/')
				break;
		}
	}
}

static void add_files(struct hash *hash, const struct config *config)
{
	const struct config_build *build = &config->build;
	CLEANUP(strvec_clear) struct strvec files = { 0 };

	add_link_files(build, &files);
	if (build->relibc && *build->relibc)
		add_objects(build->relibc, &files);
	/* Often outside every package's folder, and in no `shared` list. */
	if (build->target && str_ends(build->target, ".json"))
		strvec_add(&files, build->target);
	strvec_sort_unique(&files);
	add_contents(hash, config, &files);
}

int cargo_inputs_hash(const struct config *config, char ret[HASH_HEX_SIZE], struct err *err)
{
	CLEANUP(hash_freep) struct hash *hash = hash_new();
	CLEANUP(strvec_clear) struct strvec compilers = { 0 };

	(void)err;
	add_words(hash, config);
	cargo_toolchain_find(config, &compilers);
	for (size_t i = 0; i < compilers.n; i++)
		add_identity(hash, "rustc", compilers.v[i]);
	if (compilers.n == 0)
		hash_field(hash, "rustc", "missing");
	if (config->build.codegen_backend && *config->build.codegen_backend)
		add_identity(hash, "backend", config->build.codegen_backend);
	add_files(hash, config);
	hash_end(hash, ret);
	return 0;
}
