/* journal/space - how full the image was before and after each run, and how much of that the file system has leaked: the table `space`, the only place
 * where this is kept. What is lost is worked out by refresh/space.
 *
 * Threads: as the journal's. */
#ifndef REINJECT_JOURNAL_SPACE_H
#define REINJECT_JOURNAL_SPACE_H

#include "journal/journal.h"

struct journal_space {
	int64_t run;
	char uuid[33];   /* of the file system; '' where it has none */
	uint64_t size;   /* of the file system in the image, bytes */
	uint64_t before; /* used before the run, */
	uint64_t used;   /* and after it */
	int64_t grown;   /* by how much its files are bigger together than what they replaced */
	uint64_t lost;   /* leaked so far, as far as is known */
};

/** Records it for a run whose swap has happened. */
int journal_space_add(struct journal *journal, const struct journal_space *space, struct err *err) MUST_CHECK;

/** The row of the newest run of @image. Returns 1, or 0 when there is none. */
int journal_space_last(struct journal *journal, const char *image, struct journal_space *ret, struct err *err) MUST_CHECK;

/** As it turned out, nothing is lost: the newest run of @image says so from now on. */
int journal_space_forgive(struct journal *journal, const char *image, struct err *err) MUST_CHECK;

/** Calls @fn for the runs of @image whose swap has happened, oldest first. */
int journal_spaces(struct journal *journal, const char *image, int (*fn)(void *data, const struct journal_space *space), void *data,
		   struct err *err) MUST_CHECK;

#endif
