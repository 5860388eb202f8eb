/* What is watched, and what a path in an event means: watcher/roots, on real repositories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/eventbox.h"

static int setup(void **data)
{
	*data = eventbox_make();
	return 0;
}

static int teardown(void **data)
{
	eventbox_free(*data);
	return 0;
}

/* @expected: paths relative to the scratch folder, separated by blanks, sorted. */
static void is_list(struct eventbox *box, const struct strvec *list, const char *expected)
{
	CLEANUP(str_clear) struct str got = { 0 };

	for (size_t i = 0; i < list->n; i++) {
		const char *path = list->v[i];

		if (i > 0)
			str_add_c(&got, ' ');
		str_add(&got, path_under(path, box->git->dir) ? path + strlen(box->git->dir) + (strlen(path) > strlen(box->git->dir)) : path);
	}
	assert_string_equal(str_text(&got), expected);
}

static void the_lists(void **data)
{
	struct eventbox *box = *data;
	CLEANUP(watcher_roots_freep) struct watcher_roots *roots = eventbox_roots(box);

	is_list(box, &roots->trees, "repo/.cargo repo/.git/refs/heads repo/common repo/drivers/lib repo/drivers/net/netd");
	/* '' is the scratch folder: reinject.ini lies there. */
	is_list(box, &roots->folders, " repo repo/.git repo/drivers repo/drivers/net repo/etc");
	is_list(box, &roots->excludes, "");
	is_list(box, &roots->absent, "repo/rust-toolchain.toml");
}

struct meaning {
	const char *path;
	enum watcher_event_class class;
	bool above;
};

static void check_meanings(struct eventbox *box, const struct watcher_roots *roots, const struct meaning *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		CLEANUP_FREE char *path = rows[i].path[0] == '/' ? xstrdup(rows[i].path) : xasprintf("%s/%s", box->git->dir, rows[i].path);
		bool above = false;
		enum watcher_event_class class = watcher_roots_classify(roots, path, &above);

		if (class != rows[i].class || above != rows[i].above)
			fail_msg("%s: class %d, above %d", rows[i].path, (int)class, above);
	}
}

static void what_paths_mean(void **data)
{
	static const struct meaning rows[] = {
		{ "repo/common/src/lib.rs", WATCHER_EVENT_SOURCE, false },
		{ "repo/common/Cargo.lock", WATCHER_EVENT_SOURCE, false },
		{ "repo/common", WATCHER_EVENT_SOURCE, true },
		{ "repo/common-not/lib.rs", WATCHER_EVENT_IGNORED, false },
		{ "repo/drivers", WATCHER_EVENT_SOURCE, true },
		{ "repo/drivers/net", WATCHER_EVENT_SOURCE, true },
		{ "repo/drivers/other", WATCHER_EVENT_IGNORED, false },
		{ "repo/drivers/other/src/main.rs", WATCHER_EVENT_IGNORED, false },
		{ "repo/Cargo.toml", WATCHER_EVENT_SOURCE, false },
		{ "repo/Cargo.lock", WATCHER_EVENT_SOURCE, false },
		{ "repo/rust-toolchain.toml", WATCHER_EVENT_SOURCE, true },
		{ "repo/.cargo/config.toml", WATCHER_EVENT_SOURCE, false },
		{ "repo/README.md", WATCHER_EVENT_IGNORED, false },
		{ "repo/.gitignore", WATCHER_EVENT_SOURCE, false },
		{ "repo/drivers/.gitattributes", WATCHER_EVENT_SOURCE, false },
		{ "repo/drivers/other/.gitignore", WATCHER_EVENT_IGNORED, false },
		{ "repo/etc/conf.toml", WATCHER_EVENT_SOURCE, false },
		{ "repo/etc/4913", WATCHER_EVENT_IGNORED, false },
		{ "reinject.ini", WATCHER_EVENT_CONFIG, false },
		{ "reinject.ini~", WATCHER_EVENT_IGNORED, false },
		{ "repo/.git/HEAD", WATCHER_EVENT_GIT, false },
		{ "repo/.git/packed-refs", WATCHER_EVENT_GIT, false },
		{ "repo/.git/refs/heads/a/b", WATCHER_EVENT_GIT, false },
		{ "repo/.git/refs/heads/a.lock", WATCHER_EVENT_IGNORED, false },
		{ "repo/.git/refs/heads", WATCHER_EVENT_GIT, true },
		{ "repo/.git/HEAD.lock", WATCHER_EVENT_OPERATION, false },
		{ "repo/.git/index.lock", WATCHER_EVENT_OPERATION, false },
		{ "repo/.git/MERGE_HEAD", WATCHER_EVENT_OPERATION, false },
		{ "repo/.git/rebase-merge", WATCHER_EVENT_OPERATION, false },
		{ "repo/.git/index", WATCHER_EVENT_IGNORED, false },
		{ "repo/.git/FETCH_HEAD", WATCHER_EVENT_IGNORED, false },
		{ "repo/.git/objects/12/34", WATCHER_EVENT_IGNORED, false },
		{ "repo/.git", WATCHER_EVENT_GIT, true },
		{ "repo/common/disk.img", WATCHER_EVENT_IGNORED, false },
		{ "repo/common/disk.img.shadow", WATCHER_EVENT_IGNORED, false },
		{ "repo/common/disk.imgs", WATCHER_EVENT_SOURCE, false },
		{ "/", WATCHER_EVENT_IGNORED, false },
		{ "", WATCHER_EVENT_IGNORED, false },
	};
	struct eventbox *box = *data;
	CLEANUP(watcher_roots_freep) struct watcher_roots *roots = eventbox_roots(box);

	check_meanings(box, roots, rows, N_ELEMENTS(rows));
}

