/* image/pulse - whether the daemon behind a mount answers.
 *
 * A FUSE daemon that hangs (stopped by a signal, stuck on a disk) keeps everybody who touches its mount waiting for ever, deaf to signals. So a thread
 * of ours asks the mount something small now and then, and a second one has an eye on the first: when an answer takes too long, @on_silence is
 * called once. For a daemon of our own that means its end by SIGKILL, which ends all waiting; somebody else's is left alone, but nothing more is
 * begun on its mount.
 * Threads:  start, ask and stop on one thread at a time; @on_silence is called on another. */
#ifndef REINJECT_IMAGE_PULSE_H
#define REINJECT_IMAGE_PULSE_H

#include "base/cleanup.h"

#include <stdbool.h>
#include <stdint.h>

struct image_pulse;

/** Begins to ask what is mounted at @point. @limit_ms: how long an answer may take. @on_silence may be NULL. -errno. */
int image_pulse_start(const char *point, uint32_t limit_ms, void (*on_silence)(void *data), void *data, struct image_pulse **ret) MUST_CHECK;

/** Asks now and waits for the answer: 0, or -ETIMEDOUT. The daemon has by then taken up what was asked of it before. Takes NULL, which always answers. */
int image_pulse_ask(struct image_pulse *pulse) MUST_CHECK;

/** True once an answer took too long. Takes NULL. */
bool image_pulse_is_silent(const struct image_pulse *pulse);

/** Asks no more; whether it was silent can still be told. Takes NULL. */
void image_pulse_quiet(struct image_pulse *pulse);

/** Ends it. What waits for a daemon of somebody else's that hangs is left behind, and ends by itself when that daemon goes on or ends. Takes NULL. */
void image_pulse_stop(struct image_pulse *pulse);

#endif
