/* Programs that unmount: a configuration's own, a system's helper for ordinary users. */
#include "image/unmount.h"

#include "base/proc.h"

#include <errno.h>

int image_unmount_run(char *const *argv, uint32_t limit_ms, struct err *err)
{
	struct proc_spec spec = { .argv = argv, .cwd = "/", .timeout_ms = limit_ms };
	struct proc_result result;
	int r = proc_run(&spec, &result, err);

	if (r < 0)
		return r;
	return !result.signalled && result.status == 0 ? 0 : err_set(err, -EBUSY, "'%s' could not unmount '%s'!", argv[0], argv[2]);
}