static void one_package_that_is_the_whole_source(void **data)
{
	static const struct meaning rows[] = {
		{ "repo/any/thing", WATCHER_EVENT_SOURCE, false },       { "repo/target/release/x", WATCHER_EVENT_IGNORED, false },
		{ "repo/sub/target/x", WATCHER_EVENT_IGNORED, false },   { "repo/src/target/mod.rs", WATCHER_EVENT_SOURCE, false },
		{ "repo/rust/huge/file", WATCHER_EVENT_IGNORED, false }, { "repo/.reinject/journal.db", WATCHER_EVENT_IGNORED, false },
		{ "repo/mnt/x", WATCHER_EVENT_IGNORED, false },          { "repo/.git/config", WATCHER_EVENT_IGNORED, false },
		{ "repo/.git/refs/heads/x", WATCHER_EVENT_GIT, false },  { "repo/reinject.ini", WATCHER_EVENT_SOURCE, false },
	};
	struct eventbox *box = *data;
	CLEANUP(watcher_roots_freep) struct watcher_roots *roots = NULL;

	scratch_write(box->source, "target/CACHEDIR.TAG", "1");
	scratch_write(box->source, "sub/target/CACHEDIR.TAG", "1");
	scratch_write(box->source, "src/target/mod.rs", "1");
	eventbox_open(box, "[reinject]\nstate = repo/.reinject\n[source base]\npath = repo\nignore = rust\n[image]\npath = x.img\n"
			   "mount_point = repo/mnt\n[package all]\npaths = .\n");
	roots = eventbox_roots(box);
	is_list(box, &roots->trees, "repo repo/.git/refs/heads");
	is_list(box, &roots->folders, " repo/.git");
	is_list(box, &roots->excludes, "repo/.git repo/.reinject repo/mnt repo/rust repo/sub/target repo/target");
	check_meanings(box, roots, rows, N_ELEMENTS(rows));
}

static void nested_roots_are_folded(void **data)
{
	struct eventbox *box = *data;
	CLEANUP(watcher_roots_freep) struct watcher_roots *roots = NULL;

	eventbox_open(
		box,
		"[source base]\npath = repo\nshared =\n[package a]\npaths = drivers\n[package b]\npaths = drivers/net/netd\nuses = common/src\n"
		"[package c]\npaths = gone/for/good\n");
	roots = eventbox_roots(box);
	is_list(box, &roots->trees, "repo/.git/refs/heads repo/common/src repo/drivers");
	is_list(box, &roots->folders, " repo repo/.git repo/common");
	is_list(box, &roots->absent, "repo/gone/for/good");
	check_meanings(box, roots, &(struct meaning){ "repo/gone", WATCHER_EVENT_SOURCE, true }, 1);
}

static void a_linked_work_tree_has_two_git_folders(void **data)
{
	static const struct meaning rows[] = {
		{ "repo/.git/refs/heads/side", WATCHER_EVENT_GIT, false },
		{ "repo/.git/packed-refs", WATCHER_EVENT_GIT, false },
		{ "repo/.git/worktrees/side/HEAD", WATCHER_EVENT_GIT, false },
		{ "repo/.git/worktrees/side/index.lock", WATCHER_EVENT_OPERATION, false },
		{ "repo/.git/worktrees/side/index", WATCHER_EVENT_IGNORED, false },
		{ "side/common/src/lib.rs", WATCHER_EVENT_SOURCE, false },
		{ "repo/common/src/lib.rs", WATCHER_EVENT_IGNORED, false },
	};
	struct eventbox *box = *data;
	CLEANUP(watcher_roots_freep) struct watcher_roots *roots = NULL;

	gitbox_git(box->git, "worktree", "add", "-q", "../side");
	eventbox_open(box, "[source base]\npath = side\nshared =\n[package common]\npaths = common\n");
	roots = eventbox_roots(box);
	is_list(box, &roots->trees, "repo/.git/refs/heads side/common");
	is_list(box, &roots->folders, " repo/.git repo/.git/worktrees/side side");
	check_meanings(box, roots, rows, N_ELEMENTS(rows));
}

