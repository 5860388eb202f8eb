#include "refresh/hooked.h"

#include "base/clock.h"
#include "base/fs.h"
#include "hooks/program.h"
#include "journal/spool.h"
#include "journal/state.h"
#include "refresh/isolate.h"
#include "refresh/notify.h"
#include "watcher/operation.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum {
	QUIET_MS = 2000,
	LONGEST_MS = 10000,   /* of waiting for quiet, and for a lock file that stands still */
	OPERATION_MS = 200,   /* how often an open rebase is looked at, */
	OPERATION_LONG = 2000 /* and how often once it takes long: no event tells its end */
};

enum left { LEFT_NOTHING, LEFT_TO_WATCH, LEFT_TO_RUN, LEFT_TO_OTHERS };

struct worker {
	const struct config *config;
	const struct refresh_hooked_args *args;
	struct watcher_repo **repos; /* owned; as config->sources */
	enum left left;
	int64_t run; /* the last that began, 0: none */
};

static void worker_clear(struct worker *worker)
{
	for (size_t i = 0; worker->repos && i < worker->config->n_sources; i++)
		watcher_repo_free(worker->repos[i]);
	free(worker->repos);
}

static void say(const struct worker *worker, enum refresh_event_type type, const char *text, const char *hint)
{
	struct refresh_event event = { .type = type, .text = text, .hint = hint };

	worker->args->on_event(worker->args->data, &event);
}

/* -- when ---------------------------------------------------------------------------------------------------------------------------------------- */

static int open_repos(struct worker *worker, struct err *err)
{
	const struct config *config = worker->config;
	int r = 0;

	if (!worker->repos)
		worker->repos = xcalloc(config->n_sources, sizeof(struct watcher_repo *));
	for (size_t i = 0; r >= 0 && i < config->n_sources; i++)
		if (!worker->repos[i])
			r = watcher_repo_open(config->sources[i].path, &worker->repos[i], err);
	return r;
}

static int find_operation(const struct worker *worker, enum watcher_operation *ret, const char **ret_what, struct err *err)
{
	*ret = WATCHER_OPERATION_NONE;
	for (size_t i = 0; i < worker->config->n_sources; i++) {
		enum watcher_operation operation;
		const char *what;
		int r = watcher_operation_find(worker->repos[i], &operation, &what, err);

		if (r < 0)
			return r;
		if (operation > *ret) {
			*ret = operation;
			*ret_what = what;
		}
	}
	return 0;
}

static bool watch_runs(const struct worker *worker)
{
	return journal_spool_is_locked(worker->config->state, JOURNAL_SPOOL_WATCH_LOCK, NULL);
}

static int pause_for(const struct worker *worker, int64_t ms, struct err *err)
{
	struct pollfd cancelled = { .fd = cancel_fd(worker->args->cancel), .events = POLLIN };

	(void)poll(&cancelled, 1, (int)ms);
	if (cancel_requested(worker->args->cancel))
		return err_set(err, -ECANCELED, "interrupted!");
	/* A project that was deleted has nothing to be brought up to date. */
	if (!fs_exists(worker->config->file))
		return err_set(err, -ENOENT, "'%s' is gone", worker->config->file);
	return 0;
}

/* Until git's operation has ended. @ret: true when there was one. */
static int wait_for_git(struct worker *worker, bool *ret, struct err *err)
{
	enum watcher_operation operation = WATCHER_OPERATION_NONE;
	const char *what = NULL;
	int64_t since = clock_ms();
	bool said[WATCHER_OPERATION_CONFLICT + 1] = { false };

	for (*ret = false; worker->left == LEFT_NOTHING; *ret = true) {
		bool is_long = clock_ms() - since >= LONGEST_MS;
		int r = find_operation(worker, &operation, &what, err);

		if (r < 0 || operation == WATCHER_OPERATION_NONE || (operation == WATCHER_OPERATION_LOCK && is_long))
			return r;
		/* Each once: a rebase is seen as a locked index between its steps. */
		if (!said[operation]) {
			CLEANUP_FREE char *text = xasprintf("git is in the middle of something (%s): waiting for its end", what);

			say(worker, REFRESH_EVENT_NOTE, text, NULL);
			said[operation] = true;
		}
		r = pause_for(worker, is_long ? OPERATION_LONG : OPERATION_MS, err);
		if (r < 0)
			return r;
		if (watch_runs(worker))
			worker->left = LEFT_TO_WATCH;
	}
	return 0;
}

