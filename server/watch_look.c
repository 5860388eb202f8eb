/* From an event to a look: the event source armed first, then everything looked at, by the work tree or by HEAD. */
#include "server/watch_internal.h"

#include "base/clock.h"

#include <string.h>

enum {
	MAP_TRIES = 3,   /* a look may bring another map, which is to be watched before the look that counts */
	EARLY_PART = 4,  /* an early look is made after this part of quiet_ms: amid a burst there is none */
	EARLY_MIN_MS = 5, /* a shorter wait is not worth one */
};

/* -- arming ---------------------------------------------------------------------------------------------------------------------------------- */

static void wake(void *data)
{
	struct server_watch *watch = data;

	uv_async_send(&watch->woken);
}

static void say_problems(struct server_watch *watch)
{
	const struct strvec *problems = watcher_events_problems(watch->events);

	if (strvec_same(problems, &watch->problems))
		return;
	strvec_clear(&watch->problems);
	strvec_copy(&watch->problems, problems);
	for (size_t i = 0; i < problems->n; i++) {
		const char *rest = strchr(problems->v[i], '\n');
		CLEANUP_FREE char *text = rest ? xstrndup(problems->v[i], (size_t)(rest - problems->v[i])) : xstrdup(problems->v[i]);

		server_watch_say(watch, REFRESH_EVENT_WARNING, text, rest ? rest + 1 : NULL);
	}
}

static void say_ready(struct server_watch *watch)
{
	const struct watcher_coverage *coverage = watcher_events_coverage(watch->events);
	CLEANUP_FREE char *text = xasprintf("watching %zu folders", coverage->n_folders);

	if (!watch->ready_said)
		server_watch_send(watch, (struct refresh_event){ .type = REFRESH_EVENT_READY, .bytes = coverage->n_watches, .text = text });
	watch->ready_said = true;
	say_problems(watch);
}

static int start_events(struct server_watch *watch, struct watcher_roots *roots, struct err *err)
{
	struct watcher_events_spec spec = { .config = watch->config, .wake = wake, .data = watch };

	return watch->events ? watcher_events_restart(watch->events, roots, err) : watcher_events_start(&spec, roots, &watch->events, err);
}

int server_watch_arm(struct server_watch *watch, struct err *err)
{
	struct watcher_roots *roots = NULL;
	int r;

	if (watch->events && !watch->rearm && !watcher_events_lost(watch->events))
		return 0;
	/* It was made before what is armed now. */
	server_watch_forget_early(watch);
	r = refresh_session_learn(watch->session, err);
	if (r == 0)
		r = watcher_roots_of(watch->session->watcher, &roots, err);
	if (r == 0)
		r = start_events(watch, roots, err);
	if (r < 0)
		return r;
	snprintf(watch->map_id, sizeof(watch->map_id), "%s", watcher_map_id(watch->session->watcher));
	watch->rearm = false;
	say_ready(watch);
	return 0;
}

/* -- looking --------------------------------------------------------------------------------------------------------------------------------- */

bool server_watch_waits_for_commits(const struct server_watch *watch)
{
	return str_eq(config_get(watch->config, "watch", "trigger"), "commit");
}

/* HEAD of each source, in hex; '' before its first commit. */
static void read_heads(const struct server_watch *watch, git_oid *ret_commits, struct strvec *ret)
{
	for (size_t i = 0; i < watch->config->n_sources; i++) {
		char hex[GIT_OID_HEXSZ + 1] = "";

		if (watcher_resolve(watch->session->watcher, i, "HEAD", &ret_commits[i], NULL) == 0)
			git_oid_tostr(hex, sizeof(hex), &ret_commits[i]);
		strvec_add(ret, hex);
	}
}

/* During a round the heads are not handled yet: the look after it will find them changed. */
static int look_at_heads(struct server_watch *watch, struct watcher_look **ret, struct err *err)
{
	CLEANUP_FREE git_oid *commits = xcalloc(watch->config->n_sources, sizeof(*commits));
	CLEANUP(strvec_clear) struct strvec heads = { 0 };
	int r = refresh_session_learn(watch->session, err);

	if (r < 0)
		return r;
	read_heads(watch, commits, &heads);
	if (strvec_same(&heads, &watch->heads) && !watch->asked && watch->doubtful.n == 0)
		return 0;
	r = refresh_session_look_commits(watch->session, commits, ret, err);
	if (r < 0 || watch->running)
		return r;
	strvec_clear(&watch->heads);
	strvec_copy(&watch->heads, &heads);
	return 0;
}

