/* What wakes the loop: watcher/events with the real library on real files and repositories. Everything is waited for with a limit. */
#include "test_events.h"

/* -- saves ----------------------------------------------------------------------------------------------------------------------------------- */

static void saves_in_place(void **data)
{
	struct eventbox *box = *data;

	scratch_write(box->source, "common/src/lib.rs", "2");
	eventbox_expect(box, "common/src/lib.rs");
	assert_int_equal(box->note.classes, 1u << WATCHER_EVENT_SOURCE);
	assert_false(box->note.restart);
	eventbox_forget(box);
	scratch_write(box->source, "drivers/net/netd/src/new.rs", "2");
	eventbox_expect(box, "drivers/net/netd/src/new.rs");
	assert_false(box->note.restart);
}

/* As editors save: into another file, then over the old one; or the old one aside first. Below a tree and for files alone. */
static void saves_by_rename(void **data)
{
	static const char *const files[] = { "common/src/lib.rs", "Cargo.lock", "etc/conf.toml", "Cargo.toml", ".cargo/config.toml" };
	struct eventbox *box = *data;

	for (size_t i = 0; i < N_ELEMENTS(files); i++) {
		CLEANUP_FREE char *name = xasprintf("repo/%s", files[i]), *other = xasprintf("repo/%s~", files[i]);

		for (int round = 0; round < 2; round++) {
			scratch_write(box->git->dir, other, "2");
			move(box, other, name);
			eventbox_expect(box, files[i]);
			eventbox_forget(box);
		}
		move(box, name, other);
		eventbox_expect(box, files[i]);
		eventbox_forget(box);
		scratch_write(box->git->dir, name, "3");
		eventbox_expect(box, files[i]);
		eventbox_settle(box);
		assert_false(box->note.restart);
		eventbox_forget(box);
	}
}

static void the_configuration_is_saved(void **data)
{
	struct eventbox *box = *data;
	CLEANUP_FREE char *path = xasprintf("%s/reinject.ini", box->git->dir);

	scratch_write(box->git->dir, "new.ini", eventbox_ini);
	move(box, "new.ini", "reinject.ini");
	eventbox_expect(box, path);
	assert_int_equal(box->note.classes, 1u << WATCHER_EVENT_CONFIG);
}

/* The library hears every read; nobody must be woken by it, least of all by our own look. */
static void reading_wakes_nobody(void **data)
{
	struct eventbox *box = *data;
	CLEANUP_FREE char *grep = scratch_run((char *[]){ "grep", "-r", "-c", "1", ".", NULL }, box->source, NULL);
	struct pollfd fd = { .fd = box->woken, .events = POLLIN };

	gitbox_git(box->git, "--no-optional-locks", "status");
	scratch_write(box->source, "drivers/other/src/main.rs", "2");
	scratch_write(box->source, "README.md", "2");
	scratch_write(box->source, "common/disk.img", "2");
	assert_int_equal(poll(&fd, 1, 0), 0);
	eventbox_settle(box);
	for (size_t i = 0; i < box->note.paths.n; i++)
		assert_true(str_ends(box->note.paths.v[i], "/common/settle") || str_ends(box->note.paths.v[i], "/Cargo.lock"));
	assert_false(box->note.restart);
}

static void the_note(void **data)
{
	struct eventbox *box = *data;
	struct watcher_events_note note;
	int64_t before = clock_ms();

	assert_false(watcher_events_take(box->events, &note));
	scratch_write(box->source, "common/src/lib.rs", "2");
	assert_int_equal(poll(&(struct pollfd){ .fd = box->woken, .events = POLLIN }, 1, EVENTBOX_LIMIT_MS), 1);
	assert_true(watcher_events_take(box->events, &note));
	assert_true(note.n > 0 && note.paths.n == 1);
	assert_true(note.first_ms >= before && note.last_ms >= note.first_ms && note.last_ms <= clock_ms());
	watcher_events_note_clear(&note);
	assert_int_equal(note.n, 0);
}

/* Files are written until a note is full: nobody takes it meanwhile. */
static void a_note_keeps_so_many_paths(void **data)
{
	struct eventbox *box = *data;
	size_t most = 0;

	for (int64_t end = clock_ms() + EVENTBOX_LIMIT_MS; most < WATCHER_EVENTS_PATHS && clock_ms() < end;) {
		struct watcher_events_note note;

		for (int i = 0; i < 4 * WATCHER_EVENTS_PATHS; i++) {
			CLEANUP_FREE char *name = xasprintf("common/file-%d", i);

			scratch_write(box->source, name, "1");
		}
		(void)watcher_events_take(box->events, &note); /* perhaps none has come yet */
		most = note.paths.n > most ? note.paths.n : most;
		watcher_events_note_clear(&note);
	}
	assert_int_equal(most, WATCHER_EVENTS_PATHS);
}

