#include "base/sudo.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* 0, root's own, when there is none. */
static unsigned long number_of(const char *name)
{
	const char *text = getenv(name);
	char *end = NULL;
	unsigned long number;

	if (!text || !*text)
		return 0;
	errno = 0;
	number = strtoul(text, &end, 10);
	return errno == 0 && !*end && number < (uid_t)-1 ? number : 0;
}

/* True when @folder belongs to the user who called sudo. */
static bool is_callers(const char *folder, struct stat *st)
{
	uid_t uid = (uid_t)number_of("SUDO_UID");

	return geteuid() == 0 && uid != 0 && stat(folder, st) == 0 && st->st_uid == uid;
}

/* What the environment that we were given says is root's; what the configuration says stays. */
static void replace_own(struct strvec *env, const char *name, const char *value)
{
	const char *own = getenv(name);
	CLEANUP_FREE char *variable = xasprintf("%s=%s", name, own ? own : "");

	if (!own || strvec_has(env, variable))
		proc_environment_set(env, name, value);
}

char *sudo_home(const char *folder)
{
	struct stat st;
	const struct passwd *user = is_callers(folder, &st) ? getpwuid(st.st_uid) : NULL;

	return user ? xstrdup(user->pw_dir) : NULL;
}

static gid_t group_of(const struct stat *st)
{
	const struct passwd *user = getpwuid(st->st_uid);
	gid_t gid = user ? user->pw_gid : (gid_t)number_of("SUDO_GID");

	return gid ? gid : st->st_gid;
}

bool sudo_enter(const char *folder)
{
	struct stat st;

	if (!is_callers(folder, &st) || setegid(group_of(&st)) < 0)
		return false;
	if (seteuid(st.st_uid) == 0)
		return true;
	sudo_leave();
	return false;
}

/* The group first would need what the user has not. */
void sudo_leave(void)
{
	if (seteuid(0) < 0 || setegid(getgid()) < 0)
		abort();
}

void sudo_drop(const char *folder, struct strvec *env, struct proc_spec *spec)
{
	const struct passwd *user;
	struct stat st;

	if (!is_callers(folder, &st))
		return;
	user = getpwuid(st.st_uid);
	spec->uid = st.st_uid;
	spec->gid = group_of(&st);
	if (user) {
		replace_own(env, "HOME", user->pw_dir);
		replace_own(env, "USER", user->pw_name);
		replace_own(env, "LOGNAME", user->pw_name);
	}
	spec->env = env->v;
}
