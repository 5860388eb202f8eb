/* base/cleanup - the attributes that every room uses.
 *
 * CLEANUP(fn) runs @fn on the variable's address when it leaves its scope, so that a function has one exit path: `return r`. Ownership is
 * handed over in sight: `*ret = path, path = NULL;` or, for the same in one word, `*ret = TAKE_PTR(path);`.
 * Every cleanup function takes NULL, half-built objects, and -1 for a descriptor. */
#ifndef REINJECT_BASE_CLEANUP_H
#define REINJECT_BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h> /* snprintf and friends, which every room formats with */
#include <stdlib.h>

#define CLEANUP(fn)        __attribute__((cleanup(fn)))
#define MUST_CHECK         __attribute__((warn_unused_result))
#define PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

/** The value of @p, which is NULL afterwards: what was owned here is owned by the taker. */
#define TAKE_PTR(p)                                                                                                                             \
	__extension__({                                                                                                                         \
		__typeof__(p) _taken = (p);                                                                                                     \
		(p) = NULL;                                                                                                                     \
		_taken;                                                                                                                         \
	})

/** The value of descriptor @fd, which is -1 afterwards. */
#define TAKE_FD(fd)                                                                                                                             \
	__extension__({                                                                                                                         \
		int _fd = (fd);                                                                                                                 \
		(fd) = -1;                                                                                                                      \
		_fd;                                                                                                                            \
	})

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/** Frees what @p points to; for `CLEANUP(free_ptr) char *s`. */
static inline void free_ptr(void *p)
{
	free(*(void **)p);
}

/** Closes *@fd unless it is negative; errno stays as it was. */
void cleanup_close(int *fd);

/** Closes *@d unless it is NULL. */
void cleanup_closedir(DIR **d);

#define CLEANUP_FREE  CLEANUP(free_ptr)
#define CLEANUP_CLOSE CLEANUP(cleanup_close)

#endif