static int wait_for_quiet(struct worker *worker, struct err *err)
{
	int64_t quiet_ms = (int64_t)config_get_uint(worker->config, "hooks", "quiet_ms", QUIET_MS), since = clock_ms();

	while (worker->left == LEFT_NOTHING) {
		int64_t wait_ms, rest_ms;
		bool waited = false;
		int r = wait_for_git(worker, &waited, err);

		if (r < 0)
			return r;
		if (waited)
			since = clock_ms();
		wait_ms = quiet_ms - journal_spool_age_ms(worker->config->state);
		rest_ms = since + (quiet_ms > LONGEST_MS ? quiet_ms : LONGEST_MS) - clock_ms();
		if (wait_ms <= 0 || rest_ms <= 0)
			return 0;
		r = pause_for(worker, wait_ms < rest_ms ? wait_ms : rest_ms, err);
		if (r < 0)
			return r;
		if (watch_runs(worker))
			worker->left = LEFT_TO_WATCH;
	}
	return 0;
}

/* -- whether ------------------------------------------------------------------------------------------------------------------------------------- */

/* As refresh_session_commits() has it in the journal. */
static int read_heads(const struct worker *worker, struct str *ret, struct err *err)
{
	for (size_t i = 0; i < worker->config->n_sources; i++) {
		char head[GIT_OID_HEXSZ + 1];
		int r = watcher_repo_head(worker->repos[i], head, err);

		if (r < 0)
			return r;
		str_printf(ret, "%s%s=%s", i ? " " : "", worker->config->sources[i].name, head);
	}
	return 0;
}

struct newest {
	const char *heads;
	int64_t handled_by;
};

static int judge_newest(void *data, const struct journal_run *run)
{
	struct newest *newest = data;
	bool is_whole = str_eq(run->verb, "hook") || str_eq(run->verb, "refresh");
	bool is_well = run->result == JOURNAL_OK || run->result == JOURNAL_NOTHING;

	if (is_whole && is_well && str_eq(run->commits, newest->heads))
		newest->handled_by = run->id;
	return 0;
}

/* @ret: the run that has brought the image to where HEAD is now, 0 when none has. */
static int find_handled(const struct worker *worker, int64_t *ret, struct err *err)
{
	CLEANUP(journal_freep) struct journal *journal = NULL;
	CLEANUP(str_clear) struct str heads = { 0 };
	struct newest newest = { 0 };
	int r = read_heads(worker, &heads, err);

	if (r >= 0)
		r = journal_open(worker->config->state, true, &journal, err);
	newest.heads = str_text(&heads);
	if (r >= 0)
		r = journal_runs(journal, worker->config->image.path, 0, 1, judge_newest, &newest, err);
	*ret = newest.handled_by;
	return r == -ENOENT ? 0 : r;
}

static void ignore_event(void *data, const struct refresh_event *event)
{
	(void)data;
	(void)event;
}

/* HEAD is where it was. What is not committed is not followed; but without any of that, the image must be what HEAD is: `git checkout -- FILE` may have
 * undone what a refresh by hand had brought. */
