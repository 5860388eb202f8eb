/* refresh/adopt - takes what the image holds as the starting point: no build, no write.
 *
 * For a tree whose image was made by other means, a first refresh would build everything. Here the fingerprints of now (or of a commit that the image was
 * made from) are recorded as what the image holds, with the hashes of the files that are there. A package or asset of which a file is missing in the image
 * is not adopted, and stays stale. That the files are really what those sources give is the user's word.
 * The image is read in a copy, which is kept for the next transaction. */
#ifndef REINJECT_REFRESH_ADOPT_H
#define REINJECT_REFRESH_ADOPT_H

#include "refresh/run.h"

/** Sends ADOPT for each package and asset with a place in the image, and DONE. @revs as for refresh_session_look_at(); empty: as it is now. */
int refresh_adopt(struct refresh_session *session, const struct strvec *revs, const struct refresh_args *args, enum refresh_result *ret,
		  struct err *err) MUST_CHECK;

#endif