/* -- folders --------------------------------------------------------------------------------------------------------------------------------- */

static void a_file_made_together_with_its_folder(void **data)
{
	struct eventbox *box = *data;

	scratch_write(box->source, "common/a/b/c/file", "1");
	expect_restart(box);
	scratch_write(box->source, "common/a/b/c/file", "2");
	eventbox_expect(box, "common/a/b/c/file");
	assert_false(box->note.restart);
}

static void a_folder_moved_in(void **data)
{
	struct eventbox *box = *data;

	scratch_write(box->git->dir, "outside/deep/file", "1");
	move(box, "outside", "repo/common/inside");
	expect_restart(box);
	scratch_write(box->source, "common/inside/deep/file", "2");
	eventbox_expect(box, "common/inside/deep/file");
}

static void a_folder_renamed(void **data)
{
	struct eventbox *box = *data;

	scratch_write(box->source, "common/src/deep/file", "1");
	expect_restart(box);
	move(box, "repo/common/src", "repo/common/source");
	expect_restart(box);
	scratch_write(box->source, "common/source/deep/file", "2");
	eventbox_expect(box, "common/source/deep/file");
}

static void a_root_deleted_and_made_anew(void **data)
{
	struct eventbox *box = *data;

	remove_tree(box, "repo/drivers/net");
	expect_restart(box);
	assert_int_equal(watcher_events_roots(box->events)->absent.n, 2);
	scratch_write(box->source, "drivers/net/netd/src/main.rs", "2");
	expect_restart(box);
	if (watcher_events_roots(box->events)->absent.n > 1)
		expect_restart(box);
	scratch_write(box->source, "drivers/net/netd/src/main.rs", "3");
	eventbox_expect(box, "drivers/net/netd/src/main.rs");
}

/* A moved folder tells nobody below. */
static void a_folder_above_a_root_moved(void **data)
{
	struct eventbox *box = *data;

	move(box, "repo/drivers", "repo/chauffeurs");
	expect_restart(box);
	move(box, "repo/chauffeurs", "repo/drivers");
	expect_restart(box);
	scratch_write(box->source, "drivers/lib/lib.rs", "2");
	eventbox_expect(box, "drivers/lib/lib.rs");
}

static void an_absent_file_comes(void **data)
{
	struct eventbox *box = *data;

	scratch_write(box->source, "rust-toolchain.toml", "1");
	eventbox_expect(box, "rust-toolchain.toml");
	expect_restart(box);
	scratch_write(box->source, "rust-toolchain.toml", "2");
	eventbox_expect(box, "rust-toolchain.toml");
}

/* -- git ------------------------------------------------------------------------------------------------------------------------------------- */

static void expect_git(struct eventbox *box)
{
	eventbox_expect_class(box, WATCHER_EVENT_GIT);
	eventbox_settle(box);
	eventbox_forget(box);
}

static void commits_and_refs(void **data)
{
	struct eventbox *box = *data;

	gitbox_git(box->git, "commit", "-q", "--allow-empty", "-m", "x");
	expect_git(box);
	gitbox_git(box->git, "pack-refs", "--all");
	expect_git(box);
	gitbox_git(box->git, "commit", "-q", "--allow-empty", "-m", "y");
	expect_git(box);
	gitbox_git(box->git, "checkout", "-q", "-b", "a/b/c");
	expect_git(box);
	gitbox_git(box->git, "checkout", "-q", "--detach");
	expect_git(box);
	gitbox_git(box->git, "-c", "core.logAllRefUpdates=false", "commit", "-q", "--allow-empty", "-m", "z");
	expect_git(box);
	gitbox_git(box->git, "update-ref", "refs/heads/main", "HEAD");
	expect_git(box);
}

static void git_at_work_is_told(void **data)
{
	struct eventbox *box = *data;

	scratch_write(box->source, ".git/index.lock", "");
	eventbox_expect_class(box, WATCHER_EVENT_OPERATION);
	assert_int_equal(box->note.classes, 1u << WATCHER_EVENT_OPERATION);
	eventbox_forget(box);
	remove_tree(box, "repo/.git/index.lock");
	eventbox_expect(box, ".git/index.lock");
}

