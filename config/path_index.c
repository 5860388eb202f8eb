#include "config/path_index.h"

#include "base/str.h"

#include <stdint.h>
#include <string.h>

/* FNV-1a: it can be looked up at each slash while the bytes go by. */
#define FNV_START UINT64_C(14695981039346656037)
#define FNV_PRIME UINT64_C(1099511628211)

static uint64_t hash_start(size_t source)
{
	return (FNV_START ^ source) * FNV_PRIME;
}

static uint64_t hash_next(uint64_t hash, char c)
{
	return (hash ^ (unsigned char)c) * FNV_PRIME;
}

static uint64_t hash_path(size_t source, const char *path, size_t n)
{
	uint64_t hash = hash_start(source);

	for (size_t i = 0; i < n; i++)
		hash = hash_next(hash, path[i]);
	return hash;
}

/* The slot that holds this path, or the free one where it would go. The low bits of FNV are weak, so the high ones are folded in. */
static struct config_path_slot *look_up(const struct config_path_index *index, uint64_t hash, size_t source, const char *path, size_t n)
{
	size_t at = (size_t)(hash ^ (hash >> 32));

	for (;; at++) {
		struct config_path_slot *slot = &index->slots[at & (index->n_slots - 1)];

		if (!slot->path || (slot->source == source && slot->n == n && memcmp(slot->path, path, n) == 0))
			return slot;
	}
}

static void grow(struct config_path_index *index)
{
	struct config_path_index bigger = { .n_slots = index->n_slots ? index->n_slots * 2 : 16, .n = index->n };

	bigger.slots = xcalloc(bigger.n_slots, sizeof(*bigger.slots));
	for (size_t i = 0; i < index->n_slots; i++) {
		const struct config_path_slot *slot = &index->slots[i];

		if (slot->path)
			*look_up(&bigger, hash_path(slot->source, slot->path, slot->n), slot->source, slot->path, slot->n) = *slot;
	}
	free(index->slots);
	*index = bigger;
}

void config_path_index_add(struct config_path_index *index, size_t source, const char *path, size_t value)
{
	size_t n = strlen(path);
	struct config_path_slot *slot;

	if ((index->n + 1) * 2 > index->n_slots)
		grow(index);
	slot = look_up(index, hash_path(source, path, n), source, path, n);
	if (slot->path)
		return;
	*slot = (struct config_path_slot){ .path = path, .n = n, .source = source, .value = value };
	index->n++;
}

void config_path_index_clear(struct config_path_index *index)
{
	free(index->slots);
	*index = (struct config_path_index){ 0 };
}

size_t config_path_index_find(const struct config_path_index *index, size_t source, const char *path)
{
	size_t n = strlen(path);
	const struct config_path_slot *slot;

	if (index->n == 0)
		return CONFIG_PATH_NONE;
	slot = look_up(index, hash_path(source, path, n), source, path, n);
	return slot->path ? slot->value : CONFIG_PATH_NONE;
}

size_t config_path_index_above(const struct config_path_index *index, size_t source, const char *path)
{
	size_t best = CONFIG_PATH_NONE;
	uint64_t hash = hash_start(source);

	if (index->n == 0)
		return CONFIG_PATH_NONE;
	for (size_t i = 0;; i++) {
		if (i == 0 || path[i] == '/' || path[i] == '\0') {
			const struct config_path_slot *slot = look_up(index, hash, source, path, i);

			if (slot->path)
				best = slot->value;
		}
		if (!path[i])
			return best;
		hash = hash_next(hash, path[i]);
	}
}
