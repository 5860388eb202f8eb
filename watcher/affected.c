/* A path counts for a package exactly when it would change its fingerprint's trees, so `affected` and `status` cannot disagree. To ask that for 56,000
 * paths and 70 packages, the inputs of all packages are turned round first: for each folder, the packages that it is an input of. */
#include "watcher/affected.h"

#include "config/path_index.h"
#include "watcher/look.h"

#include <stdlib.h>
#include <string.h>

struct folder {
	const char *path; /* borrowed from the map */
	size_t source;
	size_t owner;     /* whose `paths` name it, or PKGMAP_NONE */
	size_t *packages; /* owned; those it is an input of */
	size_t *through;  /* owned; for each, the package that brought it in */
	size_t n, cap, through_cap;
};

struct finder {
	const struct watcher_affected_question *question;
	const struct config *config;
	const struct pkgmap *map;
	struct watcher_affected *ret;
	struct config_path_index index; /* to folders */
	struct folder *folders;
	size_t n_folders, cap;
};

static void finder_clear(struct finder *finder)
{
	for (size_t i = 0; i < finder->n_folders; i++) {
		free(finder->folders[i].packages);
		free(finder->folders[i].through);
	}
	free(finder->folders);
	config_path_index_clear(&finder->index);
}

/* -- the inputs, turned round ----------------------------------------------------------------------------------------------------------------- */

static struct folder *folder_at(struct finder *finder, size_t source, const char *path)
{
	size_t at = config_path_index_find(&finder->index, source, path);
	size_t owner;

	if (at != CONFIG_PATH_NONE)
		return &finder->folders[at];
	owner = pkgmap_owner(finder->map, source, path);
	if (owner != PKGMAP_NONE && !strvec_has(&finder->config->packages[owner].paths, path))
		owner = PKGMAP_NONE;
	grow_array(&finder->folders, &finder->cap, finder->n_folders, sizeof(*finder->folders));
	finder->folders[finder->n_folders] = (struct folder){ .path = path, .source = source, .owner = owner };
	config_path_index_add(&finder->index, source, path, finder->n_folders);
	return &finder->folders[finder->n_folders++];
}

static void turn_round(struct finder *finder)
{
	for (size_t i = 0; i < finder->config->n_packages; i++) {
		const struct pkgmap_inputs *inputs = pkgmap_inputs(finder->map, i);

		for (size_t j = 0; j < inputs->n; j++) {
			struct folder *folder = folder_at(finder, inputs->v[j].source, inputs->v[j].path);

			grow_array(&folder->packages, &folder->cap, folder->n, sizeof(*folder->packages));
			grow_array(&folder->through, &folder->through_cap, folder->n, sizeof(*folder->through));
			folder->packages[folder->n] = i;
			folder->through[folder->n++] = inputs->v[j].through;
		}
	}
}

/* -- reasons ---------------------------------------------------------------------------------------------------------------------------------- */

/* Takes over @way. @folder may be NULL. */
static void add_reason(struct finder *finder, enum watcher_affected_rule rule, const char *name, const struct folder *folder, const char *path,
		       char *way)
{
	struct watcher_affected *ret = finder->ret;

	if (!finder->question->said) {
		free(way);
		return;
	}
	for (size_t i = 0; i < ret->n_reasons; i++) {
		struct watcher_affected_reason *reason = &ret->reasons[i];

		if (reason->rule != rule || !str_eq(reason->name, name) || !str_eq(reason->folder, folder ? folder->path : NULL))
			continue;
		/* They come sorted, but a folder asked for brings its parts again. */
		reason->n_more += !str_eq(reason->path, path);
		free(way);
		return;
	}
	grow_array(&ret->reasons, &ret->cap, ret->n_reasons, sizeof(*ret->reasons));
	ret->reasons[ret->n_reasons++] = (struct watcher_affected_reason){
		.rule = rule, .name = name, .folder = folder ? folder->path : NULL, .path = xstrdup(path), .way = way
	};
}

static bool is_input_of(const struct pkgmap *map, size_t package, const struct folder *folder)
{
	const struct pkgmap_inputs *inputs = pkgmap_inputs(map, package);

	for (size_t i = 0; i < inputs->n; i++)
		if (inputs->v[i].source == folder->source && str_eq(inputs->v[i].path, folder->path))
			return true;
	return false;
}

