/* Changes of files: by editors, by mv, by scripts; no git. */
#include "oracle/change.h"

#include <dirent.h>

static const struct tree_file *pick(struct changer *changer)
{
	const struct tree_file *file = change_pick(changer);

	str_add(&changer->said, file ? file->path : "nothing");
	return file;
}

static bool is_link(const struct tree_file *file)
{
	return file->mode == TREE_LINK;
}

static void edit(struct changer *changer)
{
	const struct tree_file *file = pick(changer);
	CLEANUP(str_clear) struct str bytes = { 0 };

	if (!file || is_link(file) || !world_read(changer->world, file->path, &bytes))
		return;
	change_remember(changer, file->path);
	/* Few words, so that a content comes again. */
	if (world_once_in(changer->world, 3) || bytes.len > 4000)
		bytes.len /= 2;
	else
		str_printf(&bytes, "edit %zu\n", world_pick(changer->world, 3));
	world_write(changer->world, file->path, &bytes);
}

/* Of the same size, and within the clock's tick of whatever came before. */
static void edit_of_same_size(struct changer *changer)
{
	const struct tree_file *file = pick(changer);
	CLEANUP(str_clear) struct str bytes = { 0 };

	if (!file || is_link(file) || !world_read(changer->world, file->path, &bytes) || bytes.len == 0)
		return;
	change_remember(changer, file->path);
	bytes.buf[bytes.len / 2] = bytes.buf[bytes.len / 2] == 'x' ? 'y' : 'x';
	world_write(changer->world, file->path, &bytes);
}

static void put_back(struct changer *changer)
{
	const struct change_memory *m = &changer->memory[world_pick(changer->world, CHANGE_MEMORY)];
	CLEANUP_FREE char *full = m->path ? change_full(changer, m->path) : NULL, *parent = full ? fs_dirname(full) : NULL;
	struct stat st;

	if (!full || (lstat(full, &st) == 0 && !S_ISREG(st.st_mode)) || !fs_is_dir(parent))
		return;
	str_add(&changer->said, m->path);
	world_write(changer->world, m->path, &m->bytes);
	assert_int_equal(chmod(full, m->mode), 0);
}

static void touch(struct changer *changer)
{
	const struct tree_file *file = pick(changer);
	CLEANUP_FREE char *full = file ? change_full(changer, file->path) : NULL;

	if (full)
		assert_int_equal(utimensat(AT_FDCWD, full, NULL, AT_SYMLINK_NOFOLLOW), 0);
}

static void move(struct changer *changer)
{
	const struct tree_file *file = pick(changer);
	const char *dir = world_dir(changer->world, world_pick(changer->world, WORLD_CRATES));
	CLEANUP_FREE char *from = file ? change_full(changer, file->path) : NULL, *beside = from ? fs_dirname(from) : NULL, *to = NULL,
			  *folder = NULL;

	if (!file)
		return;
	if (world_once_in(changer->world, 2))
		to = xasprintf("%s/moved-%zu.rs", beside, world_pick(changer->world, 5));
	else
		to = xasprintf("%s/%s/%s", changer->world->git->repo, dir, fs_basename(file->path));
	str_printf(&changer->said, " to %s", to + strlen(changer->world->git->repo) + 1);
	folder = fs_dirname(to);
	/* Where a folder stands, nothing is moved. */
	if (fs_is_dir(folder) && !fs_is_dir(to))
		assert_int_equal(rename(from, to), 0);
}

static void delete_file(struct changer *changer)
{
	const struct tree_file *file = pick(changer);
	CLEANUP_FREE char *full = file ? change_full(changer, file->path) : NULL;

	if (!file)
		return;
	change_remember(changer, file->path);
	assert_int_equal(unlink(full), 0);
}

