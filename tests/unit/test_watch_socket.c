/* Both ends of the socket, for real: a server on a loop in a thread of its own, and clients that block. Nothing sleeps: a test waits for what the
 * other side does, with a limit. */
#include "config/config.h"
#include "server/client.h"
#include "server/server.h"
#include "server/socket.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "lib/scratch.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

enum { LIMIT_MS = 20000, MAX_SEEN = 512 };

/* -- a watch that does what the test says ------------------------------------------------------------------------------------------------------ */

struct watch {
	uv_loop_t loop;
	uv_async_t async;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	char *dir;
	struct config config;
	struct server *server;
	void (*task)(struct watch *watch); /* to be done on the loop's thread */
	/* What has come in. */
	struct server_peer *clients[MAX_SEEN];
	enum server_wish_kind kinds[MAX_SEEN];
	size_t n_requests, n_gone, n_notes;
	char package[64], dest[64], last_note[256];
	bool retry;
	bool answers; /* a status is answered, all else ends with 0 at once */
	size_t most_kept;
};

static void on_request(void *data, struct server_peer *client, const struct server_wish *wish)
{
	struct watch *watch = data;
	struct server_watch_status status = { .pid = getpid(), .state = SERVER_WATCH_BUILDING, .doing = "netd", .run = 12, .since_ms = 34 };

	pthread_mutex_lock(&watch->lock);
	watch->clients[watch->n_requests] = client;
	watch->kinds[watch->n_requests++] = wish->kind;
	snprintf(watch->package, sizeof(watch->package), "%s", wish->packages.n ? wish->packages.v[0] : "");
	snprintf(watch->dest, sizeof(watch->dest), "%s", wish->dest ? wish->dest : "");
	watch->retry = wish->retry;
	pthread_cond_broadcast(&watch->changed);
	pthread_mutex_unlock(&watch->lock);
	if (!watch->answers)
		return;
	if (wish->kind == SERVER_WISH_STATUS)
		server_reply(client, server_wire_status(&status));
	server_end(client, 0, NULL);
}

static void on_gone(void *data, struct server_peer *client)
{
	struct watch *watch = data;

	pthread_mutex_lock(&watch->lock);
	for (size_t i = 0; i < watch->n_requests; i++)
		if (watch->clients[i] == client)
			watch->clients[i] = NULL;
	watch->n_gone++;
	pthread_cond_broadcast(&watch->changed);
	pthread_mutex_unlock(&watch->lock);
}

static void on_note(void *data, const char *text)
{
	struct watch *watch = data;

	pthread_mutex_lock(&watch->lock);
	watch->n_notes++;
	snprintf(watch->last_note, sizeof(watch->last_note), "%s", text);
	pthread_cond_broadcast(&watch->changed);
	pthread_mutex_unlock(&watch->lock);
}

static void on_async(uv_async_t *async)
{
	struct watch *watch = async->data;
	void (*task)(struct watch *);

	pthread_mutex_lock(&watch->lock);
	task = watch->task;
	pthread_mutex_unlock(&watch->lock);
	if (!task)
		return;
	task(watch);
	pthread_mutex_lock(&watch->lock);
	watch->task = NULL;
	pthread_cond_broadcast(&watch->changed);
	pthread_mutex_unlock(&watch->lock);
}

static void *watch_main(void *data)
{
	struct watch *watch = data;

	uv_run(&watch->loop, UV_RUN_DEFAULT);
	return NULL;
}

static void watch_config(struct watch *watch)
{
	watch->dir = scratch_make();
	watch->config.file = xasprintf("%s/reinject.ini", watch->dir);
	watch->config.state = xasprintf("%s/.reinject", watch->dir);
	watch->config.image.path = xasprintf("%s/disk.img", watch->dir);
}

