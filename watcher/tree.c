#include "watcher/tree.h"

#include "base/str.h"
#include "watcher/giterr.h"

#include <errno.h>
#include <string.h>

struct entry {
	const char *name; /* n bytes, part of a change's path or of a git_tree's memory */
	size_t n;
	uint32_t mode;
	git_oid oid;
};

struct entries {
	struct entry *v;
	size_t n, cap;
};

/* Changes below one folder; @skip bytes of their paths are the folder's, its slash included. */
struct range {
	const struct watcher_change *const *v;
	size_t n, skip;
};

static void entries_clear(struct entries *entries)
{
	free(entries->v);
}

static void free_entry(git_tree_entry **entry)
{
	git_tree_entry_free(*entry);
}

static unsigned int rank(char c)
{
	if (c == '\0' || c == '/')
		return c == '/';
	return (unsigned char)c + 1u;
}

static int compare_paths(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (int)rank(*a) - (int)rank(*b);
}

int watcher_tree_compare_changes(const void *a, const void *b)
{
	const struct watcher_change *const *left = a, *const *right = b;
	int r = compare_paths((*left)->path, (*right)->path);

	return r != 0 ? r : ((*right)->mode == WATCHER_TREE_DROP) - ((*left)->mode == WATCHER_TREE_DROP);
}

/* -- one folder as git writes it ------------------------------------------------------------------------------------------------------------ */

static bool is_folder(const struct entry *e)
{
	return e->mode == GIT_FILEMODE_TREE;
}

/* As git's base_name_compare(): a folder's name counts with a slash behind it. */
static int compare_entries(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	size_t n = a->n < b->n ? a->n : b->n;
	int r = memcmp(a->name, b->name, n);
	unsigned char ca, cb;

	if (r != 0)
		return r;
	ca = a->n > n ? (unsigned char)a->name[n] : is_folder(a) ? '/' : '\0';
	cb = b->n > n ? (unsigned char)b->name[n] : is_folder(b) ? '/' : '\0';
	return (int)ca - (int)cb;
}

static void add_entry(struct entries *entries, const char *name, size_t n, uint32_t mode, const git_oid *oid)
{
	grow_array(&entries->v, &entries->cap, entries->n, sizeof(*entries->v));
	entries->v[entries->n++] = (struct entry){ .name = name, .n = n, .mode = mode, .oid = *oid };
}

static int hash_entries(struct entries *entries, git_oid *ret, struct err *err)
{
	CLEANUP(str_clear) struct str bytes = { 0 };
	int r;

	if (entries->n > 1)
		qsort(entries->v, entries->n, sizeof(*entries->v), compare_entries);
	for (size_t i = 0; i < entries->n; i++) {
		str_printf(&bytes, "%o ", entries->v[i].mode);
		str_add_n(&bytes, entries->v[i].name, entries->v[i].n);
		str_add_n(&bytes, "", 1);
		str_add_n(&bytes, entries->v[i].oid.id, GIT_OID_RAWSZ);
	}
	r = git_odb_hash(ret, str_text(&bytes), bytes.len, GIT_OBJECT_TREE);
	return r < 0 ? watcher_giterr_set(err, r, "", "cannot hash a tree") : 0;
}

/* -- folding changes in --------------------------------------------------------------------------------------------------------------------- */