static void new_file(struct changer *changer)
{
	static const char *const names[] = { "src/n-%zu.rs", "src/m/%zu", "src-%zu",     "src.%zu", "\xfe\x80-%zu", "\xc3\xa9t\xc3\xa9-%zu.txt",
					     "-%zu",         "a [%zu]*",  "\"q%zu\\n\"", "gen/%zu", "%zu.tmp",      "%zu.win" };
	const char *dir = world_dir(changer->world, world_pick(changer->world, WORLD_CRATES));
	CLEANUP(str_clear) struct str text = { 0 };
	CLEANUP_FREE char *path = NULL, *full = NULL, *parent = NULL;
	CLEANUP_FREE char *name = xstrdup(names[world_pick(changer->world, N_ELEMENTS(names))]);
	char *hole = strstr(name, "%zu");

	/* One digit in place of the three bytes. */
	hole[0] = (char)('0' + world_pick(changer->world, 10));
	memmove(hole + 1, hole + 3, strlen(hole + 3) + 1);
	path = xasprintf("%s/%s", dir, name);
	full = change_full(changer, path);
	parent = fs_dirname(full);
	str_add(&changer->said, path);
	str_printf(&text, "new %zu\r\n", world_pick(changer->world, 3));
	if (fs_exists(full) || (fs_exists(parent) && !fs_is_dir(parent)))
		return;
	world_write(changer->world, path, &text);
}

static void change_mode(struct changer *changer)
{
	const struct tree_file *file = pick(changer);
	CLEANUP_FREE char *full = file ? change_full(changer, file->path) : NULL;

	if (!file || is_link(file))
		return;
	/* Bits beside the owner's x are nothing to git. */
	if (world_once_in(changer->world, 4))
		assert_int_equal(chmod(full, file->mode == TREE_EXECUTABLE ? 0700 : 0640), 0);
	else
		assert_int_equal(chmod(full, file->mode == TREE_EXECUTABLE ? 0644 : 0755), 0);
}

static void change_link(struct changer *changer)
{
	static const char *const targets[] = { "src/lib.rs", "src/m/a.rs", "nowhere", "../.." };
	const struct tree_file *file = pick(changer);
	CLEANUP_FREE char *full = NULL;

	if (file && !is_link(file) && !world_once_in(changer->world, 4))
		file = NULL;
	for (size_t i = 0; !file && i < changer->tree->n; i++)
		if (is_link(&changer->tree->files[i]) && world_once_in(changer->world, 4))
			file = &changer->tree->files[i];
	if (!file)
		return;
	full = change_full(changer, file->path);
	str_printf(&changer->said, ": link %s", file->path);
	change_remember(changer, file->path);
	assert_int_equal(unlink(full), 0);
	assert_int_equal(symlink(targets[world_pick(changer->world, N_ELEMENTS(targets))], full), 0);
}

