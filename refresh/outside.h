/* refresh/outside - an image that somebody else has written: what the journal says it holds is compared with the files in it.
 *
 * Never by mounting the image itself, since a bare mount writes to it: the copy that the run needs anyway is made first, and the files are read there. A
 * package all of whose files are as we left them stays fresh; any other is doubted, and so built and put again.
 * Threads:   the session's. */
#ifndef REINJECT_REFRESH_OUTSIDE_H
#define REINJECT_REFRESH_OUTSIDE_H

#include "refresh/round.h"

/** Compares, if @records (of round->session's image) say that it must be done, and loads them again; afterwards round->txn may be open. Does nothing for
 * an image that is as we left it. */
int refresh_outside_check(struct refresh_round *round, struct refresh_records *records, struct err *err) MUST_CHECK;

#endif
