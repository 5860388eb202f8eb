/* Amid a round: looks while it builds, and what becomes of the round when one of its packages has changed. */
#include "server/watch_internal.h"

#include "base/clock.h"

#include <signal.h>
#include <string.h>

/* -- what the round began with --------------------------------------------------------------------------------------------------------------- */

/* A lock file that cargo writes, and inputs that its run brings to light, are no edits; one by hand is seen by the look after the round. */
static void edit_id(const struct watcher_subject *subject, char ret[HASH_HEX_SIZE])
{
	CLEANUP(hash_freep) struct hash *hash = hash_new();

	for (size_t i = 0; i < subject->n_parts; i++) {
		const char *label = subject->parts[i].label;

		if (!str_starts(label, "lock ") && !str_starts(label, "input "))
			hash_field(hash, label, subject->parts[i].value);
	}
	hash_end(hash, ret);
}

void server_watch_remember_planned(struct server_watch *watch, const struct watcher_look *look)
{
	watch->planned = xrealloc(watch->planned, look->n_subjects * sizeof(*watch->planned));
	watch->n_planned = look->n_subjects;
	for (size_t i = 0; i < look->n_subjects; i++)
		edit_id(&look->subjects[i], watch->planned[i].id);
	watch->n_building = 0;
}

void server_watch_remember_building(struct server_watch *watch, const struct refresh_plan *plan)
{
	watch->n_building = 0;
	for (size_t i = 0; i < plan->n_steps; i++)
		if (!plan->steps[i].is_asset) {
			grow_array(&watch->building, &watch->building_cap, watch->n_building, sizeof(*watch->building));
			watch->building[watch->n_building++] = plan->steps[i].subject;
		}
}

/* -- what has become of it --------------------------------------------------------------------------------------------------------------------- */

/* What this round itself makes may change what is built from it (crt0.o of a libc): no reason to begin again. */
static bool is_made_by_round(const struct server_watch *watch, const struct watcher_look *now, size_t subject)
{
	for (size_t i = 0; i < watch->n_building; i++)
		if (watch->building[i] < now->n_subjects &&
		    watcher_is_before(watch->session->watcher, now->subjects[watch->building[i]].index, now->subjects[subject].index))
			return true;
	return false;
}

/* The packages of this round that are not what they were when the round began. */
static void find_changed(const struct server_watch *watch, const struct watcher_look *now, struct strvec *ret)
{
	for (size_t i = 0; i < watch->n_building; i++) {
		size_t subject = watch->building[i];
		char id[HASH_HEX_SIZE];

		if (subject >= watch->n_planned || subject >= now->n_subjects)
			continue;
		edit_id(&now->subjects[subject], id);
		if (strcmp(id, watch->planned[subject].id) != 0 && !is_made_by_round(watch, now, subject))
			strvec_add(ret, watch->config->packages[now->subjects[subject].index].name);
	}
}

/* With on_busy = queue. An edit may be compiled and taken back before the round ends, whose fingerprint is the old one again then. */
void server_watch_doubt(struct server_watch *watch, const struct strvec *changed)
{
	for (size_t i = 0; i < changed->n; i++)
		if (!strvec_has(&watch->doubtful, changed->v[i]))
			strvec_add(&watch->doubtful, changed->v[i]);
}

static void start_over(struct server_watch *watch, const char *changed)
{
	watch->restarting = true;
	server_watch_send(watch, (struct refresh_event){ .type = REFRESH_EVENT_NOTE,
							 .subject = changed,
							 .text = "changed again while it was being built: starting over" });
	cancel_request(&watch->round_cancel, SIGINT);
}

/* Who asks is served from the work tree, whatever the trigger is: HEAD would differ from that without any change. */
static int look_as_planned(struct server_watch *watch, struct watcher_look **ret)
{
	return watch->serving ? refresh_session_look(watch->session, ret, NULL) : server_watch_look(watch, ret, NULL);
}

void server_watch_check_round(struct server_watch *watch)
{
	CLEANUP(watcher_look_freep) struct watcher_look *now = NULL;
	CLEANUP(strvec_clear) struct strvec changed = { 0 };
	int64_t wait_ms = 1;

	if (watch->restarting || watch->stopping)
		return;
	if (server_watch_due(watch, &wait_ms, NULL) < 0 || wait_ms > 0)
		return;
	watcher_debounce_looked(&watch->debounce, clock_ms());
	/* What cannot be seen now is seen by the look after the round. */
	if (look_as_planned(watch, &now) < 0 || !now)
		return;
	find_changed(watch, now, &changed);
	if (changed.n > 0 && str_eq(config_get(watch->config, "watch", "on_busy"), "queue"))
		server_watch_doubt(watch, &changed);
	else if (changed.n > 0)
		start_over(watch, changed.v[0]);
}
