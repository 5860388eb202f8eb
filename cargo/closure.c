/* Closures over a lock's graph, and where those of two locks differ. Reading the file is cargo/lock's other half. */
#include "cargo/lock.h"

#include <stdlib.h>

/* Marks in @seen (all false) what @name reaches; false when there is no such workspace package. */
static bool mark_closure(const struct cargo_lock *lock, const char *name, const struct cargo_lock_edges *edges, bool *seen)
{
	CLEANUP_FREE size_t *queue = xcalloc(lock->n_packages, sizeof(*queue));
	size_t n = 0;

	for (size_t i = cargo_lock_find(lock, name); i < lock->n_packages && str_eq(lock->packages[i].name, name); i++) {
		if (lock->packages[i].source)
			continue;
		seen[i] = true;
		queue[n++] = i;
	}
	for (size_t i = 0; i < n; i++) {
		const struct cargo_lock_package *from = &lock->packages[queue[i]];

		for (size_t j = 0; j < from->dependencies.n; j++) {
			size_t to = from->edges[j];

			if (seen[to] || (edges && edges->is_dropped(edges->data, from, &lock->packages[to])))
				continue;
			seen[to] = true;
			queue[n++] = to;
		}
	}
	return n > 0;
}

void cargo_lock_closure(const struct cargo_lock *lock, const char *name, const struct cargo_lock_edges *edges, char ret[HASH_HEX_SIZE])
{
	CLEANUP_FREE bool *seen = xcalloc(lock->n_packages, sizeof(*seen));
	CLEANUP(hash_freep) struct hash *hash = NULL;

	ret[0] = '\0';
	if (!mark_closure(lock, name, edges, seen))
		return;
	hash = hash_new();
	for (size_t i = 0; i < lock->n_packages; i++)
		if (seen[i])
			hash_add(hash, lock->packages[i].identity, sizeof(lock->packages[i].identity));
	hash_end(hash, ret);
}

static void add_names(const struct cargo_lock *lock, struct strvec *ret)
{
	for (size_t i = 0; lock && i < lock->n_packages; i++)
		if (!lock->packages[i].source)
			strvec_add(ret, lock->packages[i].name);
}

void cargo_lock_compare(const struct cargo_lock *before, const struct cargo_lock *after, const struct cargo_lock_edges *edges,
			struct strvec *ret)
{
	CLEANUP(strvec_clear) struct strvec names = { 0 };

	add_names(before, &names);
	add_names(after, &names);
	strvec_sort_unique(&names);
	for (size_t i = 0; i < names.n; i++) {
		char a[HASH_HEX_SIZE] = "", b[HASH_HEX_SIZE] = "";

		if (before)
			cargo_lock_closure(before, names.v[i], edges, a);
		if (after)
			cargo_lock_closure(after, names.v[i], edges, b);
		if (!str_eq(a, b))
			strvec_add(ret, names.v[i]);
	}
	strvec_sort_unique(ret);
}

/* The packages of @lock that @name reaches and whose identity @other's closure lacks. */
static void collect_new(const struct cargo_lock *lock, const bool *seen, const struct cargo_lock *other, const bool *other_seen, bool *ret)
{
	for (size_t i = 0; lock && i < lock->n_packages; i++) {
		ret[i] = seen[i];
		if (!seen[i] || !other)
			continue;
		for (size_t j = cargo_lock_find(other, lock->packages[i].name);
		     j < other->n_packages && str_eq(other->packages[j].name, lock->packages[i].name); j++)
			if (other_seen[j] && str_eq(other->packages[j].identity, lock->packages[i].identity))
				ret[i] = false;
	}
}

static bool *closure_marks(const struct cargo_lock *lock, const char *name, const struct cargo_lock_edges *edges)
{
	bool *seen = xcalloc(lock ? lock->n_packages : 0, sizeof(*seen));

	(void)(lock && mark_closure(lock, name, edges, seen));
	return seen;
}

/* 'serde 1.0.1 -> 1.0.2', 'serde 1.0.2' where it is new, 'serde gone'; @gone and @came are marks in the two locks. */
static void describe(const struct cargo_lock *before, const bool *gone, const struct cargo_lock *after, const bool *came, struct strvec *ret)
{
	for (size_t i = 0; after && i < after->n_packages; i++) {
		const struct cargo_lock_package *now = &after->packages[i];
		const char *old = NULL;

		if (!came[i])
			continue;
		for (size_t j = before ? cargo_lock_find(before, now->name) : 0;
		     before && j < before->n_packages && str_eq(before->packages[j].name, now->name); j++)
			if (gone[j])
				old = before->packages[j].version;
		if (old && !str_eq(old, now->version))
			strvec_addf(ret, "%s %s -> %s", now->name, old, now->version);
		else
			strvec_addf(ret, "%s %s%s", now->name, now->version, old ? " from elsewhere" : "");
	}
	for (size_t i = 0; before && i < before->n_packages; i++) {
		size_t j = after ? cargo_lock_find(after, before->packages[i].name) : 0;
		bool renewed = false;

		for (; after && j < after->n_packages && str_eq(after->packages[j].name, before->packages[i].name); j++)
			renewed = renewed || came[j];
		if (gone[i] && !renewed)
			strvec_addf(ret, "%s gone", before->packages[i].name);
	}
}

char *cargo_lock_difference(const struct cargo_lock *before, const struct cargo_lock *after, const char *name,
			    const struct cargo_lock_edges *edges)
{
	CLEANUP_FREE bool *old = closure_marks(before, name, edges), *now = closure_marks(after, name, edges);
	CLEANUP_FREE bool *gone = xcalloc(before ? before->n_packages : 0, sizeof(*gone));
	CLEANUP_FREE bool *came = xcalloc(after ? after->n_packages : 0, sizeof(*came));
	CLEANUP(strvec_clear) struct strvec words = { 0 };

	collect_new(before, old, after, now, gone);
	collect_new(after, now, before, old, came);
	describe(before, gone, after, came, &words);
	if (words.n == 0)
		return xstrdup("");
	return words.n == 1 ? xstrdup(words.v[0]) : xasprintf("%s and %zu more", words.v[0], words.n - 1);
}
