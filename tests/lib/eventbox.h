/* lib/eventbox - a workspace in a repository, its configuration, and an event source on it: for tests of what wakes the loop. */
#ifndef REINJECT_TESTS_EVENTBOX_H
#define REINJECT_TESTS_EVENTBOX_H

#include "base/clock.h"
#include "watcher/events.h"

#include "lib/gitbox.h"

#include <poll.h>
#include <sys/eventfd.h>

static const char eventbox_ini[] = "[source base]\n"
				   "path = repo\n"
				   "ignore = rust\n"
				   "[image]\n"
				   "path = repo/common/disk.img\n"
				   "[package common]\n"
				   "paths = common\n"
				   "bins =\n"
				   "[package netd]\n"
				   "paths = drivers/net/netd\n"
				   "uses = common drivers/lib\n"
				   "dest = /usr/lib/drivers\n"
				   "[asset conf]\n"
				   "path = etc/conf.toml\n"
				   "dest = /etc/conf.toml\n";

struct eventbox {
	struct gitbox *git;
	char *source; /* owned; where the configuration's source lies */
	struct config *config;
	struct pkgmap *map;
	struct watcher_repo *repo;
	struct watcher_events *events; /* NULL until eventbox_start() */
	struct watcher_events_note note;
	int woken; /* eventfd, owned */
};

static inline void eventbox_close(struct eventbox *box)
{
	watcher_events_free(TAKE_PTR(box->events));
	watcher_events_note_clear(&box->note);
	watcher_repo_free(TAKE_PTR(box->repo));
	pkgmap_free(TAKE_PTR(box->map));
	config_free(TAKE_PTR(box->config));
}

static inline void eventbox_open(struct eventbox *box, const char *ini)
{
	struct config_args args = { .dir = box->git->dir };
	struct config_problems problems = { 0 };
	struct err err = ERR_INIT;

	eventbox_close(box);
	scratch_write(box->git->dir, "reinject.ini", ini);
	if (config_load(&args, &box->config, &problems, &err) < 0)
		fail_msg("%s %s", err.message, problems.errors.n ? problems.errors.v[0] : "");
	config_problems_clear(&problems);
	box->map = pkgmap_new(box->config);
	if (watcher_repo_open(box->config->sources[0].path, &box->repo, &err) < 0)
		fail_msg("%s", err.message);
}

static inline struct eventbox *eventbox_make(void)
{
	static const char *const files[] = { "Cargo.toml",
					     "Cargo.lock",
					     ".cargo/config.toml",
					     "common/src/lib.rs",
					     "drivers/lib/lib.rs",
					     "drivers/net/netd/src/main.rs",
					     "drivers/net/netd/Cargo.toml",
					     "drivers/other/src/main.rs",
					     "etc/conf.toml",
					     "rust/huge/file" };
	struct eventbox *box = xcalloc(1, sizeof(*box));

	box->git = gitbox_make();
	box->source = xstrdup(box->git->repo);
	box->woken = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_true(box->woken >= 0);
	for (size_t i = 0; i < N_ELEMENTS(files); i++)
		scratch_write(box->git->repo, files[i], "1");
	gitbox_commit(box->git);
	eventbox_open(box, eventbox_ini);
	return box;
}

static inline void eventbox_free(struct eventbox *box)
{
	eventbox_close(box);
	close(box->woken);
	free(box->source);
	gitbox_free(box->git);
	free(box);
}

static inline struct watcher_roots *eventbox_roots(struct eventbox *box)
{
	struct watcher_roots *roots = NULL;

	assert_int_equal(watcher_roots_find(box->config, box->map, &box->repo, NULL, &roots, NULL), 0);
	return roots;
}

static inline void eventbox_wake(void *data)
{
	struct eventbox *box = data;

	(void)!write(box->woken, &(uint64_t){ 1 }, sizeof(uint64_t));
}