/* git clone --bare, and the work tree in it: what lies in the common folder is not all git's. */
static void a_work_tree_in_its_common_folder_is_no_git_folder(void **data)
{
	static const struct meaning rows[] = {
		{ "bare.git/main/common/src/lib.rs", WATCHER_EVENT_SOURCE, false },
		{ "bare.git/main/common", WATCHER_EVENT_SOURCE, true },
		{ "bare.git/main", WATCHER_EVENT_SOURCE, true },
		{ "bare.git/main/Cargo.lock", WATCHER_EVENT_SOURCE, false },
		{ "bare.git/main/.gitignore", WATCHER_EVENT_SOURCE, false },
		{ "bare.git/main/drivers/x", WATCHER_EVENT_IGNORED, false },
		{ "bare.git/main/refs/heads/x", WATCHER_EVENT_IGNORED, false },
		{ "bare.git/main/HEAD", WATCHER_EVENT_IGNORED, false },
		{ "bare.git/refs/heads/side", WATCHER_EVENT_GIT, false },
		{ "bare.git/refs/heads", WATCHER_EVENT_GIT, true },
		{ "bare.git/packed-refs", WATCHER_EVENT_GIT, false },
		{ "bare.git/worktrees/main/HEAD", WATCHER_EVENT_GIT, false },
		{ "bare.git/worktrees/main/index", WATCHER_EVENT_IGNORED, false },
		{ "bare.git/other/common/src/lib.rs", WATCHER_EVENT_IGNORED, false },
		{ "bare.git", WATCHER_EVENT_GIT, true },
	};
	struct eventbox *box = *data;
	CLEANUP(watcher_roots_freep) struct watcher_roots *roots = NULL;

	gitbox_git(box->git, "clone", "-q", "--bare", ".", "../bare.git");
	gitbox_git(box->git, "--git-dir=../bare.git", "worktree", "add", "-q", "-b", "mine", "../bare.git/main");
	eventbox_open(box, "[source base]\npath = bare.git/main\nshared =\n[package common]\npaths = common\n");
	roots = eventbox_roots(box);
	is_list(box, &roots->trees, "bare.git/main/common bare.git/refs/heads");
	check_meanings(box, roots, rows, N_ELEMENTS(rows));
}

/* The image is 'disk': what is called 'disk.' and more is only mute where it is no folder and nothing that counts. */
static void a_source_may_be_called_like_the_image_and_more(void **data)
{
	static const struct meaning rows[] = {
		{ "disk.src/common/src/lib.rs", WATCHER_EVENT_SOURCE, false },
		{ "disk.src/common", WATCHER_EVENT_SOURCE, true },
		{ "disk.src", WATCHER_EVENT_SOURCE, true },
		{ "disk.src/Cargo.lock", WATCHER_EVENT_SOURCE, false },
		{ "disk.src/common/disk", WATCHER_EVENT_SOURCE, false },
		{ "disk.src/disk.toml", WATCHER_EVENT_SOURCE, false },
		{ "disk", WATCHER_EVENT_IGNORED, false },
		{ "disk.shadow", WATCHER_EVENT_IGNORED, false },
		{ "disk.src/common/fs.img.shadow", WATCHER_EVENT_SOURCE, false },
		{ "disk.src/.git/HEAD", WATCHER_EVENT_GIT, false },
	};
	struct eventbox *box = *data;
	CLEANUP(watcher_roots_freep) struct watcher_roots *roots = NULL;
	CLEANUP_FREE char *named = xasprintf("%s/disk.src", box->git->dir);

	eventbox_close(box);
	assert_int_equal(rename(box->source, named), 0);
	scratch_write(named, "disk.toml", "1");
	eventbox_open(box, "[source base]\npath = disk.src\nshared =\n[image]\npath = disk\n[package common]\npaths = common\n"
			   "[asset one]\npath = disk.toml\ndest = /etc/disk.toml\n");
	roots = eventbox_roots(box);
	check_meanings(box, roots, rows, N_ELEMENTS(rows));
	watcher_roots_freep(&roots);
	/* And a file that counts by its name. */
	eventbox_open(box, "[source base]\npath = disk.src\nshared =\n[image]\npath = disk.src/disk\n[package common]\npaths = common\n"
			   "[asset one]\npath = disk.toml\ndest = /etc/disk.toml\n");
	roots = eventbox_roots(box);
	check_meanings(box, roots, &(struct meaning){ "disk.src/disk.toml", WATCHER_EVENT_SOURCE, false }, 1);
	check_meanings(box, roots, &(struct meaning){ "disk.src/disk.prev", WATCHER_EVENT_IGNORED, false }, 1);
}

