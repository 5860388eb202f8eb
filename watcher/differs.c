/* Saying what differs from what the image was given: by the parts of two fingerprints first, and in a folder that differs by its files, each of which is
 * what its commit has unless it was dirty. */
#include "watcher/internal.h"

#include "watcher/changes.h"

#include <errno.h>
#include <string.h>

/* -- a basis ---------------------------------------------------------------------------------------------------------------------------------- */

void watcher_basis_add(struct watcher_basis *basis, const char *label, const char *value)
{
	grow_array(&basis->v, &basis->cap, basis->n, sizeof(*basis->v));
	basis->v[basis->n++] = (struct watcher_part){ .label = xstrdup(label), .value = value ? xstrdup(value) : NULL };
}

void watcher_basis_clear(struct watcher_basis *basis)
{
	for (size_t i = 0; i < basis->n; i++) {
		free(basis->v[i].label);
		free(basis->v[i].value);
	}
	free(basis->v);
	*basis = (struct watcher_basis){ 0 };
}

/* A part that is the state of a path in a source: 'tree base:drivers/netd'. */
struct place {
	size_t source;
	const char *path; /* borrowed from the label */
};

static bool find_place(const struct config *config, const char *label, struct place *ret)
{
	const char *name = strchr(label, ' '), *colon = NULL;

	if (!str_starts(label, "tree ") && !str_starts(label, "shared "))
		return false;
	for (size_t i = 0; i < config->n_sources; i++) {
		size_t n = strlen(config->sources[i].name);

		colon = name + 1 + n;
		if (strncmp(name + 1, config->sources[i].name, n) != 0 || *colon != ':')
			continue;
		*ret = (struct place){ .source = i, .path = colon + 1 };
		return true;
	}
	return false;
}

static bool concerns(const struct config *config, const struct watcher_subject *subject, size_t source, const char *file)
{
	struct place place;

	for (size_t i = 0; i < subject->n_parts; i++)
		if (find_place(config, subject->parts[i].label, &place) && place.source == source && (!file || path_under(file, place.path)))
			return true;
	return false;
}

/* Where only the number of dirty files is known, nothing can be said of files: then the commit is left out, too. */
static void add_source(struct watcher_basis *ret, const struct config *config, const struct watcher_look *look, size_t source,
		       const struct watcher_subject *subject)
{
	const struct watcher_source_state *state = &look->sources[source];
	CLEANUP_FREE char *head = xasprintf("head %s", config->sources[source].name);

	if (!concerns(config, subject, source, NULL) || state->dirty_kept == WATCHER_MAX_DIRTY)
		return;
	watcher_basis_add(ret, head, state->head);
	for (size_t i = 0; i < state->dirty_kept; i++) {
		CLEANUP_FREE char *label = xasprintf("dirty %s:%s", config->sources[source].name, state->dirty[i].label);

		if (concerns(config, subject, source, state->dirty[i].label))
			watcher_basis_add(ret, label, state->dirty[i].value);
	}
}

void watcher_basis_of(const struct watcher *watcher, const struct watcher_look *look, size_t subject, struct watcher_basis *ret)
{
	const struct watcher_subject *s = &look->subjects[subject];

	for (size_t i = 0; i < s->n_parts; i++)
		watcher_basis_add(ret, s->parts[i].label, s->parts[i].value);
	for (size_t i = 0; i < look->n_sources; i++)
		add_source(ret, watcher->config, look, i, s);
}

/* -- what differs ----------------------------------------------------------------------------------------------------------------------------- */

struct comparison {
	const struct watcher *watcher;
	const struct watcher_look *look;
	const struct watcher_subject *subject;
	const struct watcher_basis *basis;
	struct strvec found; /* files, folders, settings; each once */
	char *first;         /* owned; the first with its way */
};

static void comparison_clear(struct comparison *comparison)
{
	strvec_clear(&comparison->found);
	free(comparison->first);
}

static void find(struct comparison *c, const char *what, const char *phrase)
{
	if (strvec_has(&c->found, what))
		return;
	strvec_add(&c->found, what);
	if (!c->first)
		c->first = xstrdup(phrase);
}

