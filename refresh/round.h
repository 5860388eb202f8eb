/* refresh/round - one run while it goes on; shared by run.c, inject.c and the files of the phases (make.c, put.c,
 * record.c, swap.c), and by nobody else.
 *
 * Sequence: each verb readies a round (look, records, plan), and refresh_swap_check() or refresh_outside_enter() says whether the image may be changed;
 *           refresh_round_carry_out() journals the run around what the verb does; refresh_round_clear(). All arrays with one element for each step of
 *           the plan are as long as plan.n_steps.
 * Image:    the transaction begins beside the builds (prepare) and is opened (txn) after them; or before the plan, when the image must be looked into
 *           first. The round owns both and gives back what was not committed. */
#ifndef REINJECT_REFRESH_ROUND_H
#define REINJECT_REFRESH_ROUND_H

#include "image/txn.h"
#include "journal/space.h"
#include "refresh/prepare.h"
#include "refresh/run.h"
#include "refresh/shared.h"
#include "refresh/stage.h"

struct refresh_put_file {
	char *owner; /* 'package NAME' */
	struct image_put put;
};

struct refresh_initfs;

struct refresh_round {
	struct refresh_session *session;
	const struct refresh_args *args;
	int64_t id;
	int64_t started_ms;
	struct watcher_look *look; /* the one that was planned on */
	char *commits;             /* owned; without a look: the sources' commits, for the journal; NULL: not known */
	struct refresh_plan plan;
	struct refresh_prepare *prepare; /* NULL: not begun */
	struct image_txn *txn;           /* NULL: not open */
	struct strvec extra_env;        /* REINJECT_* for custom commands */
	struct strvec expected;         /* files in the image that the plan's steps put there before */
	struct strvec machines;         /* VMs that run from the image as it was: 'qemu-system-x86_64 (process 4711)' */
	struct refresh_staged *staged;  /* as plan.steps */
	struct refresh_put_file *files; /* every file that was put, written or identical */
	size_t n_files, cap_files;
	bool *is_put;     /* as plan.steps: all its files are in the image */
	bool *edited;     /* as plan.steps: its sources changed while it was being built */
	struct refresh_record *verdicts; /* owned; beside those of the steps, what the swap makes true (rollback) */
	size_t n_verdicts, cap_verdicts;
	struct refresh_initfs *initfs; /* owned; NULL: the initfs is not touched */
	struct strvec subjects; /* what it was about beside the steps (adopt, rollback): 'package NAME' */
	struct journal_space space; /* of refresh/space; size 0: nobody knows */
	bool is_whole;              /* the image was replaced as a whole */
	bool is_left;               /* one of the files was left in the image as somebody else had made it */
	int64_t after_us;      /* the last build's end */
	unsigned int n_shared; /* files written into the share */
	struct refresh_shared shared; /* notes of all that is in it */
	unsigned int n_failed;
	char *first_failure; /* 'netd: cargo exited with 101' */
};

void refresh_round_clear(struct refresh_round *round);

/** Sends @event with the round's number. */
void refresh_round_send(const struct refresh_round *round, struct refresh_event event);

/** What the swap makes true of @subject beside the steps. */
void refresh_round_add_verdict(struct refresh_round *round, const char *subject, const char *fingerprint, const char *state);

/** Says which subjects it holds, if any. */
void refresh_round_tell_held(const struct refresh_round *round);

/** -ECANCELED once a signal asked. */
int refresh_round_interrupted(const struct refresh_round *round, struct err *err) MUST_CHECK;

/** The subject of step number @step as the journal names it: 'package NAME', 'asset NAME', 'file'. */
const char *refresh_round_owner(const struct refresh_round *round, size_t step);

/** Something of this run failed, @why: what has nothing to do with it goes on. @name: whose it is. */
void refresh_round_note_failure(struct refresh_round *round, const char *name, const char *why);

/** Step number @i failed, @why; the others go on. */
void refresh_round_fail(struct refresh_round *round, size_t i, const char *why);

