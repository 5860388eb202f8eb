/* The waiting is one state machine in wait_loop(): a child, its two pipes, a tick, a limit, a cancel pipe and perhaps one more descriptor, all on
 * a libuv loop that lives as long as the handle. */
#include "base/proc.h"

#include "base/clock.h"

#include <uv.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

/* A child that was asked politely and goes on is asked harder after this time: INT, TERM, KILL. */
enum { ESCALATE_AFTER_MS = 5000, READ_SIZE = 65536 };

struct line_reader {
	uv_pipe_t pipe;
	proc_line_fn *fn;
	void *data;
	struct str partial;
	bool open;
	bool got_bytes; /* since it was last reset: something may still be in the pipe */
};

struct proc {
	uv_loop_t loop;
	uv_process_t process;
	uv_timer_t tick, limit, escalate;
	uv_poll_t cancel_poll;
	bool polls_cancel;
	struct line_reader out, err;
	struct proc_spec spec; /* argv, env and cwd are not touched after the start */
	char *name;            /* owned: argv[0], for sentences */
	struct proc_result result;
	int64_t started_us;
	pid_t pid;
	int asked_with; /* the last signal that asked it to end */
	bool ended, limit_reached, cancelled, timed_out;
	char buffer[READ_SIZE];
};

static struct proc *proc_of(const void *handle)
{
	return ((const uv_handle_t *)handle)->loop->data;
}

static void flush_partial(struct line_reader *reader)
{
	if (reader->partial.len > 0)
		reader->fn(reader->data, reader->partial.buf, reader->partial.len);
	str_reset(&reader->partial);
}

static void take_bytes(struct line_reader *reader, const char *bytes, size_t n)
{
	while (n > 0) {
		const char *newline = memchr(bytes, '\n', n);
		size_t part = newline ? (size_t)(newline - bytes) : n;

		str_add_n(&reader->partial, bytes, part);
		if (!newline)
			return;
		reader->fn(reader->data, reader->partial.buf, reader->partial.len);
		str_reset(&reader->partial);
		bytes += part + 1;
		n -= part + 1;
	}
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct proc *proc = proc_of(handle);

	(void)suggested;
	*ret = uv_buf_init(proc->buffer, sizeof(proc->buffer));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct line_reader *reader = stream->data;

	if (n < 0) {
		uv_read_stop(stream);
		return;
	}
	reader->got_bytes = n > 0;
	take_bytes(reader, buf->base, (size_t)n);
}

static void on_exit_seen(uv_process_t *process, int64_t status, int signal)
{
	struct proc *proc = proc_of(process);

	proc->ended = true;
	proc->result.ended_us = clock_us();
	proc->result.ms = (proc->result.ended_us - proc->started_us) / 1000;
	proc->result.signalled = signal != 0;
	proc->result.status = signal ? signal : (int)status;
	uv_stop(&proc->loop);
}

static void signal_group(struct proc *proc, int signal)
{
	if (!proc->ended && kill(-proc->pid, signal) < 0)
		kill(proc->pid, signal);
}

static void on_escalate(uv_timer_t *timer)
{
	struct proc *proc = proc_of(timer);

	proc->asked_with = proc->asked_with == SIGINT ? SIGTERM : SIGKILL;
	signal_group(proc, proc->asked_with);
}

static void ask_to_end(struct proc *proc, int signal)
{
	proc->asked_with = signal;
	signal_group(proc, signal);
	uv_timer_start(&proc->escalate, on_escalate, ESCALATE_AFTER_MS, ESCALATE_AFTER_MS);
}

static void on_cancel(uv_poll_t *poll, int status, int events)
{
	struct proc *proc = proc_of(poll);

	(void)status;
	(void)events;
	uv_poll_stop(poll);
	proc->cancelled = true;
	ask_to_end(proc, SIGINT);
}

static void on_tick(uv_timer_t *timer)
{
	struct proc *proc = proc_of(timer);

	proc->spec.on_tick(proc->spec.data);
}

static void on_spec_timeout(uv_timer_t *timer)
{
	struct proc *proc = proc_of(timer);

	proc->timed_out = true;
	ask_to_end(proc, SIGTERM);
}

static void on_limit(uv_timer_t *timer)
{
	struct proc *proc = proc_of(timer);

	proc->limit_reached = true;
	uv_stop(&proc->loop);
}

static void reader_init(struct proc *proc, struct line_reader *reader, proc_line_fn *fn)
{
	uv_pipe_init(&proc->loop, &reader->pipe, 0);
	reader->pipe.data = reader;
	reader->fn = fn;
	reader->data = proc->spec.data;
}

static void fill_stdio(struct proc *proc, uv_stdio_container_t stdio[3])
{
	struct line_reader *readers[] = { NULL, &proc->out, &proc->err };

	stdio[0].flags = proc->spec.input_fd > 2 ? UV_INHERIT_FD : UV_IGNORE;
	stdio[0].data.fd = proc->spec.input_fd;
	for (int i = 1; i < 3; i++) {
		if (proc->spec.output_fd > 2) {
			stdio[i].flags = UV_INHERIT_FD;
			stdio[i].data.fd = proc->spec.output_fd;
		} else if (readers[i]->fn) {
			stdio[i].flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE;
			stdio[i].data.stream = (uv_stream_t *)&readers[i]->pipe;
		} else {
			stdio[i].flags = UV_IGNORE;
		}
	}
}

