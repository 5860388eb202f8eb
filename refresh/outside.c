#include "refresh/outside.h"

#include "base/fs.h"

#include <inttypes.h>
#include <string.h>

static bool is_subject(const struct refresh_record *record, const struct refresh_content *content)
{
	return str_eq(record->subject, content->owner);
}

/* The packed file that all members of the initfs are in, as it was put; NULL when none is known. */
static const struct refresh_content *find_initfs(const struct refresh_round *round, const struct refresh_records *records)
{
	const char *dest = round->session->config->initfs.dest;

	for (size_t i = 0; i < records->n_contents; i++)
		if (str_eq(records->contents[i].path, dest) && str_eq(records->contents[i].owner, REFRESH_INITFS_OWNER))
			return &records->contents[i];
	return NULL;
}

/* Returns 1 when @content is in the image as we left it, 0 when not. */
static int is_there(const struct refresh_round *round, const struct refresh_records *records, const struct refresh_content *content,
		    struct err *err)
{
	char hash[HASH_HEX_SIZE];
	int r = refresh_round_interrupted(round, err);

	if (r >= 0 && refresh_is_in_initfs(content->path))
		content = find_initfs(round, records);
	if (r < 0 || !content)
		return r;
	r = image_txn_hash(round->txn, content->path, hash, err);
	return r < 0 ? r : str_eq(hash, content->hash);
}

/* Returns 1 when all files of @record's subject are as we left them. One of which no file is known cannot be proved. */
static int is_proved(const struct refresh_round *round, const struct refresh_records *records, const struct refresh_record *record, struct err *err)
{
	int r = 1;
	bool any = false;

	for (size_t i = 0; r == 1 && i < records->n_contents; i++) {
		if (!is_subject(record, &records->contents[i]))
			continue;
		any = true;
		r = is_there(round, records, &records->contents[i], err);
	}
	return r < 0 ? r : r == 1 && any;
}

struct doubts {
	struct journal_fingerprint *v; /* owned */
	size_t n, n_compared;
	struct strvec names; /* owned */
};

static void doubts_clear(struct doubts *doubts)
{
	free(doubts->v);
	strvec_clear(&doubts->names);
}

static int compare_all(const struct refresh_round *round, const struct refresh_records *records, struct doubts *ret, struct err *err)
{
	int r = 0;

	ret->v = xcalloc(records->n, sizeof(*ret->v));
	for (size_t i = 0; r >= 0 && i < records->n; i++) {
		const struct refresh_record *record = &records->v[i];

		if (!str_eq(record->state, "fresh"))
			continue;
		ret->n_compared++;
		r = is_proved(round, records, record, err);
		if (r != 0)
			continue;
		strvec_add(&ret->names, strchr(record->subject, ' ') + 1);
		ret->v[ret->n++] = (struct journal_fingerprint){
			.subject = record->subject, .fingerprint = record->fingerprint, .state = "doubted", .run = record->run
		};
	}
	return r < 0 ? r : 0;
}

static void tell(const struct refresh_round *round, const struct doubts *doubts)
{
	CLEANUP_FREE char *names = strvec_join(&doubts->names, " ");
	CLEANUP_FREE char *text =
		doubts->n > 0 ? xasprintf("the image was changed by somebody else: of %zu packages and assets, %zu are not as they were left: %s",
					  doubts->n_compared, doubts->n, names)
			      : xasprintf("the image was changed by somebody else: what is recorded of it was compared, and is all there");

	refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_NOTE, .text = text });
}

static int record(const struct refresh_round *round, const struct doubts *doubts, struct err *err)
{
	struct journal *journal = round->session->journal;
	const char *image = round->session->config->image.path;
	struct journal_image now = refresh_journal_image(&round->session->identity);
	int r = doubts->n > 0 ? journal_fingerprints_set(journal, image, doubts->v, doubts->n, err) : 0;

	return r < 0 ? r : journal_image_set(journal, image, &now, err);
}

static int load_records(const struct refresh_round *round, struct refresh_records *ret, struct err *err)
{
	const struct refresh_session *session = round->session;
	struct journal_image now = refresh_journal_image(&session->identity);

	return refresh_records_load(session->journal, session->config->image.path, &now, ret, err);
}

static int check(struct refresh_round *round, const struct refresh_records *records, struct err *err)
{
	CLEANUP(doubts_clear) struct doubts doubts = { 0 };
	int r;

	refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_PROGRESS,
							  .text = "the image was changed by somebody else: comparing what it holds" });
	r = refresh_swap_open(round, err);
	if (r >= 0)
		r = compare_all(round, records, &doubts, err);
	if (r >= 0)
		r = record(round, &doubts, err);
	if (r >= 0)
		tell(round, &doubts);
	return r;
}

int refresh_outside_load(struct refresh_round *round, struct refresh_records *ret, struct err *err)
{
	CLEANUP(refresh_records_clear) struct refresh_records records = { 0 };
	int r = load_records(round, &records, err);

	if (r >= 0 && records.image_unknown && refresh_records_any_fresh(&records)) {
		r = check(round, &records, err);
		refresh_records_clear(&records);
		if (r >= 0)
			r = load_records(round, &records, err);
	}
	if (r < 0)
		return r;
	*ret = records;
	records = (struct refresh_records){ 0 };
	return 0;
}

/* In this order nobody waits for a copy to hear that somebody has the image. */
int refresh_outside_enter(struct refresh_round *round, struct refresh_records *ret, struct err *err)
{
	int r = refresh_swap_check(round, err);

	return r < 0 ? r : refresh_outside_load(round, ret, err);
}

int refresh_outside_enter_whole(struct refresh_round *round, struct refresh_records *ret, struct err *err)
{
	const struct config_image *image = &round->session->config->image;

	if (image->mode != CONFIG_IMAGE_LIVE)
		return refresh_outside_enter(round, ret, err);
	err_class_set(err, ERR_USAGE, -ENOTSUP, "[image] mode = live: '%s' stays mounted, and cannot be replaced as a whole below its mount",
		      image->path);
	err_hint(err, "unmount it and do this on a copy (-o image.mode=shadow), then mount it again; `reinject rollback ID` works as it is");
	return -ENOTSUP;
}

static char *hand_note(const struct config *config)
{
	CLEANUP_FREE char *work = refresh_session_work(config);

	return xasprintf("%s/mounted-by-hand", work);
}

/* For a sentence alone: what cannot be noted is said to be somebody's. */
void refresh_outside_note_hand(const struct refresh_session *session)
{
	CLEANUP_FREE char *path = hand_note(session->config), *text = NULL;
	struct journal_image now = refresh_journal_image(&session->identity);
	CLEANUP(refresh_records_clear) struct refresh_records records = { 0 };
	const char *image = session->config->image.path;
	int64_t last = 0, pending;

	if (refresh_records_load(session->journal, image, &now, &records, NULL) < 0 || records.image_unknown ||
	    journal_last_run(session->journal, image, &last, &pending, NULL) < 0)
		return;
	text = xasprintf("%" PRId64 "\n", last);
	(void)!fs_write_atomic(path, text, strlen(text), 0644, NULL);
}

bool refresh_outside_is_by_hand(const struct refresh_session *session, int64_t last)
{
	CLEANUP_FREE char *path = hand_note(session->config);
	CLEANUP(str_clear) struct str text = { 0 };
	int64_t noted = 0;

	return fs_read(path, 64, &text, NULL) == 0 && sscanf(str_text(&text), "%" SCNd64, &noted) == 1 && noted == last;
}
