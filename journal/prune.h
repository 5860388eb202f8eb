/* journal/prune - which replaced contents and unstripped binaries are still referred to by what the journal keeps.
 *
 * Kept are the runs that changed the image: the last so many, and those of the last so many days, of each image. A content is referred to when a rollback of a
 * kept run, or of a run that is still pending, would put it back; and, whatever the run, when the initfs has it (journal_contents(), 'initfs:...').
 * A binary is referred to by its row, and rows of runs that are not kept go first: but that of a file which the image
 * holds now, or which a rollback of a kept run would bring back, stays.
 * What a fingerprint was made of goes when neither the image nor the swap of a kept run has it.
 * Rows of runs, steps and files are not pruned: `log` and `show` tell of all.
 * Threads:  as the journal's. */
#ifndef REINJECT_JOURNAL_PRUNE_H
#define REINJECT_JOURNAL_PRUNE_H

#include "journal/journal.h"

struct journal_keep {
	uint32_t runs;
	int64_t since; /* ms since 1970 */
};

/** Removes the rows of symbols that are not kept. Then @ret_contents has the digests, and @ret_binaries the files (relative to the folder of symbols), that
 * are referred to; sorted. */
int journal_prune(struct journal *journal, const struct journal_keep *keep, struct strvec *ret_contents, struct strvec *ret_binaries,
		  struct err *err) MUST_CHECK;

/** The newest run that is not kept any more; 0 when all are. Cheap: asked at the end of each run, to see whether there is anything to do. */
int journal_prune_border(struct journal *journal, const struct journal_keep *keep, int64_t *ret, struct err *err) MUST_CHECK;

#endif