static void reader_start(struct line_reader *reader, bool piped)
{
	if (!piped || !reader->fn)
		return;
	reader->open = true;
	uv_read_start((uv_stream_t *)&reader->pipe, on_alloc, on_read);
}

static int spawn(struct proc *proc)
{
	CLEANUP(strvec_clear) struct strvec env = { 0 };
	uv_stdio_container_t stdio[3];
	uv_process_options_t options = {
		.exit_cb = on_exit_seen,
		.file = proc->spec.argv[0],
		.args = (char **)proc->spec.argv,
		.env = (char **)proc->spec.env,
		.cwd = proc->spec.cwd,
		.flags = UV_PROCESS_DETACHED,
		.stdio_count = 3,
		.stdio = stdio,
	};

	fill_stdio(proc, stdio);
	if (!options.env) {
		proc_environment(&env);
		options.env = env.v;
	}
	if (proc->spec.uid != 0) {
		options.flags |= UV_PROCESS_SETUID | UV_PROCESS_SETGID;
		options.uid = proc->spec.uid;
		options.gid = proc->spec.gid;
	}
	return uv_spawn(&proc->loop, &proc->process, &options);
}

static void init_handles(struct proc *proc)
{
	int fd = cancel_fd(proc->spec.cancel);

	uv_timer_init(&proc->loop, &proc->tick);
	uv_timer_init(&proc->loop, &proc->limit);
	uv_timer_init(&proc->loop, &proc->escalate);
	reader_init(proc, &proc->out, proc->spec.on_stdout);
	reader_init(proc, &proc->err, proc->spec.on_stderr);
	proc->polls_cancel = fd >= 0 && uv_poll_init(&proc->loop, &proc->cancel_poll, fd) == 0;
}

static void start_handles(struct proc *proc)
{
	reader_start(&proc->out, proc->spec.output_fd <= 2);
	reader_start(&proc->err, proc->spec.output_fd <= 2);
	if (proc->spec.on_tick && proc->spec.tick_ms > 0)
		uv_timer_start(&proc->tick, on_tick, proc->spec.tick_ms, proc->spec.tick_ms);
	if (proc->spec.timeout_ms > 0)
		uv_timer_start(&proc->limit, on_spec_timeout, proc->spec.timeout_ms, 0);
	if (proc->polls_cancel)
		uv_poll_start(&proc->cancel_poll, UV_READABLE, on_cancel);
}

int proc_start(const struct proc_spec *spec, struct proc **ret, struct err *err)
{
	CLEANUP(proc_freep) struct proc *proc = xcalloc(1, sizeof(*proc));
	int r = uv_loop_init(&proc->loop);

	if (r < 0) {
		free(TAKE_PTR(proc));
		return err_set(err, r, "cannot make an event loop");
	}
	proc->loop.data = proc;
	proc->spec = *spec;
	proc->name = xstrdup(spec->argv[0]);
	init_handles(proc);
	proc->started_us = clock_us();
	r = spawn(proc);
	if (r < 0) {
		proc->ended = true;
		if (r == -ENOENT && spec->cwd && access(spec->cwd, X_OK) < 0)
			return err_set(err, r, "cannot run '%s' in folder '%s'", spec->argv[0], spec->cwd);
		return err_set(err, r, "cannot run '%s'", spec->argv[0]);
	}
	proc->pid = proc->process.pid;
	if (spec->on_start)
		spec->on_start(spec->data, proc->pid);
	start_handles(proc);
	*ret = TAKE_PTR(proc);
	return 0;
}

pid_t proc_pid(const struct proc *proc)
{
	return proc->pid;
}

/* What the child wrote before its end is in the pipes already; a grandchild that keeps them open must not keep us. */
static void drain(struct proc *proc)
{
	do {
		proc->out.got_bytes = proc->err.got_bytes = false;
		uv_run(&proc->loop, UV_RUN_NOWAIT);
	} while (proc->out.got_bytes || proc->err.got_bytes);
	if (proc->out.open)
		flush_partial(&proc->out);
	if (proc->err.open)
		flush_partial(&proc->err);
	uv_timer_stop(&proc->tick);
	uv_timer_stop(&proc->escalate);
	if (proc->polls_cancel)
		uv_poll_stop(&proc->cancel_poll);
}

int proc_wait(struct proc *proc, uint32_t timeout_ms, struct proc_result *ret, struct err *err)
{
	bool was_ended = proc->ended;

	proc->limit_reached = false;
	if (timeout_ms > 0)
		uv_timer_start(&proc->limit, on_limit, timeout_ms, 0);
	while (!proc->ended && !proc->limit_reached)
		uv_run(&proc->loop, UV_RUN_ONCE);
	uv_timer_stop(&proc->limit);
	if (!proc->ended)
		return err_set(err, -ETIMEDOUT, "process %d did not end within %u ms!", (int)proc->pid, timeout_ms);
	if (!was_ended)
		drain(proc);
	*ret = proc->result;
	if (proc->cancelled)
		return err_set(err, -ECANCELED, "interrupted!");
	if (proc->timed_out)
		return err_set(err, -ETIMEDOUT, "'%s' did not end within %u ms and was ended!", proc->name, proc->spec.timeout_ms);
	return 0;
}

