#include "refresh/notify.h"

#include "base/proc.h"
#include "config/schema.h"
#include "config/template.h"

#include <errno.h>
#include <string.h>

enum { LIMIT_MS = 60000, TICK_MS = 100 };

static void tell_line(void *data, const char *line, size_t n)
{
	const struct refresh_notify *notify = data;
	CLEANUP_FREE char *text = xasprintf("%.*s\n", (int)n, line);
	struct refresh_event event = { .type = REFRESH_EVENT_DIAGNOSTIC, .run = notify->run, .text = text };

	notify->on_event(notify->data, &event);
}

static void tick(void *data)
{
	const struct refresh_notify *notify = data;

	if (notify->on_tick)
		notify->on_tick(notify->data);
}

/* The first source's commit, as everywhere in REINJECT_COMMIT. */
static char *first_commit(const char *commits)
{
	const char *equals = commits ? strchr(commits, '=') : NULL;

	return equals ? xstrndup(equals + 1, strcspn(equals + 1, " ")) : xstrdup("");
}

static void set(struct strvec *env, const char *name, const char *value)
{
	proc_environment_set(env, name, value ? value : "");
}

static int fill_environment(void *data, const struct journal_run *run)
{
	struct strvec *env = data;
	CLEANUP_FREE char *id = xasprintf("%lld", (long long)run->id), *commit = first_commit(run->commits);

	proc_environment(env);
	set(env, "REINJECT_RUN", id);
	set(env, "REINJECT_RESULT", journal_result_name(run->result));
	set(env, "REINJECT_PACKAGES", run->packages);
	set(env, "REINJECT_IMAGE", run->image);
	set(env, "REINJECT_COMMIT", commit);
	return 0;
}

static int run_words(const struct refresh_notify *notify, const struct strvec *words, const struct strvec *env, struct err *err)
{
	struct proc_spec spec = {
		.argv = words->v,
		.env = env->v,
		.cwd = notify->session->config->dir,
		.on_stdout = tell_line,
		.on_stderr = tell_line,
		.on_tick = tick,
		.tick_ms = TICK_MS,
		.timeout_ms = LIMIT_MS,
		.cancel = notify->session->cancel,
		.data = (void *)notify,
	};
	CLEANUP_FREE char *how = NULL;
	struct proc_result result;
	int r = proc_run(&spec, &result, err);

	if (r < 0)
		return err_wrap(err, r, "[%s] %s", notify->section, notify->key);
	how = proc_describe(&result);
	if (result.signalled || result.status != 0)
		return err_set(err, -EIO, "[%s] %s: '%s' %s!", notify->section, notify->key, words->v[0], how);
	return 0;
}

int refresh_notify_run(const struct refresh_notify *notify, struct err *err)
{
	const char *text = config_get(notify->session->config, notify->section, notify->key);
	CLEANUP(strvec_clear) struct strvec written = { 0 }, words = { 0 }, env = { 0 };
	int r;

	if (!text || !*text)
		return 0;
	r = schema_split_command(text, &written, err);
	if (r >= 0)
		r = template_expand_all(&written, NULL, NULL, &words, err);
	if (r >= 0)
		r = journal_runs(notify->session->journal, NULL, notify->run, 1, fill_environment, &env, err);
	if (notify->result && env.n > 0)
		set(&env, "REINJECT_RESULT", notify->result);
	return r < 0 || words.n == 0 || env.n == 0 ? r : run_words(notify, &words, &env, err);
}