static int find_settled(struct worker *worker, bool *ret, struct err *err)
{
	CLEANUP(refresh_session_freep) struct refresh_session *session = NULL;
	CLEANUP(watcher_look_freep) struct watcher_look *look = NULL;
	CLEANUP(refresh_plan_clear) struct refresh_plan plan = { 0 };
	struct refresh_session_args session_args = { .read_only = true };
	struct refresh_args args = { .on_event = ignore_event };
	int r = refresh_session_open(worker->config, &session_args, worker->args->cancel, &session, NULL, err);

	if (r >= 0)
		r = refresh_preview(session, &args, &look, &plan, err);
	if (r < 0)
		return r;
	*ret = plan.n_steps == 0 && plan.n_removals == 0;
	for (size_t i = 0; i < look->n_sources; i++)
		*ret = *ret || look->sources[i].n_dirty > 0;
	return 0;
}

/* -- the refresh ---------------------------------------------------------------------------------------------------------------------------------- */

static void on_run_event(void *data, const struct refresh_event *event)
{
	struct worker *worker = data;

	if (event->run > 0)
		worker->run = event->run;
	worker->args->on_event(worker->args->data, event);
}

static void notify(struct worker *worker, struct refresh_session *session, bool failed)
{
	struct refresh_notify notify = {
		.session = session,
		.section = "hooks",
		.key = failed ? "on_failure" : "on_success",
		.run = worker->run,
		.on_event = worker->args->on_event,
		.data = worker->args->data,
	};
	struct err err = ERR_INIT;

	if (worker->run > 0 && refresh_notify_run(&notify, &err) < 0)
		say(worker, REFRESH_EVENT_WARNING, err.message, err.hint);
}

/* `log` and `hooks status` are where a hook's failure is looked for. */
static void record_failure(struct worker *worker, int64_t started_ms, const struct err *failure)
{
	struct err err = ERR_INIT;

	if (refresh_run_refused(worker->config, "hook", clock_ms() - started_ms, failure, &worker->run, &err) < 0)
		say(worker, REFRESH_EVENT_WARNING, err.message, err.hint);
}

static void say_all(const struct worker *worker, const struct strvec *notes)
{
	for (size_t i = 0; i < notes->n; i++)
		say(worker, REFRESH_EVENT_NOTE, notes->v[i], NULL);
}

/* [hooks] isolate: the session is one on the folders that hold what was committed. */
static int open_session(struct worker *worker, struct refresh_isolate **ret_isolate, struct refresh_session **ret, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec notes = { 0 };
	struct refresh_session_args args = { 0 };
	struct cancel *cancel = worker->args->cancel;
	int r;

	if (config_get_uint(worker->config, "hooks", "isolate", 0))
		r = refresh_isolate_open(worker->config, cancel, ret_isolate, ret, &notes, err);
	else
		r = refresh_session_open(worker->config, &args, cancel, ret, &notes, err);
	say_all(worker, &notes);
	return r;
}

static int refresh(struct worker *worker, struct err *err)
{
	CLEANUP(refresh_isolate_freep) struct refresh_isolate *isolate = NULL;
	CLEANUP(refresh_session_freep) struct refresh_session *session = NULL;
	struct refresh_args args = { .verb = "hook", .on_event = on_run_event, .data = worker };
	enum refresh_result result = REFRESH_NOTHING;
	int64_t started_ms = clock_ms();
	int r;

	worker->run = 0;
	r = open_session(worker, &isolate, &session, err);
	if (r >= 0)
		r = refresh_run(session, &args, &result, err);
	if (r >= 0 && isolate)
		refresh_isolate_say(isolate, session, worker->args->on_event, worker->args->data);
	if (r < 0 && err->class == ERR_BUSY) {
		worker->left = session ? LEFT_TO_OTHERS : LEFT_TO_RUN;
		return r;
	}
	if (r < 0 && r != -ECANCELED && worker->run == 0)
		record_failure(worker, started_ms, err);
	if (session && r != -ECANCELED && (r < 0 || result == REFRESH_OK || result == REFRESH_RUN_FAILED))
		notify(worker, session, r < 0 || result == REFRESH_RUN_FAILED);
	return r;
}