int proc_run(const struct proc_spec *spec, struct proc_result *ret, struct err *err)
{
	CLEANUP(proc_freep) struct proc *proc = NULL;
	int r = proc_start(spec, &proc, err);

	if (r < 0)
		return r;
	return proc_wait(proc, 0, ret, err);
}

static void on_ready_event(uv_poll_t *poll, int status, int events)
{
	uv_os_fd_t fd;

	(void)status;
	(void)events;
	if (uv_fileno((const uv_handle_t *)poll, &fd) == 0)
		proc_event_take(fd);
}

static int wait_ready_loop(struct proc *proc, bool (*ready)(void *data), void *data, uint32_t timeout_ms, const struct cancel *cancel,
			   struct err *err)
{
	proc->limit_reached = false;
	uv_timer_start(&proc->limit, on_limit, timeout_ms, 0);
	for (;;) {
		if (ready(data))
			return 1;
		if (proc->ended)
			return 0;
		if (cancel_requested(cancel))
			return err_set(err, -ECANCELED, "interrupted!");
		if (proc->limit_reached)
			return err_set(err, -ETIMEDOUT, "'%s' was not ready within %u ms!", proc->name, timeout_ms);
		uv_run(&proc->loop, UV_RUN_ONCE);
	}
}

/* A descriptor that ends a uv_run(); the loop that called it looks what happened. */
struct waker {
	uv_poll_t poll;
	bool used, closed;
};

static int waker_start(struct proc *proc, struct waker *waker, int fd, int events)
{
	int r = uv_poll_init(&proc->loop, &waker->poll, fd);

	if (r < 0)
		return r;
	waker->used = true;
	waker->poll.data = waker;
	return uv_poll_start(&waker->poll, events, on_ready_event);
}

static void on_waker_closed(uv_handle_t *handle)
{
	((struct waker *)handle->data)->closed = true;
}

static void waker_close(struct proc *proc, struct waker *waker)
{
	if (!waker->used)
		return;
	uv_close((uv_handle_t *)&waker->poll, on_waker_closed);
	while (!waker->closed)
		uv_run(&proc->loop, UV_RUN_NOWAIT);
}

int proc_wait_ready(struct proc *proc, int fd, bool (*ready)(void *data), void *data, uint32_t timeout_ms, const struct cancel *cancel,
		    struct err *err)
{
	struct waker event = { 0 }, cancelled = { 0 };
	int r = waker_start(proc, &event, fd, proc_event_mask());

	if (r == 0 && cancel)
		r = waker_start(proc, &cancelled, cancel_fd(cancel), UV_READABLE);
	if (r < 0)
		err_set(err, r, "cannot wait for what process %d does", (int)proc->pid);
	else
		r = wait_ready_loop(proc, ready, data, timeout_ms, cancel, err);
	uv_timer_stop(&proc->limit);
	waker_close(proc, &event);
	waker_close(proc, &cancelled);
	return r;
}

uv_loop_t *proc_loop(struct proc *proc)
{
	return &proc->loop;
}

bool proc_has_ended(const struct proc *proc, struct proc_result *ret)
{
	if (proc->ended)
		*ret = proc->result;
	return proc->ended;
}

void proc_signal(struct proc *proc, int signal)
{
	signal_group(proc, signal);
}

static void close_handle(uv_handle_t *handle, void *unused)
{
	(void)unused;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void proc_free(struct proc *proc)
{
	if (!proc)
		return;
	uv_walk(&proc->loop, close_handle, NULL);
	uv_run(&proc->loop, UV_RUN_DEFAULT);
	uv_loop_close(&proc->loop);
	str_clear(&proc->out.partial);
	str_clear(&proc->err.partial);
	free(proc->name);
	free(proc);
}

void proc_freep(struct proc **proc)
{
	proc_free(*proc);
}

char *proc_describe(const struct proc_result *result)
{
	if (result->signalled)
		return xasprintf("was ended by signal %d (%s)", result->status, strsignal(result->status));
	return xasprintf("exited with %d", result->status);
}

void proc_open_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd) /* the lowest that is free; for children, too */
			_exit(EXIT_FAILURE);
}

void proc_environment(struct strvec *env)
{
	for (char **e = environ; e && *e; e++)
		if (!str_starts(*e, "GIT_"))
			strvec_add(env, *e);
}

void proc_environment_set(struct strvec *env, const char *name, const char *value)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < env->n; i++) {
		if (strncmp(env->v[i], name, n) == 0 && env->v[i][n] == '=') {
			free(env->v[i]);
			env->v[i] = xasprintf("%s=%s", name, value);
			return;
		}
	}
	strvec_addf(env, "%s=%s", name, value);
}
