/* journal/symbols - which unstripped binary belongs to which file of an image: the table `symbol`.
 *
 * A row is written after a swap, for each stripped file of a package that the run has put, with the digest of that stripped file; so a file that a
 * rollback or another run brings back finds its binary again by what it is, not by when it was put. The binaries themselves are refresh/symbols'.
 * Threads:  as the journal's. Strings in callbacks die on return. */
#ifndef REINJECT_JOURNAL_SYMBOLS_H
#define REINJECT_JOURNAL_SYMBOLS_H

#include "journal/journal.h"

struct journal_symbol {
	int64_t run;
	const char *package;
	const char *path;     /* of the stripped file, in the image */
	const char *build_id; /* hex, or NULL */
	const char *stripped; /* digest of the stripped file */
	const char *file;     /* the unstripped one, relative to the folder of symbols; NULL in a lookup: none was kept */
	uint64_t size;        /* its bytes */
};

/** All of a run, as one transaction. */
int journal_symbols_add(struct journal *journal, int64_t run, const struct journal_symbol *symbols, size_t n, struct err *err) MUST_CHECK;

/** Calls @fn for every file that @run has put for a package, by path. A non-zero return of @fn ends the walk and is returned. */
int journal_symbols_of_run(struct journal *journal, int64_t run, int (*fn)(void *data, const struct journal_symbol *symbol), void *data,
			   struct err *err) MUST_CHECK;

/** The same for every file of @package that @image holds now, as far as the journal knows it: the last that was put at each path. */
int journal_symbols_of_package(struct journal *journal, const char *image, const char *package,
			       int (*fn)(void *data, const struct journal_symbol *symbol), void *data, struct err *err) MUST_CHECK;

#endif
