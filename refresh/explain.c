/* The journal keeps what a fingerprint was made of; the watcher compares that with what a look found. */
#include "refresh/explain.h"

#include "base/log.h"

#include <string.h>

static int add_part(void *data, const char *label, const char *value)
{
	watcher_basis_add(data, label, value);
	return 0;
}

void refresh_explain(const struct refresh_session *session, const struct refresh_records *records, struct watcher_look *look)
{
	for (size_t i = 0; session->journal && session->watcher && i < look->n_subjects; i++) {
		CLEANUP(watcher_basis_clear) struct watcher_basis basis = { 0 };
		struct watcher_subject *subject = &look->subjects[i];
		const struct refresh_record *given = refresh_records_given(records, subject->name);

		if (!given || strcmp(given->fingerprint, subject->fingerprint) == 0)
			continue;
		free(subject->since);
		subject->since = NULL;
		if (journal_parts(session->journal, given->fingerprint, add_part, &basis, NULL) == 0 && basis.n > 0)
			subject->since = watcher_differs(session->watcher, look, i, &basis);
	}
}

void refresh_explain_keep(const struct refresh_session *session, const struct watcher_look *look, size_t subject)
{
	CLEANUP(watcher_basis_clear) struct watcher_basis basis = { 0 };
	CLEANUP_FREE const char **labels = NULL, **values = NULL;

	watcher_basis_of(session->watcher, look, subject, &basis);
	labels = xcalloc(basis.n, sizeof(*labels));
	values = xcalloc(basis.n, sizeof(*values));
	for (size_t i = 0; i < basis.n; i++) {
		labels[i] = basis.v[i].label;
		values[i] = basis.v[i].value;
	}
	if (journal_parts_set(session->journal, look->subjects[subject].fingerprint, labels, values, basis.n, NULL) < 0)
		log_debug("what '%s' is made of is not kept", look->subjects[subject].name);
}
