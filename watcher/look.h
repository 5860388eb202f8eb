/* watcher/look - one look at everything: each package and asset with its fingerprint.
 *
 * A fingerprint is one hash over all that goes into what is put in the image: the tree IDs of the package's paths and of everything it uses, the
 * shared files, its binaries and destinations, and the part of [build] that concerns it (cargo_inputs_hash). Equal inputs give equal fingerprints
 * in every process and on every day; events only say when to look (DESIGN.md section 3).
 * Parts:    each fingerprint keeps its parts (label and hash), so that two of them can be compared and the difference named.
 * Graph:    what a package uses is what the configuration says and what cargo knows, united; of Cargo.lock only its own closure counts. Where cargo
 *           knows nothing of it, the whole lock file does.
 * Nesting:  a package's folder counts without the folders of other packages that lie in it; those count for whoever uses them.
 * Ignored:  a file that .gitignore names counts by its content where it is named itself (a shared file, an asset, Cargo.lock), not below a folder.
 * Ownership: watcher_look_free(). Plain data afterwards; threads may read it. */
#ifndef REINJECT_WATCHER_LOOK_H
#define REINJECT_WATCHER_LOOK_H

#include "base/cancel.h"
#include "base/hash.h"
#include "config/pkgmap.h"
#include "watcher/repo.h"

struct watcher_part {
	char *label; /* 'tree base:drivers/common', 'shared base:Cargo.toml', 'lock base', 'bin', 'destination', 'build' ... */
	char *value;
};

struct watcher_subject {
	char *name;   /* 'package NAME' or 'asset NAME' */
	size_t index; /* into config->packages or config->assets */
	bool is_asset;
	bool missing; /* its folder or file is not there */
	size_t n_before; /* how many packages must be built before it: those it depends on whose artefact cargo does not see, see watcher_is_before() */
	char fingerprint[HASH_HEX_SIZE];
	struct watcher_part *parts; /* what went into it, in order; a label may come more than once */
	size_t n_parts;
	char *why; /* what is dirty: 'drivers/common/src/lib.rs, through common'; ' and 3 more'; NULL when nothing is */
	char *since; /* in the same words, what differs from what the image was given last; NULL while nobody has asked (refresh/explain) */
};

struct watcher_source_state {
	char head[GIT_OID_HEXSZ + 1];
	size_t n_dirty;
	struct watcher_part *dirty; /* owned: which files these are, and what they hold; no more than WATCHER_MAX_DIRTY */
	size_t dirty_kept, dirty_cap;
	bool settled; /* git is in the middle of nothing, and cargo knows the workspace as it is: what is not there now is gone */
};

/* Of more dirty files only their number is known afterwards. */
#define WATCHER_MAX_DIRTY 1000

struct watcher_look {
	struct watcher_subject *subjects; /* packages in the config's order, then assets */
	size_t n_subjects;
	struct watcher_source_state *sources; /* as config->sources */
	size_t n_sources;
	struct strvec problems; /* sentences: what of cargo's graph may be missing, and path dependencies that nobody watches */
};

/* In each source; what counts of it is each package's closure. */
#define WATCHER_LOCK_FILE "Cargo.lock"

/** Adds the folders of @source that are never looked at: its `ignore`, and what cargo builds there. */
void watcher_look_ignored(const struct config *config, size_t source, struct strvec *ret);

struct watcher; /* open repositories, kept between looks */

/** @map is the configuration's own; each look unites it with what cargo knows by then (watcher/graph). */
int watcher_open(const struct config *config, const struct pkgmap *map, struct watcher **ret, struct err *err) MUST_CHECK;
void watcher_free(struct watcher *watcher);
void watcher_freep(struct watcher **watcher); /* for CLEANUP */

/** From now on @cancel (borrowed; NULL, as at first: nobody) ends a look that waits for cargo: -ECANCELED, and what is known stays. */
void watcher_set_cancel(struct watcher *watcher, struct cancel *cancel);

/** Files that count for package number @package although no tree ID covers them (absolute paths): from now on each look adds their contents. */
void watcher_set_inputs(struct watcher *watcher, size_t package, const struct strvec *paths);

/** True when the file @path (absolute), of which package number @package was compiled, is in no tree ID of its fingerprint as of the last look: git
 * ignores it, or it lies outside of all that the package owns and uses. */
bool watcher_lacks(const struct watcher *watcher, size_t package, const char *path);

/** True when @package depends on @before, as of the last look, and cargo does not see to the order: @before is made by a command, or invalidates all. */
bool watcher_is_before(const struct watcher *watcher, size_t before, size_t package);

/** One digest over all links below what package number @package is built from, their places and targets; '' when there are none. cargo names the files
 * behind them, so that a link which leads elsewhere is no change to it. */
void watcher_links_value(const struct watcher *watcher, size_t package, char ret[HASH_HEX_SIZE]);

/** A digest that is another when any file that package number @package is built from was written meanwhile, though it may be as it was again. Of the files
 * that the last look knows of, and git; nothing of a source that is built apart from its work tree. */
void watcher_stamp(const struct watcher *watcher, size_t package, char ret[HASH_HEX_SIZE]);

/** The value that a look would now give to the input @path. */
int watcher_input_value(const char *path, char ret[HASH_HEX_SIZE], struct err *err) MUST_CHECK;

/** Looks. @build_inputs is cargo_inputs_hash()'s result, the same for all cargo packages. */
int watcher_look(struct watcher *watcher, const char *build_inputs, struct watcher_look **ret, struct err *err) MUST_CHECK;
/** Loads cargo's graph, as the first thing of a look: enough to know what is to be watched, and no index is read for it. */
int watcher_learn(struct watcher *watcher, struct err *err) MUST_CHECK;
/** Which map the last look or watcher_learn() found: when it is another, other folders count. */
const char *watcher_map_id(const struct watcher *watcher);
/** Which workspaces they found: when it is another, the generated map may be behind (refresh/map). */
const char *watcher_crates_id(const struct watcher *watcher);

/** The commit that @rev names in source number @source. */
int watcher_resolve(const struct watcher *watcher, size_t source, const char *rev, git_oid *ret, struct err *err) MUST_CHECK;
/** Looks as if source number i held @commits[i] and nothing else (zero: the work tree as it is). cargo's graph, and files that git does not know, are as
 * they are now; of the lock files each commit's own counts. */
int watcher_look_at(struct watcher *watcher, const git_oid *commits, const char *build_inputs, struct watcher_look **ret,
		    struct err *err) MUST_CHECK;
void watcher_look_free(struct watcher_look *look);

/** What subject number @subject is made of as of @look, in plain words and values: the parts of its fingerprint, 'head SOURCE', 'dirty SOURCE:PATH'. */
struct watcher_basis {
	struct watcher_part *v; /* owned, labels and values too */
	size_t n, cap;
};
void watcher_basis_of(const struct watcher *watcher, const struct watcher_look *look, size_t subject, struct watcher_basis *ret);
void watcher_basis_add(struct watcher_basis *basis, const char *label, const char *value);
void watcher_basis_clear(struct watcher_basis *basis);

/** What differs between @basis and the same subject as of @look, which is @watcher's last: a phrase that names the first file, by which package it comes
 * in, and how many more there are; or the folder, where the files are not known any more; NULL when nothing does. The caller frees it. */
char *watcher_differs(const struct watcher *watcher, const struct watcher_look *look, size_t subject,
		      const struct watcher_basis *basis) MUST_CHECK;
void watcher_look_freep(struct watcher_look **look); /* for CLEANUP */

#endif