/* As mv and tar do: another file takes the name, with a time of long ago. */
static void replace_by_older(struct changer *changer)
{
	const struct timespec times[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
	const struct tree_file *file = pick(changer);
	CLEANUP_FREE char *full = file ? change_full(changer, file->path) : NULL, *aside = xasprintf("%s/aside", changer->world->git->dir);
	CLEANUP(str_clear) struct str bytes = { 0 };

	if (!file || is_link(file) || !world_read(changer->world, file->path, &bytes) || bytes.len == 0)
		return;
	change_remember(changer, file->path);
	bytes.buf[0] = bytes.buf[0] == 'x' ? 'y' : 'x';
	scratch_write(changer->world->git->dir, "aside", str_text(&bytes));
	assert_int_equal(utimensat(AT_FDCWD, aside, times, 0), 0);
	assert_int_equal(rename(aside, full), 0);
}

/* LF to CRLF and back: of text the same content, of all else another. */
static void change_line_ends(struct changer *changer)
{
	CLEANUP(str_clear) struct str bytes = { 0 }, other = { 0 };
	const struct tree_file *file = pick(changer);
	bool crlf;

	for (int i = 0; i < 20 && file && !str_ends(file->path, ".txt") && !str_ends(file->path, ".win"); i++) {
		str_reset(&changer->said);
		file = pick(changer);
	}
	if (!file || is_link(file) || !world_read(changer->world, file->path, &bytes))
		return;
	change_remember(changer, file->path);
	crlf = strstr(str_text(&bytes), "\r\n") != NULL;
	for (size_t i = 0; i < bytes.len; i++) {
		if (crlf && bytes.buf[i] == '\r')
			continue;
		if (!crlf && bytes.buf[i] == '\n')
			str_add_c(&other, '\r');
		str_add_c(&other, bytes.buf[i]);
	}
	world_write(changer->world, file->path, &other);
}

static void write_number(struct changer *changer, const char *path, size_t n)
{
	CLEANUP(str_clear) struct str text = { 0 };

	str_add(&changer->said, path);
	str_printf(&text, "%zu\n", world_pick(changer->world, n));
	world_write(changer->world, path, &text);
}

static void edit_shared(struct changer *changer)
{
	static const char *const paths[] = { "tool.cfg", "local.conf", ".cargo/more.toml" };

	write_number(changer, paths[world_pick(changer->world, N_ELEMENTS(paths))], 3);
}

static void edit_asset(struct changer *changer)
{
	struct world *world = changer->world;
	const char *path = world->assets[world_pick(world, WORLD_ASSETS)];
	CLEANUP_FREE char *full = change_full(changer, path);

	unlink(full);
	if (world_once_in(world, 4))
		assert_int_equal(symlink("table.txt", full), 0);
	else if (!world_once_in(world, 4))
		write_number(changer, path, 3);
}

static void edit_ignored(struct changer *changer)
{
	static const char *const paths[] = { "rust/huge",        "lib/l07/left-out/huge", "lib/l07/left-out/new",
					     "target/debug/out", "lib/l07/local.o",       "drivers/d09/src/a.o" };
	size_t i = world_pick(changer->world, N_ELEMENTS(paths) + 1);

	if (i < N_ELEMENTS(paths))
		write_number(changer, paths[i], 1000);
	else
		write_number(changer, changer->world->registered + strlen(changer->world->git->repo) + 1, 4);
}

/* What git has to read again: a rule comes or goes, in the root or below. */
static void change_rules(struct changer *changer)
{
	static const char *const lines[] = { "*.tmp\n", "gen/\n", "/README.txt\n", "*.bin\n" };
	const char *dir = world_dir(changer->world, world_pick(changer->world, 3));
	bool at_root = world_once_in(changer->world, 2);
	CLEANUP_FREE char *path = at_root ? xstrdup(".gitignore") : xasprintf("%s/.gitignore", dir);
	CLEANUP(str_clear) struct str text = { 0 };

	str_add(&changer->said, path);
	if (at_root)
		str_add(&text, "*.o\n/target\n/local.conf\n*.ign\n");
	for (size_t i = 0; i < N_ELEMENTS(lines); i++)
		if (world_once_in(changer->world, 2))
			str_add(&text, lines[i]);
	world_write(changer->world, path, &text);
}

static void make_empty_folder(struct changer *changer)
{
	const char *dir = world_dir(changer->world, world_pick(changer->world, WORLD_CRATES));
	CLEANUP_FREE char *path = xasprintf("%s/%s/empty/%zu", changer->world->git->repo, dir, world_pick(changer->world, 3));

	str_add(&changer->said, dir);
	assert_int_equal(fs_make_dirs(path, 0755, NULL), 0);
}

/* A folder takes the name of a file, or a file that of a folder, or a folder moves. */
static void swap_folder(struct changer *changer)
{
	const char *dir = world_dir(changer->world, world_pick(changer->world, WORLD_CRATES));
	CLEANUP_FREE char *from = xasprintf("%s/%s/src/m", changer->world->git->repo, dir);
	CLEANUP_FREE char *to = xasprintf("%s/%s/src/%s", changer->world->git->repo, dir, world_once_in(changer->world, 2) ? "m.rs" : "n");
	CLEANUP_FREE char *aside = xasprintf("%s/aside", changer->world->git->dir);
	bool had;

	str_add(&changer->said, dir);
	unlink(aside);
	assert_int_equal(fs_remove_tree(aside, NULL), 0);
	had = rename(to, aside) == 0;
	if (rename(from, to) == 0 && had)
		assert_int_equal(rename(aside, from), 0);
	else if (had)
		assert_int_equal(rename(aside, to), 0);
}

const struct change_kind change_files[] = {
	{ "edit", 16, edit },
	{ "edit of the same size", 9, edit_of_same_size },
	{ "revert an edit", 10, put_back },
	{ "touch", 3, touch },
	{ "move", 6, move },
	{ "delete", 4, delete_file },
	{ "new file", 8, new_file },
	{ "mode", 5, change_mode },
	{ "link", 4, change_link },
	{ "replace by an older file", 4, replace_by_older },
	{ "line ends", 4, change_line_ends },
	{ "shared file", 1, edit_shared },
	{ "asset", 3, edit_asset },
	{ "ignored file", 5, edit_ignored },
	{ "ignore rules", 4, change_rules },
	{ "empty folder", 2, make_empty_folder },
	{ "swap a folder", 5, swap_folder },
};
const size_t change_n_files = N_ELEMENTS(change_files);