static void links_are_resolved(void **data)
{
	struct eventbox *box = *data;
	CLEANUP(watcher_roots_freep) struct watcher_roots *roots = NULL;
	CLEANUP_FREE char *link = xasprintf("%s/link", box->git->dir), *lock = xasprintf("%s/Cargo.lock", box->source);

	scratch_write(box->git->dir, "elsewhere/lock", "1");
	assert_int_equal(symlink("repo", link), 0);
	assert_int_equal(unlink(lock), 0);
	assert_int_equal(symlink("../elsewhere/lock", lock), 0);
	eventbox_open(box, "[source base]\npath = link\nshared =\n[package common]\npaths = common\n");
	roots = eventbox_roots(box);
	is_list(box, &roots->trees, "repo/.git/refs/heads repo/common");
	is_list(box, &roots->folders, " elsewhere repo repo/.git");
	is_list(box, &roots->files, "elsewhere/lock repo/Cargo.lock");
}

static void includes_inputs_and_build_files(void **data)
{
	static const struct meaning rows[] = {
		{ "more/p.ini", WATCHER_EVENT_CONFIG, false },      { "more/q.ini", WATCHER_EVENT_CONFIG, false },
		{ "out/input.bin", WATCHER_EVENT_SOURCE, false },   { "out/other.bin", WATCHER_EVENT_IGNORED, false },
		{ "relibc/crt0.o", WATCHER_EVENT_SOURCE, false },   { "relibc/libc.a", WATCHER_EVENT_SOURCE, false },
		{ "relibc/libc.d", WATCHER_EVENT_IGNORED, false },  { "relibc/deps/x.o", WATCHER_EVENT_IGNORED, false },
		{ "clif/backend.so", WATCHER_EVENT_SOURCE, false }, { "built/x", WATCHER_EVENT_IGNORED, false },
	};
	struct eventbox *box = *data;
	CLEANUP(watcher_roots_freep) struct watcher_roots *roots = NULL;
	struct strvec inputs[1] = { { 0 } };

	scratch_write(box->git->dir, "more/p.ini", "[package common]\npaths = common\n");
	scratch_write(box->git->dir, "more/q.ini", "");
	scratch_write(box->git->dir, "out/input.bin", "1");
	scratch_write(box->git->dir, "relibc/crt0.o", "1");
	scratch_write(box->git->dir, "clif/backend.so", "1");
	eventbox_open(box, "[reinject]\ninclude = more/p.ini more/q.ini\n[source base]\npath = repo\nshared =\n"
			   "[build]\nrelibc = relibc\ncodegen_backend = clif/backend.so\ntarget_dir = built\n");
	strvec_addf(&inputs[0], "%s/out/input.bin", box->git->dir);
	assert_int_equal(watcher_roots_find(box->config, box->map, &box->repo, inputs, &roots, NULL), 0);
	strvec_clear(&inputs[0]);
	check_meanings(box, roots, rows, N_ELEMENTS(rows));
	is_list(box, &roots->folders, " clif more out relibc repo repo/.git");
}

static bool count(void *data, const char *path)
{
	(void)path;
	return ++*(size_t *)data < 3;
}

static void a_walk_can_be_ended(void **data)
{
	struct eventbox *box = *data;
	CLEANUP(watcher_roots_freep) struct watcher_roots *roots = eventbox_roots(box);
	size_t n = 0;

	watcher_roots_walk(roots, box->source, count, &n);
	assert_int_equal(n, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_lists, setup, teardown),
		cmocka_unit_test_setup_teardown(what_paths_mean, setup, teardown),
		cmocka_unit_test_setup_teardown(one_package_that_is_the_whole_source, setup, teardown),
		cmocka_unit_test_setup_teardown(nested_roots_are_folded, setup, teardown),
		cmocka_unit_test_setup_teardown(a_linked_work_tree_has_two_git_folders, setup, teardown),
		cmocka_unit_test_setup_teardown(a_work_tree_in_its_common_folder_is_no_git_folder, setup, teardown),
		cmocka_unit_test_setup_teardown(a_source_may_be_called_like_the_image_and_more, setup, teardown),
		cmocka_unit_test_setup_teardown(links_are_resolved, setup, teardown),
		cmocka_unit_test_setup_teardown(includes_inputs_and_build_files, setup, teardown),
		cmocka_unit_test_setup_teardown(a_walk_can_be_ended, setup, teardown),
	};

	return cmocka_run_group_tests_name("roots", tests, NULL, NULL);
}
