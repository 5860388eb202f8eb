/* journal/space - how full the image was before and after a run, for the report: the table `space`.
 *
 * Threads: as the journal's. */
#ifndef REINJECT_JOURNAL_SPACE_H
#define REINJECT_JOURNAL_SPACE_H

#include "journal/journal.h"

struct journal_space {
	int64_t run;
	uint64_t size;   /* of the file system in the image, bytes */
	uint64_t before; /* used before the run's first file, */
	uint64_t used;   /* and after its last */
	int64_t grown;   /* by how much its files are bigger together than what they replaced; what is beyond that, the file system has lost */
};

/** Records it for a run whose swap is about to happen. */
int journal_space_add(struct journal *journal, const struct journal_space *space, struct err *err) MUST_CHECK;

/** Calls @fn for the runs of @image whose swap has happened, oldest first. */
int journal_spaces(struct journal *journal, const char *image, int (*fn)(void *data, const struct journal_space *space), void *data,
		   struct err *err) MUST_CHECK;

#endif
