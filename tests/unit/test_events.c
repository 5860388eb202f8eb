/* What wakes the loop: watcher/events with the real library on real files and repositories. Everything is waited for with a limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/eventbox.h"

#include "watcher/session.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>

static int setup(void **data)
{
	*data = eventbox_make();
	return 0;
}

static int setup_started(void **data)
{
	setup(data);
	eventbox_start(*data);
	return 0;
}

static int teardown(void **data)
{
	eventbox_free(*data);
	return 0;
}

/* In memory where that can be had: thousands of files on a busy disk take seconds. */
static int setup_in_memory(void **data)
{
	const char *before = getenv("TMPDIR");
	CLEANUP_FREE char *kept = before ? xstrdup(before) : NULL;

	if (access("/dev/shm", W_OK | X_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 1);
	setup(data);
	if (kept)
		setenv("TMPDIR", kept, 1);
	else
		unsetenv("TMPDIR");
	return 0;
}

static void move(struct eventbox *box, const char *from, const char *to)
{
	CLEANUP_FREE char *a = xasprintf("%s/%s", box->git->dir, from), *b = xasprintf("%s/%s", box->git->dir, to);

	assert_int_equal(rename(a, b), 0);
}

static void remove_tree(struct eventbox *box, const char *path)
{
	CLEANUP_FREE char *full = xasprintf("%s/%s", box->git->dir, path);

	assert_int_equal(fs_remove_tree(full, NULL), 0);
}

static void expect_restart(struct eventbox *box)
{
	eventbox_wait(box, eventbox_has_restart, NULL);
	eventbox_forget(box);
	eventbox_restart(box);
	assert_int_equal(watcher_events_problems(box->events)->n, 0);
}

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

/* -- overflow -------------------------------------------------------------------------------------------------------------------------------- */

struct blocker {
	struct eventbox *box;
	pthread_mutex_t lock; /* held: the library's threads wait in their wake */
};

static void wake_blocked(void *data)
{
	struct blocker *blocker = data;

	pthread_mutex_lock(&blocker->lock);
	pthread_mutex_unlock(&blocker->lock);
	eventbox_wake(blocker->box);
}

/* As a checkout would: 5,600 files, each with three events, while the library's thread is held up. They stay empty, since the disk may be busy. */
static void write_much(struct eventbox *box)
{
	CLEANUP(str_clear) struct str text = { 0 };
	unsigned long n_queue, n_files;

	assert_int_equal(fs_read("/proc/sys/fs/inotify/max_queued_events", 64, &text, NULL), 0);
	n_queue = strtoul(str_text(&text), NULL, 10);
	n_files = n_queue / 3 + 200 > 5600 ? n_queue / 3 + 200 : 5600;
	for (unsigned long i = 0; i < n_files; i++) {
		CLEANUP_FREE char *name = xasprintf("%s/common/src/file-%lu", box->source, i);
		int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

		assert_true(fd >= 0);
		close(fd);
	}
}

static void an_overflow_is_flagged(void **data)
{
	struct eventbox *box = *data;
	struct blocker blocker = { .box = box, .lock = PTHREAD_MUTEX_INITIALIZER };

	eventbox_start_with(box, wake_blocked, &blocker);
	pthread_mutex_lock(&blocker.lock);
	write_much(box);
	pthread_mutex_unlock(&blocker.lock);
	eventbox_wait(box, eventbox_has_overflow, NULL);
	assert_true(box->note.restart);
	assert_false(box->note.ended);
	eventbox_forget(box);
	eventbox_restart(box);
	scratch_write(box->source, "common/src/lib.rs", "2");
	eventbox_expect(box, "common/src/lib.rs");
	watcher_events_free(TAKE_PTR(box->events));
}

/* -- the sessions themselves ----------------------------------------------------------------------------------------------------------------- */

static size_t count_entries(const char *path, const char *like)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	size_t n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		char target[256] = "";
		ssize_t len = like ? readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1) : 0;

		n += entry->d_name[0] != '.' && len >= 0 && (!like || strstr(target, like));
	}
	closedir(dir);
	return n;
}

