/* Pure: everything it needs was read before, everything it decides is data. */
#include "refresh/gone.h"

#include <errno.h>
#include <string.h>

/* Files in the image itself, and members of the initfs where there is one. 'share:' has its own list. */
static bool is_served(const struct config *config, const char *dest)
{
	return dest[0] == '/' || (config->initfs.dir && refresh_is_in_initfs(dest));
}

static bool is_in_share(const struct config *config, const char *dest)
{
	const char *share = config_get(config, "share", "path");

	return str_starts(dest, "share:/") && share && *share;
}

static const struct strvec *configured_dests(const struct config *config, const struct watcher_subject *subject)
{
	return subject->is_asset ? &config->assets[subject->index].dests : &config->packages[subject->index].dests;
}

static size_t count_served(const struct config *config, const struct strvec *dests)
{
	size_t n = 0;

	for (size_t i = 0; i < dests->n; i++)
		n += is_served(config, dests->v[i]) || is_in_share(config, dests->v[i]);
	return n;
}

static const char *subject_name(const struct config *config, const struct watcher_subject *subject)
{
	return subject->is_asset ? config->assets[subject->index].name : config->packages[subject->index].name;
}

static enum refresh_state state_of(const struct config *config, const struct watcher_subject *subject, const struct refresh_records *records)
{
	enum refresh_state state = REFRESH_STALE;

	if (count_served(config, configured_dests(config, subject)) == 0)
		return REFRESH_NOWHERE;
	if (subject->missing)
		return REFRESH_MISSING;
	for (size_t i = 0; i < records->n; i++) {
		const struct refresh_record *record = &records->v[i];

		if (strcmp(record->subject, subject->name) != 0 || strcmp(record->fingerprint, subject->fingerprint) != 0)
			continue;
		if (strcmp(record->state, "held") == 0)
			return REFRESH_HELD;
		if (strcmp(record->state, "failed") == 0)
			state = REFRESH_FAILED;
		else if (strcmp(record->state, "fresh") == 0 && !record->lost)
			return REFRESH_FRESH;
	}
	return state;
}

static const struct refresh_record *last_record(const struct refresh_records *records, const char *subject)
{
	const struct refresh_record *last = NULL;

	for (size_t i = 0; i < records->n; i++)
		if (strcmp(records->v[i].subject, subject) == 0 && (!last || records->v[i].run > last->run))
			last = &records->v[i];
	return last;
}

static char *say_why(const struct watcher_subject *subject, const struct refresh_records *records, enum refresh_state state)
{
	const struct refresh_record *last = last_record(records, subject->name), *given = refresh_records_given(records, subject->name);

	if (state == REFRESH_FRESH)
		return xstrdup("asked for");
	if (state == REFRESH_FAILED || state == REFRESH_HELD)
		return xasprintf("asked for, although %s in run %lld", state == REFRESH_HELD ? "held" : "it failed", (long long)last->run);
	if (!given)
		return xstrdup("first time");
	if (strcmp(given->fingerprint, subject->fingerprint) == 0 && given->lost)
		return xstrdup(given->lost);
	if (strcmp(given->fingerprint, subject->fingerprint) == 0)
		return xasprintf("the image does not have it as run %lld left it", (long long)given->run);
	return subject->since ? xstrdup(subject->since) : xasprintf("changed since run %lld", (long long)given->run);
}

/* Only a destination that is the package's one and only brings all of it up to date. */
static bool is_all(const struct config *config, const struct watcher_subject *subject, const char *dest)
{
	const struct strvec *dests = configured_dests(config, subject);

	return dests->n == 1 && strcmp(dests->v[0], dest) == 0 && (subject->is_asset || config->packages[subject->index].copies.n == 0);
}

static void add_copies(struct refresh_step *step, const struct config *config, const struct strvec *copies)
{
	for (size_t i = 0; i < copies->n; i++)
		if (is_in_share(config, copies->v[i]))
			strvec_add(&step->share_copies, copies->v[i]);
		else
			step->copies_image = step->copies_image || is_served(config, copies->v[i]);
}

