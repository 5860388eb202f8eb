/* refresh/compact - gets back the room that replaced files have leaked: a run of its own, which changes no file.
 *
 * A clone of the image is made, its files are compared with the image's one by one, and it takes the image's place by the same swap as any other change;
 * the image before is IMAGE.prev. */
#ifndef REINJECT_REFRESH_COMPACT_H
#define REINJECT_REFRESH_COMPACT_H

#include "refresh/run.h"

/** Result REFRESH_NOTHING: nothing had leaked, and the image is as it was. -EUCLEAN when the clone differs, or the image is damaged. */
int refresh_compact(struct refresh_session *session, const struct refresh_args *args, enum refresh_result *ret, struct err *err) MUST_CHECK;

#endif
