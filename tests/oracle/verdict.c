#include "oracle/verdict.h"

enum { TOLD = 12 };

size_t verdict_faults(const struct verdict *verdict)
{
	return verdict->missed + verdict->in_vain + verdict->unequal + verdict->unsaid;
}

void verdict_clear(struct verdict *verdict)
{
	for (size_t i = 0; i < WORLD_SUBJECTS; i++)
		free(verdict->pairs[i].v);
}

size_t verdict_subject(const struct verdict *verdict, const struct watcher_subject *subject)
{
	if (subject->is_asset)
		return WORLD_PACKAGES + subject->index;
	return world_crate_named(verdict->world, verdict->config->packages[subject->index].name);
}

static uint64_t number_of(const struct watcher_subject *subject)
{
	char head[17];

	memcpy(head, subject->fingerprint, 16);
	head[16] = '\0';
	return strtoull(head, NULL, 16);
}

/* Which parts differ; a part may be gone, and then all labels after it are other ones. */
static void tell_parts(const struct watcher_subject *a, const struct watcher_subject *b)
{
	for (size_t i = 0; i < a->n_parts || i < b->n_parts; i++) {
		const struct watcher_part *x = i < a->n_parts ? &a->parts[i] : NULL, *y = i < b->n_parts ? &b->parts[i] : NULL;

		if (x && y && str_eq(x->label, y->label) && str_eq(x->value, y->value))
			continue;
		fprintf(stderr, "    %s %s, now %s %s\n", x ? x->label : "-", x ? x->value : "", y ? y->label : "-", y ? y->value : "");
		if (!x || !y || !str_eq(x->label, y->label))
			return;
	}
}

static void tell(const struct verdict *verdict, const char *what, const struct watcher_subject *subject, size_t since)
{
	if (verdict_faults(verdict) <= TOLD)
		fprintf(stderr, "change %zu (%s): %s is %s; compared with change %zu\n", verdict->step, verdict->change, subject->name, what,
			since);
}

static void judge_settled(struct verdict *verdict, size_t subject, uint64_t value, const struct watcher_subject *now)
{
	struct verdict_pairs *pairs = &verdict->pairs[subject];
	uint64_t fingerprint = number_of(now);

	for (size_t i = 0; i < pairs->n; i++) {
		const struct verdict_pair *pair = &pairs->v[i];

		if (pair->value == value && pair->fingerprint == fingerprint) {
			verdict->n_back += pair->step + 1 < verdict->step && pairs->n > 1;
			return;
		}
		if (pair->value != value && pair->fingerprint != fingerprint)
			continue;
		if (pair->value == value) {
			verdict->in_vain++;
			tell(verdict, "named in vain", now, pair->step);
		} else {
			verdict->missed++;
			tell(verdict, "missed", now, pair->step);
		}
		break;
	}
	grow_array(&pairs->v, &pairs->cap, pairs->n, sizeof(*pairs->v));
	pairs->v[pairs->n++] = (struct verdict_pair){ .value = value, .fingerprint = fingerprint, .step = verdict->step };
}

static void judge_bounds(struct verdict *verdict, enum truth_answer answer, const struct watcher_subject *last,
			 const struct watcher_subject *now)
{
	bool stale = !str_eq(last->fingerprint, now->fingerprint);

	if (answer == TRUTH_MUST && !stale) {
		verdict->missed++;
		tell(verdict, "missed while the graph is not known", now, verdict->step - 1);
	}
	if (answer == TRUTH_MUST_NOT && stale) {
		verdict->in_vain++;
		tell(verdict, "named in vain while the graph is not known", now, verdict->step - 1);
	}
}

void verdict_give(struct verdict *verdict, const struct watcher_look *last, const struct truth *before, const struct watcher_look *now,
		  const struct truth *truth)
{
	if (truth->settled == (now->problems.n > 0)) {
		verdict->unsaid++;
		fprintf(stderr, "change %zu (%s): the workspace %s, and the look says: %s\n", verdict->step, verdict->change,
			truth->settled ? "is settled" : "is not settled", now->problems.n > 0 ? now->problems.v[0] : "nothing");
	}
	verdict->n_unsettled += !truth->settled;
	for (size_t i = 0; i < now->n_subjects; i++) {
		const struct watcher_subject *subject = &now->subjects[i];
		size_t at = verdict_subject(verdict, subject), faults = verdict_faults(verdict);

		if (at >= WORLD_PACKAGES || truth->settled)
			judge_settled(verdict, at, truth->values[at], subject);
		if (last && at < WORLD_PACKAGES && (!truth->settled || !before->settled))
			judge_bounds(verdict, truth_bounds(before, truth, at), &last->subjects[i], subject);
		verdict->n_stale += last && !str_eq(last->subjects[i].fingerprint, subject->fingerprint);
		if (last && verdict_faults(verdict) > faults && verdict_faults(verdict) <= TOLD)
			tell_parts(&last->subjects[i], subject);
	}
}

void verdict_compare(struct verdict *verdict, const struct watcher_look *now, const struct watcher_look *other, const char *who)
{
	for (size_t i = 0; i < now->n_subjects; i++) {
		if (str_eq(now->subjects[i].fingerprint, other->subjects[i].fingerprint))
			continue;
		verdict->unequal++;
		tell(verdict, who, &now->subjects[i], verdict->step);
		if (verdict_faults(verdict) <= TOLD)
			tell_parts(&now->subjects[i], &other->subjects[i]);
	}
}
