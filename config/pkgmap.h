/* config/pkgmap - which packages own a path, and which depend on which.
 *
 * A pkgmap is an index over the packages and assets of a struct config, made once and then only read. Packages and assets are named by their
 * index in config->packages and config->assets.
 * Rules:    the owner of a path is the package with the longest of its `paths` that contains it; of two that name the same folder the first by
 *           name, and the other depends on it. `uses` names folders: a used folder that belongs to a package makes that package a dependency,
 *           and what it uses counts too (transitively; cycles are fine). A used folder that is no package's own, but holds packages, makes
 *           all of them dependencies. A package with `invalidates = *` is a dependency of all others.
 * Paths:    those asked for are relative to their source, without '.', '..' and double slashes.
 * Ownership: pkgmap_free(); the struct config must outlive it. Threads may share it. */
#ifndef REINJECT_CONFIG_PKGMAP_H
#define REINJECT_CONFIG_PKGMAP_H

#include "config/config.h"

#include <stddef.h>

struct pkgmap;

#define PKGMAP_NONE ((size_t)-1)

/** What somebody else than the configuration knows (cargo): @package depends on @dependency or, where that is PKGMAP_NONE, on what lies at @path. */
struct pkgmap_edge {
	size_t package;
	size_t dependency;
	size_t source;
	const char *path; /* relative to the source; copied */
};

/** The map of the configuration alone. @config must outlive it; freed by pkgmap_free(). */
struct pkgmap *pkgmap_new(const struct config *config) MUST_CHECK;
/** The same with these edges united with `uses`. A @path of theirs is just that: no package that it belongs to or that lies in it is meant. */
struct pkgmap *pkgmap_new_with(const struct config *config, const struct pkgmap_edge *edges, size_t n_edges) MUST_CHECK;
void pkgmap_free(struct pkgmap *map);
void pkgmap_freep(struct pkgmap **map); /* for CLEANUP */

/** The package that owns @path (relative to source number @source), or PKGMAP_NONE. */
size_t pkgmap_owner(const struct pkgmap *map, size_t source, const char *path);

/** The asset whose file is exactly @path, or PKGMAP_NONE. */
size_t pkgmap_asset(const struct pkgmap *map, size_t source, const char *path);

/** True when @path is or lies below one of the source's `shared` paths; `ignored`, of its `ignore` folders. */
bool pkgmap_is_shared(const struct pkgmap *map, size_t source, const char *path);
bool pkgmap_is_ignored(const struct pkgmap *map, size_t source, const char *path);

/** Everything whose content counts for @package: its own paths, its `uses`, and those of its dependencies, transitively; sorted, each once, each
 * with the source it lies in. */
struct pkgmap_input {
	size_t source;
	const char *path; /* owned by the config or the map */
	size_t through;   /* the package whose `paths`, or else whose `uses` brought it in; the nearest of several */
};
struct pkgmap_inputs {
	struct pkgmap_input *v;
	size_t n;
};
/** All that @package is built from, sorted by source and path, each once. Owned by @map. */
const struct pkgmap_inputs *pkgmap_inputs(const struct pkgmap *map, size_t package);

/** True when what is shared in @source concerns @package: it, or something that it is built from, lies there. */
bool pkgmap_concerns(const struct pkgmap *map, size_t package, size_t source);

/** True when @package is @dependency or depends on it, directly or through others. */
bool pkgmap_depends(const struct pkgmap *map, size_t package, size_t dependency);

/** 'common > driver-network > netd': one shortest way by which @package depends on @dependency; '' when it is the same or
 * there is none. The caller frees it. */
char *pkgmap_way(const struct pkgmap *map, size_t package, size_t dependency) MUST_CHECK;

#endif
