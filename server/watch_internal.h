/* server/watch_internal - what the files that make up server/watch.h share: watch.c (the loop), watch_config.c (the configuration in force),
 * watch_look.c (from an event to a plan), watch_round.c (from a plan to a run), watch_amid.c (what changes meanwhile), watch_callers.c (who asks over the
 * socket), watch_spool.c (what git's hooks leave). */
#ifndef REINJECT_SERVER_WATCH_INTERNAL_H
#define REINJECT_SERVER_WATCH_INTERNAL_H

#include "boot/machine.h"
#include "server/server.h"
#include "server/watch.h"
#include "watcher/debounce.h"
#include "watcher/events.h"

/* One package or asset between two looks. */
struct server_watch_subject {
	char own[HASH_HEX_SIZE]; /* its own folders, as of the last look; '' before the first */
};

/* What a package was planned on, in a round. */
struct server_watch_planned {
	char id[HASH_HEX_SIZE]; /* of all parts but those that cargo's own run may change: its lock file, inputs that it brings to light */
};

struct server_watch {
	struct server_watch_args args;
	const struct config *config; /* in force */
	struct config *own_config;   /* the same, once it was read again; owned */
	char config_id[HASH_HEX_SIZE]; /* its files, as they were when they were last read, with what success ever */
	struct cancel round_cancel;  /* ends the round: a restart, the end of the watch; a signal at once (cancel_chain) */
	struct refresh_session *session;
	struct watcher_events *events; /* NULL before the first look */
	struct watcher_debounce debounce;
	char map_id[HASH_HEX_SIZE]; /* the map that @events watches */
	char followed[HASH_HEX_SIZE]; /* the workspaces that the generated map was last compared with; '' */
	struct strvec heads;        /* trigger = commit: the commits that were handled; none when there is something left to do about them */
	struct watcher_look *early; /* owned: taken while it was waited for quiet; NULL */
	int64_t early_ms;           /* when that began, also when it failed; 0 */

	uv_loop_t loop;
	uv_async_t woken;
	uv_timer_t timer;
	uv_poll_t signalled;
	uv_signal_t continued;
	uv_fs_event_t spooled; /* records of git's hooks; once armed, of @spool */
	char *spool;           /* owned; STATE/spool, as it is listened to; NULL */
	ino_t spool_ino;       /* which folder that was */
	int64_t slept_ms; /* clock_slept_ms() as of the last wake */

	struct server_watch_subject *subjects;  /* as the look's */
	bool *direct;                           /* as the look's: changed themselves, and not built since */
	size_t n_subjects;

	bool stopping, paused;
	bool asked;      /* by a person: failed and waiting ones too */
	bool rearm;      /* watching is to start anew */
	bool reload;     /* the configuration's files changed */
	bool restarting; /* the round was interrupted to begin another */
	bool behind;     /* at rest, and not all that is stale could be put into the image */
	bool locked_out; /* the last round or wish found another run at the image */
	bool ready_said, busy_said;
	int64_t busy_ms;          /* clock_ms() when the image was found busy, or a look failed; 0 */
	char stuck[HASH_HEX_SIZE]; /* the plan that was carried out, not to be tried again as it is; '' */
	char *problem;             /* owned: what went wrong, as was said; NULL */
	struct strvec problems;    /* owned: what is not watched as it should be, as was said */
	struct strvec doubtful;    /* owned: packages that were not the same all through their build, with on_busy = queue */
	struct strvec waiting;     /* owned: packages that hold_over holds back, as was said */

	struct server *server;               /* owned */
	struct server_watch_caller *callers; /* owned; whose wish is not fulfilled yet, in the order they came */
	size_t n_callers, callers_cap;
	struct server_watch_caller *serving;  /* whose run goes on; NULL: the watch's own */
	refresh_event_fn *on_served;          /* hears its events, too */

	struct server_watch_boot *boot;  /* owned; NULL when none goes on (watch_boot.c) */
	bool boot_again;                 /* once more, when that has ended */
	pid_t machine;                   /* the group of the machine that the last boot has left running; 0 */

	/* The round that goes on. */
	bool swapped; /* it has changed the image */
	bool running;
	int64_t last_run;           /* its number, once it has ended; 0 */
	enum journal_result result; /* and what became of it */
	struct server_watch_planned *planned; /* owned; as the look's subjects */
	size_t n_planned;
	size_t *building; /* owned; its packages, as numbers of subjects */
	size_t n_building, building_cap;
	struct strvec failed;   /* owned: packages whose error was not taken back yet */
	struct strvec told;     /* owned: packages whose build has failed since the last look for a round, before everybody's eyes */
	struct server_watch_status status;
	char *doing; /* owned; status.doing */
};