/* The changes in @range that concern @name or what lies below it. */
static struct range select_name(const struct range *range, const char *name)
{
	size_t low = 0, high = range->n, end, len = strlen(name);

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (compare_paths(range->v[middle]->path + range->skip, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < range->n; end++) {
		const char *path = range->v[end]->path + range->skip;

		if (strncmp(path, name, len) != 0 || (path[len] != '\0' && path[len] != '/'))
			break;
	}
	return (struct range){ .v = range->v + low, .n = end - low, .skip = range->skip };
}

/* What becomes of one name that has changes: something decided (mode 0: nothing is left), or a folder to be folded. */
struct place {
	bool decided;
	uint32_t mode;
	git_oid oid;
	git_tree *base;     /* owned; what HEAD has there, NULL when it has no folder */
	struct range below; /* the changes in it, at least one */
};

static void place_clear(struct place *place)
{
	git_tree_free(place->base);
}

static int look_at(git_repository *git, const git_tree *base, const struct range *same, const char *name, struct place *ret, struct err *err)
{
	const git_tree_entry *e = base ? git_tree_entry_byname(base, name) : NULL;
	const struct watcher_change *first = same->v[0];
	size_t len = strlen(name);
	bool exact = first->path[same->skip + len] == '\0';
	int r;

	*ret = (struct place){ .decided = true };
	/* Where a file stands now, what HEAD had below that name is gone with the folder. */
	if (exact && first->mode != 0) {
		ret->mode = first->mode == WATCHER_TREE_DROP ? 0 : first->mode;
		ret->oid = first->oid;
		return 0;
	}
	ret->below = (struct range){ .v = same->v + exact, .n = same->n - exact, .skip = same->skip + len + 1 };
	ret->decided = ret->below.n == 0;
	if (ret->decided || !e || git_tree_entry_type(e) != GIT_OBJECT_TREE)
		return 0;
	r = git_tree_lookup(&ret->base, git, git_tree_entry_id(e));
	return r < 0 ? watcher_giterr_set(err, r, git_repository_workdir(git), "cannot read folder '%s' of HEAD", name) : 0;
}

static void add_untouched(struct entries *entries, const git_tree *base, const struct range *range)
{
	size_t n = base ? git_tree_entrycount(base) : 0;

	for (size_t i = 0; i < n; i++) {
		const git_tree_entry *e = git_tree_entry_byindex(base, i);
		const char *name = git_tree_entry_name(e);

		if (select_name(range, name).n == 0)
			add_entry(entries, name, strlen(name), (uint32_t)git_tree_entry_filemode_raw(e), git_tree_entry_id(e));
	}
}

/* @base (NULL: none) with the changes of @range, as a tree's ID; *ret_mode is 0 when nothing is left of it. */
static int fold(git_repository *git, const git_tree *base, const struct range *range, uint32_t *ret_mode, git_oid *ret, struct err *err)
{
	CLEANUP(entries_clear) struct entries entries = { 0 };

	for (size_t i = 0; i < range->n;) {
		const char *path = range->v[i]->path + range->skip;
		CLEANUP_FREE char *name = xstrndup(path, strcspn(path, "/"));
		CLEANUP(place_clear) struct place place = { 0 };
		struct range same = select_name(range, name);
		int r = look_at(git, base, &same, name, &place, err);

		if (r == 0 && !place.decided)
			r = fold(git, place.base, &place.below, &place.mode, &place.oid, err);
		if (r < 0)
			return r;
		if (place.mode != 0)
			add_entry(&entries, path, strlen(name), place.mode, &place.oid);
		i += same.n;
	}
	add_untouched(&entries, base, range);
	*ret_mode = entries.n > 0 ? GIT_FILEMODE_TREE : 0;
	return hash_entries(&entries, ret, err);
}

/* -- one path ------------------------------------------------------------------------------------------------------------------------------- */

static int entry_of_head(git_repository *git, const git_tree *base, const char *path, uint32_t *ret_mode, git_oid *ret, struct err *err)
{
	CLEANUP(free_entry) git_tree_entry *e = NULL;
	int r = base ? git_tree_entry_bypath(&e, base, path) : GIT_ENOTFOUND;

	if (r < 0 && r != GIT_ENOTFOUND)
		return watcher_giterr_set(err, r, git_repository_workdir(git), "cannot read '%s' of HEAD", path);
	if (r == 0) {
		*ret_mode = (uint32_t)git_tree_entry_filemode(e);
		*ret = *git_tree_entry_id(e);
	}
	return 0;
}

static int find_entry(git_repository *git, const git_tree *base, const struct range *range, const char *path, uint32_t *ret_mode, git_oid *ret,
		      struct err *err)
{
	CLEANUP_FREE char *name = xstrndup(path, strcspn(path, "/"));
	CLEANUP(place_clear) struct place place = { 0 };
	struct range same = select_name(range, name);
	const char *rest = path + strlen(name);
	int r;

	if (!*path && range->n > 0)
		return fold(git, base, range, ret_mode, ret, err);
	if (same.n == 0)
		return entry_of_head(git, base, path, ret_mode, ret, err);
	r = look_at(git, base, &same, name, &place, err);
	if (r < 0)
		return r;
	if (!place.decided)
		return find_entry(git, place.base, &place.below, *rest ? rest + 1 : rest, ret_mode, ret, err);
	/* Below a file, or what is gone, there is nothing. */
	if (!*rest) {
		*ret_mode = place.mode;
		*ret = place.oid;
	}
	return 0;
}

int watcher_tree_entry(git_repository *git, const git_tree *head, const struct watcher_change *const *changes, size_t n_changes,
		       const char *path, uint32_t *ret_mode, git_oid *ret, struct err *err)
{
	const struct range all = { .v = changes, .n = n_changes };
	uint32_t mode = 0;
	git_oid oid = { 0 };
	int r = 0;

	if (!*path && n_changes == 0 && head) {
		mode = GIT_FILEMODE_TREE;
		oid = *git_tree_id(head);
	} else if (*path || n_changes > 0) {
		r = find_entry(git, head, &all, path, &mode, &oid, err);
	}
	if (r < 0)
		return r;
	*ret_mode = mode;
	if (mode != 0)
		*ret = oid;
	else
		*ret = (git_oid){ 0 };
	return 0;
}
