/* base/proc - child processes: a filled struct with an argv, never a shell string; never started, exited and signalled are three results.
 *
 * Built on libuv. Every child gets a loop of its own, so that a thread that prepares an image and the one that follows cargo do not meet; from
 * outside all is plain blocking code with limits.
 *
 * Sequence: proc_run() for a child that is waited for; or proc_start(), proc_wait_ready() / proc_wait() any number of times, proc_free().
 * Children: each is the leader of a session and process group of its own, so that the terminal's Ctrl-C reaches us alone and we decide who is
 *           asked to end, and in which order. Standard input is /dev/null. No descriptor above 2 is inherited (see proc_seal_descriptors).
 * Threads:  one struct proc is used by one thread at a time.
 * Ownership: the strings of a spec are borrowed until the child has started, its callbacks' data until it has ended. proc_free() never kills: a
 *           child that still runs is left alone, and the next start finds it through the journal. */
#ifndef REINJECT_BASE_PROC_H
#define REINJECT_BASE_PROC_H

#include "base/cancel.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** One line of output without its newline; @line is NUL-terminated and dies on return. */
typedef void proc_line_fn(void *data, const char *line, size_t n);

struct proc_spec {
	char *const *argv;                       /* ended by NULL; argv[0] is looked up on the PATH of @env unless it has a slash */
	char *const *env;                        /* ended by NULL; NULL: proc_environment() */
	const char *cwd;                         /* NULL: ours */
	uid_t uid;                               /* 0: ours; otherwise the child runs as this user, with no other group than @gid: see base/sudo */
	gid_t gid;
	int input_fd;                            /* > 2: standard input comes from there; otherwise from /dev/null */
	int output_fd;                           /* > 2: standard output and error both go there; then no lines are read */
	proc_line_fn *on_stdout;                 /* NULL: /dev/null */
	proc_line_fn *on_stderr;                 /* NULL: /dev/null */
	void (*on_tick)(void *data);             /* called every @tick_ms while we wait, for a progress line */
	void (*on_start)(void *data, pid_t pid); /* called at once after the start, for the journal */
	void *data;                              /* handed to all of them */
	uint32_t tick_ms;
	uint32_t timeout_ms;   /* 0: none. Beyond it the group gets TERM, 5 s later KILL, and the result is -ETIMEDOUT */
	struct cancel *cancel; /* may be NULL. When asked: INT to the group, TERM after 5 s, KILL after 10 s, result -ECANCELED */
};

struct proc_result {
	bool signalled; /* ended by signal @status, otherwise exited with @status */
	int status;
	int64_t ms;       /* how long it ran */
	int64_t ended_us; /* clock_us() at the moment its end was seen */
};

struct proc;

/** Runs a child to its end. Returns 0 when it ended by itself, whatever its status; -ENOENT, -EACCES ... when it never started; -ETIMEDOUT;
 * -ECANCELED. */
int proc_run(const struct proc_spec *spec, struct proc_result *ret, struct err *err) MUST_CHECK;

/** Starts a child that goes on beside us. */
int proc_start(const struct proc_spec *spec, struct proc **ret, struct err *err) MUST_CHECK;

pid_t proc_pid(const struct proc *proc);

/** Waits until the child has ended, at most @timeout_ms (0: no limit; then the spec's cancel and timeout count). -ETIMEDOUT leaves it running
 * when the limit was this call's own. */
int proc_wait(struct proc *proc, uint32_t timeout_ms, struct proc_result *ret, struct err *err) MUST_CHECK;

/** Waits until @ready(@data) is true, asked at first and after each event of @fd: a priority event (POLLPRI), which is how /proc/self/mountinfo tells
 * of a change; on macOS, where @fd is a kqueue, any of it. Returns 1 when ready; 0 when the child ended before; -ETIMEDOUT after @timeout_ms; -ECANCELED when @cancel asked. @cancel (may be NULL) is
 * for this wait alone and must be another than the spec's, which asks the child to end. The child runs on unless it ended. */
int proc_wait_ready(struct proc *proc, int fd, bool (*ready)(void *data), void *data, uint32_t timeout_ms, const struct cancel *cancel,
		    struct err *err) MUST_CHECK;

/** The loop that the child's end is seen on, for whoever has more to wait for: turn it with uv_run(), and ask proc_has_ended() after each turn. Handles
 * that are added to it are closed by proc_free(), and must live until then. */
struct uv_loop_s *proc_loop(struct proc *proc);
/** True, with its result, once its end was seen. */
bool proc_has_ended(const struct proc *proc, struct proc_result *ret);

/** Sends @signal to the child's whole group; harmless when it has ended. */
void proc_signal(struct proc *proc, int signal);

/** Frees the handle; takes NULL. The child is not killed. */
void proc_free(struct proc *proc);
void proc_freep(struct proc **proc); /* for CLEANUP */

/** 'exited with 101' or 'was ended by signal 9'; the caller frees it. */
char *proc_describe(const struct proc_result *result) MUST_CHECK;

/** Adds our environment to @env as NAME=VALUE, without GIT_*: a build that inherits GIT_INDEX_FILE from a hook damages another repository. */
void proc_environment(struct strvec *env);
/** Sets NAME=VALUE in @env, replacing an earlier NAME. */
void proc_environment_set(struct strvec *env, const char *name, const char *value);

/** Opens /dev/null for whichever of the first three descriptors is closed, so that no file that is opened later takes its place and is printed into.
 * Called once in main(), before anything is opened. */
void proc_open_standard(void);

/** Marks every descriptor above 2 close-on-exec: what our own parent left open must not live on in a mount daemon. Called once in main(). */
void proc_seal_descriptors(void);

/** When process @pid was started, in a unit that only compares; 0 when there is none. Together they name a process for good. */
uint64_t proc_start_time(pid_t pid);

/** The name that ps shows for @pid; empty when the system does not tell. */
void proc_name_of(pid_t pid, char *ret, size_t size);

/** Ends a process that a crash of ours left behind, if @pid is still the one started at @start_time: @signal to its group, KILL after
 * @limit_ms, then waits for its end. Returns 1 when something was ended, 0 when there was nothing. */
int proc_end_stray(pid_t pid, uint64_t start_time, int signal, uint32_t limit_ms, struct err *err) MUST_CHECK;

/** Waits for the end of @pid, which need not be a child, at most @limit_ms. 0 or -ETIMEDOUT. */
int proc_wait_gone(pid_t pid, uint32_t limit_ms) MUST_CHECK;

/** For proc_wait_ready() alone: what libuv waits for on its descriptor, and what takes an event out of it. */
int proc_event_mask(void);
void proc_event_take(int fd);

#endif
