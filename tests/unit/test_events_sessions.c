/* The sessions behind watcher/events: overflow, threads and descriptors, the limit of watches, polling. */
#include "test_events.h"

#include "watcher/session.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>

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
	/* A thread that was joined is seen there for a moment more. */
	for (int64_t end_ms = clock_ms() + 10000; count_entries("/proc/self/task", NULL) > n_threads && clock_ms() < end_ms;)
		sched_yield();
	assert_in_range(count_entries("/proc/self/task", NULL), 1, n_threads);
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
		cmocka_unit_test_setup_teardown(an_overflow_is_flagged, setup_in_memory, teardown),
		cmocka_unit_test_setup_teardown(every_folder_is_watched_once, setup_started, teardown),
		cmocka_unit_test_setup_teardown(no_child_inherits_a_descriptor, setup_started, teardown),
		cmocka_unit_test_setup_teardown(start_and_stop_leave_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_stop_right_after_the_start, setup, teardown),
		cmocka_unit_test_setup_teardown(the_polling_backend, setup, teardown),
		cmocka_unit_test_setup_teardown(the_watch_limit_is_told, setup, teardown),
	};

	return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