static void add_step(struct refresh_plan *plan, const struct config *config, const struct watcher_look *look, size_t i,
		     const struct refresh_records *records, const char *one_off_dest)
{
	const struct watcher_subject *subject = &look->subjects[i];
	const struct strvec *dests = configured_dests(config, subject);
	struct refresh_step *step;

	grow_array(&plan->steps, &plan->cap, plan->n_steps, sizeof(*plan->steps));
	step = &plan->steps[plan->n_steps++];
	*step = (struct refresh_step){
		.subject = i,
		.name = subject_name(config, subject),
		.is_asset = subject->is_asset,
		.one_off = one_off_dest && !is_all(config, subject, one_off_dest),
		.why = say_why(subject, records, plan->states[i]),
	};
	plan->n_builds += !subject->is_asset;
	if (one_off_dest)
		strvec_add(&step->dests, one_off_dest);
	for (size_t d = 0; !one_off_dest && d < dests->n; d++)
		if (is_served(config, dests->v[d]))
			strvec_add(&step->dests, dests->v[d]);
		else if (is_in_share(config, dests->v[d]))
			strvec_add(&step->shares, dests->v[d]);
	if (!one_off_dest && !subject->is_asset)
		add_copies(step, config, &config->packages[subject->index].copies);
}

static void note_state(struct refresh_plan *plan, const char *name, enum refresh_state state)
{
	if (state == REFRESH_STALE)
		strvec_add(&plan->stale, name);
	else if (state == REFRESH_FAILED)
		strvec_add(&plan->failed, name);
	else if (state == REFRESH_HELD)
		strvec_add(&plan->held, name);
}

/* A library is in the image by those that use it. */
static bool is_put(const struct config *config, const struct watcher_subject *subject)
{
	const struct config_package *package = &config->packages[subject->index];

	return subject->is_asset || package->bins.n > 0 || package->command.n > 0;
}

static bool has_copy_elsewhere(const struct config *config, const struct watcher_subject *subject)
{
	const struct strvec *copies = &config->packages[subject->index].copies;

	return !subject->is_asset && count_served(config, copies) < copies->n;
}

static void judge_all(const struct config *config, const struct watcher_look *look, const struct refresh_records *records,
		      struct refresh_plan *plan)
{
	plan->states = xcalloc(look->n_subjects, sizeof(*plan->states));
	plan->first_time = records->n == 0;
	plan->unchecked = records->image_unknown && refresh_records_any_fresh(records);
	for (size_t i = 0; i < look->n_subjects; i++) {
		const struct strvec *dests = configured_dests(config, &look->subjects[i]);

		plan->states[i] = state_of(config, &look->subjects[i], records);
		if (!look->subjects[i].is_asset)
			note_state(plan, subject_name(config, &look->subjects[i]), plan->states[i]);
		plan->n_nowhere += dests->n == 0 && is_put(config, &look->subjects[i]);
		plan->n_elsewhere += count_served(config, dests) < dests->n || has_copy_elsewhere(config, &look->subjects[i]);
	}
}

static int find_subject(const struct config *config, const struct watcher_look *look, const char *name, size_t *ret, struct err *err)
{
	for (size_t i = 0; i < look->n_subjects; i++) {
		if (!look->subjects[i].is_asset && strcmp(subject_name(config, &look->subjects[i]), name) == 0) {
			*ret = i;
			return 0;
		}
	}
	return config_package_unknown(config, name, err);
}

static int plan_named(const struct config *config, const struct watcher_look *look, const struct refresh_records *records,
		      const struct refresh_request *request, struct refresh_plan *plan, struct err *err)
{
	for (size_t p = 0; p < request->packages->n; p++) {
		const char *name = request->packages->v[p];
		size_t i = 0;
		int r = find_subject(config, look, name, &i, err);

		if (r < 0)
			return r;
		if (plan->states[i] == REFRESH_NOWHERE && !request->dest) {
			err_class_set(err, ERR_USAGE, -EINVAL, "package '%s' has no destination in the image", name);
			err_hint(err, "name one: reinject build %s /usr/bin; or give it `dest =` in '%s'", name, config->file);
			return -EINVAL;
		}
		add_step(plan, config, look, i, records, request->dest);
	}
	return 0;
}