static size_t count_inotify(const char *pid)
{
	CLEANUP_FREE char *path = xasprintf("/proc/%s/fd", pid);

	return count_entries(path, "inotify");
}

static void every_folder_is_watched_once(void **data)
{
	struct eventbox *box = *data;
	const struct watcher_coverage *coverage = watcher_events_coverage(box->events);
	char *sentence, *hint;

	/* .cargo, heads, common + src, lib, netd + src; the scratch folder, repo, .git, drivers, net, etc */
	assert_int_equal(coverage->n_folders, 13);
	assert_int_equal(coverage->n_watches, 13);
	assert_true(coverage->limit > 0);
	assert_false(watcher_events_polls(box->events));
	assert_false(watcher_coverage_sentence(coverage, &sentence, &hint));
}

static void no_child_inherits_a_descriptor(void **data)
{
	struct eventbox *box = *data;
	CLEANUP(str_clear) struct str text = { 0 };
	int out[2], status;
	char buffer[4096];
	ssize_t n;
	pid_t pid;

	(void)box;
	/* Two sessions, and the one that tries. */
	assert_int_equal(count_inotify("self"), 3);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		dup2(out[1], 1);
		execlp("ls", "ls", "-l", "/proc/self/fd", NULL);
		_exit(127);
	}
	assert_true(pid > 0);
	close(out[1]);
	while ((n = read(out[0], buffer, sizeof(buffer))) > 0)
		str_add_n(&text, buffer, (size_t)n);
	close(out[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_non_null(strstr(str_text(&text), "pipe:"));
	assert_null(strstr(str_text(&text), "inotify"));
}

static void start_and_stop_leave_nothing(void **data)
{
	struct eventbox *box = *data;
	size_t n_fds, n_threads;

	/* The first takes what stays for good: thread-local things of the C++ library. */
	eventbox_start(box);
	watcher_events_free(TAKE_PTR(box->events));
	n_fds = count_entries("/proc/self/fd", NULL);
	n_threads = count_entries("/proc/self/task", NULL);
	for (int i = 0; i < 34; i++) {
		eventbox_start(box);
		if (i % 2)
			eventbox_restart(box);
		watcher_events_free(TAKE_PTR(box->events));
	}
	assert_int_equal(count_entries("/proc/self/fd", NULL), n_fds);
	assert_int_equal(count_entries("/proc/self/task", NULL), n_threads);
	assert_int_equal(count_inotify("self"), 0);
}

static void no_event(void *data, const struct watcher_session_event *event)
{
	(void)data;
	(void)event;
}

static void nothing(void *data)
{
	(void)data;
}

/* With no time to be ready it is stopped while it may not even run yet, which the library forgets. */
static void a_stop_right_after_the_start(void **data)
{
	struct eventbox *box = *data;
	CLEANUP(watcher_roots_freep) struct watcher_roots *roots = eventbox_roots(box);
	CLEANUP_FREE char *sentinel = xasprintf("%s/sentinel", box->git->dir);
	struct watcher_session_spec spec = {
		.roots = &roots->trees, .recursive = true, .sentinel = sentinel, .on_event = no_event, .on_batch = nothing, .on_end = nothing
	};
	size_t n_fds = count_entries("/proc/self/fd", NULL);

	for (int i = 0; i < 100; i++) {
		struct watcher_session *session = NULL;
		int r = watcher_session_start(&spec, &session, NULL);

		assert_true(r == 0 || r == -ETIMEDOUT);
		watcher_session_free(session);
	}
	assert_int_equal(count_entries("/proc/self/fd", NULL), n_fds);
	watcher_session_free(NULL);
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

/* -- polling --------------------------------------------------------------------------------------------------------------------------------- */

static void the_polling_backend(void **data)
{
	struct eventbox *box = *data;
	CLEANUP_FREE char *ini = xasprintf("%s[watch]\nbackend = poll\npoll_ms = 100\n", eventbox_ini);

	eventbox_open(box, ini);
	eventbox_start(box);
	assert_true(watcher_events_polls(box->events));
	assert_int_equal(count_inotify("self"), 0);
	for (int i = 0; i < 2; i++) {
		eventbox_wait(box, eventbox_has_poll, NULL);
		assert_int_equal(box->note.n, 0);
		eventbox_forget(box);
	}
}

/* In a user namespace of its own the limit is ours to set: 0 when all is as it should be, 77 where there are no such namespaces. */
static int with_limit(struct eventbox *box, const char *limit)
{
	const struct watcher_coverage *coverage;
	CLEANUP_FREE char *sentence = NULL, *hint = NULL;
	int fd = -1;

	if (unshare(CLONE_NEWUSER) < 0)
		return 77;
	fd = open("/proc/sys/user/max_inotify_watches", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || fs_write_all(fd, limit, strlen(limit)) < 0)
		return 77;
	close(fd);
	eventbox_start_with(box, eventbox_wake, box);
	coverage = watcher_events_coverage(box->events);
	if (!watcher_coverage_sentence(coverage, &sentence, &hint))
		return 1;
	if (coverage->blind.n == 0 || coverage->n_watches >= coverage->n_folders || coverage->limit != strtoul(limit, NULL, 10))
		return 2;
	if (!str_starts(hint, "sudo sysctl fs.inotify.max_user_watches=") || !watcher_events_polls(box->events))
		return 3;
	if (watcher_events_problems(box->events)->n != 1)
		return 4;
	eventbox_wait(box, eventbox_has_poll, NULL);
	/* What has room is still watched: first of all the files alone. */
	if (coverage->folders.n > 0) {
		scratch_write(box->source, "Cargo.lock", "2");
		eventbox_expect(box, "Cargo.lock");
	}
	return 0;
}

static int in_child(struct eventbox *box, const char *limit, struct str *ret_errors)
{
	char buffer[4096];
	int errors[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe2(errors, O_CLOEXEC), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		dup2(errors[1], 2);
		status = with_limit(box, limit);
		watcher_events_free(TAKE_PTR(box->events));
		_exit(status);
	}
	assert_true(pid > 0);
	close(errors[1]);
	while ((n = read(errors[0], buffer, sizeof(buffer))) > 0)
		str_add_n(ret_errors, buffer, (size_t)n);
	close(errors[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Fifty-three folders, forty of them in one tree; sixteen watches are kept free. */
static void the_watch_limit_is_told(void **data)
{
	struct eventbox *box = *data;
	static const char *const limits[] = { "30", "10", "1" };
	CLEANUP_FREE char *ini = xasprintf("%s[watch]\npoll_ms = 100\n", eventbox_ini);

	for (int i = 0; i < 40; i++) {
		CLEANUP_FREE char *name = xasprintf("common/folder-%d/file", i);

		scratch_write(box->source, name, "1");
	}
	eventbox_open(box, ini);
	for (size_t i = 0; i < N_ELEMENTS(limits); i++) {
		CLEANUP(str_clear) struct str errors = { 0 };
		int status = in_child(box, limits[i], &errors);

		if (status == 77)
			skip();
		assert_int_equal(status, 0);
		/* The library would tell the terminal, folder by folder. */
		assert_string_equal(str_text(&errors), "");
	}
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
		cmocka_unit_test_setup_teardown(an_overflow_is_flagged, setup_in_memory, teardown),
		cmocka_unit_test_setup_teardown(every_folder_is_watched_once, setup_started, teardown),
		cmocka_unit_test_setup_teardown(no_child_inherits_a_descriptor, setup_started, teardown),
		cmocka_unit_test_setup_teardown(start_and_stop_leave_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_stop_right_after_the_start, setup, teardown),
		cmocka_unit_test_setup_teardown(names_that_mean_something_in_a_regular_expression, setup, teardown),
		cmocka_unit_test_setup_teardown(a_whole_source_sees_its_branches, setup, teardown),
		cmocka_unit_test_setup_teardown(the_polling_backend, setup, teardown),
		cmocka_unit_test_setup_teardown(the_watch_limit_is_told, setup, teardown),
	};

	return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
