/* refresh/symbols - the unstripped binaries of what was put into the image, kept for gdb.
 *
 * Folder:    STATE/symbols, which is gdb's `debug-file-directory`: .build-id/ab/cdef....debug where the linker has made a build-id, else
 *            by-hash/ab/cdef..., named by the digest of the stripped file that is in the image. Equal content is kept once.
 * When:      after the swap, so that nobody waits for it; from cargo's target folder, by reflink where there is one. What lies there must still be
 *            what was stripped: another cargo may have been quicker, and then these symbols are lost, and said so.
 * Failure:   never the run's: a full disk costs a warning. Nothing is synced: after a power cut a binary may be short, which the lookup sees by its
 *            size, and the next `build` keeps it anew. */
#ifndef REINJECT_REFRESH_SYMBOLS_H
#define REINJECT_REFRESH_SYMBOLS_H

#include "journal/symbols.h"
#include "refresh/round.h"

/** Keeps the binaries of all packages of which this round has put a file, and journals them; of one that the image had already too, so that building it
 * again brings back what was lost. */
void refresh_symbols_keep(const struct refresh_round *round);

/** STATE/symbols; the caller frees it. */
char *refresh_symbols_dir(const struct config *config) MUST_CHECK;

/** The host's path of @symbol, or NULL when it is not there any more, or not whole. The caller frees it. */
char *refresh_symbols_path(const struct config *config, const struct journal_symbol *symbol) MUST_CHECK;

#endif
