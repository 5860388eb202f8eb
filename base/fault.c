#include "base/fault.h"

#include "base/str.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* In the order of a refresh. */
const char *const fault_names[] = {
	"journal-run-begin", /* before the run's row is written */
	"txn-locked",        /* IMAGE.lock is held, nothing else was done */
	"txn-copied",        /* the shadow is complete, not yet fsynced */
	"txn-mounted",       /* the shadow is mounted */
	"build-done",        /* cargo has ended, nothing was put */
	"initfs-staged",     /* the folder that the initfs is packed from is complete */
	"initfs-packed",     /* the initfs is packed and checked, and not in the image */
	"put-temp",          /* a temporary file stands beside its target */
	"put-renamed",       /* one file is replaced in the shadow */
	"put-removed",       /* one file is removed from the shadow */
	"stamp-written",     /* the line of commit and date is ready, and not in the shadow */
	"txn-unmounted",     /* all files are in, the daemon has ended */
	"txn-verified",      /* the files were read back and are right */
	"compact-cloned",    /* the compact copy stands in the shadow, or beside it */
	"whole-copied",      /* an earlier image is copied to the shadow */
	"txn-before-swap",   /* the shadow is on disk */
	"steps-ready",       /* (in-place, live) all files lie ready beside their targets */
	"steps-decided",     /* that they take their places is on the disk; none has */
	"steps-one",         /* one of them has */
	"txn-swapped",       /* the image is the new one; in shadow mode the old one has the shadow's name */
	"txn-done",          /* the old image is IMAGE.prev; the journal does not know yet */
	"journal-run-end",   /* the run's row says ok */
	"prune-rows",        /* the journal knows no more of symbols and builds that are not kept; their files are there still */
	"prune-file",        /* one content or binary that nothing refers to is gone */
	/* Of `hooks install` and `hooks uninstall`. */
	"hooks-written", /* the new hook lies beside the old one */
	"hooks-renamed", /* it has taken its place */
	"hooks-kept",    /* somebody else's hook has its second name */
	"hooks-moved",   /* a kept hook is back in its place */
	"hooks-removed", /* one of ours is gone */
	"hooks-command", /* git's configuration has the command, not yet the event */
	"hooks-event",   /* it has the event no more, the command still */
	/* Of a run with [hooks] isolate. */
	"isolate-named",   /* the state folder has the folder's name; it is not there yet */
	"isolate-half",    /* half of what differs is written */
	"isolate-written", /* all of it, the index too */
	"isolate-removed", /* `hooks uninstall` has removed the folder, not yet its name */
	NULL,
};

#ifdef REINJECT_FAULTS
static int errno_by_name(const char *name)
{
	static const struct {
		const char *name;
		int code;
	} known[] = {
		{ "EIO", EIO },       { "ENOSPC", ENOSPC }, { "EPERM", EPERM },   { "EACCES", EACCES },   { "ENOMEM", ENOMEM },
		{ "EBUSY", EBUSY },   { "EROFS", EROFS },   { "EXDEV", EXDEV },   { "EINTR", EINTR },     { "ENOSYS", ENOSYS },
		{ "EINVAL", EINVAL }, { "EEXIST", EEXIST }, { "ENOENT", ENOENT }, { "ENOTSUP", ENOTSUP },
	};

	for (size_t i = 0; i < N_ELEMENTS(known); i++)
		if (strcmp(name, known[i].name) == 0)
			return known[i].code;
	return atoi(name) > 0 ? atoi(name) : EIO;
}

static void require_known(const char *name)
{
	for (size_t i = 0; fault_names[i]; i++)
		if (strcmp(fault_names[i], name) == 0)
			return;
	fprintf(stderr, "fault point '%s' is not in base/fault.c\n", name);
	abort();
}

int fault_point(const char *name)
{
	const char *wanted = getenv("REINJECT_FAULT"), *stop = getenv("REINJECT_FAULT_STOP");
	size_t n = strlen(name);

	require_known(name);
	if (stop && strcmp(stop, name) == 0)
		raise(SIGSTOP);
	if (!wanted || strncmp(wanted, name, n) != 0)
		return 0;
	if (wanted[n] == ':')
		return -errno_by_name(wanted + n + 1);
	if (wanted[n] == '\0')
		kill(getpid(), SIGKILL);
	return 0;
}
#endif
