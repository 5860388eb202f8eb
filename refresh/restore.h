/* refresh/restore - a whole earlier image takes the image's place: `reinject rollback --image` and `--good`.
 *
 * IMAGE.prev is the image before the last swap, IMAGE.good the last that booted. The file is copied, the copy is compared with what the journal says of the
 * image, and it takes the image's place by the same swap as any other change: the image that was is IMAGE.prev then, so that a second `--image` takes this
 * back.
 * Verdicts: as of a rollback (refresh/rollback): of each package whose files are others then, what the image had is held, and what it had when that earlier
 *           image was made is fresh again, where the journal knows the run that made it. Taking it back takes these verdicts back. */
#ifndef REINJECT_REFRESH_RESTORE_H
#define REINJECT_REFRESH_RESTORE_H

#include "refresh/run.h"

/** Its runs have this verb in the journal. */
#define REFRESH_RESTORE_VERB "rollback-image"

struct refresh_restore_what {
	bool good;    /* IMAGE.good, else IMAGE.prev */
	bool no_hold; /* what the image had is not held, only not believed any more: who is at fault is found out later */
};

/** -ENOENT, class ERR_USAGE, when there is no such image. */
int refresh_restore(struct refresh_session *session, const struct refresh_restore_what *what, const struct refresh_args *args,
		    enum refresh_result *ret, struct err *err) MUST_CHECK;

#endif
