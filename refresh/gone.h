/* refresh/gone - files in the image that nobody wants there any more.
 *
 * A package or asset that was deleted, renamed or given another destination leaves a file in the image, and a left-over entry of pcid.d would still start
 * it. The journal knows which files are ours (refresh/records); one is to go when its owner
 *   is gone:   its section left the configuration, or its folder left the source while cargo knows the workspace and git is in the middle of nothing;
 *   moved:     it goes elsewhere now; then only after it is there, so that it is never missing.
 * A path that anybody wants stays; that it leads to a wanted file by another name only shows in the image (refresh_remove_all()). What `inject` put, and a one-off, belongs to nobody and is never touched. */
#ifndef REINJECT_REFRESH_GONE_H
#define REINJECT_REFRESH_GONE_H

#include "refresh/plan.h"

/** Fills plan->removals. Pure. The steps and states must be decided. */
void refresh_gone_find(const struct config *config, const struct watcher_look *look, const struct refresh_records *records,
		       struct refresh_plan *plan);

#endif