static const char *value_of(const struct watcher_part *parts, size_t n, const char *label)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(parts[i].label, label))
			return parts[i].value ? parts[i].value : "";
	return NULL;
}

static const char *value_then(const struct comparison *c, const char *label)
{
	return value_of(c->basis->v, c->basis->n, label);
}

/* The package that brings what lies at @place into this one, PKGMAP_NONE when none or itself does. */
static size_t find_way(const struct comparison *c, const struct place *place, const char *file, bool shared)
{
	const struct pkgmap_inputs *inputs = pkgmap_inputs(c->watcher->map, c->subject->index);
	size_t through = PKGMAP_NONE, owner;

	if (shared)
		return PKGMAP_NONE;
	for (size_t i = 0; i < inputs->n; i++)
		if (inputs->v[i].source == place->source && str_eq(inputs->v[i].path, place->path))
			through = inputs->v[i].through;
	if (through == PKGMAP_NONE)
		return PKGMAP_NONE;
	owner = pkgmap_owner(c->watcher->map, place->source, file);
	owner = owner == PKGMAP_NONE ? through : owner;
	return owner == c->subject->index ? PKGMAP_NONE : owner;
}

static void find_file(struct comparison *c, const struct place *place, const char *file, bool shared)
{
	size_t way = find_way(c, place, file, shared);
	CLEANUP_FREE char *phrase = way == PKGMAP_NONE ? xstrdup(file)
						       : xasprintf("%s, through %s", file, c->watcher->config->packages[way].name);

	find(c, file, phrase);
}

static bool is_of_another(const struct comparison *c, const struct place *place, const char *file)
{
	const struct watcher_path *watched = watcher_internal_find(c->watcher, place->source, place->path);

	for (size_t i = 0; watched && i < watched->without.n; i++)
		if (path_under(file, watched->without.v[i]))
			return true;
	return false;
}

/* The files below @place that may differ: those between the two commits, and those that are or were dirty. -ENOENT where a commit is not known. */
static int list_files(const struct comparison *c, const struct place *place, git_oid commits[2], struct strvec *ret)
{
	const struct watcher_source_state *now = &c->look->sources[place->source];
	const char *name = c->watcher->config->sources[place->source].name;
	CLEANUP_FREE char *head = xasprintf("head %s", name), *dirty = xasprintf("dirty %s:", name);
	const char *then = value_then(c, head);

	if (!then || now->dirty_kept == WATCHER_MAX_DIRTY)
		return -ENOENT;
	commits[0] = commits[1] = (git_oid){ 0 };
	if ((*then && git_oid_fromstr(&commits[0], then) < 0) || (now->head[0] && git_oid_fromstr(&commits[1], now->head) < 0))
		return -ENOENT;
	if (watcher_changes_between(c->watcher->repos[place->source], &commits[0], &commits[1], place->path, ret, NULL) < 0)
		return -ENOENT;
	for (size_t i = 0; i < now->dirty_kept; i++)
		if (path_under(now->dirty[i].label, place->path))
			strvec_add(ret, now->dirty[i].label);
	for (size_t i = 0; i < c->basis->n; i++)
		if (str_starts(c->basis->v[i].label, dirty) && path_under(c->basis->v[i].label + strlen(dirty), place->path))
			strvec_add(ret, c->basis->v[i].label + strlen(dirty));
	strvec_sort_unique(ret);
	return 0;
}

/* What is not dirty is what its commit has. */
static bool is_same_file(const struct comparison *c, const struct place *place, const git_oid commits[2], const char *file)
{
	const struct watcher_source_state *state = &c->look->sources[place->source];
	CLEANUP_FREE char *label = xasprintf("dirty %s:%s", c->watcher->config->sources[place->source].name, file);
	const char *then = value_then(c, label), *now = value_of(state->dirty, state->dirty_kept, file);
	char values[2][WATCHER_FILE_SIZE];

	/* Then the commits differ here, since the file is on the list. */
	if (!then && !now)
		return false;
	if (!then && watcher_changes_value(c->watcher->repos[place->source], &commits[0], file, values[0], NULL) == 0)
		then = values[0];
	if (!now && watcher_changes_value(c->watcher->repos[place->source], &commits[1], file, values[1], NULL) == 0)
		now = values[1];
	return str_eq(then, now);
}

