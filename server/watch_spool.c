/* The records of git's hooks, while a watch runs: each wakes it, and none stays behind. A commit moves a ref, which is an event of its own; `git checkout --
 * FILE` with the same content, or any hook under trigger = commit, moves nothing that is watched. */
#include "refresh/hooked.h"
#include "server/watch_internal.h"

#include "base/clock.h"
#include "journal/spool.h"
#include "journal/state.h"

#include <sys/stat.h>

/* How often records are tried that a worker has its hands on: it sees the watch, and leaves them. */
enum { LEFT_MS = 1000 };

static void on_spooled(uv_fs_event_t *handle, const char *name, int events, int status)
{
	struct server_watch *watch = handle->data;
	int64_t now = clock_ms();

	(void)name;
	(void)events;
	/* Our own taking of them is an event here, too. */
	if (status < 0 || journal_spool_age_ms(watch->config->state) < 0)
		return;
	watcher_debounce_event(&watch->debounce, now, now, true);
}

/* Again after the folder went, or the configuration named another one. Where it cannot be heard, the records wait for the next look. */
static void listen_to_spool(struct server_watch *watch)
{
	CLEANUP_FREE char *spool = xasprintf("%s/" JOURNAL_SPOOL_DIR, watch->config->state);
	struct stat st = { 0 };

	if (stat(spool, &st) == 0 && str_eq(watch->spool, spool) && watch->spool_ino == st.st_ino)
		return;
	if (st.st_ino == 0 && (journal_state_make_dir(watch->config->state, JOURNAL_SPOOL_DIR, NULL) < 0 || stat(spool, &st) < 0))
		return;
	uv_fs_event_stop(&watch->spooled);
	free(watch->spool);
	watch->spool = NULL;
	if (uv_fs_event_start(&watch->spooled, on_spooled, spool, 0) == 0)
		watch->spool = TAKE_PTR(spool);
	watch->spool_ino = st.st_ino;
}

void server_watch_hear_hooks(struct server_watch *watch)
{
	int64_t later = clock_ms() + LEFT_MS;

	listen_to_spool(watch);
	/* A record tells of what was done before it: only a look after it counts. */
	if (journal_spool_age_ms(watch->config->state) >= 0)
		server_watch_forget_early(watch);
	if (!refresh_hooked_drain(watch->config->state))
		watcher_debounce_event(&watch->debounce, later, later, false);
}
