#include "oracle/tree.h"

#include <limits.h>

/* The lines of one .gitignore that this generator writes: '*.SUFFIX', '/NAME', 'NAME/', 'NAME'. */
struct rules {
	const struct rules *above;
	const char *dir; /* whose .gitignore it is */
	struct strvec lines;
};

struct walk {
	const struct world *world;
	struct strvec tracked; /* sorted */
	struct tree *tree;
};

uint64_t tree_hash(uint64_t hash, const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ ((const unsigned char *)bytes)[i]) * UINT64_C(0x100000001b3);
	return (hash ^ (hash >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
}

uint64_t tree_hash_file(const char *path)
{
	CLEANUP(str_clear) struct str bytes = { 0 };

	return fs_read(path, 1 << 24, &bytes, NULL) == 0 ? tree_hash(TREE_HASH_START, str_text(&bytes), bytes.len) : 0;
}

/* -- the index -------------------------------------------------------------------------------------------------------------------------------- */

static uint32_t number(const char *bytes)
{
	const unsigned char *b = (const unsigned char *)bytes;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* Versions 2 and 3: a head of 12 bytes; each entry 62 or, with the extended flag, 64 bytes, its name, and NULs up to a multiple of eight. */
static void read_index(const struct world *world, struct strvec *ret)
{
	CLEANUP(str_clear) struct str bytes = { 0 };
	size_t at = 12;

	if (!world_read(world, *world->prefix ? "../.git/index" : ".git/index", &bytes))
		return;
	assert_true(bytes.len > at && number(bytes.buf + 4) <= 3);
	for (uint32_t i = 0; i < number(bytes.buf + 8); i++) {
		size_t head = bytes.buf[at + 60] & 0x40 ? 64 : 62;
		const char *name = bytes.buf + at + head;

		if (str_starts(name, world->prefix))
			strvec_add(ret, name + strlen(world->prefix));
		at += (head + strlen(name) + 8) & ~(size_t)7;
		assert_true(at < bytes.len);
	}
	strvec_sort_unique(ret);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_tracked(const struct walk *walk, const char *path)
{
	return walk->tracked.n > 0 && bsearch(&path, walk->tracked.v, walk->tracked.n, sizeof(char *), compare_names);
}

/* -- what is ignored -------------------------------------------------------------------------------------------------------------------------- */

static void read_rules(const struct world *world, const char *dir, struct rules *ret)
{
	CLEANUP_FREE char *path = xasprintf("%s%s.gitignore", dir, *dir ? "/" : "");
	CLEANUP(str_clear) struct str text = { 0 };
	CLEANUP_FREE char *copy = NULL;
	char *rest;

	if (!world_read(world, path, &text))
		return;
	rest = copy = str_take(&text);
	for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"))
		if (*line && *line != '#')
			strvec_add(&ret->lines, line);
}

static bool names(const char *line, const char *name, bool is_first, bool is_dir)
{
	size_t n = strlen(line);

	if (line[0] == '*')
		return str_ends(name, line + 1);
	if (line[0] == '/')
		return is_first && str_eq(line + 1, name);
	if (line[n - 1] == '/')
		return is_dir && strlen(name) == n - 1 && strncmp(line, name, n - 1) == 0;
	/* The marks of a conflict are names too. */
	return str_eq(line, name);
}

static bool is_named(const struct rules *rules, const char *dir, const char *name, bool is_dir)
{
	for (; rules; rules = rules->above)
		for (size_t i = 0; i < rules->lines.n; i++)
			if (names(rules->lines.v[i], name, str_eq(dir, rules->dir), is_dir))
				return true;
	return false;
}

/* -- files ------------------------------------------------------------------------------------------------------------------------------------ */

/* What .gitattributes calls text is stored with LF alone. */
static uint64_t hash_text(const char *path, struct str *bytes)
{
	size_t n = 0;

	if (str_ends(path, ".txt") || str_ends(path, ".win")) {
		for (size_t i = 0; i < bytes->len; i++)
			if (bytes->buf[i] != '\r' || i + 1 == bytes->len || bytes->buf[i + 1] != '\n')
				bytes->buf[n++] = bytes->buf[i];
		bytes->len = n;
	}
	return tree_hash(TREE_HASH_START, str_text(bytes), bytes->len);
}

static void add_file(struct walk *walk, const char *path, const struct stat *st)
{
	CLEANUP_FREE char *full = xasprintf("%s/%s", walk->world->git->repo, path);
	CLEANUP(str_clear) struct str bytes = { 0 };
	struct tree *tree = walk->tree;
	struct tree_file file = { .path = xstrdup(path), .mode = st->st_mode & S_IXUSR ? TREE_EXECUTABLE : TREE_PLAIN };
	char target[PATH_MAX];

	if (S_ISLNK(st->st_mode)) {
		ssize_t n = readlink(full, target, sizeof(target));

		assert_true(n > 0);
		file.mode = TREE_LINK;
		file.content = tree_hash(TREE_HASH_START, target, (size_t)n);
	} else {
		assert_int_equal(fs_read(full, 1 << 24, &bytes, NULL), 0);
		file.content = hash_text(path, &bytes);
	}
	grow_array(&tree->files, &tree->cap, tree->n, sizeof(file));
	tree->files[tree->n++] = file;
}

static bool is_left_out(const struct walk *walk, const char *path)
{
	CLEANUP_FREE char *tag = xasprintf("%s/target/CACHEDIR.TAG", walk->world->git->repo);

	return str_eq(path, ".git") || str_eq(path, "rust") || str_eq(path, "lib/l07/left-out") || (str_eq(path, "target") && fs_exists(tag));
}

static void walk_dir(struct walk *walk, const char *dir, const struct rules *above, bool ignored)
{
	CLEANUP_FREE char *full = xasprintf("%s/%s", walk->world->git->repo, dir);
	CLEANUP(cleanup_closedir) DIR *d = opendir(full);
	struct rules rules = { .above = above, .dir = dir };

	assert_non_null(d);
	read_rules(walk->world, dir, &rules);
	for (struct dirent *e = readdir(d); e; e = readdir(d)) {
		CLEANUP_FREE char *path = xasprintf("%s%s%s", dir, *dir ? "/" : "", e->d_name);
		struct stat st;
		bool out;

		if (str_eq(e->d_name, ".") || str_eq(e->d_name, "..") || is_left_out(walk, path))
			continue;
		assert_int_equal(fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW), 0);
		out = ignored || is_named(&rules, dir, e->d_name, S_ISDIR(st.st_mode));
		if (S_ISDIR(st.st_mode))
			walk_dir(walk, path, &rules, out);
		else if (!out || is_tracked(walk, path))
			add_file(walk, path, &st);
	}
	strvec_clear(&rules.lines);
}

static int compare_files(const void *a, const void *b)
{
	return strcmp(((const struct tree_file *)a)->path, ((const struct tree_file *)b)->path);
}

void tree_read(const struct world *world, struct tree *ret)
{
	struct walk walk = { .world = world, .tree = ret };

	tree_clear(ret);
	read_index(world, &walk.tracked);
	walk_dir(&walk, "", NULL, false);
	qsort(ret->files, ret->n, sizeof(*ret->files), compare_files);
	strvec_clear(&walk.tracked);
}

void tree_clear(struct tree *tree)
{
	for (size_t i = 0; i < tree->n; i++)
		free(tree->files[i].path);
	free(tree->files);
	*tree = (struct tree){ 0 };
}

const struct tree_file *tree_find(const struct tree *tree, const char *path)
{
	const struct tree_file key = { .path = (char *)path };

	return bsearch(&key, tree->files, tree->n, sizeof(key), compare_files);
}
