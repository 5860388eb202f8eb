/* boot/machine - boots an image as [boot] says, follows its console, and gives a verdict that others can build on.
 *
 * Sequence: fill struct boot_args, boot_run(), read the verdict, boot_verdict_clear().
 * Course:   the program of [boot] command is started in the configuration's folder with RAW_IMG (the image), REINJECT_* and, as far as the configuration
 *           names them, SOCK, MONSOCK, SOCKET_DIR and SHARE. Its console (boot/console) is followed and kept, with what the program prints, in
 *           STATE/boots/N.log. A line that matches `failure` before the verdict means failed, one that matches `ready` that it is up; on the same line
 *           failure counts. Then the [check NAME] sections, in their order: lines are sent and a line is waited for, which must come after them (the
 *           echo of what was sent does not count); a required one that fails ends the checks, and the boot has failed.
 * Ends:     the program's end before ready is failed, unless its status is exit_ok. One that has put the machine into the background (socket, tmux, file) may
 *           end with 0: then the machine's own end counts, as far as it can be seen: the socket closed, the session gone, nobody left of its group.
 * Stopping: only a machine that this boot has started, and only asked: `quit` through the monitor (stop = monitor:PATH, HMP or QMP), else the escape of
 *           the console (Ctrl-A x), then tmux kill-session. What does not end then is left and told of; args->unattended ends it by signals to its own
 *           group. A pty cannot outlive us, so a machine there is always asked to end, at the latest when boot_run() returns.
 * Limits:   each wait has one, times [boot] timeout_scale: timeout_s for ready, timeout_s of a check, some seconds for a stop.
 * Journal:  a row before, the verdict with checks and numbers after it (journal/boots). After a boot that is up the image becomes IMAGE.good (image/good).
 * One:      at a time, for each state folder, by STATE/boots/lock: -EBUSY, class ERR_BUSY.
 * Threads:  blocks its own; it may be any, one boot each. It opens its own journal handle; hooks are called on it. To end it from another, request
 *           args->cancel. */
#ifndef REINJECT_BOOT_MACHINE_H
#define REINJECT_BOOT_MACHINE_H

#include "base/cancel.h"
#include "base/str.h"
#include "config/config.h"

#include <stdint.h>
#include <sys/types.h>

enum boot_result { BOOT_UP, BOOT_FAILED, BOOT_TIMEOUT };
/** 'up', 'failed', 'timeout'. */
const char *boot_result_name(enum boot_result result);

enum boot_check_result { BOOT_CHECK_OK, BOOT_CHECK_FAILED, BOOT_CHECK_SKIPPED };
/** 'ok', 'failed', 'skipped'. */
const char *boot_check_result_name(enum boot_check_result result);

struct boot_check {
	char *name;
	enum boot_check_result result; /* skipped: a required one before it failed, or the machine ended by itself and well */
	bool required;
	char *line; /* that answered; NULL */
	int64_t ms;
};

struct boot_number {
	char *name; /* what was matched, without the number: 'boot took' */
	double value;
};

struct boot_verdict {
	int64_t id;  /* the journal's number of this boot */
	int64_t run; /* the run that made the image; 0 when none is known */
	enum boot_result result;
	int64_t ms;                /* from the start to ready; or to the failure */
	pid_t group;               /* of the processes that were started */
	bool never_started;        /* failed, and the console never said a word: QEMU or the host, not the image */
	bool running;              /* the machine runs on */
	char *reason;              /* a sentence; NULL when it is up */
	char *failure_line;        /* of the console, that decided; NULL */
	struct strvec last_lines;  /* of the console, the newest last, without escape sequences */
	char *log;                 /* absolute path of all that was said */
	struct boot_check *checks; /* in the configuration's order */
	size_t n_checks, checks_cap;
	struct boot_number *numbers; /* each name once, the last value */
	size_t n_numbers, numbers_cap;
	struct strvec notes; /* sentences worth a warning: IMAGE.good could not be made, the machine did not end */
};
/** Takes a zeroed one, too. */
void boot_verdict_clear(struct boot_verdict *verdict);

/** All may be NULL. */
struct boot_hooks {
	void (*on_line)(void *data, const char *line);              /* each complete line of the console, as text */
	void (*on_bytes)(void *data, const char *bytes, size_t n);  /* the same as it came */
	void (*on_tick)(void *data, const char *doing, int64_t ms); /* some times a second: 'booting', 'check pci', 'ending', and since when */
	void (*on_verdict)(void *data, const struct boot_verdict *verdict); /* with `follow`: it is up, and goes on; `running` and IMAGE.good are
										       not settled */
	void *data;
};

struct boot_args {
	const struct config *config; /* borrowed, as all here */
	const char *image;           /* NULL: the configuration's; another becomes no IMAGE.good, unless keep_good */
	uint32_t timeout_s;          /* 0: [boot] timeout_s */
	bool stop;                   /* ask the machine to end after the verdict, whatever it is */
	bool follow;                 /* after `up`, go on until the machine ends or @cancel asks */
	pid_t replaces;              /* > 0: the group of a machine that an earlier boot has left running: it is asked to end first */
	bool unattended;             /* nobody is there to look after a machine that does not end */
	bool keep_good;              /* make IMAGE.good of @image when it is up */
	bool interactive;            /* what is typed at standard input goes to the console */
	struct cancel *cancel;       /* may be NULL */
	struct boot_hooks hooks;
};

/** Returns 0 with @ret for each of the three results; -errno when there is no verdict: -EINVAL, class ERR_USAGE, for a configuration that cannot be booted;
 * -EBUSY; -ECANCELED, after what was started was asked to end. */
int boot_run(const struct boot_args *args, struct boot_verdict *ret, struct err *err) MUST_CHECK;

/** That @args->config says all that a boot needs, and that its program is there; nothing is started. Class ERR_USAGE or ERR_ENVIRONMENT, with a hint. */
int boot_check(const struct boot_args *args, struct err *err) MUST_CHECK;

/** 'failed after 3.2 s: ...' for a person; the caller frees it. */
char *boot_say(const struct boot_verdict *verdict) MUST_CHECK;

#endif
