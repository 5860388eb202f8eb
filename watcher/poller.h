/* watcher/poller - a thread that calls a function at an interval, until it is stopped. Nothing more: what is looked at is the loop's affair.
 *
 * Threads: start and stop from one thread; @fn runs on the poller's and must not wait for the stop. */
#ifndef REINJECT_WATCHER_POLLER_H
#define REINJECT_WATCHER_POLLER_H

#include "base/err.h"

#include <stdint.h>

struct watcher_poller;

int watcher_poller_start(uint32_t interval_ms, void (*fn)(void *data), void *data, struct watcher_poller **ret, struct err *err) MUST_CHECK;
/** Takes NULL; @fn does not run afterwards. */
void watcher_poller_stop(struct watcher_poller *poller);

#endif
