#include "hooks/program.h"

#include "base/fs.h"
#include "base/proc.h"
#include "journal/spool.h"

#include <errno.h>

#define NAME "reinject-hook"

enum { WAKE_LIMIT_MS = 5000 };

int hooks_program_own(char **ret, struct err *err)
{
	char *path = fs_own_program();

	if (!path)
		return err_set(err, -ENOENT, "cannot tell where this program lies");
	*ret = path;
	return 0;
}

int hooks_program_find(char **ret_hook, char **ret_reinject, struct err *err)
{
	CLEANUP_FREE char *own = NULL, *dir = NULL;
	CLEANUP(strvec_clear) struct strvec places = { 0 };
	int r = hooks_program_own(&own, err);

	if (r < 0)
		return r;
	dir = fs_dirname(own);
	strvec_addf(&places, "%s/" NAME, dir);
	strvec_take(&places, fs_absolute(dir, "../libexec/" NAME));
	strvec_add(&places, REINJECT_LIBEXECDIR "/" NAME);
	for (size_t i = 0; i < places.n; i++) {
		char *found = fs_find_program(places.v[i]);

		if (!found)
			continue;
		*ret_hook = found;
		*ret_reinject = TAKE_PTR(own);
		return 0;
	}
	err_class_set(err, ERR_ENVIRONMENT, -ENOENT, "the program '" NAME "', which git's hooks run, lies neither in '%s' nor in '%s'", dir,
		      REINJECT_LIBEXECDIR);
	err_hint(err, "`make all` builds it and `make install` puts it there");
	return -ENOENT;
}

void hooks_program_wake(const char *state, const char *config_file)
{
	CLEANUP_FREE char *hook = NULL, *reinject = NULL;
	struct proc_result result;
	size_t n = 0;
	int r = journal_spool_count(state, &n, NULL);

	if (r < 0 || n == 0 || journal_spool_is_locked(state, JOURNAL_SPOOL_WORKER_LOCK, NULL) ||
	    journal_spool_is_locked(state, JOURNAL_SPOOL_WATCH_LOCK, NULL))
		return;
	if (hooks_program_find(&hook, &reinject, NULL) < 0)
		return;
	char *argv[] = { hook, (char *)"wake", (char *)"1", (char *)"", (char *)state, reinject, (char *)config_file, NULL };
	struct proc_spec spec = { .argv = argv, .timeout_ms = WAKE_LIMIT_MS };

	r = proc_run(&spec, &result, NULL);
	(void)r; /* the record waits */
}
