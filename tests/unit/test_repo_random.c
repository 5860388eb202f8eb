/* Tree IDs after changes at random, each compared with git's. REINJECT_TEST_SEED repeats a run, REINJECT_TEST_LOOKS makes it longer. */
#include "test_repo.h"

#include <time.h>

static const char *const folders[] = { "a", "a/b", "a-b", "a/b.c", "a/b/c", "d", "d/e", "n\xff" };
static const char *const names[] = { "x", "y.o", "b", "c", "\xe9", "[a]*", "e f", "z.txt" };
static const char *const watched[] = { "", "a", "a/b", "a-b", "a/b.c", "d", "d/e", "n\xff", "a/b/c" };

struct dice {
	unsigned int state;
};

static unsigned int roll(struct dice *dice, unsigned int n)
{
	dice->state = dice->state * 1103515245u + 12345u;
	return (dice->state >> 8) % n;
}

static char *some_path(struct dice *dice, const char *base)
{
	return xasprintf("%s/%s/%s", base, folders[roll(dice, N_ELEMENTS(folders))], names[roll(dice, N_ELEMENTS(names))]);
}

/* Makes way for a file at @path: whatever stands on the way to it is moved out of it. */
static void make_way(struct gitbox *box, const char *path)
{
	CLEANUP_FREE char *parent = fs_dirname(path);
	struct stat st;

	if (strlen(parent) > strlen(box->repo))
		make_way(box, parent);
	if (lstat(parent, &st) == 0 && !S_ISDIR(st.st_mode))
		assert_int_equal(unlink(parent), 0);
	assert_int_equal(fs_make_dirs(parent, 0755, NULL), 0);
}

static void put_file(struct gitbox *box, struct dice *dice, const char *path)
{
	static const char *const contents[] = { "aaa", "bbb", "ccc", "", "a\r\nb\r\n", "a longer one\n" };
	const char *text = contents[roll(dice, N_ELEMENTS(contents))];
	struct stat st;
	int fd;

	make_way(box, path);
	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
		assert_int_equal(fs_remove_tree(path, NULL), 0);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static const char *change_files(struct gitbox *box, struct dice *dice, unsigned int what)
{
	static const char *const targets[] = { "x", "../a", ".", "nowhere" };
	CLEANUP_FREE char *path = some_path(dice, box->repo), *to = some_path(dice, box->repo), *dir = fs_dirname(path);
	const struct timespec times[2] = { { .tv_nsec = UTIME_NOW }, { .tv_sec = 1000000000 + roll(dice, 9) } };
	struct stat st;

	switch (what) {
	case 0:
		assert_int_equal(fs_remove_tree(path, NULL), 0);
		return "delete";
	case 1:
		make_way(box, to);
		/* May fail: into itself, over a full folder, from nothing. */
		(void)!rename(path, to);
		return "rename";
	case 2:
		make_way(box, to);
		(void)!rename(dir, to);
		return "rename-folder";
	case 3:
		if (lstat(path, &st) == 0 && S_ISREG(st.st_mode))
			assert_int_equal(chmod(path, st.st_mode ^ 0111), 0);
		return "chmod";
	case 4:
		make_way(box, path);
		assert_int_equal(fs_remove_tree(path, NULL), 0);
		assert_int_equal(symlink(targets[roll(dice, N_ELEMENTS(targets))], path), 0);
		/* What lay below a link that leads to itself is gone for us; git gives up on it. */
		if (stat(path, &st) < 0 && errno == ELOOP)
			unlink(path);
		return "link";
	case 5:
		(void)!utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
		return "touch";
	case 6:
		assert_int_equal(fs_remove_tree(dir, NULL), 0);
		return "delete-folder";
	case 7:
		scratch_write(box->repo, ".gitignore", roll(dice, 2) ? "*.o\n" : "c\n/d/\n!d/e\n");
		return "gitignore";
	default:
		put_file(box, dice, path);
		return "write";
	}
}

static const char *call_git(struct gitbox *box, struct dice *dice, unsigned int what)
{
	CLEANUP_FREE char *path = some_path(dice, "."), *dir = fs_dirname(path);
	char *const commands[][8] = {
		{ "git", "add", "-A" },
		{ "git", "add", "-f", path },
		{ "git", "add", "-A", dir },
		{ "git", "add", "-N", dir },
		{ "git", "rm", "-q", "-r", "--cached", dir },
		{ "git", "commit", "-q", "-m", "x" },
		{ "git", "commit", "-q", "-a", "-m", "x" },
		{ "git", "commit", "-q", "--amend", "-a", "-m", "y" },
		{ "git", "checkout", "-q", "--", dir },
		{ "git", "reset", "-q" },
		{ "git", "reset", "-q", "HEAD~1" },
		{ "git", "reset", "-q", "--hard" },
		{ "git", "stash", "-q" },
		{ "git", "stash", "pop", "-q" },
		{ "git", "checkout", "-q", "-B", "other" },
		{ "git", "pack-refs", "--all" },
		{ "git", "mv", "-k", path, dir },
		{ "git", "repack", "-q", "-a", "-d" },
	};

	what %= N_ELEMENTS(commands);
	/* May fail: nothing to commit, no such path, conflicts. */
	gitbox_try(box, commands[what]);
	return commands[what][1];
}

static unsigned int from_environment(const char *name, unsigned int otherwise)
{
	const char *text = getenv(name);

	return text && *text ? (unsigned int)strtoul(text, NULL, 10) : otherwise;
}

static void test_random_operations(void **data)
{
	struct gitbox *box = *data;
	CLEANUP(watcher_repo_freep) struct watcher_repo *repo = NULL;
	CLEANUP(str_clear) struct str history = { 0 };
	struct dice dice = { .state = from_environment("REINJECT_TEST_SEED", (unsigned int)time(NULL)) };
	unsigned int n = from_environment("REINJECT_TEST_LOOKS", 50);
	size_t skip;
	git_oid oid;

	print_message("REINJECT_TEST_SEED=%u\n", dice.state);
	str_printf(&history, "seed %u:", dice.state);
	scratch_write(box->repo, ".gitattributes", "*.txt text\n");
	scratch_write(box->repo, ".gitignore", "*.o\n");
	for (unsigned int i = 0; i < 25; i++)
		change_files(box, &dice, 9);
	repo = open_repo(box->repo);
	for (unsigned int i = 0; i < n; i++) {
		/* Several at a time, so that the handle misses states in between. */
		for (unsigned int k = roll(&dice, 8); k < 8; k++)
			str_printf(&history, " %s",
				   roll(&dice, 5) ? change_files(box, &dice, roll(&dice, 14)) : call_git(box, &dice, roll(&dice, 100)));
		if (history.len > 900) {
			memmove(history.buf, history.buf + 450, history.len - 449);
			history.len -= 450;
		}
		if (roll(&dice, 2))
			look(repo, "", NULL);
		else
			look(repo, "a a-b d n\xff", NULL);
		skip = watcher_repo_tree(repo, "", NULL, &oid, NULL) == 0 ? 0 : 1;
		assert_oracle(box, repo, watched + skip, N_ELEMENTS(watched) - skip, NULL, str_text(&history));
	}
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_random_operations),
	};

	umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