void server_watch_send(struct server_watch *watch, struct refresh_event event);
/** Sends NOTE or WARNING. */
void server_watch_say(struct server_watch *watch, enum refresh_event_type type, const char *text, const char *hint);
void server_watch_enter(struct server_watch *watch, enum server_watch_state state, const char *doing);

/** Takes what the event source has noted, and how long there is to wait before a look: 0 for now (watch.c). */
int server_watch_due(struct server_watch *watch, int64_t *ret_wait_ms, struct err *err) MUST_CHECK;

/** Listens for the records of git's hooks, and takes those that wait, since the look that follows sees all they tell of (watch_spool.c). */
void server_watch_hear_hooks(struct server_watch *watch);

/** Opens what @config needs: its session, its socket (watch_config.c). Nothing is changed on failure. */
int server_watch_open_config(struct server_watch *watch, const struct config *config, struct err *err) MUST_CHECK;
void server_watch_forget_config(struct server_watch *watch);
/** Before a look: the configuration as its files have it, the state folder there, all watched. */
int server_watch_get_ready(struct server_watch *watch, struct err *err) MUST_CHECK;
/** After a look: the generated map, if the workspace has changed; it is to be read again then. */
int server_watch_follow_workspace(struct server_watch *watch, struct err *err) MUST_CHECK;

/** Starts or restarts the event source, when it must be (watch_look.c). */
int server_watch_arm(struct server_watch *watch, struct err *err) MUST_CHECK;

/** trigger = commit. */
bool server_watch_waits_for_commits(const struct server_watch *watch);

/** Looks, by the trigger that is configured; NULL in @ret when nothing moved that counts. */
int server_watch_look(struct server_watch *watch, struct watcher_look **ret, struct err *err) MUST_CHECK;

/** Perhaps looks while the quiet time passes, so that server_watch_look() has it at once; returns what is left of @wait_ms, or less when it is to be
 * called again. */
int64_t server_watch_look_early(struct server_watch *watch, int64_t wait_ms);
void server_watch_forget_early(struct server_watch *watch);

/** Plans on @look, and runs what is to be done (watch_round.c). Takes @look over. */
int server_watch_round(struct server_watch *watch, struct watcher_look *look, struct err *err) MUST_CHECK;

/** Takes the image's lock for one run of @request on @look (taken over), and gives it back. -EBUSY: somebody else has the image, nothing was begun;
 * -EAGAIN: interrupted, because one of its packages changed again. */
int server_watch_run_request(struct server_watch *watch, const char *verb, const struct refresh_request *request, struct watcher_look **look,
			     enum refresh_result *ret, struct err *err) MUST_CHECK;

/** Opens the socket for @config, whose state folder may be another than that of the one before, and closes it; callers of the one that goes are told
 * to ask again (watch_callers.c). */
int server_watch_listen(struct server_watch *watch, const struct config *config, struct err *err) MUST_CHECK;
void server_watch_hang_up(struct server_watch *watch);
/** True when callers with @config find the watch. */
bool server_watch_is_heard(const struct server_watch *watch, const struct config *config);
/** Does what the first caller wishes; false when nobody does now, with @wait_ms not beyond the next one's turn. */
bool server_watch_serve(struct server_watch *watch, int64_t *wait_ms);
/** Nothing is left to do: for whoever waits for that. */
void server_watch_tell_rest(struct server_watch *watch);

/** Gives up the boot that goes on, and waits until its machine was asked to end. */
void server_watch_boot_end(struct server_watch *watch);
/** Before the configuration *@config goes: true for a machine that is up and followed. Somebody may be at work in it, so it goes on, and with it the
 * configuration, which is the boot's then. */
bool server_watch_boot_keeps(struct server_watch *watch, struct config **config);

/** What a round begins with: the look that it was planned on, and the packages that it builds (watch_amid.c). */
void server_watch_remember_planned(struct server_watch *watch, const struct watcher_look *look);
void server_watch_remember_building(struct server_watch *watch, const struct refresh_plan *plan);
/** During a round: looks again when it is due; a package of the round that changed again interrupts it, or with on_busy = queue is doubtful. */
void server_watch_check_round(struct server_watch *watch);
/** These are built once more when nothing else is to be done, unless they are built anyway. */
void server_watch_doubt(struct server_watch *watch, const struct strvec *names);

#endif