static void watch_start(struct watch *watch)
{
	struct server_hooks hooks = { .on_request = on_request, .on_gone = on_gone, .on_note = on_note, .data = watch };
	struct err err = ERR_INIT;

	memset(watch, 0, sizeof(*watch));
	watch_config(watch);
	pthread_mutex_init(&watch->lock, NULL);
	pthread_cond_init(&watch->changed, NULL);
	assert_int_equal(uv_loop_init(&watch->loop), 0);
	assert_int_equal(uv_async_init(&watch->loop, &watch->async, on_async), 0);
	watch->async.data = watch;
	if (server_open(&watch->loop, &watch->config, &hooks, &watch->server, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(pthread_create(&watch->thread, NULL, watch_main, watch), 0);
}

/* Waits until @what has been changed to @least by the other thread. */
static void wait_for(struct watch *watch, const size_t *what, size_t least)
{
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LIMIT_MS / 1000;
	pthread_mutex_lock(&watch->lock);
	while (*what < least && r == 0)
		r = pthread_cond_timedwait(&watch->changed, &watch->lock, &until);
	pthread_mutex_unlock(&watch->lock);
	if (r != 0)
		fail_msg("waited in vain for %zu, got %zu (note: %s)", least, *what, watch->last_note);
}

/* Runs @task on the loop's thread, and waits for its end. */
static void on_loop(struct watch *watch, void (*task)(struct watch *watch))
{
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LIMIT_MS / 1000;
	pthread_mutex_lock(&watch->lock);
	watch->task = task;
	uv_async_send(&watch->async);
	while (watch->task && r == 0)
		r = pthread_cond_timedwait(&watch->changed, &watch->lock, &until);
	pthread_mutex_unlock(&watch->lock);
	assert_int_equal(r, 0);
}

static void close_server(struct watch *watch)
{
	server_close(watch->server, NULL);
	watch->server = NULL;
	uv_close((uv_handle_t *)&watch->async, NULL);
}

static void watch_stop(struct watch *watch)
{
	on_loop(watch, close_server);
	pthread_join(watch->thread, NULL);
	/* -EBUSY would mean that a handle was left. */
	assert_int_equal(uv_loop_close(&watch->loop), 0);
	pthread_cond_destroy(&watch->changed);
	pthread_mutex_destroy(&watch->lock);
	free(watch->config.file);
	free(watch->config.state);
	free(watch->config.image.path);
	scratch_remove(watch->dir);
}

/* -- somebody who asks ------------------------------------------------------------------------------------------------------------------------- */

struct asker {
	pthread_t thread;
	const char *state;
	struct cancel cancel;
	struct server_wish wish;
	uint32_t silence_ms;
	/* What came of it. */
	int r, status;
	struct err err;
	size_t n_events;
	struct str seen;      /* 'plan build:netd done:ok' */
	bool cancel_at_first; /* as soon as an event came */
};

static void on_event(void *data, const struct refresh_event *event)
{
	struct asker *asker = data;

	asker->n_events++;
	if (event->type == REFRESH_EVENT_DONE)
		str_add(&asker->seen, "last");
	else
		str_printf(&asker->seen, "%d", (int)event->type);
	str_printf(&asker->seen, ":%s:%lld ", event->result ? event->result : event->text ? event->text : "", (long long)event->run);
	if (asker->cancel_at_first)
		cancel_request(&asker->cancel, SIGINT);
}

static void *asker_main(void *data)
{
	CLEANUP(server_client_freep) struct server_client *client = NULL;
	struct asker *asker = data;
	struct server_client_args args = {
		.state = asker->state, .cancel = &asker->cancel, .answer_ms = LIMIT_MS, .silence_ms = asker->silence_ms
	};

	asker->r = server_client_connect(&args, &client, NULL, &asker->err);
	if (asker->r == 0)
		asker->r = server_client_ask(client, &asker->wish, on_event, asker, &asker->status, &asker->err);
	return NULL;
}

static void asker_start(struct asker *asker, const char *state)
{
	memset(asker, 0, sizeof(*asker));
	asker->state = state;
	asker->silence_ms = LIMIT_MS;
	asker->status = -1;
	assert_int_equal(cancel_init(&asker->cancel, NULL), 0);
}

static void asker_go(struct asker *asker)
{
	assert_int_equal(pthread_create(&asker->thread, NULL, asker_main, asker), 0);
}

static void asker_join(struct asker *asker)
{
	pthread_join(asker->thread, NULL);
}

static void asker_clear(struct asker *asker)
{
	cancel_clear(&asker->cancel);
	server_wish_clear(&asker->wish);
	str_clear(&asker->seen);
}

/* -- tasks for the loop ------------------------------------------------------------------------------------------------------------------------ */

static void send_run(struct watch *watch)
{
	struct refresh_plan plan = { 0 };

	for (size_t i = 0; i < watch->n_requests; i++) {
		struct server_peer *client = watch->clients[i];

		if (!client)
			continue;
		server_send(client, &(struct refresh_event){ .type = REFRESH_EVENT_PLAN, .run = 7, .plan = &plan });
		server_send(client, &(struct refresh_event){ .type = REFRESH_EVENT_TICK, .run = 7 });
		server_send(client, &(struct refresh_event){ .type = REFRESH_EVENT_DONE, .run = 7, .result = "ok" });
	}
}

/* What an asker has seen of it: CHANGE's number is 0, DONE's the last. */
#define OF_A_RUN "1::7 3::7 last:ok:7 "

static void send_note(struct watch *watch)
{
	server_send(watch->clients[0], &(struct refresh_event){ .type = REFRESH_EVENT_NOTE, .text = "wait a little" });
}

static void end_all(struct watch *watch, int status, const struct err *err)
{
	for (size_t i = 0; i < watch->n_requests; i++)
		if (watch->clients[i])
			server_end(watch->clients[i], status, err);
	memset(watch->clients, 0, sizeof(watch->clients));
}

static void end_well(struct watch *watch)
{
	end_all(watch, 0, NULL);
}

static void end_badly(struct watch *watch)
{
	end_all(watch, 1, NULL);
}

static void end_busy(struct watch *watch)
{
	struct err err = ERR_INIT;

	err_class_set(&err, ERR_BUSY, -EBUSY, "image is in use by QEMU");
	err_hint(&err, "end it");
	end_all(watch, 75, &err);
}

/* A failure with the exit status of success must not come out as success. */
static void end_with_wrong_status(struct watch *watch)
{
	struct err err = ERR_INIT;

	err_set(&err, -EIO, "it failed");
	end_all(watch, 0, &err);
}

/* -- raw ends ---------------------------------------------------------------------------------------------------------------------------------- */

static void raw_connect(const char *state, int *ret)
{
	struct server_credentials peer;
	struct err err = ERR_INIT;

	if (server_socket_connect(state, LIMIT_MS, ret, &peer, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(peer.pid, getpid());
}

/* Reads up to and with a newline, or the end. False at the end. */
static bool raw_line(int fd, struct str *ret)
{
	str_reset(ret);
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char c;

		assert_int_equal(poll(&p, 1, LIMIT_MS), 1);
		if (read(fd, &c, 1) != 1)
			return false;
		if (c == '\n')
			return true;
		str_add_c(ret, c);
	}
}

static void raw_say(int fd, const char *text, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t r = send(fd, text + done, n - done, MSG_NOSIGNAL);

		/* The other end may have heard enough already. */
		if (r <= 0)
			return;
		done += (size_t)r;
	}
}

#define WISH "{\"reinject\":1,\"wish\":\"refresh\"}\n"

/* -- the place --------------------------------------------------------------------------------------------------------------------------------- */

static void make_state(const char *dir, char **ret)
{
	*ret = xasprintf("%s/state", dir);
	assert_int_equal(mkdir(*ret, 0700), 0);
}

static void test_the_socket_is_ours_alone_and_goes_with_us(void **state)
{
	char *dir = scratch_make();
	CLEANUP_FREE char *folder = NULL;
	CLEANUP_FREE char *path = xasprintf("%s/state/watch.sock", dir);
	struct server_socket one;
	struct stat st;
	struct err err = ERR_INIT;
	mode_t mask = umask(0);

	(void)state;
	make_state(dir, &folder);
	assert_int_equal(server_socket_bind(folder, &one, &err), 0);
	umask(mask);
	assert_string_equal(one.path, path);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	server_socket_clear(&one);
	assert_int_equal(lstat(path, &st), -1);
	scratch_remove(dir);
}

static void test_a_second_watch_is_refused_by_name(void **state)
{
	char *dir = scratch_make();
	CLEANUP_FREE char *folder = NULL;
	CLEANUP_FREE char *pid = xasprintf("process %d", (int)getpid());
	struct server_socket one, two = { .fd = -1, .lock_fd = -1 };
	struct err err = ERR_INIT;

	(void)state;
	make_state(dir, &folder);
	assert_int_equal(server_socket_bind(folder, &one, &err), 0);
	assert_int_equal(server_socket_bind(folder, &two, &err), -EBUSY);
	assert_int_equal(err.class, ERR_BUSY);
	assert_non_null(strstr(err.message, pid));
	assert_true(fs_exists(one.path));
	server_socket_clear(&one);
	assert_int_equal(server_socket_bind(folder, &two, &err), 0);
	server_socket_clear(&two);
	scratch_remove(dir);
}

/* Somebody tidied up below a living watch: without its lock file, it still answers. */
static void test_a_living_socket_is_not_replaced_though_the_lock_is_gone(void **state)
{
	char *dir = scratch_make();
	CLEANUP_FREE char *folder = NULL;
	CLEANUP_FREE char *lock = xasprintf("%s/state/watch.lock", dir);
	CLEANUP_FREE char *pid = xasprintf("process %d", (int)getpid());
	struct server_socket one, two = { .fd = -1, .lock_fd = -1 };
	struct err err = ERR_INIT;

	(void)state;
	make_state(dir, &folder);
	assert_int_equal(server_socket_bind(folder, &one, &err), 0);
	assert_int_equal(listen(one.fd, 1), 0);
	assert_int_equal(unlink(lock), 0);
	assert_int_equal(server_socket_bind(folder, &two, &err), -EBUSY);
	assert_non_null(strstr(err.message, pid));
	server_socket_clear(&one);
	scratch_remove(dir);
}

static void test_what_is_no_longer_ours_is_left(void **state)
{
	char *dir = scratch_make();
	CLEANUP_FREE char *folder = NULL;
	CLEANUP_FREE char *path = xasprintf("%s/state/watch.sock", dir);
	struct server_socket one;
	struct err err = ERR_INIT;

	(void)state;
	make_state(dir, &folder);
	assert_int_equal(server_socket_bind(folder, &one, &err), 0);
	assert_int_equal(unlink(path), 0);
	scratch_write(dir, "state/watch.sock", "another's");
	server_socket_clear(&one);
	assert_true(fs_exists(path));
	/* And what is no socket is in the way. */
	assert_int_equal(server_socket_bind(folder, &one, &err), -EEXIST);
	assert_int_equal(err.class, ERR_USAGE);
	assert_true(fs_exists(path));
	scratch_remove(dir);
}

/* A child binds, listens, says so, and is killed. */
static void leave_stale_socket(const char *folder)
{
	int fds[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct server_socket socket;

		if (server_socket_bind(folder, &socket, NULL) < 0 || listen(socket.fd, 1) < 0 || write(fds[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(fds[0], &c, 1), 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(fds[0]);
	close(fds[1]);
}

static void test_a_dead_watchs_socket_is_no_watch_and_is_replaced(void **state)
{
	char *dir = scratch_make();
	CLEANUP_FREE char *folder = NULL;
	CLEANUP_FREE char *path = xasprintf("%s/state/watch.sock", dir);
	struct server_client_args args = { 0 };
	struct server_client *client = NULL;
	struct server_socket one;
	struct err err = ERR_INIT;

	(void)state;
	make_state(dir, &folder);
	args.state = folder;
	assert_int_equal(server_client_connect(&args, &client, NULL, &err), -ENOENT);
	leave_stale_socket(folder);
	assert_true(fs_exists(path));
	assert_int_equal(server_client_connect(&args, &client, NULL, &err), -ENOENT);
	if (server_socket_bind(folder, &one, &err) < 0)
		fail_msg("%s", err.message);
	server_socket_clear(&one);
	assert_false(fs_exists(path));
	scratch_remove(dir);
}

static char *deep_state(const char *dir)
{
	struct str path = { 0 };
	struct err err = ERR_INIT;
	char *text;

	str_printf(&path, "%s", dir);
	while (path.len < 120)
		str_add(&path, "/a-long-name");
	text = str_take(&path);
	assert_int_equal(fs_make_dirs(text, 0700, &err), 0);
	return text;
}

static void test_a_long_path_goes_to_the_runtime_folder(void **state)
{
	char *dir = scratch_make();
	CLEANUP_FREE char *folder = deep_state(dir);
	CLEANUP_FREE char *runtime = xasprintf("%s/run", dir);
	CLEANUP_FREE char *prefix = xasprintf("%s/run/reinject-", dir);
	struct server_credentials peer = { 0 };
	struct server_socket one;
	struct err err = ERR_INIT;
	int fd = -1;

	(void)state;
	assert_int_equal(mkdir(runtime, 0700), 0);
	setenv("XDG_RUNTIME_DIR", runtime, 1);
	if (server_socket_bind(folder, &one, &err) < 0)
		fail_msg("%s", err.message);
	assert_true(str_starts(one.path, prefix));
	assert_true(str_ends(one.path, ".sock"));
	assert_int_equal(strlen(one.path), strlen(prefix) + 16 + strlen(".sock"));
	assert_int_equal(listen(one.fd, 1), 0);
	assert_int_equal(server_socket_connect(folder, 1000, &fd, &peer, &err), 0);
	close(fd);
	server_socket_clear(&one);
	unsetenv("XDG_RUNTIME_DIR");
	scratch_remove(dir);
}

static void test_a_long_path_without_a_runtime_folder(void **state)
{
	char *dir = scratch_make();
	CLEANUP_FREE char *folder = deep_state(dir);
	CLEANUP_FREE char *runtime = xasprintf("%s/run", dir);
	struct server_credentials peer = { 0 };
	struct server_socket one = { .fd = -1, .lock_fd = -1 };
	struct err err = ERR_INIT;
	int fd = -1;

	(void)state;
	unsetenv("XDG_RUNTIME_DIR");
	assert_int_equal(server_socket_bind(folder, &one, &err), -ENAMETOOLONG);
	assert_int_equal(err.class, ERR_ENVIRONMENT);
	assert_non_null(strstr(err.message, "XDG_RUNTIME_DIR"));
	assert_int_equal(server_socket_connect(folder, 1000, &fd, &peer, &err), -ENOENT);
	/* One that others can write is worse than none. */
	assert_int_equal(mkdir(runtime, 0700), 0);
	assert_int_equal(chmod(runtime, 0777), 0);
	setenv("XDG_RUNTIME_DIR", runtime, 1);
	assert_int_equal(server_socket_bind(folder, &one, &err), -EPERM);
	assert_int_equal(err.class, ERR_USAGE);
	unsetenv("XDG_RUNTIME_DIR");
	scratch_remove(dir);
}

static void test_a_path_of_107_bytes_is_not_too_long(void **state)
{
	CLEANUP_FREE char *path = NULL;
	char folder[98];
	struct err err = ERR_INIT;

	(void)state;
	unsetenv("XDG_RUNTIME_DIR");
	memset(folder, 'a', sizeof(folder));
	folder[0] = '/';
	folder[107 - strlen("/watch.sock")] = '\0';
	assert_int_equal(server_socket_path(folder, &path, &err), 0);
	assert_int_equal(strlen(path), 107);
	folder[107 - strlen("/watch.sock")] = 'a';
	folder[108 - strlen("/watch.sock")] = '\0';
	free(path);
	path = NULL;
	assert_int_equal(server_socket_path(folder, &path, &err), -ENAMETOOLONG);
}

static void test_a_socket_or_folder_that_others_can_write_is_refused(void **state)
{
	char *dir = scratch_make();
	CLEANUP_FREE char *folder = NULL;
	struct server_credentials peer = { 0 };
	struct server_socket one;
	struct err err = ERR_INIT;
	int fd = -1;

	(void)state;
	make_state(dir, &folder);
	assert_int_equal(server_socket_bind(folder, &one, &err), 0);
	assert_int_equal(listen(one.fd, 4), 0);
	assert_int_equal(chmod(one.path, 0602), 0);
	assert_int_equal(server_socket_connect(folder, 1000, &fd, &peer, &err), -EPERM);
	assert_int_equal(err.class, ERR_USAGE);
	assert_int_equal(chmod(one.path, 0600), 0);
	assert_int_equal(chmod(folder, 0702), 0);
	assert_int_equal(server_socket_connect(folder, 1000, &fd, &peer, &err), -EPERM);
	assert_int_equal(chmod(folder, 0700), 0);
	assert_int_equal(server_socket_connect(folder, 1000, &fd, &peer, &err), 0);
	close(fd);
	server_socket_clear(&one);
	scratch_remove(dir);
}

static void test_another_users_socket_is_refused_and_under_sudo_it_is_the_owners(void **state)
{
	char *dir = scratch_make();
	CLEANUP_FREE char *folder = NULL;
	CLEANUP_FREE char *lock = xasprintf("%s/state/watch.lock", dir);
	struct server_credentials peer = { 0 };
	struct server_socket one;
	struct err err = ERR_INIT;
	struct stat st;
	int fd = -1;

	(void)state;
	make_state(dir, &folder);
	if (geteuid() != 0) {
		scratch_remove(dir);
		skip();
	}
	assert_int_equal(server_socket_bind(folder, &one, &err), 0);
	assert_int_equal(listen(one.fd, 4), 0);
	assert_int_equal(chown(one.path, 12345, 12345), 0);
	assert_int_equal(server_socket_connect(folder, 1000, &fd, &peer, &err), -EPERM);
	server_socket_clear(&one);
	assert_int_equal(chown(dir, 12345, 54321), 0);
	assert_int_equal(chown(folder, 12345, 54321), 0);
	if (server_socket_bind(folder, &one, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(lstat(one.path, &st), 0);
	assert_int_equal(st.st_uid, 12345);
	assert_int_equal(st.st_gid, 54321);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(lstat(lock, &st), 0);
	assert_int_equal(st.st_uid, 12345);
	assert_int_equal(listen(one.fd, 4), 0);
	assert_int_equal(server_socket_connect(folder, 1000, &fd, &peer, &err), 0);
	close(fd);
	server_socket_clear(&one);
	scratch_remove(dir);
}

/* -- the talk ---------------------------------------------------------------------------------------------------------------------------------- */

static void test_a_wish_is_heard_and_its_run_followed(void **state)
{
	struct watch watch;
	struct asker asker;

	(void)state;
	watch_start(&watch);
	asker_start(&asker, watch.config.state);
	asker.wish.kind = SERVER_WISH_BUILD;
	strvec_add(&asker.wish.packages, "netd");
	asker.wish.dest = xstrdup("/usr/bin");
	asker_go(&asker);
	wait_for(&watch, &watch.n_requests, 1);
	assert_int_equal(watch.kinds[0], SERVER_WISH_BUILD);
	assert_string_equal(watch.package, "netd");
	assert_string_equal(watch.dest, "/usr/bin");
	assert_int_equal(server_peer_pid(watch.clients[0]), getpid());
	on_loop(&watch, send_run);
	on_loop(&watch, end_well);
	asker_join(&asker);
	assert_int_equal(asker.r, 0);
	assert_int_equal(asker.status, 0);
	assert_string_equal(str_text(&asker.seen), OF_A_RUN);
	asker_clear(&asker);
	watch_stop(&watch);
	assert_int_equal(watch.n_gone, 0);
}

static void ask_and_end(void (*end)(struct watch *), struct asker *asker)
{
	struct watch watch;

	watch_start(&watch);
	asker_start(asker, watch.config.state);
	asker->wish.retry = true;
	asker_go(asker);
	wait_for(&watch, &watch.n_requests, 1);
	assert_true(watch.retry);
	on_loop(&watch, end);
	asker_join(asker);
	asker_clear(asker);
	watch_stop(&watch);
	assert_int_equal(watch.n_gone, 0);
}

static void test_exit_statuses_and_errors_arrive_as_they_are(void **state)
{
	struct asker asker;

	(void)state;
	ask_and_end(end_badly, &asker);
	assert_int_equal(asker.r, 0);
	assert_int_equal(asker.status, 1);
	ask_and_end(end_busy, &asker);
	assert_int_equal(asker.r, -EBUSY);
	assert_int_equal(err_exit_status(&asker.err, asker.r), 75);
	assert_string_equal(asker.err.message, "image is in use by QEMU");
	assert_string_equal(asker.err.hint, "end it");
	ask_and_end(end_with_wrong_status, &asker);
	assert_int_equal(asker.r, -EIO);
	assert_int_equal(asker.status, 1);
}

static void test_a_watch_that_ends_says_so_to_its_followers(void **state)
{
	struct watch watch;
	struct asker asker;
	CLEANUP_FREE char *path = NULL;

	(void)state;
	watch_start(&watch);
	path = xasprintf("%s/watch.sock", watch.config.state);
	asker_start(&asker, watch.config.state);
	asker_go(&asker);
	wait_for(&watch, &watch.n_requests, 1);
	assert_true(fs_exists(path));
	watch_stop(&watch);
	asker_join(&asker);
	assert_int_equal(asker.r, -ESHUTDOWN);
	assert_int_equal(err_exit_status(&asker.err, asker.r), 1);
	assert_non_null(strstr(asker.err.message, "ended"));
	assert_int_equal(watch.n_gone, 0);
	asker_clear(&asker);
}

static void test_status_is_answered(void **state)
{
	struct server_watch_status status = { 0 };
	struct server_client *client = NULL;
	struct server_client_args args = { 0 };
	struct watch watch;
	struct err err = ERR_INIT;
	pid_t pid = 0;

	(void)state;
	watch_start(&watch);
	watch.answers = true;
	args.state = watch.config.state;
	assert_int_equal(server_client_connect(&args, &client, &pid, &err), 0);
	assert_int_equal(pid, getpid());
	assert_true(server_client_serves(client, &watch.config, true));
	assert_int_equal(server_client_status(client, &status, &err), 0);
	assert_int_equal(status.state, SERVER_WATCH_BUILDING);
	assert_int_equal(status.run, 12);
	assert_string_equal(status.doing, "netd");
	assert_int_equal(status.since_ms, 34);
	server_client_free(client);
	watch_stop(&watch);
}

static void test_a_watch_of_another_configuration_is_known_as_such(void **state)
{
	struct server_client *client = NULL;
	struct server_client_args args = { 0 };
	struct config other;
	struct watch watch;
	struct err err = ERR_INIT;

	(void)state;
	watch_start(&watch);
	args.state = watch.config.state;
	assert_int_equal(server_client_connect(&args, &client, NULL, &err), 0);
	other = watch.config;
	other.file = (char *)"/elsewhere/reinject.ini";
	assert_false(server_client_serves(client, &other, false));
	other = watch.config;
	other.image.path = (char *)"/elsewhere/disk.img";
	assert_false(server_client_serves(client, &other, false));
	other.image.path = NULL;
	assert_false(server_client_serves(client, &other, false));
	server_client_free(client);
	watch_stop(&watch);
}

/* -- who leaves -------------------------------------------------------------------------------------------------------------------------------- */

static void test_a_wish_that_was_not_begun_is_withdrawn(void **state)
{
	struct watch watch;
	struct asker asker;

	(void)state;
	watch_start(&watch);
	asker_start(&asker, watch.config.state);
	asker.cancel_at_first = true;
	asker_go(&asker);
	wait_for(&watch, &watch.n_requests, 1);
	/* A note is no beginning. */
	on_loop(&watch, send_note);
	asker_join(&asker);
	wait_for(&watch, &watch.n_gone, 1);
	assert_int_equal(asker.r, -ECANCELED);
	assert_int_equal(err_exit_status(&asker.err, asker.r), 130);
	assert_non_null(strstr(asker.err.message, "withdrawn"));
	asker_clear(&asker);
	watch_stop(&watch);
	assert_int_equal(watch.n_gone, 1);
}

static void test_a_run_that_was_begun_goes_on_and_that_is_said(void **state)
{
	struct watch watch;
	struct asker asker;

	(void)state;
	watch_start(&watch);
	asker_start(&asker, watch.config.state);
	asker.cancel_at_first = true;
	asker_go(&asker);
	wait_for(&watch, &watch.n_requests, 1);
	on_loop(&watch, send_run);
	asker_join(&asker);
	wait_for(&watch, &watch.n_gone, 1);
	assert_int_equal(asker.r, -ECANCELED);
	assert_int_equal(asker.n_events, 1);
	assert_non_null(strstr(asker.err.message, "goes on with run 7"));
	asker_clear(&asker);
	watch_stop(&watch);
}

static void test_a_cancel_ends_the_waiting_for_a_silent_watch(void **state)
{
	struct server_socket one;
	struct asker asker;
	char *dir = scratch_make();
	CLEANUP_FREE char *folder = NULL;
	int fd;

	(void)state;
	make_state(dir, &folder);
	assert_int_equal(server_socket_bind(folder, &one, NULL), 0);
	assert_int_equal(listen(one.fd, 1), 0);
	asker_start(&asker, folder);
	asker_go(&asker);
	fd = accept(one.fd, NULL, NULL);
	assert_true(fd >= 0);
	cancel_request(&asker.cancel, SIGINT);
	asker_join(&asker);
	assert_int_equal(asker.r, -ECANCELED);
	asker_clear(&asker);
	close(fd);
	server_socket_clear(&one);
	scratch_remove(dir);
}

static void test_a_killed_asker_is_noticed(void **state)
{
	struct watch watch;
	pid_t pid, seen;

	(void)state;
	watch_start(&watch);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct asker asker;

		asker_start(&asker, watch.config.state);
		(void)!asker_main(&asker);
		_exit(0);
	}
	wait_for(&watch, &watch.n_requests, 1);
	pthread_mutex_lock(&watch.lock);
	seen = server_peer_pid(watch.clients[0]);
	pthread_mutex_unlock(&watch.lock);
	assert_int_equal(seen, pid);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	wait_for(&watch, &watch.n_gone, 1);
	watch_stop(&watch);
}

/* -- a watch that is not what it should be: the test plays it by hand ---------------------------------------------------------------------------- */

#define GREETING "{\"reinject\":1,\"pid\":1,\"config\":\"/c\",\"image\":null,\"digest\":\"d\"}\n"

enum part { DIES, HANGS_UP, FALLS_SILENT };

/* What becomes of an asker whose watch says @lines, and then does this. */
static void ask_a_played_watch(const char *lines, size_t n, enum part part, struct asker *asker)
{
	bool closes = part != FALLS_SILENT;
	char *dir = scratch_make();
	CLEANUP_FREE char *folder = NULL;
	struct server_socket one;
	int fd;

	make_state(dir, &folder);
	assert_int_equal(server_socket_bind(folder, &one, NULL), 0);
	assert_int_equal(listen(one.fd, 1), 0);
	asker_start(asker, folder);
	if (!closes)
		asker->silence_ms = 30;
	asker_go(asker);
	fd = accept(one.fd, NULL, NULL);
	assert_true(fd >= 0);
	raw_say(fd, lines, n);
	if (part == DIES)
		server_socket_clear(&one);
	if (closes)
		close(fd);
	asker_join(asker);
	if (!closes)
		close(fd);
	asker_clear(asker);
	server_socket_clear(&one);
	scratch_remove(dir);
}

static void test_a_watch_that_dies_is_told_and_not_waited_for(void **state)
{
	static const char unbegun[] = GREETING "{\"alive\":true}\n",
			  begun[] = GREETING "{\"event\":\"build\",\"subject\":\"a\",\"result\":\"ok\"}\n";
	struct asker asker;

	(void)state;
	ask_a_played_watch("", 0, DIES, &asker);
	assert_int_equal(asker.r, -ENOENT);
	ask_a_played_watch(unbegun, strlen(unbegun), DIES, &asker);
	assert_int_equal(asker.r, -ECONNRESET);
	assert_int_equal(err_exit_status(&asker.err, asker.r), 1);
	assert_non_null(strstr(asker.err.message, "before it came to this"));
	ask_a_played_watch(begun, strlen(begun), DIES, &asker);
	assert_int_equal(asker.r, -ECONNRESET);
	assert_int_equal(asker.n_events, 1);
	assert_non_null(strstr(asker.err.message, "amid the run"));
	/* One that still takes calls is not dead. */
	ask_a_played_watch(begun, strlen(begun), HANGS_UP, &asker);
	assert_int_equal(asker.r, -ECONNRESET);
	assert_non_null(strstr(asker.err.message, "hung up, and goes on"));
	/* Half a line is no line. */
	ask_a_played_watch(begun, strlen(begun) - 1, DIES, &asker);
	assert_int_equal(asker.n_events, 0);
}

static void test_a_watch_that_falls_silent_is_given_up(void **state)
{
	struct asker asker;

	(void)state;
	ask_a_played_watch(GREETING, strlen(GREETING), FALLS_SILENT, &asker);
	assert_int_equal(asker.r, -ETIMEDOUT);
	assert_int_equal(err_exit_status(&asker.err, asker.r), 1);
	assert_true(asker.err.hint[0]);
}

static void test_a_watch_of_another_version_or_language_is_refused(void **state)
{
	static const char *const lines[] = { "{\"reinject\":2}\n", "hello\n", "{\"alive\":true}\n", GREETING "{\"event\":\"dance\"}\n",
					     "{\"end\":0}\n" };
	static const int codes[] = { -EPROTONOSUPPORT, -EPROTO, -EPROTO, -EPROTO, -EPROTO };
	CLEANUP_FREE char *endless = xrealloc(NULL, 3 << 20);
	struct asker asker;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(lines); i++) {
		ask_a_played_watch(lines[i], strlen(lines[i]), DIES, &asker);
		assert_int_equal(asker.r, codes[i]);
		assert_true(asker.err.message[0]);
	}
	memset(endless, ' ', 3 << 20);
	ask_a_played_watch(endless, 3 << 20, DIES, &asker);
	assert_int_equal(asker.r, -EPROTO);
	assert_non_null(strstr(asker.err.message, "without an end"));
}

static void test_a_watch_that_does_not_answer_is_named(void **state)
{
	char *dir = scratch_make();
	CLEANUP_FREE char *folder = NULL;
	struct server_client *client = NULL;
	struct server_client_args args = { .answer_ms = 30 };
	struct server_socket one;
	struct err err = ERR_INIT;
	pid_t pid = 0;

	(void)state;
	make_state(dir, &folder);
	args.state = folder;
	assert_int_equal(server_socket_bind(folder, &one, NULL), 0);
	assert_int_equal(listen(one.fd, 0), 0);
	/* First it takes the call and says nothing; then its queue is full. */
	for (int i = 0; i < 4; i++) {
		assert_int_equal(server_client_connect(&args, &client, &pid, &err), -ETIMEDOUT);
		assert_true(pid == getpid() || i > 0);
	}
	server_socket_clear(&one);
	scratch_remove(dir);
}

/* -- a caller that is not what it should be ------------------------------------------------------------------------------------------------------ */

/* Says @text, and expects an end of this class, then the door. */
static void expect_shown_out(struct watch *watch, const char *text, size_t n, enum err_class class)
{
	CLEANUP(server_line_clear) struct server_line line = { 0 };
	CLEANUP(str_clear) struct str said = { 0 };
	struct err err = ERR_INIT;
	int fd = -1;

	raw_connect(watch->config.state, &fd);
	assert_true(raw_line(fd, &said));
	raw_say(fd, text, n);
	assert_true(raw_line(fd, &said));
	assert_int_equal(server_wire_read(said.buf, said.len, &line, &err), 0);
	assert_int_equal(line.type, SERVER_LINE_END);
	assert_int_equal(line.err.class, class);
	assert_false(raw_line(fd, &said));
	close(fd);
}

static void test_what_is_no_wish_is_shown_out(void **state)
{
	CLEANUP_FREE char *blanks = xrealloc(NULL, 1 << 20);
	static const char twice[] = WISH WISH, newer[] = "{\"reinject\":2,\"wish\":\"refresh\"}\n";
	struct watch watch;

	(void)state;
	watch_start(&watch);
	memset(blanks, ' ', 1 << 20);
	expect_shown_out(&watch, "hello\n", 6, ERR_FAILED);
	expect_shown_out(&watch, twice, strlen(twice), ERR_FAILED);
	expect_shown_out(&watch, newer, strlen(newer), ERR_ENVIRONMENT);
	expect_shown_out(&watch, blanks, 1 << 20, ERR_FAILED);
	wait_for(&watch, &watch.n_notes, 4);
	assert_int_equal(watch.n_requests, 0);
	watch_stop(&watch);
	assert_int_equal(watch.n_gone, 0);
}

static void test_who_speaks_after_its_wish_is_left(void **state)
{
	CLEANUP(str_clear) struct str said = { 0 };
	struct watch watch;
	int fd = -1;

	(void)state;
	watch_start(&watch);
	raw_connect(watch.config.state, &fd);
	raw_say(fd, WISH, strlen(WISH));
	wait_for(&watch, &watch.n_requests, 1);
	raw_say(fd, WISH, strlen(WISH));
	wait_for(&watch, &watch.n_gone, 1);
	assert_true(raw_line(fd, &said));
	assert_false(raw_line(fd, &said));
	close(fd);
	watch_stop(&watch);
	assert_int_equal(watch.n_requests, 1);
}

/* Its mode would let nobody else in; that is not all that stands in the way. */
static void test_another_user_is_refused_by_the_kernels_word(void **state)
{
	CLEANUP(server_line_clear) struct server_line line = { 0 };
	CLEANUP(str_clear) struct str said = { 0 };
	CLEANUP_FREE char *path = NULL;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct watch watch;
	struct err err = ERR_INIT;
	int fds[2], status = 0;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	watch_start(&watch);
	path = xasprintf("%s/watch.sock", watch.config.state);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(chmod(watch.dir, 0755), 0);
	assert_int_equal(chmod(watch.config.state, 0755), 0);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char bytes[4096];
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		ssize_t n;

		if (setresuid(12345, 12345, 12345) < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
			_exit(1);
		while ((n = read(fd, bytes, sizeof(bytes))) > 0)
			if (write(fds[1], bytes, (size_t)n) != n)
				_exit(1);
		_exit(0);
	}
	close(fds[1]);
	assert_true(raw_line(fds[0], &said));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(fds[0]);
	assert_int_equal(server_wire_read(said.buf, said.len, &line, &err), 0);
	assert_int_equal(line.type, SERVER_LINE_END);
	assert_int_equal(line.err.class, ERR_USAGE);
	assert_non_null(strstr(line.err.message, "12345"));
	watch_stop(&watch);
}

/* -- load -------------------------------------------------------------------------------------------------------------------------------------- */

/* Sends until the one that does not read has had enough. */
static void send_much(struct watch *watch)
{
	CLEANUP_FREE char *text = xrealloc(NULL, 60001);
	struct refresh_event event = { .type = REFRESH_EVENT_DIAGNOSTIC, .text = text };

	memset(text, 'x', 60000);
	text[60000] = '\0';
	for (int i = 0; i < 1000; i++) {
		size_t kept;

		server_send(watch->clients[0], &event);
		kept = server_backlog(watch->clients[0]);
		if (kept > watch->most_kept)
			watch->most_kept = kept;
	}
}

static void test_a_follower_that_does_not_read_is_dropped(void **state)
{
	struct watch watch;
	struct asker other;
	int fd = -1;

	(void)state;
	watch_start(&watch);
	raw_connect(watch.config.state, &fd);
	raw_say(fd, WISH, strlen(WISH));
	wait_for(&watch, &watch.n_requests, 1);
	on_loop(&watch, send_much);
	wait_for(&watch, &watch.n_gone, 1);
	assert_int_equal(watch.n_notes, 1);
	assert_non_null(strstr(watch.last_note, "does not read"));
	assert_true(watch.most_kept > SERVER_BACKLOG / 2);
	assert_true(watch.most_kept <= SERVER_BACKLOG);
	/* Others do not feel it. */
	asker_start(&other, watch.config.state);
	asker_go(&other);
	wait_for(&watch, &watch.n_requests, 2);
	on_loop(&watch, end_well);
	asker_join(&other);
	assert_int_equal(other.status, 0);
	asker_clear(&other);
	close(fd);
	watch_stop(&watch);
}

/* What is kept for a slow one arrives whole when it reads, the end last. */
static void send_some_and_end(struct watch *watch)
{
	CLEANUP_FREE char *text = xrealloc(NULL, 60001);
	struct refresh_event event = { .type = REFRESH_EVENT_DIAGNOSTIC, .text = text };

	memset(text, 'x', 60000);
	text[60000] = '\0';
	for (int i = 0; i < 20; i++)
		server_send(watch->clients[0], &event);
	watch->most_kept = server_backlog(watch->clients[0]);
	end_well(watch);
}

static void test_a_slow_follower_gets_all_of_it(void **state)
{
	CLEANUP(str_clear) struct str said = { 0 };
	struct watch watch;
	size_t n = 0;
	int fd = -1;

	(void)state;
	watch_start(&watch);
	raw_connect(watch.config.state, &fd);
	raw_say(fd, WISH, strlen(WISH));
	wait_for(&watch, &watch.n_requests, 1);
	on_loop(&watch, send_some_and_end);
	assert_true(watch.most_kept > 0);
	assert_true(raw_line(fd, &said));
	while (raw_line(fd, &said) && !str_starts(said.buf, "{\"end\":0")) {
		assert_true(said.len > 60000 || str_eq(said.buf, "{\"alive\":true}"));
		n += said.len > 60000;
	}
	assert_int_equal(n, 20);
	assert_true(str_starts(said.buf, "{\"end\":0"));
	assert_false(raw_line(fd, &said));
	close(fd);
	watch_stop(&watch);
	assert_int_equal(watch.n_gone, 0);
}

static void test_fifty_at_once(void **state)
{
	enum { N = 50 };
	CLEANUP_FREE struct asker *askers = xcalloc(N, sizeof(*askers));
	struct watch watch;

	(void)state;
	watch_start(&watch);
	for (size_t i = 0; i < N; i++) {
		asker_start(&askers[i], watch.config.state);
		asker_go(&askers[i]);
	}
	wait_for(&watch, &watch.n_requests, N);
	on_loop(&watch, send_run);
	on_loop(&watch, end_well);
	for (size_t i = 0; i < N; i++) {
		asker_join(&askers[i]);
		assert_int_equal(askers[i].r, 0);
		assert_int_equal(askers[i].status, 0);
		assert_string_equal(str_text(&askers[i].seen), OF_A_RUN);
		asker_clear(&askers[i]);
	}
	watch_stop(&watch);
	assert_int_equal(watch.n_gone, 0);
}

static void test_too_many_callers_are_told_so(void **state)
{
	CLEANUP(server_line_clear) struct server_line line = { 0 };
	CLEANUP(str_clear) struct str said = { 0 };
	int fds[SERVER_MAX + 1];
	struct rlimit limit;
	struct watch watch;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_cur < 3 * SERVER_MAX)
		skip();
	watch_start(&watch);
	for (size_t i = 0; i <= SERVER_MAX; i++) {
		raw_connect(watch.config.state, &fds[i]);
		assert_true(raw_line(fds[i], &said));
		/* All stay, as those that follow do: one that says nothing would be shown out after a while. */
		raw_say(fds[i], WISH, strlen(WISH));
	}
	assert_int_equal(server_wire_read(said.buf, said.len, &line, &err), 0);
	assert_int_equal(line.type, SERVER_LINE_END);
	assert_int_equal(line.err.class, ERR_BUSY);
	assert_int_equal(line.status, 75);
	for (size_t i = 0; i <= SERVER_MAX; i++)
		close(fds[i]);
	wait_for(&watch, &watch.n_gone, SERVER_MAX);
	watch_stop(&watch);
}

static void test_a_follower_hears_that_the_watch_lives(void **state)
{
	CLEANUP(str_clear) struct str said = { 0 };
	struct watch watch;
	int64_t began;
	int fd = -1;

	(void)state;
	watch_start(&watch);
	raw_connect(watch.config.state, &fd);
	assert_true(raw_line(fd, &said));
	raw_say(fd, WISH, strlen(WISH));
	wait_for(&watch, &watch.n_requests, 1);
	began = clock_ms();
	assert_true(raw_line(fd, &said));
	assert_string_equal(said.buf, "{\"alive\":true}");
	assert_true(clock_ms() - began < 5 * SERVER_ALIVE_MS);
	close(fd);
	wait_for(&watch, &watch.n_gone, 1);
	watch_stop(&watch);
}

static int setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_socket_is_ours_alone_and_goes_with_us),
		cmocka_unit_test(test_a_second_watch_is_refused_by_name),
		cmocka_unit_test(test_a_living_socket_is_not_replaced_though_the_lock_is_gone),
		cmocka_unit_test(test_what_is_no_longer_ours_is_left),
		cmocka_unit_test(test_a_dead_watchs_socket_is_no_watch_and_is_replaced),
		cmocka_unit_test(test_a_long_path_goes_to_the_runtime_folder),
		cmocka_unit_test(test_a_long_path_without_a_runtime_folder),
		cmocka_unit_test(test_a_path_of_107_bytes_is_not_too_long),
		cmocka_unit_test(test_a_socket_or_folder_that_others_can_write_is_refused),
		cmocka_unit_test(test_another_users_socket_is_refused_and_under_sudo_it_is_the_owners),
		cmocka_unit_test(test_a_wish_is_heard_and_its_run_followed),
		cmocka_unit_test(test_exit_statuses_and_errors_arrive_as_they_are),
		cmocka_unit_test(test_a_watch_that_ends_says_so_to_its_followers),
		cmocka_unit_test(test_status_is_answered),
		cmocka_unit_test(test_a_watch_of_another_configuration_is_known_as_such),
		cmocka_unit_test(test_a_wish_that_was_not_begun_is_withdrawn),
		cmocka_unit_test(test_a_run_that_was_begun_goes_on_and_that_is_said),
		cmocka_unit_test(test_a_cancel_ends_the_waiting_for_a_silent_watch),
		cmocka_unit_test(test_a_killed_asker_is_noticed),
		cmocka_unit_test(test_a_watch_that_dies_is_told_and_not_waited_for),
		cmocka_unit_test(test_a_watch_that_falls_silent_is_given_up),
		cmocka_unit_test(test_a_watch_of_another_version_or_language_is_refused),
		cmocka_unit_test(test_a_watch_that_does_not_answer_is_named),
		cmocka_unit_test(test_what_is_no_wish_is_shown_out),
		cmocka_unit_test(test_who_speaks_after_its_wish_is_left),
		cmocka_unit_test(test_another_user_is_refused_by_the_kernels_word),
		cmocka_unit_test(test_a_follower_that_does_not_read_is_dropped),
		cmocka_unit_test(test_a_slow_follower_gets_all_of_it),
		cmocka_unit_test(test_fifty_at_once),
		cmocka_unit_test(test_too_many_callers_are_told_so),
		cmocka_unit_test(test_a_follower_hears_that_the_watch_lives),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
