/* refresh/initfs - the initfs as a part of a run: its members are staged, packed with the bootstrap, checked, and put as one file.
 *
 * What is packed: the folder that [initfs] dir names, as it is, and over it the members that packages and assets have by their 'initfs:/...'
 *           destinations. The folder is only read. Every member's content is kept among the journal's (journal/blobs), and which member has which content
 *           stands among what the image holds (journal_contents), under 'initfs:/PATH'. So a run packs the members that it has built and, of all others,
 *           exactly those that the initfs in the image has: what a rollback took back stays back.
 * When:     a member has another content or is gone; the folder, the bootstrap or the packer moved; the image's file is not the one that was put; or it is
 *           asked for. Else it is not packed at all. A packed file that differs from the image's in its time alone is identical to it.
 * Order:    refresh_initfs_check() before anything is built; then, within refresh_put_all(): _pack() when all places are known to be good, _measure(),
 *           _put() after the files of the image itself. What goes wrong before _put() fails the packages that have members, and leaves the others alone: the
 *           image keeps the initfs that it has, and the run fails, also when no package of this run has a member.
 * Names:    the row 'initfs:' (owner 'initfs') is the state of folder, bootstrap and packer; the packed file's own row has the same owner. */
#ifndef REINJECT_REFRESH_INITFS_H
#define REINJECT_REFRESH_INITFS_H

#include "refresh/round.h"

/** True when folder, bootstrap or packer are not as they were when the initfs was packed last. False when it never was. */
bool refresh_initfs_has_moved(const struct config *config, const struct refresh_records *records);

/** That what a packing needs is there, when the plan leads to one. Class ERR_ENVIRONMENT. */
int refresh_initfs_check(const struct refresh_round *round, struct err *err) MUST_CHECK;

int refresh_initfs_pack(struct refresh_round *round, struct err *err) MUST_CHECK;
/** Adds the size of the packed file to @bytes when it is not in the image yet. */
int refresh_initfs_measure(struct refresh_round *round, uint64_t *bytes, struct err *err) MUST_CHECK;
int refresh_initfs_put(struct refresh_round *round, struct err *err) MUST_CHECK;

/** True when @owner should have left an initfs that could not be packed: then its files in the image stay, too. */
bool refresh_initfs_keeps(const struct refresh_round *round, const char *owner);

void refresh_initfs_free(struct refresh_initfs *initfs); /* takes NULL */

#endif
