/* base/err - the sentence that goes with an error code.
 *
 * A function that can fail returns 0 or a negative errno and takes a `struct err *err` (last, may be NULL). The code travels by return, the
 * sentence by @err. Two codes have a meaning of their own, which decides the exit status in cli/: see enum err_class.
 *
 * Sequence: the function that meets the failure says what it was about: `return err_set(err, -errno, "cannot open image '%s'", path)`, which
 *           appends ': No such file or directory'. A caller that knows more puts it in front: `return err_wrap(err, r, "package '%s'", name)`.
 *           What to do next goes in by err_hint(), and is printed on a line of its own.
 * Threads:  a struct err belongs to one thread; nothing here is shared.
 * Ownership: no allocation; a sentence that is too long is cut. */
#ifndef REINJECT_BASE_ERR_H
#define REINJECT_BASE_ERR_H

#include "base/cleanup.h"

#include <errno.h>

/* 'Structure needs cleaning': what a store of ours holds is damaged. macOS has no such number; EFTYPE is its 'inappropriate file type or format'. */
#ifndef EUCLEAN
#define EUCLEAN EFTYPE
#endif

/** What kind of failure it was, for the exit status; ERR_FAILED unless somebody said otherwise. */
enum err_class {
	ERR_FAILED = 1,       /* something failed to build, inject or boot */
	ERR_USAGE = 2,        /* wrong use or configuration */
	ERR_ENVIRONMENT = 3,  /* the environment lacks something */
	ERR_BUSY = 75,        /* somebody else holds the image */
	ERR_INTERRUPTED = 130 /* a signal asked us to end */
};

/** Bytes of a sentence, the NUL included; a longer one is cut. */
#define ERR_TEXT_SIZE 1024

struct err {
	enum err_class class; /* 0 while nothing was set */
	int code;             /* the negative errno of the first err_set */
	char message[ERR_TEXT_SIZE];   /* a sentence without a full stop */
	char hint[ERR_TEXT_SIZE];      /* what to do next, or empty */
};

/** Start of an error that nothing was said of yet. */
#define ERR_INIT ((struct err){ 0 })

/** Sets the sentence; with a @code of -errno below -1 appends its text, unless the format ends in '!', which is dropped (the sentence says it
 * all). Returns @code, so that `return err_set(...)` reads well. @err may be NULL. */
int err_set(struct err *err, int code, const char *format, ...) PRINTF(3, 4);

/** As err_set without the errno's text, and with the class that decides the exit status. */
int err_class_set(struct err *err, enum err_class class, int code, const char *format, ...) PRINTF(4, 5);

/** Puts 'FORMAT: ' before what was said. Returns @code. */
int err_wrap(struct err *err, int code, const char *format, ...) PRINTF(3, 4);

/** Says what to do next. Returns nothing, since the code is already on its way. */
void err_hint(struct err *err, const char *format, ...) PRINTF(2, 3);

/** The exit status for @code and what @err says of it: 0 for 0, the class otherwise. */
int err_exit_status(const struct err *err, int code);

#endif
