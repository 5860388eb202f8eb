/* night/night - the unattended refresh: what is committed goes into the image, the image is checked and booted, and one that does not boot does not stay.
 *
 * Sequence: night_run(), all of a night; or night_preview(), what it would do.
 * Course:   HEAD of every source, built apart from the work tree (refresh/isolate), in one run; with nothing stale the night ends there. Then a deep check
 *           (image/check) and, with [nightly] boot, a boot (boot/machine), whose machine is asked to end. The image's lock is held all the time: a second
 *           night ends with -EBUSY.
 * Verdict:  good when a boot is up. Bad only when [nightly] attempts boots in a row failed at the same line of the console; other lines each time, or up
 *           after a failure, is flaky: nothing is taken back then. A machine that never said a word is the host's trouble, not the image's.
 * Bad:      with on_boot_failure = rollback IMAGE.good takes the image's place (refresh/restore), which holds what was new until it changes or is asked
 *           for; then it is booted as the control. If that fails too, it is the host or the guest and no package: the exchange is taken back, with what
 *           it held. Without an IMAGE.good the image stays.
 * Limits:   a boot has those of boot/machine; [nightly] max_boots boots in all. Which of several new packages is at fault is not searched for.
 * After it: the report ([nightly] report), and on_failure for a night that was not good (refresh/notify). */
#ifndef REINJECT_NIGHT_NIGHT_H
#define REINJECT_NIGHT_NIGHT_H

#include "refresh/run.h"

struct night_args {
	struct cancel *cancel;
	refresh_event_fn *on_event;
	void *data;
};

enum night_result {
	NIGHT_NOTHING, /* nothing was stale: nothing built, checked or booted */
	NIGHT_GOOD,    /* what was put is whole, and has booted where that is wanted */
	NIGHT_FAILED,  /* something did not build; what did is whole, and has booted where that is wanted */
	NIGHT_BAD,     /* the image was damaged or did not boot */
	NIGHT_FLAKY,   /* it did not boot, each time for another reason */
	NIGHT_HOST,    /* no machine came to life, or the last good image does not boot either */
};

/** 0 with @ret for a night that came to its end; -EBUSY (class ERR_BUSY) when somebody has the image; -ECANCELED; other -errno when the refresh as a whole
 * could not be done. */
int night_run(const struct config *config, const struct night_args *args, enum night_result *ret, struct err *err) MUST_CHECK;

/** Looks at HEAD and plans, without doing anything; sends CHANGE, PLAN and notes on what would follow. */
int night_preview(const struct config *config, const struct night_args *args, struct err *err) MUST_CHECK;

#endif
