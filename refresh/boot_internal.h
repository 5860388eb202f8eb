/* refresh/boot_internal - what the files that make up refresh/boot.h share: boot.c (from the arguments to the journal), boot_setup.c (the configuration as
 * this needs it), boot_follow.c (the loop and what the console's lines mean), boot_stop.c (how a machine is asked to end). */
#ifndef REINJECT_REFRESH_BOOT_INTERNAL_H
#define REINJECT_REFRESH_BOOT_INTERNAL_H

#include "base/proc.h"
#include "refresh/boot.h"
#include "refresh/console.h"
#include "refresh/lines.h"

#include <regex.h>
#include <uv.h>

struct refresh_boot_pattern {
	char *text; /* owned; NULL: none */
	regex_t regex;
};

struct refresh_boot_setup_check {
	char *name;
	struct strvec lines;
	struct refresh_boot_pattern expect;
	bool required;
	int64_t timeout_ms;
};

/** [boot] and [check *], expanded and compiled. */
struct refresh_boot_setup {
	struct strvec argv, env;
	char *console, *monitor; /* monitor: the path of `stop`; NULL */
	struct refresh_boot_pattern ready, failure, record;
	int64_t timeout_ms, scale;
	int exit_ok, exit_failed; /* -1: not said */
	struct refresh_boot_setup_check *checks;
	size_t n_checks, checks_cap;
};

int refresh_boot_setup_load(const struct refresh_boot_args *args, const char *image, struct refresh_boot_setup *ret, struct err *err) MUST_CHECK;
void refresh_boot_setup_clear(struct refresh_boot_setup *setup);
/** False for a pattern that is none. */
bool refresh_boot_matches(const struct refresh_boot_pattern *pattern, const char *line);

enum refresh_boot_phase { REFRESH_BOOT_BOOTING, REFRESH_BOOT_CHECKING, REFRESH_BOOT_FOLLOWING, REFRESH_BOOT_STOPPING, REFRESH_BOOT_OVER };

struct refresh_boot_machine {
	const struct refresh_boot_args *args;
	struct refresh_boot_setup setup;
	struct refresh_boot_verdict *verdict;
	struct refresh_console *console; /* owned */
	struct proc *program;            /* owned */
	pid_t group;                     /* the program's; it is given away when the program has started */
	int log;                         /* owned */
	char *image;                     /* owned */
	struct refresh_lines lines;
	uv_poll_t readable, cancelled, typed;
	uv_timer_t tick;
	bool polls_console, polls_cancel, polls_typed;

	enum refresh_boot_phase phase;
	int64_t started_ms, phase_ms, deadline_ms;
	bool decided;   /* the verdict's result is there */
	bool is_cancelled;
	bool program_ended; /* and this is known */
	struct proc_result program_result;
	int64_t program_ended_ms;
	size_t check;             /* which one goes on */
	size_t echo;              /* how many of its lines were seen to come back */
	int64_t check_ms;         /* when it began */
	uint64_t seen;            /* number of the line that is looked at */
	size_t skip;              /* of the line `seen`: so many bytes were looked at before, or are echo */
	struct strvec tail;       /* the last lines */
	bool said_anything;       /* the console did */
	bool console_ended;
	int64_t console_ended_ms;
	int64_t told_ms; /* when on_tick was called */
	unsigned int ticks;
};

/** Runs the machine until a verdict, or its end with args->follow. */
int refresh_boot_follow(struct refresh_boot_machine *machine, struct err *err) MUST_CHECK;
/** True as long as something of what was started can be seen to live. */
bool refresh_boot_lives(struct refresh_boot_machine *machine);
/** Turns the loop until @done, or @limit_ms: false then. */
bool refresh_boot_wait(struct refresh_boot_machine *machine, bool (*done)(struct refresh_boot_machine *machine), int64_t limit_ms);
/** Asks a machine that an earlier boot has left at the same place, with processes of @group, to end by the monitor, and waits for it. */
void refresh_boot_end_other(const struct refresh_boot_machine *machine, pid_t group);
/** -EBUSY when somebody answers at the monitor before the boot: a machine of somebody else's, which would be told to end with ours. */
int refresh_boot_check_monitor(const struct refresh_boot_machine *machine, struct err *err) MUST_CHECK;
/** Asks the machine to end, and waits for it. */
void refresh_boot_stop(struct refresh_boot_machine *machine);

#endif