static int look_once(struct server_watch *watch, struct watcher_look **ret, struct err *err)
{
	return server_watch_waits_for_commits(watch) ? look_at_heads(watch, ret, err) : refresh_session_look(watch->session, ret, err);
}

/* -- looking before it is time -------------------------------------------------------------------------------------------------------------------- */

static bool may_look_early(const struct server_watch *watch)
{
	const struct watcher_debounce *debounce = &watch->debounce;

	return watch->events && debounce->pending && !debounce->asked && !debounce->held && !watch->paused && !watch->reload && !watch->rearm &&
	       !server_watch_waits_for_commits(watch) && debounce->quiet_ms / EARLY_PART >= EARLY_MIN_MS;
}

/*
 * A look lasts about as long as a person's quiet_ms: it is made while the rest of that passes, and counts when no event comes after its start. Each
 * event makes another one possible, and what an early look cannot see is said by the one that it spares nothing.
 */
int64_t server_watch_look_early(struct server_watch *watch, int64_t wait_ms)
{
	int64_t now_ms = clock_ms(), at_ms = watch->debounce.last_ms + watch->debounce.quiet_ms / EARLY_PART;

	if (!may_look_early(watch) || watch->early_ms > watch->debounce.last_ms)
		return wait_ms;
	if (now_ms < at_ms)
		return at_ms - now_ms < wait_ms ? at_ms - now_ms : wait_ms;
	server_watch_forget_early(watch);
	watch->early_ms = now_ms;
	if (look_once(watch, &watch->early, NULL) < 0)
		watch->early = NULL;
	return wait_ms - (clock_ms() - now_ms) > 0 ? wait_ms - (clock_ms() - now_ms) : 0;
}

void server_watch_forget_early(struct server_watch *watch)
{
	watcher_look_freep(&watch->early);
	watch->early = NULL;
	watch->early_ms = 0;
}

/* Of one millisecond, nobody knows which came first. */
static struct watcher_look *take_early(struct server_watch *watch)
{
	struct watcher_look *look = NULL;

	if (watch->early && watch->early_ms > watch->debounce.last_ms && !watch->running)
		look = TAKE_PTR(watch->early);
	server_watch_forget_early(watch);
	return look;
}

/* -- who was changed itself ---------------------------------------------------------------------------------------------------------------------- */

/* A digest of the parts that are the package's own folders. */
static void own_id(const struct config *config, const struct watcher_subject *subject, char ret[HASH_HEX_SIZE])
{
	const struct config_package *package = &config->packages[subject->index];
	CLEANUP(hash_freep) struct hash *hash = hash_new();

	for (size_t i = 0; i < subject->n_parts; i++) {
		const char *label = subject->parts[i].label, *path = strchr(label, ':');

		if (str_starts(label, "tree ") && path && strvec_has(&package->paths, path + 1))
			hash_field(hash, label, subject->parts[i].value);
	}
	hash_end(hash, ret);
}

/* Remembered until it is built: what hold_over leaves waiting stays apart from what was touched. */
static void note_direct(struct server_watch *watch, const struct watcher_look *look)
{
	if (!watch->subjects) {
		watch->n_subjects = look->n_subjects;
		watch->subjects = xcalloc(look->n_subjects, sizeof(*watch->subjects));
		watch->direct = xcalloc(look->n_subjects, sizeof(*watch->direct));
	}
	for (size_t i = 0; i < look->n_subjects; i++) {
		char own[HASH_HEX_SIZE];

		if (look->subjects[i].is_asset)
			continue;
		own_id(watch->config, &look->subjects[i], own);
		if (watch->subjects[i].own[0] && strcmp(watch->subjects[i].own, own) != 0)
			watch->direct[i] = true;
		memcpy(watch->subjects[i].own, own, sizeof(own));
	}
}

int server_watch_look(struct server_watch *watch, struct watcher_look **ret, struct err *err)
{
	CLEANUP(watcher_look_freep) struct watcher_look *look = take_early(watch);
	int r = look ? 0 : look_once(watch, &look, err);

	for (int i = 1; r == 0 && look && !watch->running && i < MAP_TRIES; i++) {
		if (strcmp(watch->map_id, watcher_map_id(watch->session->watcher)) == 0)
			break;
		watch->rearm = true;
		watcher_look_freep(&look);
		look = NULL;
		/* The commits that it was of are still to be done. */
		strvec_clear(&watch->heads);
		r = server_watch_arm(watch, err);
		if (r == 0)
			r = look_once(watch, &look, err);
	}
	if (r < 0)
		return r;
	if (look)
		note_direct(watch, look);
	*ret = TAKE_PTR(look);
	return 0;
}
