/* The journal's side of a plan, read once: verdicts on fingerprints, and which files in the image are ours. */
#include "refresh/records.h"

#include <stdlib.h>
#include <string.h>

static int add_record(void *data, const struct journal_fingerprint *f)
{
	struct refresh_records *records = data;

	grow_array(&records->v, &records->cap, records->n, sizeof(*records->v));
	records->v[records->n++] = (struct refresh_record){
		.subject = xstrdup(f->subject),
		.fingerprint = xstrdup(f->fingerprint),
		.state = xstrdup(f->state),
		.run = f->run,
	};
	return 0;
}

static int add_content(void *data, const struct journal_content *content)
{
	struct refresh_records *records = data;

	grow_array(&records->contents, &records->contents_cap, records->n_contents, sizeof(*records->contents));
	records->contents[records->n_contents++] = (struct refresh_content){
		.path = xstrdup(content->path),
		.owner = xstrdup(content->owner),
		.hash = xstrdup(content->hash),
	};
	return 0;
}

/* Without a time it is a live mount's (image_identity_of), which writes whenever it likes; but what it writes is never older. */
static bool same_image(const struct journal_image *known, const struct journal_image *now)
{
	bool is_live = now->mtime_ns == 0;

	return known->dev == now->dev && known->ino == now->ino && known->size == now->size && known->mtime_ns == now->mtime_ns &&
	       (is_live ? known->generation <= now->generation : known->generation == now->generation) && strcmp(known->uuid, now->uuid) == 0;
}

static int compare_records(const void *a, const void *b)
{
	return strcmp(((const struct refresh_record *)a)->subject, ((const struct refresh_record *)b)->subject);
}

int refresh_records_load(struct journal *journal, const char *image, const struct journal_image *now, struct refresh_records *ret,
			 struct err *err)
{
	CLEANUP(refresh_records_clear) struct refresh_records records = { 0 };
	struct journal_image known;
	int r;

	if (journal) {
		r = journal_fingerprints(journal, image, add_record, &records, err);
		if (r == 0)
			r = journal_contents(journal, image, add_content, &records, err);
		if (r < 0)
			return r;
		r = journal_image_get(journal, image, &known, err);
		if (r < 0)
			return r;
		records.image_unknown = r == 0 || !same_image(&known, now);
	}
	if (records.n > 0)
		qsort(records.v, records.n, sizeof(*records.v), compare_records);
	*ret = records;
	records = (struct refresh_records){ 0 };
	return 0;
}

void refresh_records_clear(struct refresh_records *records)
{
	for (size_t i = 0; i < records->n; i++) {
		free(records->v[i].subject);
		free(records->v[i].fingerprint);
		free(records->v[i].state);
		free(records->v[i].lost);
	}
	for (size_t i = 0; i < records->n_contents; i++) {
		free(records->contents[i].path);
		free(records->contents[i].owner);
		free(records->contents[i].hash);
	}
	free(records->v);
	free(records->contents);
	*records = (struct refresh_records){ 0 };
}

bool refresh_records_any_fresh(const struct refresh_records *records)
{
	for (size_t i = 0; i < records->n; i++)
		if (str_eq(records->v[i].state, "fresh"))
			return true;
	return false;
}

const char *refresh_records_find_fresh(const struct refresh_records *records, const char *subject)
{
	for (size_t i = 0; i < records->n; i++)
		if (str_eq(records->v[i].subject, subject) && str_eq(records->v[i].state, "fresh"))
			return records->v[i].fingerprint;
	return NULL;
}

const struct refresh_record *refresh_records_given(const struct refresh_records *records, const char *subject)
{
	const struct refresh_record *last = NULL;

	for (size_t i = 0; i < records->n; i++)
		if (strcmp(records->v[i].subject, subject) == 0 && (!last || records->v[i].run > last->run) &&
		    (strcmp(records->v[i].state, "fresh") == 0 || strcmp(records->v[i].state, "doubted") == 0))
			last = &records->v[i];
	return last;
}