/** The names of the plan's packages (assets are none), or only of those that were put, with blanks between; the caller frees it. */
char *refresh_round_packages(const struct refresh_round *round, bool only_put) MUST_CHECK;

/** What a run does between its beginning and its end. round->id is its number, and the arrays are there. */
typedef int refresh_round_fn(struct refresh_round *round, void *data, struct err *err);

/** The run itself: its row, pending; @work; the row's end, and DONE. Returns what @work does, or why that could not be journaled; @ret on 0. */
int refresh_round_carry_out(struct refresh_round *round, refresh_round_fn *work, void *data, enum refresh_result *ret, struct err *err) MUST_CHECK;

/** Builds and stages everything (make.c). Stops early when the image's part has failed: why is refresh_swap_put()'s to say. */
int refresh_make_all(struct refresh_round *round, struct err *err) MUST_CHECK;

/** Adds what is in the image now to round->files, which takes over @put's path. */
void refresh_round_add_file(struct refresh_round *round, const char *owner, const struct image_put *put);

/** True when anything was staged. */
bool refresh_make_any(const struct refresh_round *round);

/** Refuses an image that somebody may write (-EBUSY), and remembers the machines that run from it (swap.c). Before the run begins, so that nobody waits for
 * cargo to hear it, and no run is journaled that was none. */
int refresh_swap_check(struct refresh_round *round, struct err *err) MUST_CHECK;

/** Starts the transaction beside the builds, unless it had better wait. */
int refresh_swap_prepare(struct refresh_round *round, struct err *err) MUST_CHECK;

/** Waits until the transaction is open, and makes sure that the image is the one that the session was opened with. */
int refresh_swap_open(struct refresh_round *round, struct err *err) MUST_CHECK;

/** Puts what was staged, removes what is gone, proves it, swaps; or leaves the image alone when it has all of it. */
int refresh_swap_put(struct refresh_round *round, struct err *err) MUST_CHECK;

/** The last part of it: when anything was written, proves and swaps. */
int refresh_swap_finish(struct refresh_round *round, struct err *err) MUST_CHECK;

struct image_whole;
/** The same with an image that was made as a whole: seals, journals, swaps; consumes *@whole on success. */
int refresh_swap_whole(struct refresh_round *round, struct image_whole **whole, struct err *err) MUST_CHECK;

/** Puts every staged file at every place (put.c). A package goes in whole or not at all; one that has no place to go is failed and leaves the others
 * alone; any other failure is the image's, and returned. */
int refresh_put_all(struct refresh_round *round, struct err *err) MUST_CHECK;

/** True for an error that is about one destination; everything else is about the image, and stops the run (put.c). */
bool refresh_round_concerns_place(int r);

/** Removes what the plan says is gone, if it is still ours by its content (remove.c). */
int refresh_remove_all(struct refresh_round *round, struct err *err) MUST_CHECK;

/** Marks the steps whose sources were changed while cargo ran (record.c): what was put may hold the edit or not, so it proves nothing and is not recorded. */
int refresh_record_edited(struct refresh_round *round, struct err *err) MUST_CHECK;

/** Records the fingerprints of what did not build, so that it is not tried again until it changes. */
int refresh_record_failed(struct refresh_round *round, struct err *err) MUST_CHECK;

/** Before the share is written: of whose files it has, nothing is known until this run records it, which may fail in between. */
int refresh_record_sharing(struct refresh_round *round, struct err *err) MUST_CHECK;

/** Records what went into the share alone, when the round has no part for the image. */
int refresh_record_shared(struct refresh_round *round, struct err *err) MUST_CHECK;

/** Records what was found in the image already. */
int refresh_record_identical(struct refresh_round *round, struct err *err) MUST_CHECK;

/** Writes what the swap is about to make true: files, fingerprints, the identity of the @shadow. */
int refresh_record_swap(struct refresh_round *round, const struct image_identity *shadow, struct err *err) MUST_CHECK;

#endif
