/* refresh/share - the folder that the guest sees over 9p: a change runs in the guest without a swap and without a boot.
 *
 * A destination share:/NAME is a file of [share] path: temporary file and rename there, so that the guest has the old or the new one, whole. Afterwards the
 * lines of [share] after_put go to the console of the machine that runs, and what it answers is told as notes. Where no machine runs, the file waits for
 * the next.
 * Console:  as [boot] says (boot/console): a socket or tmux. It is left as it was found.
 * Without [share] path, such destinations are served by nobody, and that is said. */
#ifndef REINJECT_REFRESH_SHARE_H
#define REINJECT_REFRESH_SHARE_H

#include "refresh/round.h"

/** Puts what was staged for the share, and sends the lines when anything was written there. A step that cannot be put is failed, and leaves the others
 * alone. */
int refresh_share_put_all(struct refresh_round *round, struct err *err) MUST_CHECK;

#endif
