/* boot/good - what has booted becomes IMAGE.good, and the journal knows how it was then.
 *
 * image/good has the file, journal/boots the row: one that is written later, by a machine without snapshot=on, is told from what was proved.
 * Threads:  as the journal's. */
#ifndef REINJECT_BOOT_GOOD_H
#define REINJECT_BOOT_GOOD_H

#include "image/good.h"
#include "journal/journal.h"

/** As image_good_keep(), with @args less the callback; and recorded. */
int boot_good_keep(struct journal *journal, const struct image_good_args *args, struct err *err) MUST_CHECK;

#endif
