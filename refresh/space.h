/* refresh/space - the room that an image has lost to replaced files.
 *
 * RedoxFS never gives back some blocks of a file that is replaced (docs/facts/redoxfs.md). What is lost is counted run by run, by one rule: by what more is
 * used after a run that only replaces files, less what these have grown; a run that adds or removes files adds nothing, since what compression makes of
 * these nobody knows, and what was got back (image compact, an earlier image) is taken off. So the sum is a lower bound, from the first run on, or from
 * the last compaction. `reinject image check --deep` measures exactly.
 * Store:    the journal's table `space` (journal/space), a row for each swap of any kind; the warning, `image check` and the report read the same number.
 * Measured: by the file system's own log of allocations, before the run and after its swap; an ext4, which leaks nothing, by what its mount says. */
#ifndef REINJECT_REFRESH_SPACE_H
#define REINJECT_REFRESH_SPACE_H

#include "refresh/round.h"

enum refresh_space_kind {
	REFRESH_SPACE_REPLACED, /* nothing but files in the place of files */
	REFRESH_SPACE_MIXED,    /* files were added or removed, too */
	REFRESH_SPACE_WHOLE,    /* the image was replaced as a whole */
};

/** What is lost after the run of @now, which was of @kind; @last: the row before it, NULL when there is none. */
uint64_t refresh_space_lost(const struct journal_space *last, const struct journal_space *now, enum refresh_space_kind kind) MUST_CHECK;

/** Remembers how full the image is, before it is changed. */
void refresh_space_begin(struct refresh_round *round);

/** The same once the transaction is open, and before it is sealed, where only a mount can tell. */
void refresh_space_opened(struct refresh_round *round);
void refresh_space_written(struct refresh_round *round);

/** After the swap: records how full the image is and what is lost, and warns from [image] leak_limit_mb on. */
void refresh_space_swapped(struct refresh_round *round);

/** Bytes that are lost in the image of @session as it is; 0 when nothing is known. */
uint64_t refresh_space_leaked(const struct refresh_session *session);

/** As it turned out, nothing has leaked. */
void refresh_space_forgive(const struct refresh_session *session);

/** True when @lost bytes are as much as [image] leak_limit_mb, or more. */
bool refresh_space_is_past(const struct config_image *image, uint64_t lost);

#endif