static char *way_from(const struct finder *finder, const struct folder *folder, size_t package, size_t end)
{
	CLEANUP_FREE char *way = pkgmap_way(finder->map, package, end);

	if (folder->owner == PKGMAP_NONE)
		return xasprintf("%s/ > %s", folder->path, *way ? way : finder->config->packages[package].name);
	return TAKE_PTR(way);
}

static void explain_input(struct finder *finder, const struct folder *folder, size_t n, const char *path)
{
	const struct config_package *packages = finder->config->packages;
	size_t package = folder->packages[n], end = folder->owner != PKGMAP_NONE ? folder->owner : folder->through[n];
	enum watcher_affected_rule rule;

	if (!finder->question->said || package == folder->owner)
		return;
	if (packages[end].invalidates_all)
		rule = WATCHER_AFFECTED_INVALIDATES;
	else
		rule = is_input_of(finder->question->said, package, folder) ? WATCHER_AFFECTED_USES : WATCHER_AFFECTED_CARGO;
	add_reason(finder, rule, packages[package].name, folder, path, way_from(finder, folder, package, end));
}

/* -- one path --------------------------------------------------------------------------------------------------------------------------------- */

/* True when somebody is affected: for a path in a nested package, the outer one's folder does not count. */
static bool add_inputs(struct finder *finder, size_t source, const char *path, size_t owner)
{
	CLEANUP_FREE char *above = xstrdup(path);
	bool found = false;

	for (;;) {
		size_t at = config_path_index_find(&finder->index, source, above);
		const struct folder *folder = at == CONFIG_PATH_NONE ? NULL : &finder->folders[at];
		char *slash = strrchr(above, '/');

		for (size_t i = 0; folder && (folder->owner == PKGMAP_NONE || folder->owner == owner) && i < folder->n; i++) {
			strvec_add(&finder->ret->affected, finder->config->packages[folder->packages[i]].name);
			explain_input(finder, folder, i, path);
			found = true;
		}
		if (above[0] == '\0')
			return found;
		*(slash ? slash : above) = '\0';
	}
}

/* A shared file concerns its source: all packages there, and those built from what lies there. */
static void add_shared(struct finder *finder, size_t source, const char *path)
{
	const struct config *config = finder->config;
	size_t n = 0;

	for (size_t i = 0; i < config->n_packages; i++)
		n += pkgmap_concerns(finder->map, i, source);
	finder->ret->all = finder->ret->all || n == config->n_packages;
	if (n == config->n_packages)
		add_reason(finder, WATCHER_AFFECTED_SHARED, NULL, NULL, path, xstrdup(""));
	for (size_t i = 0; n < config->n_packages && i < config->n_packages; i++) {
		if (!pkgmap_concerns(finder->map, i, source))
			continue;
		strvec_add(&finder->ret->affected, config->packages[i].name);
		add_reason(finder, WATCHER_AFFECTED_SHARED, config->packages[i].name, NULL, path, xstrdup(""));
	}
}

static void add_path(struct finder *finder, size_t source, const char *path, bool may_be_unowned)
{
	const struct config *config = finder->config;
	size_t owner = pkgmap_owner(finder->map, source, path), asset = pkgmap_asset(finder->map, source, path);
	bool shared = pkgmap_is_shared(finder->map, source, path), counts;

	if (pkgmap_is_ignored(finder->map, source, path) || str_eq(path, WATCHER_LOCK_FILE))
		return;
	if (owner != PKGMAP_NONE) {
		strvec_add(&finder->ret->direct, config->packages[owner].name);
		strvec_add(&finder->ret->affected, config->packages[owner].name);
		add_reason(finder, WATCHER_AFFECTED_OWNER, config->packages[owner].name, NULL, path, xstrdup(""));
	}
	if (asset != PKGMAP_NONE) {
		strvec_add(&finder->ret->assets, config->assets[asset].name);
		add_reason(finder, WATCHER_AFFECTED_ASSET, config->assets[asset].name, NULL, path, xstrdup(""));
	}
	if (shared)
		add_shared(finder, source, path);
	counts = add_inputs(finder, source, path, owner);
	if (may_be_unowned && owner == PKGMAP_NONE && asset == PKGMAP_NONE && !shared && !counts)
		strvec_add(&finder->ret->unowned, path);
}

/* -- a folder --------------------------------------------------------------------------------------------------------------------------------- */

static bool add_below(struct finder *finder, size_t source, const char *folder, const struct strvec *paths)
{
	bool found = false;

	for (size_t i = 0; i < paths->n; i++) {
		if (!path_under(paths->v[i], folder))
			continue;
		add_path(finder, source, paths->v[i], false);
		found = true;
	}
	return found;
}

