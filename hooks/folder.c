#include "hooks/folder.h"

#include "base/fs.h"
#include "base/proc.h"
#include "base/sudo.h"

#include <errno.h>
#include <string.h>

enum { GIT_LIMIT_MS = 30000, CONFIGURED_MAJOR = 2, CONFIGURED_MINOR = 54 };

struct output {
	struct str text, errors;
};

/* A path may hold newlines: all lines are the answer. */
static void add_line(struct str *to, const char *line, size_t n)
{
	if (to->buf)
		str_add_c(to, '\n');
	str_add_n(to, line, n);
}

static void on_stdout(void *data, const char *line, size_t n)
{
	add_line(&((struct output *)data)->text, line, n);
}

static void on_stderr(void *data, const char *line, size_t n)
{
	add_line(&((struct output *)data)->errors, line, n);
}

static int run_git(const char *source, char *const *argv, struct output *output, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec env = { 0 };
	CLEANUP_FREE char *how = NULL;
	struct proc_spec spec = {
		.argv = argv, .cwd = source, .on_stdout = on_stdout, .on_stderr = on_stderr, .data = output, .timeout_ms = GIT_LIMIT_MS
	};
	struct proc_result result;
	int r;

	proc_environment(&env);
	spec.env = env.v;
	sudo_drop(source, &env, &spec);
	r = proc_run(&spec, &result, err);
	if (r == -ENOENT) {
		err_class_set(err, ERR_ENVIRONMENT, r, "there is no git on PATH, or no folder '%s'", source);
		err_hint(err, "install git; `[source] path` names the work tree");
	}
	if (r < 0)
		return r;
	how = proc_describe(&result);
	if (result.signalled)
		return err_set(err, -EIO, "git %s!", how);
	if (result.status != 0)
		err_class_set(err, ERR_ENVIRONMENT, -EIO, "git, in '%s', %s: %s", source, how, str_text(&output->errors));
	return result.status;
}

int hooks_folder_git(const struct hooks_folder *folder, const char *const *args, struct str *ret, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec argv = { 0 };
	struct output output = { 0 };
	int r;

	strvec_add(&argv, "git");
	for (; *args; args++)
		strvec_add(&argv, *args);
	r = run_git(folder->source, argv.v, &output, err);
	if (ret && r >= 0)
		str_add(ret, str_text(&output.text));
	str_clear(&output.text);
	str_clear(&output.errors);
	return r;
}

static int ask(const struct hooks_folder *folder, const char *const *args, char **ret, struct err *err)
{
	CLEANUP(str_clear) struct str text = { 0 };
	int r = hooks_folder_git(folder, args, &text, err);

	if (r > 0)
		return -ENOENT;
	if (r == 0)
		*ret = str_take(&text);
	return r;
}

/* Relative to where git was asked. */
static int ask_path(const struct hooks_folder *folder, const char *const *args, char **ret, struct err *err)
{
	CLEANUP_FREE char *text = NULL;
	int r = ask(folder, args, &text, err);

	if (r == 0)
		*ret = fs_absolute(folder->source, text);
	return r;
}

/* The real path of @path, of whose end some may not exist yet. */
static char *real_path(const char *path)
{
	char *real = realpath(path, NULL);
	CLEANUP_FREE char *parent = fs_dirname(path);
	CLEANUP_FREE char *above = NULL;

	if (real || str_eq(parent, path))
		return real;
	if (fs_exists(path)) /* a link that leads nowhere */
		return NULL;
	above = real_path(parent);
	return above ? xasprintf("%s/%s", above, fs_basename(path)) : NULL;
}

static void settle_owner(struct hooks_folder *folder)
{
	CLEANUP_FREE char *dir = real_path(folder->dir), *common = real_path(folder->common);

	folder->is_shadowed = !dir || !common || str_eq(dir, common) || !path_under(dir, common);
	folder->own = folder->is_shadowed ? xasprintf("%s/hooks", folder->common) : xstrdup(folder->dir);
}

static bool is_configured(const char *version)
{
	unsigned int major = 0, minor = 0;

	if (sscanf(version, "git version %u.%u", &major, &minor) != 2)
		return false;
	return major > CONFIGURED_MAJOR || (major == CONFIGURED_MAJOR && minor >= CONFIGURED_MINOR);
}

static int find_top(struct hooks_folder *folder, struct err *err)
{
	CLEANUP_FREE char *bare = NULL;
	int r = ask(folder, (const char *[]){ "rev-parse", "--is-bare-repository", NULL }, &bare, err);

	if (r == 0 && str_eq(bare, "true")) {
		err_class_set(err, ERR_ENVIRONMENT, -ENOENT, "'%s' is a bare repository: nothing is built in it", folder->source);
		err_hint(err, "let the [source] be one of its work trees");
		return -ENOENT;
	}
	if (r == 0)
		r = ask_path(folder, (const char *[]){ "rev-parse", "--show-toplevel", NULL }, &folder->top, err);
	if (r < 0 && err && !err->hint[0])
		err_hint(err, "the [source] must be a git work tree that you may use; `git -C '%.700s' status` tells more", folder->source);
	return r;
}

int hooks_folder_find(const char *source, struct hooks_folder *ret, struct err *err)
{
	CLEANUP(hooks_folder_clear) struct hooks_folder folder = { .source = xstrdup(source) };
	CLEANUP_FREE char *version = NULL;
	int r = find_top(&folder, err);

	if (r == 0)
		r = ask_path(&folder, (const char *[]){ "rev-parse", "--git-common-dir", NULL }, &folder.common, err);
	if (r == 0)
		r = ask_path(&folder, (const char *[]){ "rev-parse", "--git-path", "hooks", NULL }, &folder.dir, err);
	if (r == 0)
		r = ask(&folder, (const char *[]){ "version", NULL }, &version, err);
	if (r < 0)
		return r;
	folder.is_configured = is_configured(version);
	settle_owner(&folder);
	*ret = folder;
	folder = (struct hooks_folder){ 0 };
	return 0;
}

void hooks_folder_clear(struct hooks_folder *folder)
{
	free(folder->source);
	free(folder->top);
	free(folder->common);
	free(folder->dir);
	free(folder->own);
}
