/* refresh/outside - an image that somebody else has written: what the journal says it holds is compared with the files in it.
 *
 * Never by mounting the image itself, since a bare mount writes to it: the copy that the run needs anyway is made first, and the files are read there. A
 * package all of whose files are as we left them stays fresh; any other is doubted, and so built and put again.
 * Threads:   the session's. */
#ifndef REINJECT_REFRESH_OUTSIDE_H
#define REINJECT_REFRESH_OUTSIDE_H

#include "refresh/round.h"

/** Loads the records of round->session's image. One that is not as we left it is compared with them first, and they say what was found; round->txn is open
 * then. */
int refresh_outside_load(struct refresh_round *round, struct refresh_records *ret, struct err *err) MUST_CHECK;

/** For a verb that is sure to change the image: refresh_swap_check(), and the same. */
int refresh_outside_enter(struct refresh_round *round, struct refresh_records *ret, struct err *err) MUST_CHECK;
/** The same for one that puts another file in the image's place. -ENOTSUP, class ERR_USAGE, in live mode: the mount would go on with the old one. */
int refresh_outside_enter_whole(struct refresh_round *round, struct refresh_records *ret, struct err *err) MUST_CHECK;

/** Notes that the image, until then as the journal left it, is mounted by `reinject image mount`: what is changed through that, or by the mere mounting, is
 * the user's doing and no surprise. */
void refresh_outside_note_hand(const struct refresh_session *session);
/** Whether that was so, and no run came since; @last is the newest. */
bool refresh_outside_is_by_hand(const struct refresh_session *session, int64_t last);

#endif
