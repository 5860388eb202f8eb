#include "base/cleanup.h"

#include <errno.h>
#include <unistd.h>

/* A cleanup must not disturb the errno that the function is about to turn into its result. */
void cleanup_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

void cleanup_closedir(DIR **d)
{
	if (*d)
		closedir(*d);
	*d = NULL;
}
