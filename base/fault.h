/* base/fault - named points at which a test build dies or fails.
 *
 * In a build with FAULTS=1 the environment's REINJECT_FAULT=NAME kills the process with SIGKILL when the point NAME is reached, and
 * REINJECT_FAULT=NAME:ENOSPC (an errno's name or number) makes it fail there. REINJECT_FAULT_STOP=NAME, alone or beside it, stops the
 * process at NAME until it gets SIGCONT, so that a test can act between two steps. In every other build FAULT() is 0 and costs nothing.
 * Use: `r = FAULT("txn-before-swap"); if (r < 0) return err_set(err, r, "cannot swap");`
 * A point must stand in the table of fault.c, so that `reinject --list-faults` knows all of them; an unknown one aborts. */
#ifndef REINJECT_BASE_FAULT_H
#define REINJECT_BASE_FAULT_H

#ifdef REINJECT_FAULTS
/** Stops or kills the process, or returns a negative errno, when the environment names this point; otherwise 0. */
int fault_point(const char *name);
#define FAULT(name) fault_point(name)
#else
#define FAULT(name) (0)
#endif

/** The names of all points, ended by NULL; in every build. */
extern const char *const fault_names[];

#endif