static bool is_wanted(const struct refresh_plan *plan, const struct refresh_request *request, size_t i, const char *name)
{
	enum refresh_state state = plan->states[i];

	if (request->within && request->within->n > 0 && !strvec_has(request->within, name))
		return false;
	return state == REFRESH_STALE || (request->retry && (state == REFRESH_FAILED || state == REFRESH_HELD));
}

static bool is_too_many(const struct config *config, const struct watcher_look *look, const struct refresh_plan *plan,
			const struct refresh_request *request)
{
	size_t n = 0;

	for (size_t i = 0; request->hold_over > 0 && i < look->n_subjects; i++)
		n += !look->subjects[i].is_asset && is_wanted(plan, request, i, subject_name(config, &look->subjects[i]));
	return n > request->hold_over;
}

/* Also when so many have become fewer: they wait until somebody asks. */
static bool waits(const struct refresh_request *request, bool too_many, const char *name)
{
	return request->hold_over > 0 && (too_many || (request->waiting && strvec_has(request->waiting, name)));
}

static void plan_stale(const struct config *config, const struct watcher_look *look, const struct refresh_records *records,
		       const struct refresh_request *request, struct refresh_plan *plan)
{
	bool too_many = is_too_many(config, look, plan, request);

	for (size_t i = 0; i < look->n_subjects; i++) {
		const char *name = subject_name(config, &look->subjects[i]);

		if (!is_wanted(plan, request, i, name))
			continue;
		if (waits(request, too_many, name) && !look->subjects[i].is_asset && !request->direct[i])
			strvec_add(&plan->waiting, name);
		else
			add_step(plan, config, look, i, records, NULL);
	}
}

static bool is_for_all(const struct refresh_request *request)
{
	return (!request->packages || request->packages->n == 0) && (!request->within || request->within->n == 0);
}

/* What cargo does not see to: a package that others are built from, by a command of its own, comes before them. Stable. */
static void sort_steps(const struct watcher_look *look, struct refresh_plan *plan)
{
	for (size_t i = 1; i < plan->n_steps; i++) {
		const struct refresh_step step = plan->steps[i];
		size_t to = i, n = look->subjects[step.subject].n_before;

		if (step.is_asset)
			continue;
		for (; to > 0 && look->subjects[plan->steps[to - 1].subject].n_before > n; to--)
			plan->steps[to] = plan->steps[to - 1];
		plan->steps[to] = step;
	}
}

int refresh_plan_make(const struct config *config, const struct watcher_look *look, const struct refresh_records *records,
		      const struct refresh_request *request, struct refresh_plan *ret, struct err *err)
{
	CLEANUP(refresh_plan_clear) struct refresh_plan plan = { 0 };
	int r;

	judge_all(config, look, records, &plan);
	plan.initfs = request->initfs && config->initfs.dir;
	if (request->packages && request->packages->n > 0) {
		r = plan_named(config, look, records, request, &plan, err);
		if (r < 0)
			return r;
	} else {
		plan_stale(config, look, records, request, &plan);
	}
	sort_steps(look, &plan);
	if (is_for_all(request))
		refresh_gone_find(config, look, records, &plan);
	*ret = plan;
	plan = (struct refresh_plan){ 0 };
	return 0;
}

void refresh_plan_clear(struct refresh_plan *plan)
{
	for (size_t i = 0; i < plan->n_steps; i++) {
		free(plan->steps[i].why);
		strvec_clear(&plan->steps[i].dests);
		strvec_clear(&plan->steps[i].shares);
		strvec_clear(&plan->steps[i].share_copies);
	}
	for (size_t i = 0; i < plan->n_removals; i++) {
		free(plan->removals[i].path);
		free(plan->removals[i].owner);
		free(plan->removals[i].hash);
		free(plan->removals[i].why);
	}
	free(plan->steps);
	free(plan->removals);
	free(plan->states);
	strvec_clear(&plan->wanted);
	strvec_clear(&plan->waiting);
	strvec_clear(&plan->stale);
	strvec_clear(&plan->failed);
	strvec_clear(&plan->held);
	*plan = (struct refresh_plan){ 0 };
}
