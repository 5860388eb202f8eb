/* journal/nights - what became of each night, and which changes were found to keep an image from booting: the tables `night` and `culprit`.
 *
 * A row is 'pending' from journal_night_begin() to journal_night_end(). Whoever begins one holds the image's lock, so what is pending then is of a night
 * that died: it becomes 'interrupted', and the image that it left may be one that nobody has proved. The same goes for one that ended in an 'error'.
 * Results:  as night/night names them: 'nothing', 'good', 'failed', 'culprits', 'bad', 'flaky', 'spent', 'host'; 'error' for one that could not be
 *           done, 'busy' for one that found the image in other hands.
 * Threads:  as the journal's. Strings in callbacks die on return. */
#ifndef REINJECT_JOURNAL_NIGHTS_H
#define REINJECT_JOURNAL_NIGHTS_H

#include "journal/journal.h"

struct journal_night {
	int64_t id;
	const char *image;
	int64_t started, ms; /* ms since 1970; how long it took */
	const char *result;
	int64_t run; /* what was stale at its begin; 0: nothing was */
	int64_t boots, trials;
	const char *summary; /* a sentence */
	const char *record;  /* the same for a program: JSON */
};

struct journal_culprit {
	int64_t night;
	const char *subject;     /* 'package netd' */
	const char *fingerprint; /* that is held; NULL: none was known */
	const char *commits;     /* '1a2b3c4d what it says', one a line; '' */
	const char *line;        /* of the console, that decided; or why it failed */
	const char *log;         /* of a boot with it; NULL */
};

/** A new pending night of @image. @ret_unproved: the last one that had the image did not come to its end. */
int journal_night_begin(struct journal *journal, const char *image, int64_t *ret_id, bool *ret_unproved, struct err *err) MUST_CHECK;
/** Its end, by id all but image and started, with its culprits; one transaction. */
int journal_night_end(struct journal *journal, const struct journal_night *night, const struct journal_culprit *culprits, size_t n,
		      struct err *err) MUST_CHECK;

/** Calls @fn for the nights of @image, newest first, at most @limit (0: all). */
int journal_nights(struct journal *journal, const char *image, unsigned int limit, int (*fn)(void *data, const struct journal_night *night), void *data,
		   struct err *err) MUST_CHECK;
/** The culprits of all nights of @image, newest first. */
int journal_culprits(struct journal *journal, const char *image, int (*fn)(void *data, const struct journal_culprit *culprit), void *data,
		     struct err *err) MUST_CHECK;

#endif
