#include "refresh/gone.h"

#include "base/fs.h"

#include <string.h>

/* 'initfs:' is a root of its own. */
static char *clean_path(const char *path)
{
	size_t n = refresh_is_in_initfs(path) ? strlen("initfs:") : 0;
	CLEANUP_FREE char *clean = fs_absolute("/", path + n);

	return xasprintf("%.*s%s", (int)n, path, clean);
}

static void add_place(struct strvec *ret, const char *dest, const char *name)
{
	CLEANUP_FREE char *below = NULL;

	if (dest[0] != '/' && !refresh_is_in_initfs(dest))
		return;
	strvec_take(ret, clean_path(dest));
	if (!name)
		return;
	below = xasprintf("%s/%s", dest, name);
	strvec_take(ret, clean_path(below));
}

static void add_package_places(const struct config_package *package, struct strvec *ret)
{
	for (size_t d = 0; d < package->dests.n; d++) {
		add_place(ret, package->dests.v[d], package->artifact ? fs_basename(package->artifact) : NULL);
		for (size_t b = 0; b < package->bins.n; b++)
			add_place(ret, package->dests.v[d], package->bins.v[b]);
	}
	for (size_t c = 0; c < package->copies.n; c++)
		add_place(ret, package->copies.v[c], package->bins.n > 0 ? package->bins.v[0] : NULL);
}

/* Every path in the image that @subject may have a file at: its destinations, taken for a file and for a folder. */
static void add_places(const struct config *config, const struct watcher_subject *subject, struct strvec *ret)
{
	if (subject->is_asset) {
		const struct config_asset *asset = &config->assets[subject->index];

		for (size_t d = 0; d < asset->dests.n; d++)
			add_place(ret, asset->dests.v[d], fs_basename(asset->path));
	} else {
		add_package_places(&config->packages[subject->index], ret);
	}
}

static size_t source_of(const struct config *config, const struct watcher_subject *subject)
{
	return subject->is_asset ? config->assets[subject->index].source : config->packages[subject->index].source;
}

static bool all_settled(const struct watcher_look *look)
{
	for (size_t i = 0; i < look->n_sources; i++)
		if (!look->sources[i].settled)
			return false;
	return true;
}

static const struct watcher_subject *find_owner(const struct watcher_look *look, const char *owner)
{
	for (size_t i = 0; i < look->n_subjects; i++)
		if (str_eq(look->subjects[i].name, owner))
			return &look->subjects[i];
	return NULL;
}

static size_t find_step(const struct refresh_plan *plan, size_t subject)
{
	for (size_t i = 0; i < plan->n_steps; i++)
		if (plan->steps[i].subject == subject)
			return i;
	return REFRESH_NO_STEP;
}

/* Every place that somebody who is there wants; a missing one whose source is not settled wants its own as well. */
static void add_wanted(const struct config *config, const struct watcher_look *look, struct strvec *ret)
{
	for (size_t i = 0; i < look->n_subjects; i++)
		if (!look->subjects[i].missing || !look->sources[source_of(config, &look->subjects[i])].settled)
			add_places(config, &look->subjects[i], ret);
	strvec_sort_unique(ret);
}

static void add_removal(struct refresh_plan *plan, const struct refresh_content *content, const char *why, size_t after, bool owner_gone)
{
	grow_array(&plan->removals, &plan->cap_removals, plan->n_removals, sizeof(*plan->removals));
	plan->removals[plan->n_removals++] = (struct refresh_removal){
		.path = xstrdup(content->path),
		.owner = xstrdup(content->owner),
		.hash = xstrdup(content->hash),
		.why = xasprintf("%s %s", content->owner, why),
		.after = after,
		.owner_gone = owner_gone,
	};
}

static void judge(const struct config *config, const struct watcher_look *look, const struct refresh_content *content, struct refresh_plan *plan)
{
	const struct watcher_subject *owner = find_owner(look, content->owner);
	size_t subject, step;

	if (!owner) {
		if (all_settled(look))
			add_removal(plan, content, "is in the configuration no more", REFRESH_NO_STEP, true);
		return;
	}
	subject = (size_t)(owner - look->subjects);
	if (owner->missing) {
		if (look->sources[source_of(config, owner)].settled)
			add_removal(plan, content, "is in the source no more", REFRESH_NO_STEP, true);
		return;
	}
	step = find_step(plan, subject);
	/* One that failed or is held has not arrived where it goes now. */
	if (step != REFRESH_NO_STEP || plan->states[subject] == REFRESH_FRESH || plan->states[subject] == REFRESH_NOWHERE)
		add_removal(plan, content, "goes elsewhere now", step, plan->states[subject] == REFRESH_NOWHERE);
}

void refresh_gone_find(const struct config *config, const struct watcher_look *look, const struct refresh_records *records,
		       struct refresh_plan *plan)
{
	CLEANUP(strvec_clear) struct strvec wanted = { 0 };

	add_wanted(config, look, &wanted);
	for (size_t i = 0; i < records->n_contents; i++) {
		const struct refresh_content *content = &records->contents[i];
		CLEANUP_FREE char *path = clean_path(content->path);

		/* 'file', 'initfs', 'stamp' belong to no section. */
		if (strchr(content->owner, ' ') && !strvec_has(&wanted, path))
			judge(config, look, content, plan);
	}
	if (plan->n_removals > 0)
		strvec_copy(&plan->wanted, &wanted);
}
