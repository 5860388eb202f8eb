/* config/path_index - a hash of paths, each in a source, that answers 'which of them is this path or a folder above it' in one pass.
 *
 * Ownership: embedded; the paths are borrowed. Of two equal entries the first counts. Threads may share a finished one. */
#ifndef REINJECT_CONFIG_PATH_INDEX_H
#define REINJECT_CONFIG_PATH_INDEX_H

#include <stddef.h>

#define CONFIG_PATH_NONE ((size_t)-1)

struct config_path_slot {
	const char *path; /* borrowed; NULL: free */
	size_t n;         /* bytes */
	size_t source;
	size_t value;
};

struct config_path_index {
	struct config_path_slot *slots; /* owned */
	size_t n_slots;                 /* a power of two, at least twice the entries; 0 while empty */
	size_t n;
};

/** @path is kept, not copied: it must live as long as the index. Of two entries for one path the first stays. */
void config_path_index_add(struct config_path_index *index, size_t source, const char *path, size_t value);
void config_path_index_clear(struct config_path_index *index);

/** The value of exactly @path, or CONFIG_PATH_NONE. */
size_t config_path_index_find(const struct config_path_index *index, size_t source, const char *path);

/** The value of the longest entry that is @path or a folder above it; '' is above all. */
size_t config_path_index_above(const struct config_path_index *index, size_t source, const char *path);

#endif
