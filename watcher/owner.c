/* libgit2's own check is switched off (see watcher_repo_open): this one is done right after a repository was opened, before anything but its
 * configuration was read. */
#include "watcher/owner.h"

#include "base/fs.h"
#include "base/str.h"
#include "watcher/giterr.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct safety {
	const char *root; /* the work tree, without links */
	bool safe;
};

static void free_config(git_config **config)
{
	git_config_free(*config);
}

/* As git does: under sudo the caller's files are root's to read, and root's own stay so. */
static bool is_ours(uid_t owner)
{
	const char *text = getenv("SUDO_UID");
	char *end = NULL;
	unsigned long uid;

	if (owner == geteuid())
		return true;
	if (geteuid() != 0 || !text || !*text)
		return false;
	errno = 0;
	uid = strtoul(text, &end, 10);
	return errno == 0 && !*end && uid == owner;
}

/* True when @path is ours or absent, otherwise its owner goes into *@ret. */
static bool check_path(const char *path, uid_t *ret)
{
	struct stat st;

	if (lstat(path, &st) < 0 || is_ours(st.st_uid))
		return true;
	*ret = st.st_uid;
	return false;
}

static bool names_root(const char *value, const char *root)
{
	CLEANUP_FREE char *expanded = NULL, *real = NULL;
	const char *home = getenv("HOME");
	size_t n;

	if (strncmp(value, "~/", 2) == 0 && home)
		expanded = xasprintf("%s%s", home, value + 1);
	else
		expanded = xstrdup(value);
	n = strlen(expanded);
	if (n > 2 && str_ends(expanded, "/*")) {
		expanded[n - 2] = '\0';
		real = realpath(expanded, NULL);
		return real && path_under(root, real) && !str_eq(root, real);
	}
	real = realpath(expanded, NULL);
	return real && str_eq(root, real);
}

static int take_value(const git_config_entry *entry, void *data)
{
	struct safety *safety = data;

	if (!entry->value || !*entry->value)
		safety->safe = false;
	else if (str_eq(entry->value, "*") || names_root(entry->value, safety->root))
		safety->safe = true;
	return 0;
}

static int ask_configuration(const char *root, bool *ret, struct err *err)
{
	CLEANUP(free_config) git_config *config = NULL;
	struct safety safety = { .root = root };
	int r = git_config_open_default(&config);

	if (r == 0)
		r = git_config_get_multivar_foreach(config, "safe.directory", NULL, take_value, &safety);
	if (r < 0 && r != GIT_ENOTFOUND)
		return watcher_giterr_set(err, r, root, "cannot read git's configuration");
	*ret = safety.safe;
	return 0;
}

/* The folder that has the .git; core.worktree may have moved the work tree away from it. */
static char *find_root(git_repository *git, const char *source)
{
	char *root = realpath(source, NULL);

	while (root && strlen(root) > 1) {
		CLEANUP_FREE char *dot_git = xasprintf("%s/.git", root);
		char *parent;

		if (fs_exists(dot_git))
			return root;
		parent = fs_dirname(root);
		free(root);
		root = parent;
	}
	free(root);
	root = realpath(git_repository_workdir(git) ? git_repository_workdir(git) : git_repository_path(git), NULL);
	return root ? root : xstrdup(source);
}

int watcher_owner_check(git_repository *git, const char *source, struct err *err)
{
	CLEANUP_FREE char *root = find_root(git, source), *dot_git = xasprintf("%s/.git", root);
	const struct passwd *user;
	bool safe = false;
	uid_t owner = 0;
	int r;

	if (check_path(root, &owner) && check_path(dot_git, &owner) && check_path(git_repository_path(git), &owner))
		return 0;
	r = ask_configuration(root, &safe, err);
	if (r < 0 || safe)
		return r;
	user = getpwuid(owner);
	err_class_set(err, ERR_ENVIRONMENT, -EACCES, "cannot open the repository of source '%s': it belongs to another user, %s (%u), and git does "
		      "not trust it", source, user ? user->pw_name : "without a name", (unsigned int)owner);
	err_hint(err, "git config --global --add safe.directory '%s'", root);
	return -EACCES;
}
