/* base/human - numbers as people read them. The caller frees what comes back. */
#ifndef REINJECT_BASE_HUMAN_H
#define REINJECT_BASE_HUMAN_H

#include "base/cleanup.h"

#include <stdint.h>

/** '412 KB', '5.2 MB'. */
char *human_bytes(uint64_t bytes) MUST_CHECK;
/** '0.3 s', '2 min 05 s'. */
char *human_duration(int64_t ms) MUST_CHECK;
/** '2026-01-02 03:04:05' in local time. */
char *human_time(int64_t wall_ms) MUST_CHECK;

#endif
