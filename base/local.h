/* base/local - UNIX sockets that no child inherits, and whose broken ends are errors instead of signals.
 *
 * Linux can say both when it makes one; macOS has to be told afterwards, so that a child that another thread starts in this moment inherits it there.
 * Ownership: descriptors are the caller's.
 * Threads:   no shared state. */
#ifndef REINJECT_BASE_LOCAL_H
#define REINJECT_BASE_LOCAL_H

#include "base/cleanup.h"

/** A new socket of @type (SOCK_STREAM, SOCK_DGRAM), or -errno. Bytes are sent with MSG_NOSIGNAL all the same. */
int local_socket(int type) MUST_CHECK;

/** Two connected ends of @type. */
int local_pair(int type, int ret[2]) MUST_CHECK;

#endif
