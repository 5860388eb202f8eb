/* boot/internal - what the files that make up boot/machine.h share: machine.c (from the arguments to the journal), setup.c (the configuration as
 * this needs it), follow.c (the loop and what the console's lines mean), stop.c (how a machine is asked to end). */
#ifndef REINJECT_BOOT_INTERNAL_H
#define REINJECT_BOOT_INTERNAL_H

#include "base/proc.h"
#include "boot/machine.h"
#include "boot/console.h"
#include "boot/lines.h"

#include <regex.h>
#include <uv.h>

struct boot_pattern {
	char *text; /* owned; NULL: none */
	regex_t regex;
};

struct boot_setup_check {
	char *name;
	struct strvec lines;
	struct boot_pattern expect;
	bool required;
	int64_t timeout_ms;
};

/** [boot] and [check *], expanded and compiled. */
struct boot_setup {
	struct strvec argv, env;
	char *console, *monitor; /* monitor: the path of `stop`; NULL */
	struct boot_pattern ready, failure, record;
	int64_t timeout_ms, scale;
	int exit_ok, exit_failed; /* -1: not said */
	struct boot_setup_check *checks;
	size_t n_checks, checks_cap;
};

/** What the configuration says of booting @image, with patterns compiled and places made absolute. -EINVAL, class ERR_USAGE, for one that cannot be used. */
int boot_setup_load(const struct boot_args *args, const char *image, struct boot_setup *ret, struct err *err) MUST_CHECK;
void boot_setup_clear(struct boot_setup *setup);
/** False for a pattern that is none. */
bool boot_matches(const struct boot_pattern *pattern, const char *line);

enum boot_phase { BOOT_BOOTING, BOOT_CHECKING, BOOT_FOLLOWING, BOOT_STOPPING, BOOT_OVER };

struct boot_machine {
	const struct boot_args *args;
	struct boot_setup setup;
	struct boot_verdict *verdict;
	struct boot_console *console;    /* owned */
	struct proc *program;            /* owned */
	pid_t group;                     /* the program's; it is given away when the program has started */
	int log;                         /* owned */
	char *image;                     /* owned */
	uint64_t dev, ino;               /* of its file when the boot began; the name may lead to another by now */
	struct boot_lines lines;
	uv_poll_t readable, cancelled, typed;
	uv_timer_t tick;
	bool polls_console;

	enum boot_phase phase;
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
int boot_follow(struct boot_machine *machine, struct err *err) MUST_CHECK;
/** True as long as something of what was started can be seen to live. */
bool boot_lives(struct boot_machine *machine);
/** Turns the loop until @done, or @limit_ms: false then. */
bool boot_wait(struct boot_machine *machine, bool (*done)(struct boot_machine *machine), int64_t limit_ms);
/** Asks a machine that an earlier boot has left at the same place, with processes of @group, to end by the monitor, and waits for it. */
void boot_end_other(const struct boot_machine *machine, pid_t group);
/** -EBUSY when somebody answers at the monitor before the boot: a machine of somebody else's, which would be told to end with ours. */
int boot_check_monitor(const struct boot_machine *machine, struct err *err) MUST_CHECK;
/** Asks the machine to end, and waits for it. */
void boot_stop(struct boot_machine *machine);
/** After the machine's end: waits, for seconds at most, until nobody answers at its console and its monitor. */
void boot_leave(struct boot_machine *machine);

#endif
