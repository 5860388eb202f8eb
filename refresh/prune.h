/* refresh/prune - lets go of replaced contents and unstripped binaries that no kept run needs.
 *
 * How long they are kept stand in [reinject] keep_runs and keep_days; what is still referred to, the journal says (journal/prune). It comes after a run that
 * has changed the image, when a tenth of keep_runs have passed since the last time, and takes some milliseconds.
 * Safe:     a file younger than an hour is left: another image's run with the same state folder may be about to refer to it. Killed at any point, more is
 *           there than needed, never less, and the next time goes on. What cannot be deleted is left. */
#ifndef REINJECT_REFRESH_PRUNE_H
#define REINJECT_REFRESH_PRUNE_H

#include "refresh/round.h"

void refresh_prune(const struct refresh_round *round);

#endif
