/* Changes by git: commits, stashes, other branches, history rewritten. What git refuses (a conflict, nothing to do) is taken back or left as it is. */
#include "oracle/change.h"

#define git(changer, ...) world_git((changer)->world, __VA_ARGS__)

static void commit_all(struct changer *changer)
{
	git(changer, "add", "-A");
	git(changer, "commit", "-q", "-m", "all");
}

static void commit_part(struct changer *changer)
{
	const struct tree_file *file = change_pick(changer);

	if (!file)
		return;
	str_add(&changer->said, file->path);
	git(changer, "--literal-pathspecs", "add", "--", file->path);
	git(changer, "commit", "-q", "-m", "part");
}

static void stage(struct changer *changer)
{
	git(changer, "add", "-A");
}

static void unstage(struct changer *changer)
{
	git(changer, "reset", "-q");
}

static void amend(struct changer *changer)
{
	git(changer, "commit", "-q", "-a", "--amend", "-m", "amended");
}

static void stash(struct changer *changer)
{
	if (git(changer, "stash", "push", "-q", world_once_in(changer->world, 2) ? "-u" : "-k") == 0)
		changer->n_stashed++;
}

/* Merges may leave manifests and lock apart; whoever merges puts them right, or does not at once. */
static void settle(struct changer *changer)
{
	if (!world_once_in(changer->world, 8))
		world_cargo(changer->world, "update", "--workspace", "--offline", "--quiet", NULL);
}

static void pop(struct changer *changer)
{
	if (changer->n_stashed == 0)
		return;
	changer->n_stashed--;
	if (git(changer, "stash", "pop", "-q") != 0) {
		str_add(&changer->said, "conflict");
		git(changer, "reset", "-q", "--hard");
		git(changer, "stash", "drop", "-q");
	}
	settle(changer);
}

/* As a user does who wants another state: what is dirty goes into a commit or away. */
static void put_away(struct changer *changer)
{
	if (world_once_in(changer->world, 3))
		git(changer, "reset", "-q", "--hard");
	else
		commit_all(changer);
}

static void checkout_branch(struct changer *changer)
{
	CLEANUP_FREE char *branch = xasprintf("b%zu", world_pick(changer->world, 4));

	put_away(changer);
	str_add(&changer->said, branch);
	if (git(changer, "checkout", "-q", branch) != 0)
		git(changer, "checkout", "-q", "-f", "-b", branch);
}

static void checkout_older(struct changer *changer)
{
	CLEANUP_FREE char *rev = xasprintf("HEAD~%zu", 1 + world_pick(changer->world, 5));

	put_away(changer);
	str_add(&changer->said, rev);
	git(changer, "checkout", "-q", "-f", rev);
}

static void checkout_file(struct changer *changer)
{
	const struct tree_file *file = change_pick(changer);

	if (file)
		git(changer, "--literal-pathspecs", "checkout", "-q", "HEAD~2", "--", file->path);
}

static void merge(struct changer *changer)
{
	CLEANUP_FREE char *branch = xasprintf("b%zu", world_pick(changer->world, 4));

	put_away(changer);
	str_add(&changer->said, branch);
	if (git(changer, "merge", "-q", "-X", world_once_in(changer->world, 2) ? "ours" : "theirs", "-m", "merged", branch) != 0) {
		str_add(&changer->said, ": refused");
		git(changer, "merge", "--abort");
		git(changer, "reset", "-q", "--hard");
	}
	settle(changer);
}

/* A conflict stays as it is until somebody commits: files with marks in them, and an index that has each of their names up to three times. */
static void merge_and_leave(struct changer *changer)
{
	CLEANUP_FREE char *branch = xasprintf("b%zu", world_pick(changer->world, 4));

	commit_all(changer);
	str_add(&changer->said, branch);
	if (git(changer, "merge", "-q", "-m", "merged", branch) != 0)
		str_add(&changer->said, ": conflict");
}

