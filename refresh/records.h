/* refresh/records - what the journal knows of an image, as plain data: verdicts on fingerprints, and which files in the image are ours.
 *
 * Sequence: refresh_records_load(), then read it; refresh_records_clear().
 * Outside:  when the image is not the one that the journal left, `image_unknown` is set and 'fresh' proves nothing until refresh/outside has compared
 *           the files.
 * Ownership: owned strings throughout. */
#ifndef REINJECT_REFRESH_RECORDS_H
#define REINJECT_REFRESH_RECORDS_H

#include "journal/journal.h"

#include <stdbool.h>
#include <stddef.h>

/** One remembered verdict: what became of @fingerprint of @subject. */
struct refresh_record {
	char *subject;
	char *fingerprint;
	char *state; /* 'fresh', 'failed', 'held', 'doubted' */
	int64_t run;
	char *lost; /* 'fresh', but the share has lost a file of it: a phrase (refresh/shared); else NULL */
};

/** A file in the image that is ours. */
struct refresh_content {
	char *path;
	char *owner; /* 'package NAME', 'asset NAME', 'file' */
	char *hash;  /* as we left it */
};

struct refresh_records {
	struct refresh_record *v; /* sorted by subject */
	size_t n, cap;
	struct refresh_content *contents; /* sorted by path */
	size_t n_contents, contents_cap;
	bool image_unknown; /* the image is not the one that the journal left: 'fresh' proves nothing */
};

/** Reads what the journal says of @image; @now is the image's identity as it is. A NULL journal has no records. */
int refresh_records_load(struct journal *journal, const char *image, const struct journal_image *now, struct refresh_records *ret,
			 struct err *err) MUST_CHECK;
void refresh_records_clear(struct refresh_records *records);

/** True when the journal calls anything 'fresh'. */
bool refresh_records_any_fresh(const struct refresh_records *records);

/** The fingerprint of @subject that it calls 'fresh'; NULL when none is. */
const char *refresh_records_find_fresh(const struct refresh_records *records, const char *subject);

/** The record of what the image was given last of @subject, whether it still has it or not; NULL when it was given nothing. */
const struct refresh_record *refresh_records_given(const struct refresh_records *records, const char *subject);

#endif
