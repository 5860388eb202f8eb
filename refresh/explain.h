/* refresh/explain - why something is stale, said by what the image was given last, and not by what happens to be uncommitted.
 *
 * Sequence: refresh_explain_keep() beside the fingerprints that a run records; refresh_explain() between a look and the plan that is made of it.
 * Errors:   none are worth a run: without the journal's parts the plan says 'changed since run N'. */
#ifndef REINJECT_REFRESH_EXPLAIN_H
#define REINJECT_REFRESH_EXPLAIN_H

#include "refresh/records.h"
#include "refresh/session.h"

/** Sets `since` of all subjects of @look, the session's last, that are not what the image was given. */
void refresh_explain(const struct refresh_session *session, const struct refresh_records *records, struct watcher_look *look);

/** Keeps what subject number @subject of @look is made of, under its fingerprint. */
void refresh_explain_keep(const struct refresh_session *session, const struct watcher_look *look, size_t subject);

#endif
