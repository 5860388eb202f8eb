/* refresh/shared - what the share was given, and whether it is there still.
 *
 * The image's files are the journal's; those in the share are noted in WORK/shared, a line for each: digest, size, time, inode, place and owner. They are
 * written before the journal calls their owner 'fresh', so the notes of one that is fresh are of its last put.
 * Rule:      a package is stale when a file that it put into the share is not there any more, or is another. Another is told by its content, which is
 *            read only where size, time or inode have changed. The place is one in [share] path as it is now, so another path loses all of them.
 *            So is one of which nothing is noted, though it goes there: it was adopted, or put while there was no [share] path.
 * Hand-made: what somebody else has put in its place is replaced, as in the image.
 * Unreadable: a file that cannot be looked at counts as lost, so that the put, which needs the same folder, says what is wrong with it.
 * Ownership: refresh_shared_clear(). */
#ifndef REINJECT_REFRESH_SHARED_H
#define REINJECT_REFRESH_SHARED_H

#include "refresh/session.h"

#include <sys/stat.h>

struct refresh_shared_file {
	char *place; /* 'share:/bin/netd' */
	char *owner; /* 'package NAME', 'asset NAME' */
	char hash[HASH_HEX_SIZE];
	uint64_t size, ino;
	int64_t mtime_ns;
};

struct refresh_shared {
	struct refresh_shared_file *v; /* owned */
	size_t n, cap;
};

/** Reads the notes for the session's image; none where there are none. */
void refresh_shared_load(const struct refresh_session *session, struct refresh_shared *ret);
int refresh_shared_save(const struct refresh_session *session, const struct refresh_shared *shared, struct err *err) MUST_CHECK;
void refresh_shared_clear(struct refresh_shared *shared);

/** Notes a file that was just put, and looked like @st then. */
void refresh_shared_add(struct refresh_shared *shared, const char *owner, const char *place, const char *hash, const struct stat *st);
/** Forgets all that is noted of @owner. */
void refresh_shared_forget(struct refresh_shared *shared, const char *owner);

/** For a plan: says of the records that are 'fresh' which have lost a file of theirs (record.lost). */
void refresh_shared_compare(const struct refresh_session *session, struct refresh_records *records);

#endif
