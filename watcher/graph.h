/* watcher/graph - the configuration's map and cargo's workspaces, united: who is built from what.
 *
 * `uses` may forget a crate, or a crate may have no [package] at all; cargo knows both. A dependency that has a package becomes an edge to it, one that has
 * none makes its folder an input of whoever is built from it.
 * Sequence: watcher_graph_load(), then plain data; watcher_graph_free(). A new one is loaded when manifests may have changed.
 * Outside:  a path dependency in no source is watched by nobody; its folder is listed. */
#ifndef REINJECT_WATCHER_GRAPH_H
#define REINJECT_WATCHER_GRAPH_H

#include "cargo/workspace.h"
#include "config/pkgmap.h"

struct watcher_graph {
	const struct config *config;        /* borrowed */
	struct cargo_workspace *workspaces; /* owned; as config->sources */
	struct pkgmap *map;                 /* owned; united */
	struct strvec problems;             /* a sentence for each source whose graph is not what it should be */
	struct strvec outside;              /* folders of path dependencies that lie in no source */
	char id[HASH_HEX_SIZE];             /* equal for equal maps */
	char crates[HASH_HEX_SIZE];         /* equal for equal workspaces: members, folders, binaries, edges, and how well they are known */
};

/** True when all of @source's graph is known as it is now: cargo resolved it, or nothing of it is cargo's. */
bool watcher_graph_is_good(const struct watcher_graph *graph, size_t source);

int watcher_graph_load(const struct config *config, struct cancel *cancel, struct watcher_graph **ret, struct err *err) MUST_CHECK;
void watcher_graph_free(struct watcher_graph *graph);
void watcher_graph_freep(struct watcher_graph **graph); /* for CLEANUP */

/** What cargo knows of @package; NULL when it is no member of its source's workspace, or has a command of its own. */
const struct cargo_crate *watcher_graph_crate(const struct watcher_graph *graph, size_t package);

#endif