/* All that has a name somewhere below the folder, then the folder itself. */
static void add_folder(struct finder *finder, size_t source, const char *folder)
{
	const struct config *config = finder->config;
	bool found = add_below(finder, source, folder, &config->sources[source].shared);

	for (size_t i = 0; i < finder->n_folders; i++) {
		if (finder->folders[i].source != source || !path_under(finder->folders[i].path, folder))
			continue;
		add_path(finder, source, finder->folders[i].path, false);
		found = true;
	}
	for (size_t i = 0; i < config->n_assets; i++) {
		if (config->assets[i].source != source || !path_under(config->assets[i].path, folder))
			continue;
		add_path(finder, source, config->assets[i].path, false);
		found = true;
	}
	add_path(finder, source, folder, !found);
}

/* -- the lock --------------------------------------------------------------------------------------------------------------------------------- */

static void add_locked(struct finder *finder, size_t source, const char *name, char *way)
{
	for (size_t i = 0; i < finder->config->n_packages; i++) {
		const struct config_package *package = &finder->config->packages[i];

		if (package->source != source || package->command.n > 0 || !(name == NULL || str_eq(package->name, name)))
			continue;
		strvec_add(&finder->ret->affected, package->name);
		add_reason(finder, WATCHER_AFFECTED_LOCK, package->name, NULL, WATCHER_LOCK_FILE, xstrdup(way));
	}
	free(way);
}

static void add_lock(struct finder *finder, size_t source, const struct watcher_affected_change *change)
{
	struct cargo_lock_edges edges = cargo_workspace_edges(&finder->question->graph->workspaces[source]);
	CLEANUP(strvec_clear) struct strvec names = { 0 };

	if (pkgmap_is_ignored(finder->map, source, WATCHER_LOCK_FILE))
		return;
	if (change->lock_problem) {
		add_locked(finder, source, NULL, xstrdup(change->lock_problem));
		return;
	}
	cargo_lock_compare(change->lock_before, change->lock_after, &edges, &names);
	for (size_t i = 0; i < names.n; i++)
		add_locked(finder, source, names.v[i],
			   finder->question->said ? cargo_lock_difference(change->lock_before, change->lock_after, names.v[i], &edges)
						  : xstrdup(""));
}

/* --------------------------------------------------------------------------------------------------------------------------------------------- */

static void find_in_source(struct finder *finder, size_t source)
{
	const struct watcher_affected_change *change = &finder->question->changes[source];

	for (size_t i = 0; change->paths && i < change->paths->n; i++)
		add_path(finder, source, change->paths->v[i], true);
	for (size_t i = 0; change->folders && i < change->folders->n; i++)
		add_folder(finder, source, change->folders->v[i]);
	if (change->paths && strvec_has(change->paths, WATCHER_LOCK_FILE)) {
		add_lock(finder, source, change);
		if (pkgmap_is_shared(finder->map, source, WATCHER_LOCK_FILE))
			add_shared(finder, source, WATCHER_LOCK_FILE);
	}
}

void watcher_affected_find(const struct watcher_affected_question *question, struct watcher_affected *ret)
{
	const struct config *config = question->graph->config;
	CLEANUP(finder_clear) struct finder finder = { .question = question, .config = config, .map = question->graph->map, .ret = ret };

	turn_round(&finder);
	for (size_t i = 0; i < config->n_sources; i++)
		find_in_source(&finder, i);
	for (size_t i = 0; ret->all && i < config->n_packages; i++)
		strvec_add(&ret->affected, config->packages[i].name);
	strvec_sort_unique(&ret->direct);
	strvec_sort_unique(&ret->affected);
	strvec_sort_unique(&ret->assets);
	strvec_sort_unique(&ret->unowned);
}

void watcher_affected_clear(struct watcher_affected *affected)
{
	for (size_t i = 0; i < affected->n_reasons; i++) {
		free(affected->reasons[i].path);
		free(affected->reasons[i].way);
	}
	free(affected->reasons);
	strvec_clear(&affected->direct);
	strvec_clear(&affected->affected);
	strvec_clear(&affected->assets);
	strvec_clear(&affected->unowned);
	*affected = (struct watcher_affected){ 0 };
}

const char *watcher_affected_rule_name(enum watcher_affected_rule rule)
{
	static const char *const names[] = { "owner", "uses", "cargo", "invalidates", "shared", "lock", "asset" };

	return names[rule];
}
