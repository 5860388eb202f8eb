/* refresh/space - the room that an image has lost to replaced files.
 *
 * RedoxFS never gives back some blocks of a file that is replaced (docs/facts/redoxfs.md). What is lost is counted run by run: what is free before, less
 * what is free after, less what the new files are larger than the old ones; a run that adds or removes files is not counted, since what compression makes
 * of these nobody knows. So the sum is a lower bound, from the first run on, or from the last compaction. `reinject image check --deep` measures exactly.
 * Store:    WORK/leaked: the file system's UUID and the bytes. An image with another UUID begins at 0; a lost file costs no more than the count. */
#ifndef REINJECT_REFRESH_SPACE_H
#define REINJECT_REFRESH_SPACE_H

#include "refresh/round.h"

/** Remembers what is free in the image, before it is changed. */
void refresh_space_begin(struct refresh_round *round);

/** Counts after a swap, and warns from [image] leak_limit_mb on. */
void refresh_space_tell(const struct refresh_round *round);

/** Bytes that were counted for the image of @session as it is; 0 when nothing is known. */
uint64_t refresh_space_leaked(const struct refresh_session *session);

/** From now on nothing has leaked. */
void refresh_space_reset(const struct refresh_session *session);

#endif
