/* night/night - the unattended refresh: what is committed goes into the image, the image is checked and booted, and what does not boot does not stay.
 *
 * Sequence: night_run(), all of a night, then night_summary_clear(); or night_preview(), what it would do.
 * Course:   HEAD of every source, built apart from the work tree (refresh/isolate), in one run; with nothing stale the night ends there, unless the last one
 *           was interrupted or ended in an error: then what it has left is proved. Room that replaced files have leaked is got back past [image]
 *           leak_limit_mb (refresh/compact). Then a deep check (image/check) and, with [nightly] boot, a boot (boot/machine), whose machine is asked to
 *           end. The image's lock is held all the time: a second night ends with -EBUSY.
 * Verdict:  an image is up when a boot of it is. It is bad only when [nightly] attempts boots in a row failed at the same line of the console; other
 *           lines each time are flaky, and so is a line at which another image has failed and then come up (night/boots).
 * Bad:      with on_boot_failure = rollback IMAGE.good takes the image's place (refresh/restore) and is booted as the control. If that fails too, it is the
 *           host or the guest and no package: the exchange is taken back. Otherwise the culprits are searched for (night/hunt): each trial is the good
 *           image with some of what was new, made beside the image and booted. What is not at fault is kept, in the very file that was booted last;
 *           the culprits are held until they change or are asked for by name. Without an IMAGE.good the image stays as it is.
 * Doubt:    a flaky night, and one that has spent [nightly] max_boots or timeout_s, ends with the good image, and holds nothing.
 * After it: a row of the journal (journal/nights), the report ([nightly] report), and on_failure for a night that was not good (refresh/notify). */
#ifndef REINJECT_NIGHT_NIGHT_H
#define REINJECT_NIGHT_NIGHT_H

#include "refresh/run.h"

#include <jansson.h>

struct night_args {
	struct cancel *cancel;
	refresh_event_fn *on_event;
	void *data;
};

enum night_result {
	NIGHT_NOTHING,  /* nothing was stale: nothing built, checked or booted */
	NIGHT_GOOD,     /* what was put is whole, and has booted where that is wanted */
	NIGHT_FAILED,   /* something did not build; what did is whole, and has booted where that is wanted */
	NIGHT_CULPRITS, /* something keeps the image from booting, and is held; the rest is in it, and has booted */
	NIGHT_BAD,      /* the image is damaged or does not boot, and nobody could be named */
	NIGHT_FLAKY,    /* it does not boot each time, or each time for another reason */
	NIGHT_SPENT,    /* max_boots or timeout_s came before a verdict */
	NIGHT_HOST,     /* no machine came to life, or the last good image does not boot either */
};
/** 'nothing', 'good', 'failed', 'culprits', 'bad', 'flaky', 'spent', 'host'. */
const char *night_result_name(enum night_result result);

/** All strings are owned. */
struct night_culprit {
	struct strvec subjects; /* what belongs together: 'package netd' */
	struct strvec commits;  /* since the good image: '1a2b3c4d what it says' */
	char *line;             /* of the console, that decided; or why the boot failed */
	char *log;              /* of a boot with it */
	struct strvec last_lines;
};

/** 'netd inputd' for 'package netd' and 'package inputd'; the caller frees it. */
char *night_names(const struct strvec *subjects) MUST_CHECK;

struct night_summary {
	enum night_result result;
	char *text;        /* a sentence */
	int64_t id;        /* the journal's number of this night */
	int64_t run;       /* what put the stale packages; 0: nothing was stale */
	int64_t kept_run;  /* with culprits: what put the others back; 0: none */
	int64_t ms;
	uint32_t boots;  /* all of them, */
	uint32_t trials; /* and the different images among what was booted */
	bool compacted;
	struct night_culprit *culprits;
	size_t n_culprits, culprits_cap;
	struct strvec kept; /* with culprits: the names of those that are not at fault */
	struct strvec held; /* names that earlier nights or rollbacks hold, as they are at HEAD */
};
void night_summary_clear(struct night_summary *summary);
/** The same for a program, an object with "event": "night"; the caller owns it. */
json_t *night_summary_json(const struct night_summary *summary) MUST_CHECK;

/** [nightly] timeout_s: after so many seconds a night, or a bisect, goes no further. */
uint32_t night_limit_s(const struct config *config);
/** 0 with @ret for a night that came to its end; -EBUSY (class ERR_BUSY) when somebody has the image; -ECANCELED; other -errno when the refresh as a whole
 * could not be done. */
int night_run(const struct config *config, const struct night_args *args, struct night_summary *ret, struct err *err) MUST_CHECK;

/** Looks at HEAD and plans, without doing anything; sends CHANGE, PLAN and notes on what would follow. */
int night_preview(const struct config *config, const struct night_args *args, struct err *err) MUST_CHECK;

#endif
