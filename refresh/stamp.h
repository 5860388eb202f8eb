/* refresh/stamp - the line by which a running guest says what it was made from: `echo 'Build: 1a2b3c4 @ 2026-01-17 21:50'`, at the head of the file that
 * [image] stamp names.
 *
 * The line of before is replaced, all else in the file stays. Every run that looks at the sources and writes the image stamps it; a run that changes nothing
 * else leaves the old line. The file's row in the journal has the owner 'stamp': it is nobody's, and a rollback passes it over. */
#ifndef REINJECT_REFRESH_STAMP_H
#define REINJECT_REFRESH_STAMP_H

#include "refresh/round.h"

#define REFRESH_STAMP_OWNER "stamp"

/** Puts the line, in the open transaction of @round. Where the file has no place to be, that is a warning, and no failure. */
int refresh_stamp_put(struct refresh_round *round, struct err *err) MUST_CHECK;

/** A run of its own, which does nothing else. -EINVAL, class ERR_USAGE, when no file is configured. */
int refresh_stamp(struct refresh_session *session, const struct refresh_args *args, enum refresh_result *ret, struct err *err) MUST_CHECK;

#endif