static void compare_place(struct comparison *c, const struct place *place, bool shared)
{
	CLEANUP(strvec_clear) struct strvec files = { 0 };
	bool any = false;
	git_oid commits[2];
	int r = list_files(c, place, commits, &files);

	for (size_t i = 0; r == 0 && i < files.n; i++) {
		if (is_of_another(c, place, files.v[i]) || is_same_file(c, place, commits, files.v[i]))
			continue;
		find_file(c, place, files.v[i], shared);
		any = true;
	}
	/* A file that git does not know, or too many to be remembered. */
	if (!any)
		find_file(c, place, *place->path ? place->path : "its folder", shared);
}

/* What else a fingerprint is made of. @label begins with the word. */
static const struct {
	const char *word, *phrase;
} settings[] = {
	{ "lock ", WATCHER_LOCK_FILE },    { "build", "the toolchain or the settings of [build]" },
	{ "bin", "its list of binaries" }, { "destination", "its destinations" },
	{ "copy", "its copies" },          { "command", "its command" },
	{ "artifact", "its artifact" },    { "content", NULL },
};

static void compare_setting(struct comparison *c, const char *label)
{
	const struct config *config = c->watcher->config;

	if (str_starts(label, "input ")) {
		find(c, label + strlen("input "), label + strlen("input "));
		return;
	}
	if (str_starts(label, WATCHER_CARGO_SETTING)) {
		CLEANUP_FREE char *what = xasprintf("another cargo configuration: %s", label + strlen(WATCHER_CARGO_SETTING));

		find(c, what, what);
		return;
	}
	for (size_t i = 0; i < N_ELEMENTS(settings); i++) {
		const char *phrase = settings[i].phrase ? settings[i].phrase : config->assets[c->subject->index].path;

		if (str_starts(label, settings[i].word)) {
			find(c, phrase, phrase);
			return;
		}
	}
}

static bool is_own(const struct comparison *c, const struct place *place)
{
	const struct config_package *package = &c->watcher->config->packages[c->subject->index];

	return !c->subject->is_asset && package->source == place->source && strvec_has(&package->paths, place->path);
}

/* All values of one label, in order. */
static char *values_of(const struct watcher_part *parts, size_t n, const char *label)
{
	struct str text = { 0 };

	for (size_t i = 0; i < n; i++)
		if (str_eq(parts[i].label, label))
			str_printf(&text, "%s\n", parts[i].value ? parts[i].value : "");
	return str_take(&text);
}

static bool is_same_part(const struct comparison *c, const char *label)
{
	CLEANUP_FREE char *then = values_of(c->basis->v, c->basis->n, label);
	CLEANUP_FREE char *now = values_of(c->subject->parts, c->subject->n_parts, label);

	return strcmp(then, now) == 0;
}

/* Its own folders first, then those it uses, then all else; @round says which of the three. */
static void compare_parts(struct comparison *c, const struct watcher_part *parts, size_t n, int round)
{
	for (size_t i = 0; i < n; i++) {
		const char *label = parts[i].label;
		struct place place;
		bool is_place = find_place(c->watcher->config, label, &place);
		bool is_part = !str_starts(label, "head ") && !str_starts(label, "dirty ");
		int when = !is_place ? 2 : is_own(c, &place) ? 0 : 1;

		if (!is_part || when != round || is_same_part(c, label))
			continue;
		if (is_place)
			compare_place(c, &place, str_starts(label, "shared "));
		else
			compare_setting(c, label);
	}
}

char *watcher_differs(const struct watcher *watcher, const struct watcher_look *look, size_t subject, const struct watcher_basis *basis)
{
	CLEANUP(comparison_clear)
	struct comparison c = { .watcher = watcher, .look = look, .subject = &look->subjects[subject], .basis = basis };

	for (int round = 0; round < 3; round++) {
		compare_parts(&c, c.subject->parts, c.subject->n_parts, round);
		compare_parts(&c, basis->v, basis->n, round);
	}
	if (!c.first)
		return NULL;
	return c.found.n == 1 ? TAKE_PTR(c.first) : xasprintf("%s and %zu more", c.first, c.found.n - 1);
}
