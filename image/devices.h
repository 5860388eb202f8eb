/* image/devices - block devices that the system has made from a file, which no process has open.
 *
 * Platform: devices_linux.c (loop devices), devices_darwin.c. */
#ifndef REINJECT_IMAGE_DEVICES_H
#define REINJECT_IMAGE_DEVICES_H

#include "image/holders.h"
#include "image/process.h"

/** Adds those that are made from @target. */
void image_devices_find(const struct image_target *target, struct image_holders *holders);

#endif
