/* journal/internal - what the files that make up journal/journal.h share; of no concern to other rooms. */
#ifndef REINJECT_JOURNAL_INTERNAL_H
#define REINJECT_JOURNAL_INTERNAL_H

#include "journal/db.h"
#include "journal/journal.h"

struct journal {
	struct journal_db *db; /* owned */
};

/** Inside a transaction: sets the state of one subject's fingerprint on @image. */
int journal_internal_set_fingerprint(struct journal_db *db, const char *image, const struct journal_fingerprint *fingerprint,
				     struct err *err) MUST_CHECK;

/** Inside a transaction: whose file @run has put or removed for another is doubted. */
int journal_internal_doubt_owners(struct journal_db *db, int64_t run, const char *image, struct err *err) MUST_CHECK;

/** Inside a transaction: the files of @run are what @image holds. */
int journal_internal_take_contents(struct journal_db *db, int64_t run, const char *image, struct err *err) MUST_CHECK;

#endif