/* Staged, then edited again in the same moment: same size, and at times the very time that the index has. */
static void edit_behind_the_index(struct changer *changer)
{
	const struct tree_file *file = change_pick(changer);
	CLEANUP_FREE char *full = file ? change_full(changer, file->path) : NULL;
	CLEANUP(str_clear) struct str bytes = { 0 };
	struct timespec times[2];
	struct stat st;

	if (!file || file->mode == TREE_LINK || !world_read(changer->world, file->path, &bytes) || bytes.len == 0)
		return;
	str_add(&changer->said, file->path);
	change_remember(changer, file->path);
	bytes.buf[0] = bytes.buf[0] == 'x' ? 'y' : 'x';
	world_write(changer->world, file->path, &bytes);
	assert_int_equal(stat(full, &st), 0);
	git(changer, "--literal-pathspecs", "add", "--", file->path);
	bytes.buf[0] = bytes.buf[0] == 'x' ? 'z' : 'x';
	world_write(changer->world, file->path, &bytes);
	times[0] = times[1] = st.st_mtim;
	if (world_once_in(changer->world, 2))
		assert_int_equal(utimensat(AT_FDCWD, full, times, 0), 0);
}

static void rebase(struct changer *changer)
{
	put_away(changer);
	if (git(changer, "rebase", "-q", "-X", "theirs", "--onto", "HEAD~3", "HEAD~1") != 0) {
		git(changer, "rebase", "--abort");
		git(changer, "reset", "-q", "--hard");
	}
	settle(changer);
}

static void revert_commit(struct changer *changer)
{
	put_away(changer);
	/* Without the first commit nothing would be left. */
	if (git(changer, "rev-parse", "-q", "--verify", "HEAD~1") == 0 && git(changer, "revert", "--no-edit", "HEAD") != 0) {
		git(changer, "revert", "--abort");
		git(changer, "reset", "-q", "--hard");
	}
	settle(changer);
}

static void reset(struct changer *changer)
{
	static const char *const kinds[] = { "--hard", "--soft", "--mixed" };
	const char *kind = kinds[world_pick(changer->world, N_ELEMENTS(kinds))];

	str_add(&changer->said, kind);
	git(changer, "reset", "-q", (char *)kind, "HEAD~1");
}

static void forget_file(struct changer *changer)
{
	const struct tree_file *file = change_pick(changer);

	if (!file)
		return;
	str_add(&changer->said, file->path);
	git(changer, "--literal-pathspecs", "rm", "-q", "-f", "--cached", "--", file->path);
}

/* Then .gitignore does not count for it. */
static void add_ignored(struct changer *changer)
{
	git(changer, "add", "-f", world_once_in(changer->world, 2) ? "lib/l07/local.o" : "drivers/d09/src/a.o");
	git(changer, "add", "-f", ":(glob)**/*.tmp");
}

static void clean(struct changer *changer)
{
	git(changer, "clean", "-q", "-f", "-d");
}

static void keep_house(struct changer *changer)
{
	git(changer, "status", "--short");
	if (world_once_in(changer->world, 4))
		git(changer, "gc", "-q");
	else if (world_once_in(changer->world, 2))
		git(changer, "pack-refs", "--all");
}

const struct change_kind change_git[] = {
	{ "commit all", 16, commit_all },
	{ "commit a part", 8, commit_part },
	{ "stage", 4, stage },
	{ "unstage", 3, unstage },
	{ "amend", 5, amend },
	{ "stash", 4, stash },
	{ "stash pop", 6, pop },
	{ "checkout of a branch", 8, checkout_branch },
	{ "checkout of an older commit", 5, checkout_older },
	{ "checkout of a file", 4, checkout_file },
	{ "merge", 7, merge },
	{ "merge, conflicts left", 3, merge_and_leave },
	{ "edit behind the index", 6, edit_behind_the_index },
	{ "rebase", 3, rebase },
	{ "revert a commit", 3, revert_commit },
	{ "reset", 4, reset },
	{ "forget a file", 3, forget_file },
	{ "add ignored files", 3, add_ignored },
	{ "clean", 1, clean },
	{ "status, gc, pack-refs", 3, keep_house },
};
const size_t change_n_git = N_ELEMENTS(change_git);
