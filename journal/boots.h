/* journal/boots - what was booted, and how it went: the tables `boot`, `boot_check`, `boot_number`.
 *
 * A row is 'pending' from journal_boot_begin() to journal_boot_end(). Whoever begins one holds the lock of STATE/boots, so what is pending then is of a
 * process that died: it becomes 'interrupted'.
 * Results:  'up', 'failed', 'timeout'; 'cancelled' for one that a signal ended.
 * Threads:  as the journal's. Strings in callbacks die on return. */
#ifndef REINJECT_JOURNAL_BOOTS_H
#define REINJECT_JOURNAL_BOOTS_H

#include "journal/journal.h"

struct journal_boot_check {
	const char *name;
	const char *result; /* 'ok', 'failed', 'skipped' */
	bool required;
	const char *line; /* that answered; NULL */
	int64_t ms;
};

/** A number out of the console. The same name twice: the later counts. */
struct journal_boot_number {
	const char *name;
	double value;
};

struct journal_boot {
	int64_t id;
	const char *image; /* the file that was booted */
	int64_t run;       /* the run that made it; 0 when none is known */
	int64_t started;   /* ms since 1970 */
	int64_t ms;        /* from the start to the verdict */
	const char *result;
	const char *reason; /* a sentence; NULL when it is up */
	const char *line;   /* of the console, that decided; NULL */
	const char *log;    /* absolute */
	const struct journal_boot_check *checks; /* journal_boot_end() only */
	size_t n_checks;
	const struct journal_boot_number *numbers;
	size_t n_numbers;
};

/** A new pending boot of @image. */
int journal_boot_begin(struct journal *journal, const char *image, int64_t run, int64_t *ret_id, struct err *err) MUST_CHECK;
/** Its end: by id all but image, run and started; with checks and numbers, in one transaction. */
int journal_boot_end(struct journal *journal, const struct journal_boot *boot, struct err *err) MUST_CHECK;

/** Calls @fn for the boots of @image (NULL: all), newest first, at most @limit (0: all). A non-zero return ends the walk and is returned. */
int journal_boots(struct journal *journal, const char *image, unsigned int limit, int (*fn)(void *data, const struct journal_boot *boot),
		  void *data, struct err *err) MUST_CHECK;
/** The numbers of one boot, by name. */
int journal_boot_numbers(struct journal *journal, int64_t id, int (*fn)(void *data, const struct journal_boot_number *number), void *data,
			 struct err *err) MUST_CHECK;

/* -- good: which file has booted, and how it was then ------------------------------------------------------------------------------------ */

/** @good is about to become IMAGE.good of @image. */
int journal_good_add(struct journal *journal, const char *image, const struct journal_image *good, struct err *err) MUST_CHECK;
/** And has become it: only the last one is known from now on. */
int journal_good_settle(struct journal *journal, const char *image, struct err *err) MUST_CHECK;
/** Calls @fn for each file that IMAGE.good may be: one, or two when it was about to become another and a crash came. */
int journal_goods(struct journal *journal, const char *image, int (*fn)(void *data, const struct journal_image *good), void *data,
		  struct err *err) MUST_CHECK;

#endif
