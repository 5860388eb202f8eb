/* watcher/affected - what changed paths mean: whose they are, and which packages would be built anew. Decided purely, without any I/O.
 *
 * Rules, for each changed path, by the configuration and the work tree's graph (watcher/graph):
 *   ignored    below an `ignore` folder: as if it did not exist, neither owned nor unowned.
 *   Cargo.lock the source's own is looked into: every workspace package whose closure differs is affected (edges from the two locks, see cargo/lock);
 *              it has no owner, and nobody is affected through another's closure. One that cannot be read affects all that cargo builds there.
 *   owner      the package with the longest of its `paths` that contains it: `direct`.
 *   inputs     every package for which the path counts, as in its fingerprint: by `uses`, by cargo's edges, by `invalidates`: `affected`.
 *   shared     affects every package of its source, and those built from what lies there; with one source that is `all`. It is not unowned.
 *   asset      an asset's file; its package owns it too.
 *   unowned    none of these. */
#ifndef REINJECT_WATCHER_AFFECTED_H
#define REINJECT_WATCHER_AFFECTED_H

#include "watcher/graph.h"

/** What changed in one source. All borrowed. */
struct watcher_affected_change {
	const struct strvec *paths;           /* relative to the source; NULL: nothing changed */
	const struct strvec *folders;         /* likewise: folders of which all that lies in them is meant; may be NULL */
	const struct cargo_lock *lock_before; /* where `paths` names the lock; NULL: there was none */
	const struct cargo_lock *lock_after;
	const char *lock_problem; /* why one of them cannot be read, a sentence; NULL: both were */
};

struct watcher_affected_question {
	const struct watcher_graph *graph;
	const struct pkgmap *said;                     /* of the configuration alone; NULL: no reasons are wanted */
	const struct watcher_affected_change *changes; /* as config->sources */
};

enum watcher_affected_rule {
	WATCHER_AFFECTED_OWNER,
	WATCHER_AFFECTED_USES,
	WATCHER_AFFECTED_CARGO,
	WATCHER_AFFECTED_INVALIDATES,
	WATCHER_AFFECTED_SHARED,
	WATCHER_AFFECTED_LOCK,
	WATCHER_AFFECTED_ASSET,
};

struct watcher_affected_reason {
	enum watcher_affected_rule rule;
	const char *name;   /* the package or asset, borrowed from the config; NULL: every package */
	const char *folder; /* the input that counts, borrowed from the map, or NULL */
	char *path;         /* the first path of this reason */
	size_t n_more;
	char *way; /* 'common > netd'; a folder where that is no package's; of a lock what differs; '' where there is nothing to say */
};

struct watcher_affected {
	struct strvec direct, affected, assets, unowned; /* sorted, each once */
	bool all;
	struct watcher_affected_reason *reasons; /* by rule within a name, in no order that means anything */
	size_t n_reasons, cap;
};

void watcher_affected_find(const struct watcher_affected_question *question, struct watcher_affected *ret);
void watcher_affected_clear(struct watcher_affected *affected);

/** 'owner', 'uses', 'cargo' ... */
const char *watcher_affected_rule_name(enum watcher_affected_rule rule);

#endif
