/* refresh/tools - the programs that a plan will call are there: asked before a run begins, so that what is missing costs no build and fails no run.
 *
 * Only what the plan needs is asked for, and only whether it is there; what else may be wrong with it is `doctor`'s to look at. */
#ifndef REINJECT_REFRESH_TOOLS_H
#define REINJECT_REFRESH_TOOLS_H

#include "refresh/plan.h"

/** cargo and strip, for the packages of @plan. -ENOENT (class ERR_ENVIRONMENT), with a hint. The image's program is refresh_swap_check()'s. */
int refresh_tools_check(const struct config *config, const struct watcher_look *look, const struct refresh_plan *plan,
			struct err *err) MUST_CHECK;

#endif
