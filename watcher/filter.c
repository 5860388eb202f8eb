/* libgit2 has line ends and $Id$, and no other filter: without this a file of Git LFS would differ from HEAD from its first touch on. */
#include "watcher/filter.h"

#include "base/fs.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/sudo.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

/* As long as this a filter may take for one file. */
#define FILTER_TIMEOUT_MS 60000
/* git-lfs takes no longer file for a pointer. */
#define POINTER_SIZE 1024

enum kind { KIND_NONE, KIND_LFS, KIND_OTHER };

static const char pointer_start[] = "version https://git-lfs.github.com/spec/v1\n";

static bool has_attribute(git_repository *git, const char *path, const char *name, const char **ret)
{
	return git_attr_get(ret, git, GIT_ATTR_CHECK_FILE_THEN_INDEX, path, name) == 0 && git_attr_value(*ret) == GIT_ATTR_VALUE_STRING;
}

/* The command of filter @name; NULL when it has none, and git passes it over. The caller frees it. */
static char *filter_command(git_repository *git, const char *name)
{
	static const char *const keys[] = { "process", "clean" };
	git_config *config = NULL;
	char *found = NULL;

	if (git_repository_config_snapshot(&config, git) < 0)
		return NULL;
	for (size_t i = 0; !found && i < N_ELEMENTS(keys); i++) {
		CLEANUP_FREE char *key = xasprintf("filter.%s.%s", name, keys[i]);
		const char *command;

		if (git_config_get_string(&command, config, key) == 0 && *command)
			found = xstrdup(command);
	}
	git_config_free(config);
	return found;
}

static enum kind kind_of(git_repository *git, const char *path)
{
	const char *filter, *encoding;
	CLEANUP_FREE char *command = has_attribute(git, path, "filter", &filter) ? filter_command(git, filter) : NULL;

	if (command)
		return strncmp(command, "git-lfs ", strlen("git-lfs ")) == 0 ? KIND_LFS : KIND_OTHER;
	return has_attribute(git, path, "working-tree-encoding", &encoding) ? KIND_OTHER : KIND_NONE;
}

/* -- Git LFS --------------------------------------------------------------------------------------------------------------------------------- */

/* A file whose content was not fetched is its pointer. */
static int is_pointer(const char *full, bool *ret, struct err *err)
{
	CLEANUP(str_clear) struct str text = { 0 };
	int r = fs_read(full, POINTER_SIZE, &text, err);

	*ret = r == 0 && str_starts(str_text(&text), pointer_start);
	return r;
}

static int hash_pointer(const char *full, git_oid *ret, struct err *err)
{
	char content[HASH_HEX_SIZE];
	CLEANUP_FREE char *text = NULL;
	bool pointer = false;
	struct stat st;
	int r = stat(full, &st) < 0 ? -errno : 0;

	if (r < 0)
		return err_set(err, r, "cannot look at '%s'", full);
	if (st.st_size < POINTER_SIZE)
		r = is_pointer(full, &pointer, err);
	if (r < 0 || pointer || st.st_size == 0)
		return r < 0 ? r : 0;
	r = hash_file(full, content, err);
	if (r < 0)
		return r;
	text = xasprintf("%soid sha256:%s\nsize %" PRId64 "\n", pointer_start, content, (int64_t)st.st_size);
	return git_odb_hash(ret, text, strlen(text), GIT_OBJECT_BLOB) < 0 ? err_set(err, -EIO, "cannot hash '%s'", full) : 1;
}

/* -- git itself ------------------------------------------------------------------------------------------------------------------------------ */

static void take_line(void *data, const char *line, size_t n)
{
	struct str *s = data;

	if (s->len == 0)
		str_add_n(s, line, n);
}

static int ask_git(git_repository *git, const char *path, git_oid *ret)
{
	CLEANUP(str_clear) struct str said = { 0 };
	char *const argv[] = { "git", "hash-object", "--", (char *)path, NULL };
	struct proc_spec spec = { .argv = argv, .cwd = git_repository_workdir(git), .on_stdout = take_line, .data = &said,
				  .timeout_ms = FILTER_TIMEOUT_MS };
	CLEANUP(strvec_clear) struct strvec env = { 0 };
	struct err err = ERR_INIT;
	struct proc_result result;
	int r;

	proc_environment(&env);
	spec.env = env.v;
	sudo_drop(spec.cwd, &env, &spec);
	r = proc_run(&spec, &result, &err);

	if (r == 0 && !result.signalled && result.status == 0 && git_oid_fromstr(ret, str_text(&said)) == 0)
		return 1;
	log_debug("the filter of '%s' does not answer (%s): its bare content counts", path, r < 0 ? err.message : "git hash-object failed");
	return 0;
}

int watcher_filter_hash(git_repository *git, const char *path, git_oid *ret, struct err *err)
{
	CLEANUP_FREE char *full = NULL;

	switch (kind_of(git, path)) {
	case KIND_LFS:
		full = xasprintf("%s%s", git_repository_workdir(git), path);
		return hash_pointer(full, ret, err);
	case KIND_OTHER:
		return ask_git(git, path, ret);
	default:
		return 0;
	}
}