static inline void eventbox_start_with(struct eventbox *box, void (*wake)(void *data), void *data)
{
	struct watcher_events_spec spec = { .config = box->config, .wake = wake, .data = data };
	struct err err = ERR_INIT;

	if (watcher_events_start(&spec, eventbox_roots(box), &box->events, &err) < 0)
		fail_msg("%s", err.message);
}

static inline void eventbox_start(struct eventbox *box)
{
	eventbox_start_with(box, eventbox_wake, box);
	if (watcher_events_problems(box->events)->n > 0)
		fail_msg("%s", watcher_events_problems(box->events)->v[0]);
}

static inline void eventbox_restart(struct eventbox *box)
{
	assert_int_equal(watcher_events_restart(box->events, eventbox_roots(box), NULL), 0);
}

/* Lays what came since the last time over the note. */
static inline void eventbox_add_note(struct eventbox *box)
{
	struct watcher_events_note note;

	(void)watcher_events_take(box->events, &note); /* nothing adds nothing */
	box->note.classes |= note.classes;
	box->note.n += note.n;
	box->note.overflow |= note.overflow;
	box->note.restart |= note.restart;
	box->note.ended |= note.ended;
	box->note.polled |= note.polled;
	strvec_copy(&box->note.paths, &note.paths);
	watcher_events_note_clear(&note);
}

#define EVENTBOX_LIMIT_MS 10000

/** Waits until @done(@box, @data); every wake adds to the note. Fails the test after 10 s. */
static inline void eventbox_wait(struct eventbox *box, bool (*done)(struct eventbox *box, const void *data), const void *data)
{
	int64_t end = clock_ms() + EVENTBOX_LIMIT_MS;

	while (!done(box, data)) {
		struct pollfd fd = { .fd = box->woken, .events = POLLIN };
		uint64_t n;

		if (clock_ms() >= end) {
			CLEANUP_FREE char *paths = strvec_join(&box->note.paths, " ");

			fail_msg("no such event within 10 s; classes %x, restart %d, paths: %s", box->note.classes, box->note.restart, paths);
		}
		(void)poll(&fd, 1, (int)(end - clock_ms()));
		(void)!read(box->woken, &n, sizeof(n));
		eventbox_add_note(box);
	}
}

static inline bool eventbox_has_path(struct eventbox *box, const void *data)
{
	const char *path = data;
	CLEANUP_FREE char *full = path[0] == '/' ? xstrdup(path) : xasprintf("%s/%s", box->source, path);

	return strvec_has(&box->note.paths, full);
}

static inline bool eventbox_has_class(struct eventbox *box, const void *data)
{
	return box->note.classes & (1u << *(const enum watcher_event_class *)data);
}

static inline bool eventbox_has_restart(struct eventbox *box, const void *data)
{
	(void)data;
	return box->note.restart;
}

static inline bool eventbox_has_overflow(struct eventbox *box, const void *data)
{
	(void)data;
	return box->note.overflow;
}

static inline bool eventbox_has_poll(struct eventbox *box, const void *data)
{
	(void)data;
	return box->note.polled;
}

static inline void eventbox_forget(struct eventbox *box)
{
	watcher_events_note_clear(&box->note);
}

/** Waits for an event at @path, relative to the source. */
static inline void eventbox_expect(struct eventbox *box, const char *path)
{
	eventbox_wait(box, eventbox_has_path, path);
}

static inline void eventbox_expect_class(struct eventbox *box, enum watcher_event_class class)
{
	eventbox_wait(box, eventbox_has_class, &class);
}

/** Afterwards all events of what was done before have come: they come in order, and a file of our own is the last. Both sessions. */
static inline void eventbox_settle(struct eventbox *box)
{
	scratch_write(box->source, "common/settle", "1");
	eventbox_expect(box, "common/settle");
	scratch_write(box->source, "Cargo.lock", "settle");
	eventbox_expect(box, "Cargo.lock");
}

#endif