static int handle(struct worker *worker, struct err *err)
{
	CLEANUP_FREE char *text = NULL;
	int64_t handled_by = 0;
	bool is_settled = false;
	int r = find_handled(worker, &handled_by, err);

	if (r >= 0 && handled_by > 0)
		r = find_settled(worker, &is_settled, err);
	if (r < 0)
		return r;
	if (!is_settled)
		return refresh(worker, err);
	text = xasprintf("HEAD is where run %lld has brought the image: nothing to do", (long long)handled_by);
	say(worker, REFRESH_EVENT_NOTE, text, NULL);
	return 0;
}

/* -- the worker ----------------------------------------------------------------------------------------------------------------------------------- */

/* One turn: wait, take, refresh, settle. What fails is said here. */
static int turn(struct worker *worker, struct err *err)
{
	struct err problem = ERR_INIT;
	int r = wait_for_quiet(worker, err);

	if (r >= 0 && worker->left == LEFT_NOTHING)
		r = journal_spool_take(worker->config->state, err);
	if (r <= 0)
		return r;
	r = handle(worker, &problem);
	if (r == -ECANCELED) {
		*err = problem;
		return r;
	}
	if (r < 0)
		say(worker, worker->left == LEFT_NOTHING ? REFRESH_EVENT_WARNING : REFRESH_EVENT_NOTE, problem.message, problem.hint);
	return worker->left == LEFT_NOTHING ? journal_spool_settle(worker->config->state, err) : 0;
}

static int work_off(struct worker *worker, struct err *err)
{
	int r = open_repos(worker, err);

	worker->left = watch_runs(worker) ? LEFT_TO_WATCH : LEFT_NOTHING;
	while (r >= 0 && worker->left == LEFT_NOTHING && journal_spool_age_ms(worker->config->state) >= 0)
		r = turn(worker, err);
	return r < 0 ? r : 0;
}

/* Asked without the worker's lock: whoever still has what we wait for will look for a worker after that, and find none. */
static bool is_still_held(const struct worker *worker)
{
	pid_t pid;

	switch (worker->left) {
	case LEFT_TO_WATCH:
		return watch_runs(worker);
	case LEFT_TO_RUN:
		return image_lock_holder(worker->config->image.path, &pid);
	default:
		return worker->left == LEFT_TO_OTHERS;
	}
}

enum { ROUNDS = 20 };

int refresh_hooked_work(const struct config *config, const struct refresh_hooked_args *args, struct err *err)
{
	CLEANUP(worker_clear) struct worker worker = { .config = config, .args = args };
	int r = journal_state_prepare(config->state, err);

	if (r >= 0)
		r = journal_state_make_dir(config->state, JOURNAL_SPOOL_DIR, err);
	/* An image whose lock is the folder's own names no holder; then it is asked so often, and its holder wakes another worker in any case. */
	for (int round = 0; r >= 0 && round < ROUNDS && journal_spool_age_ms(config->state) >= 0; round++) {
		CLEANUP_CLOSE int lock = -1;

		r = journal_spool_lock(config->state, &lock, err);
		if (r == -EBUSY)
			return 0;
		if (r >= 0)
			r = work_off(&worker, err);
		cleanup_close(&lock);
		lock = -1;
		if (r >= 0 && is_still_held(&worker))
			return 0;
		if (r >= 0 && worker.left == LEFT_TO_RUN)
			r = pause_for(&worker, OPERATION_MS, err);
	}
	return r;
}

bool refresh_hooked_drain(const char *state)
{
	CLEANUP_CLOSE int lock = -1;
	int r;

	if (journal_spool_age_ms(state) < 0)
		return true;
	r = journal_spool_lock(state, &lock, NULL);
	if (r >= 0)
		r = journal_spool_take(state, NULL);
	if (r > 0)
		r = journal_spool_settle(state, NULL);
	return r >= 0; /* what is left does no harm: the next worker finds HEAD handled */
}
