/* watcher/internal - what the files that make up watcher/look.h share; of no concern to other rooms. */
#ifndef REINJECT_WATCHER_INTERNAL_H
#define REINJECT_WATCHER_INTERNAL_H

#include "cargo/settings.h"
#include "watcher/graph.h"
#include "watcher/look.h"

/* The label of a part that is one of cargo's configuration files; its name follows. */
#define WATCHER_CARGO_SETTING "cargo configuration "

/* A path whose state goes into some fingerprint; many packages share one. */
struct watcher_path {
	size_t source;
	const char *path;      /* borrowed from the config, or a literal */
	struct strvec without; /* owned; folders of packages that nest in this one's */
	/* As of the last look: */
	char id[HASH_HEX_SIZE + 8];
	struct strvec dirty; /* owned */
};

struct watcher {
	const struct config *config;
	const struct pkgmap *map;     /* the graph's; before the first look, as given */
	struct watcher_graph *graph;  /* owned; as of the last look */
	struct watcher_repo **repos;  /* owned; as config->sources */
	struct strvec *paths;         /* owned; for each source, what is looked at */
	struct watcher_path *watched; /* owned; sorted by source and path */
	size_t n_watched, cap;
	struct cargo_settings *settings; /* owned; for each source, as of the last look */
	struct strvec *inputs; /* owned; for each package, absolute: see watcher_set_inputs() */
	struct cancel *cancel; /* borrowed; may be NULL */
	const git_oid *commits;   /* borrowed during watcher_look_at(), else NULL */
	struct cargo_lock *locks; /* borrowed as well: of the commits; empty where the work tree counts */
};

/** The watched path; never NULL for one that collect_watched() knows. */
struct watcher_path *watcher_internal_find(const struct watcher *watcher, size_t source, const char *path);

/** The path on the host of what lies at @path in a source; the caller frees it. */
char *watcher_internal_full_path(const struct watcher *watcher, size_t source, const char *path) MUST_CHECK;

/** The ID of a file that git passes over (look.c). */
int watcher_internal_content_id(const struct watcher *watcher, size_t source, const char *path, char *ret, size_t size, struct err *err) MUST_CHECK;

/** True while a commit is looked at instead of this source's work tree. */
bool watcher_internal_is_past(const struct watcher *watcher, size_t source);

/** The subject of one package or asset, all of it (fingerprint.c); what it watches was looked at. */
int watcher_internal_package(const struct watcher *watcher, size_t index, const char *build_inputs, struct watcher_subject *ret,
			     struct err *err) MUST_CHECK;
int watcher_internal_asset(const struct watcher *watcher, size_t index, struct watcher_subject *ret, struct err *err) MUST_CHECK;

/** The sentence for watcher_subject.why, from the last look's dirty files; NULL when there is none. The caller frees it. */
char *watcher_internal_package_why(const struct watcher *watcher, size_t package) MUST_CHECK;

#endif