static void a_linked_work_tree(void **data)
{
	struct eventbox *box = *data;
	CLEANUP_FREE char *side = xasprintf("%s/side", box->git->dir);

	gitbox_git(box->git, "worktree", "add", "-q", "../side");
	eventbox_open(box, "[source base]\npath = side\nshared =\n[package common]\npaths = common\n");
	free(box->source);
	box->source = TAKE_PTR(side);
	eventbox_start(box);
	gitbox_git(box->git, "-C", "../side", "commit", "-q", "--allow-empty", "-m", "x");
	expect_git(box);
	gitbox_git(box->git, "-C", "../side", "checkout", "-q", "--detach");
	expect_git(box);
	gitbox_git(box->git, "-C", "../side", "commit", "-q", "--allow-empty", "-m", "x");
	expect_git(box);
	gitbox_git(box->git, "-C", "../side", "checkout", "-q", "side");
	expect_git(box);
	gitbox_git(box->git, "pack-refs", "--all");
	expect_git(box);
}

static void names_that_mean_something_in_a_regular_expression(void **data)
{
	struct eventbox *box = *data;

	scratch_write(box->source, "a+(b)[c]{d}|e^f$g.h\\i/target/CACHEDIR.TAG", "1");
	scratch_write(box->source, "a+(b)[c]{d}|e^f$g.h\\i/src/f", "1");
	eventbox_open(box, "[source base]\npath = repo\n[package all]\npaths = .\n");
	eventbox_start(box);
	/* The build's folder is not watched, its neighbour is. */
	scratch_write(box->source, "a+(b)[c]{d}|e^f$g.h\\i/target/x", "1");
	scratch_write(box->source, "a+(b)[c]{d}|e^f$g.h\\i/src/f", "2");
	eventbox_expect(box, "a+(b)[c]{d}|e^f$g.h\\i/src/f");
	assert_int_equal(box->note.paths.n, 1);
	assert_int_equal(watcher_events_coverage(box->events)->n_watches, watcher_events_coverage(box->events)->n_folders);
}

/* The branches lie in a folder that is left out. */
static void a_whole_source_sees_its_branches(void **data)
{
	struct eventbox *box = *data;

	eventbox_open(box, "[source base]\npath = repo\n[package all]\npaths = .\n");
	eventbox_start(box);
	scratch_write(box->source, ".git/objects/ab/cd", "1");
	gitbox_git(box->git, "update-ref", "refs/heads/other", "HEAD");
	eventbox_expect(box, ".git/refs/heads/other");
	assert_int_equal(box->note.classes, 1u << WATCHER_EVENT_GIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(saves_in_place, setup_started, teardown),
		cmocka_unit_test_setup_teardown(saves_by_rename, setup_started, teardown),
		cmocka_unit_test_setup_teardown(the_configuration_is_saved, setup_started, teardown),
		cmocka_unit_test_setup_teardown(reading_wakes_nobody, setup_started, teardown),
		cmocka_unit_test_setup_teardown(the_note, setup_started, teardown),
		cmocka_unit_test_setup_teardown(a_note_keeps_so_many_paths, setup_started, teardown),
		cmocka_unit_test_setup_teardown(a_file_made_together_with_its_folder, setup_started, teardown),
		cmocka_unit_test_setup_teardown(a_folder_moved_in, setup_started, teardown),
		cmocka_unit_test_setup_teardown(a_folder_renamed, setup_started, teardown),
		cmocka_unit_test_setup_teardown(a_root_deleted_and_made_anew, setup_started, teardown),
		cmocka_unit_test_setup_teardown(a_folder_above_a_root_moved, setup_started, teardown),
		cmocka_unit_test_setup_teardown(an_absent_file_comes, setup_started, teardown),
		cmocka_unit_test_setup_teardown(commits_and_refs, setup_started, teardown),
		cmocka_unit_test_setup_teardown(git_at_work_is_told, setup_started, teardown),
		cmocka_unit_test_setup_teardown(a_linked_work_tree, setup, teardown),
		cmocka_unit_test_setup_teardown(names_that_mean_something_in_a_regular_expression, setup, teardown),
		cmocka_unit_test_setup_teardown(a_whole_source_sees_its_branches, setup, teardown),
	};

	return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
