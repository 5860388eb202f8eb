/* Darwin: what `hdiutil attach` makes is served by a process that has the file open (diskimages-helper, diskimagesiod), and found by that where we may see
 * it: nothing is left to be found here. Compiled by `make check-darwin`; nothing of it was run on a Mac: not whether that process is seen without root. */
#include "image/devices.h"

void image_devices_find(const struct image_target *target, struct image_holders *holders)
{
	(void)target;
	(void)holders;
}
